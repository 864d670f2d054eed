"""Calendars as people write them: what is said of one day outweighs what is said of several, and mistakes are told."""

import tomllib
from datetime import date
from textwrap import dedent

import pytest
from syncline_server.domain.calendar_tables import DAYS, read_calendar
from syncline_server.domain.calendars import Calendar, Interval
from syncline_server.domain.tables import Tables
from syncline_server.domain.toml_lines import lines_of

OFFICE = (Interval(540, 720), Interval(780, 1080))
SHORT = (Interval(540, 720),)

OVER_MIDNIGHT = "not from earlier to later (what goes on over midnight is two: 22:00-24:00 and 00:00-06:00)"


def read(text: str) -> tuple[Calendar | None, list[str]]:
    """The calendar of the first table, and the problems."""
    text = dedent(text)
    tables = Tables("f", lines_of(text))
    found = read_calendar(tables, ("calendar", 0), tomllib.loads(text)["calendar"][0])
    return found, [str(problem) for problem in tables.problems]


def week(text: str) -> dict[str, tuple[Interval, ...]]:
    """The hours of the days that have any."""
    found, problems = read(f'[[calendar]]\nname = "a"\nzone = "UTC"\n{dedent(text)}')
    assert problems == []
    assert found is not None
    return {day: hours for day, hours in zip(DAYS, found.week, strict=True) if hours}


def test_hours_of_several_days_and_of_one() -> None:
    assert week('weekdays = ["09:00-12:00", "13:00-18:00"]') == dict.fromkeys(DAYS[:5], OFFICE)
    assert week('weekend = ["09:00-12:00"]') == dict.fromkeys(DAYS[5:], SHORT)
    assert week('daily = ["09:00-12:00"]') == dict.fromkeys(DAYS, SHORT)
    assert week('sunday = ["09:00-12:00"]') == {"sunday": SHORT}


def test_what_says_it_most_closely_holds() -> None:
    assert week("""
        daily = ["09:00-12:00", "13:00-18:00"]
        weekend = []
        sunday = ["09:00-12:00"]
        friday = []
    """) == {**dict.fromkeys(DAYS[:4], OFFICE), "sunday": SHORT}


def test_hours_are_put_in_order() -> None:
    assert week('monday = ["13:00-18:00", "09:00-12:00"]') == {"monday": OFFICE}
    assert week('monday = ["22:00-24:00", "00:00-06:00"]') == {"monday": (Interval(0, 360), Interval(1320, 1440))}


@pytest.mark.parametrize(
    "holidays", ['holidays = [2026-10-01, "2026-10-02"]', "[calendar.holidays]\n2026-10-02 = []\n2026-10-01 = []"]
)
def test_holidays_are_a_list_or_a_table(holidays: str) -> None:
    found, problems = read(f'[[calendar]]\nname = "a"\nzone = "UTC"\ndaily = ["09:00-12:00"]\n{holidays}')
    assert problems == []
    assert found is not None
    assert found.special == ((date(2026, 10, 1), ()), (date(2026, 10, 2), ()))


def test_a_special_day_has_its_hours() -> None:
    found, _ = read("""
        [[calendar]]
        name = "a"
        zone = "Asia/Shanghai"
        daily = ["09:00-18:00"]
        [calendar.holidays]
        2026-02-16 = ["13:00-18:00", "09:00-12:00"]
    """)
    assert found is not None
    assert found.zone == "Asia/Shanghai"
    assert found.special == ((date(2026, 2, 16), OFFICE),)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found, problems = read("""\
        [[calendar]]
        name = "a"
        zone = "Europe/Berln"
        weekdays = ["09:00-12:00", "11:59-13:00", "12:30-14:00"]
        monday = ["22:00-06:00"]
        tusday = []
        [calendar.holidays]
        2026-02-30 = []
        2026-03-01 = ["10:00-12:00", "11:00-13:00"]
    """)
    assert found is None
    told = sorted(problem.removeprefix("f:") for problem in problems)
    assert [one.split("; ")[0] for one in told] == [
        '3: calendar[1].zone: there is no time zone "Europe/Berln"',
        "4: calendar[1].weekdays: 09:00-12:00 and 11:59-13:00 overlap",
        "4: calendar[1].weekdays: 11:59-13:00 and 12:30-14:00 overlap",
        f'5: calendar[1].monday[1]: "22:00-06:00" is {OVER_MIDNIGHT}',
        "6: calendar[1].tusday: there is no such key",
        '8: calendar[1].holidays.2026-02-30: "2026-02-30" is no date',
    ]
    assert told[0].endswith('did you mean "Europe/Berlin"?')


def test_overlapping_hours_of_a_special_day_are_told() -> None:
    found, problems = read("""\
        [[calendar]]
        name = "a"
        zone = "UTC"
        daily = ["09:00-12:00"]
        [calendar.holidays]
        2026-03-01 = ["10:00-12:00", "11:00-13:00"]
    """)
    assert found is None
    assert problems == [
        "f:6: calendar[1].holidays.2026-03-01: 10:00-12:00 and 11:00-13:00 overlap; write each hour of a day once"
    ]


def test_a_calendar_is_open_some_time() -> None:
    found, problems = read('[[calendar]]\nname = "a"\nzone = "UTC"\nmonday = []')
    assert found is None
    assert [problem.split(";")[0] for problem in problems] == ["f:1: calendar[1]: is never open"]


def test_a_calendar_has_a_name_and_a_zone() -> None:
    found, problems = read('[[calendar]]\ndaily = ["09:00-12:00"]')
    assert found is None
    assert [problem.split(";")[0] for problem in problems] == [
        "f:1: calendar[1].name: is missing",
        "f:1: calendar[1].zone: is missing",
    ]
