"""Routing: the group by issue type and language, the person by load among those on shift; the reason is kept."""

from datetime import datetime
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.configuration import configured
from syncline_protocol.documents.ticket_records import Assignment, Priority
from syncline_server.domain.calendars import HOUR_MS, MINUTE_MS, is_open
from syncline_server.domain.routing import Routed, expected_by, respond_by, route

SHOP = configured("""
[[group]]
name = "service"
members = ["ann"]

[[group]]
name = "network"
label = { zh = "网络", en = "Network" }
members = ["li", "mei", "zhao"]
languages = ["zh"]
calendar = "office"

[[group]]
name = "network_abroad"
members = ["tom"]
languages = ["en", "de"]
calendar = "berlin"

[[group]]
name = "empty"

[[issue_type]]
name = "wifi"
group = ["network", "network_abroad"]
[[issue_type]]
name = "cable"
group = "network"
[[issue_type]]
name = "wish"
group = "empty"
[[issue_type]]
name = "praise"

[[calendar]]
name = "office"
zone = "Asia/Shanghai"
weekdays = ["09:00-12:00", "13:00-18:00"]
[[calendar]]
name = "berlin"
zone = "Europe/Berlin"
weekdays = ["08:00-16:00"]
[[calendar]]
name = "late"
zone = "Asia/Shanghai"
daily = ["17:00-22:00"]

[[shift]]
user = "zhao"
calendar = "late"

[[priority]]
name = "low"
respond_within = "10h"
resolve_within = "24h"
[[priority]]
name = "urgent"
respond_within = "30m"
resolve_within = "2h"
time = "calendar"

[ticket]
group = "service"
""")


