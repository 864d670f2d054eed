"""The words that the commands speak, and the words of others made harmless."""

import string
from datetime import UTC, datetime
from typing import Any

import pytest
from syncline_client.tenant_rules import shipped_rules
from syncline_client.wording import FIELDS, TEXTS, clean, field_name, moment_ms, one_line, plain, say, step_text, when
from syncline_protocol.clock import at_from_ms
from syncline_protocol.documents.messages import Message
from syncline_protocol.documents.ticket import FlagKind
from syncline_protocol.extraction import Rules


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_everything_is_said_in_both_languages_with_the_same_values(key: str) -> None:
    assert set(TEXTS[key]) == {"zh", "en"}
    assert values_in(TEXTS[key]["zh"]) == values_in(TEXTS[key]["en"])


def test_every_flag_has_words() -> None:
    assert {key.removeprefix("flag_") for key in TEXTS if key.startswith("flag_")} == set(FlagKind)


def test_the_shipped_fields_have_names_and_others_their_own() -> None:
    shipped = {field.name for field in Rules.read({}, shipped=shipped_rules()).fields}
    assert shipped <= set(FIELDS)
    assert (field_name("serial", "zh"), field_name("serial", "en"), field_name("shoe_size", "zh")) == (
        "序列号",
        "Serial number",
        "shoe_size",
    )


def test_values_are_put_in_place() -> None:
    assert say("unread_here", "zh", count=3) == "以下 3 条未读"
    assert say("unread_here", "en-GB", count=3) == "3 unread"


def step(**fields: Any) -> Message:
    return Message(id="m", by="server", device="server", at=1, type="system", event="ticket_step", **fields)


@pytest.mark.parametrize(
    ("message", "language", "there", "text"),
    [
        (step(text="工单 #7：在修", data={"number": 7, "status": "in_progress"}), "zh", "zh-Hans", "工单 #7：在修"),
        (step(text="工单 #7：在修", data={"number": 7, "status": "in_progress"}), "en", "zh", "Ticket #7: In progress"),
        (step(text="Ticket #7", data={"number": 7, "status": "resolved"}), "zh", None, "工单 #7：已解决"),
        (
            step(data={"number": 7, "status": "accepted", "responsible": "Tom"}),
            "en",
            "zh",
            "Ticket #7: Accepted, Tom is on it",
        ),
        (step(text="Ticket #7: odd", data={"number": 7, "status": "odd"}), "zh", "en", "Ticket #7: odd"),
        (step(text="no data"), "zh", "en", None),
        (
            Message(id="m", by="server", device="d", at=1, type="system", event="joined", data={"status": "new"}),
            "zh",
            "zh",
            None,
        ),
    ],
)
def test_a_step_is_worded_by_its_data(message: Message, language: str, there: str | None, text: str | None) -> None:
    assert step_text(message, language, there) == text


def ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc] # year to minute


def test_a_time_is_said_as_people_say_it() -> None:
    now_ms = ms(2026, 11, 27, 15, 0)
    assert moment_ms(ms(2026, 11, 27, 9, 5), now_ms, UTC) == "09:05"
    assert moment_ms(ms(2026, 11, 26, 9, 5), now_ms, UTC) == "11-26 09:05"
    assert moment_ms(ms(2025, 11, 27, 9, 5), now_ms, UTC) == "2025-11-27 09:05"
    assert when(at_from_ms(ms(2026, 11, 27, 9, 5)), now_ms, UTC) == "09:05"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 你好 😀", "plain 你好 😀"),
        ("[bold]not markup[/bold]", r"\[bold]not markup\[/bold]"),
        ("\x1b[2Jgone", "�[2Jgone"),
        ("a\u202eb", "a�b"),
        ("👩\u200d🔧", "👩\u200d🔧"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_others_write_neither_formats_nor_steers_the_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_one_line_is_one_and_a_plain_text_keeps_its_length() -> None:
    assert one_line(" two\n\tlines [x] ") == r"two lines \[x]"
    assert len(plain("\x1b[2J\x00你")) == len("\x1b[2J\x00你")
