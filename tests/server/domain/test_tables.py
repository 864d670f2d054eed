"""Tables into structs: everything wrong is noted, at its place, with what would be right."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta
from syncline_protocol.documents.ticket_records import Priority
from syncline_server.domain import configuration
from syncline_server.domain.calendar_tables import CalendarTable
from syncline_server.domain.calendars import MINUTE_MS, Interval
from syncline_server.domain.configuration import Milliseconds
from syncline_server.domain.tables import MISSING, Tables, branch, described, key_of, read_date, read_hours, read_path
from syncline_server.domain.toml_lines import Place

Word = Annotated[str, Meta(pattern=r"\A[a-z]+\Z", description="a word", examples=["net", "app"])]


class Thing(msgspec.Struct, frozen=True, kw_only=True, rename={"labels": "label"}):
    """One of every type there is."""

    name: Word
    labels: dict[Word, Word] = {}
    words: tuple[Word, ...] = ()
    one_or_more: Word | tuple[Word, ...] = ()
    within: Annotated[Milliseconds, Meta(description="a length")] | None = None
    hours: tuple[Interval, ...] = ()
    days: dict[date, tuple[Interval, ...]] | tuple[date, ...] = ()
    priority: Priority = Priority.NORMAL
    time: Literal["business", "calendar"] = "business"
    count: Annotated[int, Meta(ge=1)] = 1


def read(table: dict[str, Any], lines: dict[Place, int] | None = None, **how: Any) -> tuple[Thing | None, list[str]]:
    """The thing, and the problems."""
    tables = Tables("f", lines or {})
    thing = tables.struct(("thing", 0), table, Thing, **how)
    return thing, [str(problem) for problem in tables.problems]


def test_a_table_that_is_right_is_its_struct() -> None:
    thing, problems = read({
        "name": "net",
        "label": {"en": "net"},
        "words": ["a", "b"],
        "one_or_more": ["c"],
        "within": "1h30m",
        "hours": ["09:00-12:00"],
        "days": {"2026-10-01": [], "2026-10-02": ["00:00-24:00"]},
        "priority": "high",
        "time": "calendar",
        "count": 3,
    })  # fmt: skip
    assert problems == []
    assert thing == Thing(
        name="net",
        labels={"en": "net"},
        words=("a", "b"),
        one_or_more=("c",),
        within=Milliseconds(90 * MINUTE_MS),
        hours=(Interval(540, 720),),
        days={date(2026, 10, 1): (), date(2026, 10, 2): (Interval(0, 1440),)},
        priority=Priority.HIGH,
        time="calendar",
        count=3,
    )


def test_what_is_left_out_is_as_if_not_spoken_of() -> None:
    assert read({"name": "net"}) == (Thing(name="net"), [])
    assert read({"name": "net", "one_or_more": "app"}) == (Thing(name="net", one_or_more="app"), [])
    assert read({"name": "net", "days": [date(2026, 10, 1)]})[0] == Thing(name="net", days=(date(2026, 10, 1),))


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("name", "Net", 'name: "Net" cannot stand here; write a word, such as "net" or "app"'),
        ("name", 3, 'name: 3 cannot stand here; write a word, such as "net" or "app"'),
        ("label", "net", 'label: "net" cannot stand here; write a table, each value a word, such as "net" or "app"'),
        ("label", {"en": "NET"}, 'label.en: "NET" cannot stand here; write a word, such as "net" or "app"'),
        ("label", {"E": "net"}, 'label.E: "E" cannot stand here; write a word, such as "net" or "app"'),
        ("words", "a", 'words: "a" cannot stand here; write a list, each a word, such as "net" or "app"'),
        ("words", ["a", 3], 'words[2]: 3 cannot stand here; write a word, such as "net" or "app"'),
        ("one_or_more", ["a", "B"], 'one_or_more[2]: "B" cannot stand here; write a word, such as "net" or "app"'),
        ("one_or_more", 3, 'one_or_more: 3 cannot stand here; write a word, such as "net" or "app"'),
        ("within", "soon", 'within: "soon" is no length of time; write a length'),
        ("priority", "hihg", 'priority: "hihg" is no choice here; did you mean "high"?'),
        ("priority", 1, 'priority: 1 cannot stand here; write one of "low", "normal", "high", "urgent"'),
        ("time", "buisness", 'time: "buisness" is no choice here; did you mean "business"?'),
        ("count", 0, "count: 0 cannot stand here; expected `int` >= 1"),
        ("count", "3", 'count: "3" cannot stand here; expected `int`, got `str`'),
        ("nmae", "net", 'nmae: there is no such key; did you mean "name"?'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(key: str, value: object, problem: str) -> None:
    thing, problems = read({"name": "net", key: value})
    assert problems == [f"f: thing[1].{problem}"]
    assert thing is None or key == "nmae"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    lines: dict[Place, int] = {("thing", 0): 1, ("thing", 0, "count"): 3, ("thing", 0, "label", "en"): 5}
    thing, problems = read({"count": 0, "label": {"en": 1, "zh": 2}, "colour": "red"}, lines)
    assert thing is None
    assert [(line.split(":")[1], line.split(": ")[1]) for line in problems] == [
        ("1", "thing[1].colour"),
        ("1", "thing[1].name"),
        ("5", "thing[1].label.en"),
        ("1", "thing[1].label.zh"),
        ("3", "thing[1].count"),
    ]


def test_what_is_right_beside_what_is_wrong_can_be_looked_at() -> None:
    tables = Tables("f", {})
    assert tables.fields((), {"name": 3, "count": 2}, Thing) == {"name": MISSING, "count": 2}


def test_keys_that_others_read_are_left_to_them() -> None:
    assert read({"name": "net", "terms": 3}, also=("terms",)) == (Thing(name="net"), [])


def test_settings_may_be_written_as_texts() -> None:
    assert read({"name": "net", "count": "3"}, strict=False)[0] == Thing(name="net", count=3)


def test_a_place_is_noted_by_what_is_in_it_or_around_it() -> None:
    tables = Tables("f", {})
    tables.note(("group", 1, "name"), "wrong", "right")
    assert tables.is_noted(("group", 1, "name"))
    assert tables.is_noted(("group", 1))
    assert tables.is_noted(("group", 1, "name", "further"))
    assert not tables.is_noted(("group", 10, "name"))
    assert not tables.is_noted(("group", 1, "names"))


def test_tables_are_where_tables_should_be() -> None:
    tables = Tables("f", {})
    assert tables.array("group", [{"a": 1}, {}]) == [{"a": 1}, {}]
    assert tables.table("ticket", {"a": 1}) == {"a": 1}
    assert tables.array("group", {"a": 1}) == tables.array("group", [{}, 1]) == []
    assert tables.table("ticket", [{}]) == {}
    assert [str(problem) for problem in tables.problems] == [
        "f: group: not an array of tables; write [[group]] above each table",
        "f: group: not an array of tables; write [[group]] above each table",
        "f: ticket: not a table; write [ticket] above it",
    ]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [("09:00-12:00", 540, 720), ("9:05 - 9:06", 545, 546), ("00:00-24:00", 0, 1440), ("22:30–24:00", 1350, 1440)],
)
def test_hours_of_a_day(text: str, start: int, end: int) -> None:
    assert read_hours(text) == Interval(start, end)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9-12", "not two times"),
        ("09:00", "not two times"),
        (540, "not two times"),
        ("09:60-10:00", "no time of day"),
        ("09:00-24:01", "no time of day"),
        ("25:00-26:00", "no time of day"),
        ("22:00-06:00", "over midnight"),
        ("09:00-09:00", "not from earlier to later"),
    ],
)
def test_what_is_no_hours_of_a_day(text: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_hours(text)


def test_dates_are_toml_dates_or_texts() -> None:
    assert read_date(date(2026, 10, 1)) == read_date("2026-10-01") == date(2026, 10, 1)
    for wrong in ("2026-13-01", "1 October", 20261001, datetime(2026, 10, 1, tzinfo=UTC)):
        with pytest.raises(ValueError, match="no date"):
            read_date(wrong)


def test_paths_are_texts() -> None:
    assert read_path("data") == Path("data")
    for wrong in ("", 3):
        with pytest.raises(ValueError, match="no path"):
            read_path(wrong)


def test_places_are_counted_from_one() -> None:
    assert key_of(("issue_type", 1, "group")) == "issue_type[2].group"
    assert key_of(("labels", "resolved", "zh")) == "labels.resolved.zh"
    assert key_of(()) == ""


def test_a_value_decides_which_type_of_a_union_is_meant() -> None:
    union = Word | tuple[Word, ...] | dict[str, int] | None
    assert branch(union, "a") == Word
    assert branch(union, ["a"]) == tuple[Word, ...]
    assert branch(union, {}) == dict[str, int]
    assert branch(Word | None, ["a"]) == Word


STRUCTS = [
    configuration.Group,
    configuration.IssueType,
    configuration.Shift,
    configuration.PriorityTimes,
    configuration.TicketSettings,
    configuration.Extractor,
    CalendarTable,
]


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_key_of_the_file_says_what_would_be_right(struct: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(struct):
        right = described(field.type)
        assert right, field.name
        assert right == right.strip(), field.name


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_example_is_right(struct: type[msgspec.Struct]) -> None:
    found = 0
    for field in msgspec.structs.fields(struct):
        metas = [meta for meta in getattr(branch(field.type, None), "__metadata__", ()) if isinstance(meta, Meta)]
        for example in [example for meta in metas for example in meta.examples or ()]:
            tables = Tables("f", {})
            assert tables.value((), example, field.type) is not MISSING, (field.name, example)
            found += 1
    assert found
