"""Labels: every status and priority has words in both languages; a customer reads the seven that are for customers."""

from collections.abc import Callable

import pytest
from syncline_protocol.documents import labels
from syncline_protocol.documents.labels import label, priority_label, public_status, spoken, staff_label
from syncline_protocol.documents.public_records import LABEL_CHARACTERS_MAX
from syncline_protocol.documents.ticket_records import Priority, TicketStatus

PUBLIC = {
    "new": ("待受理", "Waiting"),
    "accepted": ("已受理", "Accepted"),
    "in_progress": ("处理中", "In progress"),
    "awaiting_customer": ("待反馈", "Awaiting your reply"),
    "resolved": ("已解决", "Resolved"),
    "closed": ("已关闭", "Closed"),
    "cancelled": ("已取消", "Cancelled"),
}


@pytest.mark.parametrize("status", PUBLIC)
def test_a_customer_reads_seven_statuses(status: str) -> None:
    assert (label(status, "zh"), label(status, "en")) == PUBLIC[status]
    assert public_status(status) == status


@pytest.mark.parametrize(
    ("status", "shown"), [("on_hold", "in_progress"), ("awaiting_internal", "in_progress"), ("merged", "closed")]
)
def test_what_is_internal_is_shown_as_something_else(status: str, shown: str) -> None:
    assert public_status(status) == shown
    assert (label(status, "zh"), label(status, "en")) == PUBLIC[shown]


def test_every_status_has_a_public_one_that_is_its_own() -> None:
    assert set(labels.PUBLIC_STATUSES) == set(TicketStatus)
    assert set(labels.PUBLIC_STATUSES.values()) == set(labels.PUBLIC_LABELS) == set(PUBLIC)
    assert {public_status(public_status(status)) == public_status(status) for status in TicketStatus} == {True}


def test_everything_has_words_in_both_languages() -> None:
    assert set(labels.STAFF_LABELS) == set(TicketStatus)
    assert set(labels.PRIORITY_LABELS) == set(Priority)
    for tables in (labels.PUBLIC_LABELS, labels.STAFF_LABELS, labels.PRIORITY_LABELS):
        for language in ("zh", "en"):
            texts = [table[language] for table in tables.values()]
            assert len(set(texts)) == len(texts)
            assert all(0 < len(text) <= LABEL_CHARACTERS_MAX for text in texts)


def test_the_staff_reads_more_than_the_customer() -> None:
    assert (staff_label("on_hold", "zh"), staff_label("on_hold", "en")) == ("已挂起", "On hold")
    assert staff_label("resolved", "zh") == label("resolved", "zh")


def test_priorities_have_labels() -> None:
    assert [priority_label(priority, "zh") for priority in Priority] == ["低", "普通", "高", "紧急"]
    assert priority_label("urgent", "en-GB") == "Urgent"


def test_a_tenant_may_say_it_otherwise() -> None:
    overrides = {"in_progress": {"zh": "维修中", "de": "In Arbeit"}}
    assert label("on_hold", "zh-CN", overrides) == "维修中"
    assert label("on_hold", "de-AT", overrides) == "In Arbeit"
    assert label("on_hold", "en", overrides) == "In progress"
    assert label("resolved", "zh", overrides) == "已解决"
    assert labels.labels("in_progress", overrides) == {"zh": "维修中", "en": "In progress", "de": "In Arbeit"}
    assert labels.labels("in_progress") == {"zh": "处理中", "en": "In progress"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "short"),
        ("ZH-cn", "short"),
        ("zh-Hant", "long"),
        ("zh-hant-HK", "long"),
        ("en", "english"),
        ("fr", "english"),
        ("zho", "english"),
        ("", "english"),
    ],
)
def test_a_language_is_looked_for_from_the_closest_on(language: str, text: str) -> None:
    assert spoken({"zh": "short", "zh-Hant": "long", "en": "english"}, language) == text


def test_without_english_something_is_said() -> None:
    assert spoken({"de": "Erledigt", "fr": "Résolu"}, "zh") == "Erledigt"


@pytest.mark.parametrize("say", [public_status, labels.labels])
def test_what_is_no_status_is_an_error(say: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match="lost"):
        say("lost")


def test_what_has_no_label_is_an_error() -> None:
    with pytest.raises(ValueError, match="lost"):
        staff_label("lost", "en")
    with pytest.raises(ValueError, match="lost"):
        priority_label("lost", "en")