def at(text: str) -> int:
    """An instant given with its offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


MORNING = at("2026-11-27T10:00+08:00")
"""A Friday: the office in Shanghai is open, those in Berlin sleep, zhao comes later."""


def test_the_issue_types_group_and_there_the_one_with_the_fewest_tickets() -> None:
    assert route("wifi", "zh", {"li": 3, "mei": 2}, SHOP, MORNING) == Routed(
        "network",
        "mei",
        {
            "issue_type": "wifi",
            "language": "zh",
            "group_by": "issue_type",
            "is_understood": True,
            "members": 3,
            "on_shift": 2,
            "user_by": "load",
            "load": 2,
        },
    )


def test_who_is_not_in_the_loads_has_none() -> None:
    assert route("wifi", "zh", {"li": 1}, SHOP, MORNING).user == "mei"


def test_ties_go_by_name() -> None:
    assert route("wifi", "zh", {"mei": 2, "li": 2, "zhao": 0}, SHOP, MORNING).user == "li"


def test_only_those_on_shift_are_asked() -> None:
    evening = at("2026-11-27T17:30+08:00")
    assert route("wifi", "zh", {"li": 1, "mei": 1}, SHOP, evening).user == "zhao"
    assert route("wifi", "zh", {"zhao": 9}, SHOP, at("2026-11-27T20:00+08:00")).user == "zhao"


def test_nobody_on_shift_and_it_stays_with_the_group_until_the_next_comes() -> None:
    night = at("2026-11-28T23:00+08:00")  # Saturday: the office is closed until Monday, zhao comes on Sunday
    routed = route("wifi", "zh", {}, SHOP, night)
    assert (routed.group, routed.user, routed.because["user_by"]) == ("network", None, "nobody_on_shift")
    assert routed.because["next_opening"] == at("2026-11-29T17:00+08:00")
    assert routed.because["zone"] == "Asia/Shanghai"
    assert (routed.because["members"], routed.because["on_shift"]) == (3, 0)


def test_of_several_groups_the_first_that_speaks_the_language() -> None:
    routed = route("wifi", "de-AT", {}, SHOP, at("2026-11-27T10:00+01:00"))
    assert (routed.group, routed.user) == ("network_abroad", "tom")
    assert (routed.because["group_by"], routed.because["is_understood"]) == ("language", True)


@pytest.mark.parametrize("issue_type", ["wifi", "cable"])
def test_a_language_that_no_group_speaks_is_said(issue_type: str) -> None:
    routed = route(issue_type, "fr", {}, SHOP, MORNING)
    assert (routed.group, routed.user) == ("network", "li")
    assert (routed.because["group_by"], routed.because["is_understood"]) == ("issue_type", False)


def test_a_language_that_is_not_known_is_no_obstacle() -> None:
    routed = route("cable", None, {}, SHOP, MORNING)
    assert (routed.group, routed.because["is_understood"], "language" in routed.because) == ("network", True, False)


@pytest.mark.parametrize("issue_type", ["praise", "unheard_of", None])
def test_what_no_group_is_named_for_goes_to_the_group_for_everything_else(issue_type: str | None) -> None:
    routed = route(issue_type, "zh", {}, SHOP, MORNING)
    assert (routed.group, routed.user, routed.because["group_by"]) == ("service", "ann", "otherwise")
    assert routed.because.get("issue_type") == issue_type


def test_a_group_without_members_keeps_it() -> None:
    routed = route("wish", "zh", {"ann": 0}, SHOP, MORNING)
    assert (routed.group, routed.user, routed.because["user_by"]) == ("empty", None, "no_members")
    assert "next_opening" not in routed.because


def test_who_is_in_a_group_by_token_is_in_it() -> None:
    assert route("wish", "zh", {}, SHOP, MORNING, joined={"empty": ["eve", "ada"], "network": ["bob"]}).user == "ada"
    assert route("wifi", "zh", {"li": 1, "mei": 1}, SHOP, MORNING, joined={"network": ["bob", "li"]}).because == {
        **route("wifi", "zh", {"li": 1, "mei": 1}, SHOP, MORNING).because,
        "members": 4,
        "on_shift": 3,
        "load": 0,
    }


def test_a_group_that_somebody_chose_is_the_group() -> None:
    routed = route("wifi", "zh", {}, SHOP, MORNING, group="service")
    assert (routed.group, routed.user, routed.because["group_by"]) == ("service", "ann", "transfer")
    unknown = route("wifi", "zh", {}, SHOP, MORNING, group="elsewhere", joined={"elsewhere": ["eve"]})
    assert (unknown.group, unknown.user) == ("elsewhere", "eve")


QUESTIONS = st.tuples(
    st.sampled_from(["wifi", "cable", "wish", "praise", None]),
    st.sampled_from(["zh", "en", "fr", None]),
    st.dictionaries(st.sampled_from(["ann", "li", "mei", "zhao", "tom"]), st.integers(0, 3)),
    st.integers(MORNING, MORNING + 7 * 24 * HOUR_MS),
)


@given(QUESTIONS, st.randoms(use_true_random=False))
def test_the_same_question_has_the_same_answer(
    question: tuple[str | None, str | None, dict[str, int], int], random: Random
) -> None:
    issue_type, language, loads, now = question
    shuffled = list(loads.items())
    random.shuffle(shuffled)
    joined = random.sample(["bob", "eve", "ada"], 3)
    one = route(issue_type, language, loads, SHOP, now, joined={"network": sorted(joined)})
    assert route(issue_type, language, dict(shuffled), SHOP, now, joined={"network": joined}) == one


@given(QUESTIONS)
def test_whoever_gets_it_is_there_and_has_no_more_than_the_others(
    question: tuple[str | None, str | None, dict[str, int], int],
) -> None:
    issue_type, language, loads, now = question
    routed = route(issue_type, language, loads, SHOP, now)
    there = [
        user
        for user in SHOP.groups[routed.group].members
        if any(is_open(calendar, now) for calendar in SHOP.calendars_of(user, routed.group))
    ]
    assert (routed.user is None) == (not there)
    assert routed.user is None or loads.get(routed.user, 0) == min(loads.get(user, 0) for user in there)


@given(QUESTIONS)
def test_the_reason_can_be_kept_in_a_record(question: tuple[str | None, str | None, dict[str, int], int]) -> None:
    issue_type, language, loads, now = question
    routed = route(issue_type, language, loads, SHOP, now)
    record = {"id": "01890000-0000-7000-8000-000000000000", "by": "server", "device": "server", "at": 0, "after": []}
    record |= {"type": "assignment", "cause": record["id"], "group": routed.group, "because": routed.because}
    assert msgspec.convert(record, Assignment).because == routed.because


def test_business_time_is_the_groups() -> None:
    friday = at("2026-11-27T17:00+08:00")
    assert expected_by(Priority.LOW, friday, SHOP, group="network") == at("2026-12-02T17:00+08:00")
    assert respond_by(Priority.LOW, friday, SHOP, group="network") == at("2026-12-01T10:00+08:00")
    assert expected_by(Priority.LOW, friday, SHOP, group=None) == friday + 24 * HOUR_MS


def test_what_is_urgent_does_not_wait_for_the_morning() -> None:
    friday = at("2026-11-27T17:59+08:00")
    assert expected_by(Priority.URGENT, friday, SHOP, group="network") == friday + 2 * HOUR_MS
    assert respond_by(Priority.URGENT, friday, SHOP, group="network") == friday + 30 * MINUTE_MS


def test_what_is_not_promised_is_not_expected() -> None:
    low = msgspec.structs.replace(SHOP.priorities["low"], resolve_within=None)
    this = msgspec.structs.replace(SHOP, priorities={**SHOP.priorities, "low": low})
    assert expected_by(Priority.LOW, MORNING, this, group="network") is None
    assert respond_by(Priority.LOW, MORNING, this, group="network") is not None
