"""Open time: what the wall clock shows decides, on days that have 23, 24 or 25 hours and in zones of odd offsets."""

from datetime import UTC, date, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syncline_server.domain.calendars import (
    ALWAYS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    MINUTES_A_DAY,
    Calendar,
    Hours,
    Interval,
    add_open_time,
    is_open,
    is_zone,
    local_time,
    next_opening,
    open_time_between,
)

OFFICE: Hours = (Interval(9 * 60, 12 * 60), Interval(13 * 60, 18 * 60))
ROUND_THE_CLOCK: Hours = (Interval(0, MINUTES_A_DAY),)
NONE: Hours = ()

CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Asia/Shanghai": ["1991-09-15", "2026-10-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Asia/Kathmandu": ["1986-01-01", "2026-05-01"],
    "America/Sao_Paulo": ["2018-11-04", "2018-02-18"],
    "Pacific/Apia": ["2011-12-30", "2011-12-31"],
    "America/St_Johns": ["2006-10-29", "2007-03-11"],
}
"""Zones with days on which their clocks change: by an hour, by half an hour, by a quarter, at midnight, a minute after
midnight (which comes back to the day before), by a whole day; and days on which nothing happens.
"""


def calendar(zone: str, *week: Hours, special: dict[str, Hours] | None = None) -> Calendar:
    """A calendar of these days from Monday on; of the last one for those that are left out."""
    days = [*week, *[week[-1]] * (7 - len(week))]
    return Calendar(
        name="test",
        zone=zone,
        week=(days[0], days[1], days[2], days[3], days[4], days[5], days[6]),
        special=tuple((date.fromisoformat(day), hours) for day, hours in (special or {}).items()),
    )


def utc(text: str) -> int:
    """An instant given in UTC, or with its offset."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def by_the_wall(this: Calendar, at_ms: int) -> bool:
    """Open or not, by the definition alone."""
    wall = local_time(at_ms, this.zone)
    hours = dict(this.special).get(wall.date(), this.week[wall.weekday()])
    return any(one.start <= wall.hour * 60 + wall.minute < one.end for one in hours)


BERLIN = calendar("Europe/Berlin", OFFICE, OFFICE, OFFICE, OFFICE, OFFICE, NONE)


# --- by hand


@pytest.mark.parametrize(
    ("at", "open_then"),
    [
        ("2026-11-27T08:59:59.999+01:00", False),
        ("2026-11-27T09:00+01:00", True),
        ("2026-11-27T11:59:59.999+01:00", True),
        ("2026-11-27T12:00+01:00", False),
        ("2026-11-27T13:00+01:00", True),
        ("2026-11-27T18:00+01:00", False),
        ("2026-11-28T10:00+01:00", False),
    ],
)
def test_a_day_has_several_stretches(at: str, open_then: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_open(BERLIN, utc(at)) is open_then


def test_the_next_opening_is_now_or_later() -> None:
    assert next_opening(BERLIN, utc("2026-11-27T10:00+01:00")) == utc("2026-11-27T10:00+01:00")
    assert next_opening(BERLIN, utc("2026-11-27T12:30+01:00")) == utc("2026-11-27T13:00+01:00")
    assert next_opening(BERLIN, utc("2026-11-27T18:00+01:00")) == utc("2026-11-30T09:00+01:00")


def test_open_time_passes_over_breaks_nights_and_weekends() -> None:
    friday = utc("2026-11-27T11:00+01:00")
    assert add_open_time(friday, 2 * HOUR_MS, BERLIN) == utc("2026-11-27T14:00+01:00")
    assert add_open_time(friday, 6 * HOUR_MS, BERLIN) == utc("2026-11-27T18:00+01:00")
    assert add_open_time(friday, 6 * HOUR_MS + 1, BERLIN) == utc("2026-11-30T09:00+01:00") + 1
    assert open_time_between(friday, utc("2026-11-30T10:00+01:00"), BERLIN) == 7 * HOUR_MS
    assert open_time_between(friday, friday, BERLIN) == open_time_between(friday, friday - DAY_MS, BERLIN) == 0


def test_holidays_are_closed_and_special_hours_hold() -> None:
    this = msgspec.structs.replace(
        BERLIN, special=((date(2026, 12, 24), (Interval(540, 720),)), (date(2026, 12, 25), NONE))
    )
    eve = utc("2026-12-24T11:00+01:00")
    assert is_open(this, eve)
    assert not is_open(this, utc("2026-12-24T14:00+01:00"))
    assert not is_open(this, utc("2026-12-25T10:00+01:00"))
    assert add_open_time(eve, 2 * HOUR_MS, this) == utc("2026-12-28T10:00+01:00")


def test_a_special_day_may_be_open_where_the_week_is_not() -> None:
    this = msgspec.structs.replace(BERLIN, special=((date(2026, 11, 28), ROUND_THE_CLOCK),))
    assert next_opening(this, utc("2026-11-27T18:00+01:00")) == utc("2026-11-28T00:00+01:00")


def test_midnight_is_no_gap_between_two_days() -> None:
    night = calendar("Asia/Shanghai", (Interval(0, 6 * 60), Interval(22 * 60, MINUTES_A_DAY)))
    evening = utc("2026-11-27T22:00+08:00")
    assert open_time_between(evening, evening + 8 * HOUR_MS, night) == 8 * HOUR_MS
    assert add_open_time(evening, 8 * HOUR_MS, night) == evening + 8 * HOUR_MS
    assert is_open(night, utc("2026-11-27T23:59:59.999+08:00"))
    assert is_open(night, utc("2026-11-28T00:00+08:00"))


def test_an_hour_that_is_skipped_is_not_worked_and_one_that_comes_twice_is_worked_twice() -> None:
    nights = calendar("Europe/Berlin", (Interval(0, 6 * 60),))
    spring, autumn = utc("2026-03-29T00:00+01:00"), utc("2026-10-25T00:00+02:00")
    assert open_time_between(spring, spring + DAY_MS, nights) == 5 * HOUR_MS + HOUR_MS  # the day after begins, too
    assert open_time_between(spring, utc("2026-03-29T12:00+02:00"), nights) == 5 * HOUR_MS
    assert open_time_between(autumn, utc("2026-10-25T12:00+01:00"), nights) == 7 * HOUR_MS
    assert add_open_time(autumn, 6 * HOUR_MS, nights) == utc("2026-10-25T05:00+01:00")


def test_an_opening_in_a_skipped_hour_is_when_the_clock_has_passed_it() -> None:
    early = calendar("Europe/Berlin", (Interval(2 * 60 + 30, 6 * 60),))
    assert next_opening(early, utc("2026-03-29T00:00+01:00")) == utc("2026-03-29T03:00+02:00")


def test_hours_within_an_hour_that_comes_twice_come_twice() -> None:
    short = calendar("Europe/Berlin", (Interval(2 * 60 + 15, 2 * 60 + 45),))
    midnight = utc("2026-10-25T00:00+02:00")
    first, second = utc("2026-10-25T02:15+02:00"), utc("2026-10-25T02:15+01:00")
    assert next_opening(short, midnight) == first
    assert next_opening(short, first + HOUR_MS // 2) == second
    assert open_time_between(midnight, utc("2026-10-25T12:00+01:00"), short) == HOUR_MS


def test_zones_of_half_and_quarter_hours() -> None:
    kathmandu = calendar("Asia/Kathmandu", OFFICE)
    assert next_opening(kathmandu, utc("2026-11-27T00:00")) == utc("2026-11-27T03:15")
    nights, midnight = calendar("Australia/Lord_Howe", (Interval(0, 4 * 60),)), utc("2026-10-04T00:00+10:30")
    assert open_time_between(midnight, utc("2026-10-04T12:00+11:00"), nights) == 4 * HOUR_MS - HOUR_MS // 2


def test_a_date_that_a_zone_left_out_has_no_hours() -> None:
    apia = calendar("Pacific/Apia", ROUND_THE_CLOCK, special={"2011-12-29": NONE, "2011-12-31": NONE})
    assert open_time_between(utc("2011-12-29T10:00"), utc("2011-12-31T10:00"), apia) == 0


def test_always_is_always() -> None:
    assert is_open(ALWAYS, 0)
    assert is_open(ALWAYS, -1)
    assert add_open_time(1, 90 * DAY_MS, ALWAYS) == 1 + 90 * DAY_MS


def test_what_never_opens_again_is_said() -> None:
    never = calendar("UTC", NONE, special={"2026-11-27": OFFICE})
    at = utc("2026-11-27T17:00")
    assert next_opening(never, at + 2 * HOUR_MS) is None
    assert add_open_time(at, HOUR_MS, never) == at + HOUR_MS
    assert add_open_time(at, HOUR_MS + 1, never) is None
    assert next_opening(never, at - 900 * DAY_MS) == utc("2026-11-27T09:00")


@pytest.mark.parametrize(("start", "end"), [(60, 60), (61, 60), (-1, 60), (0, MINUTES_A_DAY + 1)])
def test_hours_lie_within_a_day(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="within a day"):
        Interval(start, end)


def test_hours_do_not_overlap() -> None:
    assert len(calendar("UTC", (Interval(0, 60), Interval(60, 120))).week) == 7
    with pytest.raises(ValueError, match="overlap"):
        calendar("UTC", (Interval(0, 61), Interval(60, 120)))
    with pytest.raises(ValueError, match="overlap"):
        calendar("UTC", NONE, special={"2026-01-01": (Interval(60, 120), Interval(0, 60))})


@pytest.mark.parametrize("name", ["", "Europe", "Moon/Crater", "../secret", "/etc/passwd", "a\x00b", "Europe/berlin "])
def test_what_is_no_zone(name: str) -> None:
    assert not is_zone(name)
    assert is_zone("Europe/Berlin")


def test_hours_are_written_as_in_the_file() -> None:
    assert [str(one) for one in (*OFFICE, *ROUND_THE_CLOCK)] == ["09:00-12:00", "13:00-18:00", "00:00-24:00"]


# --- any calendar, around any change of the clocks


def hours() -> st.SearchStrategy[Hours]:
    """The hours of a day: up to four stretches, and now and then the end of the day."""
    minutes = st.integers(0, MINUTES_A_DAY) | st.sampled_from([0, 60, 120, 150, 180, 1380, MINUTES_A_DAY])
    bounds = st.lists(minutes, max_size=8, unique=True).map(sorted)
    return bounds.map(lambda found: tuple(Interval(a, b) for a, b in zip(found[::2], found[1::2], strict=False)))


@st.composite
def occasions(draw: st.DrawFn) -> tuple[Calendar, int, int, int]:
    """A calendar and three instants in order, within days of a change of its zone's clocks."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = draw(st.sampled_from(CHANGES[zone]))
    week = draw(st.tuples(*[hours()] * 7).filter(any))
    this = calendar(zone, *week, special=draw(st.dictionaries(st.just(change), hours(), max_size=1)))
    near = st.integers(-3 * DAY_MS, 4 * DAY_MS) | st.integers(-3 * 96, 4 * 96).map(
        lambda quarter: quarter * 15 * MINUTE_MS
    )
    a, b, c = sorted(draw(st.tuples(near, near, near)))
    noon = utc(f"{change}T12:00")
    return this, noon + a, noon + b, noon + c


@given(occasions())
def test_it_is_open_when_the_wall_says_so(occasion: tuple[Calendar, int, int, int]) -> None:
    this, *instants = occasion
    assert [is_open(this, at) for at in instants] == [by_the_wall(this, at) for at in instants]


@settings(max_examples=25)
@given(occasions())
def test_open_time_is_the_minutes_that_the_wall_shows_open(occasion: tuple[Calendar, int, int, int]) -> None:
    this, first, _, last = occasion
    first, last = first // MINUTE_MS * MINUTE_MS, last // MINUTE_MS * MINUTE_MS
    counted = sum(by_the_wall(this, at) for at in range(first, last, MINUTE_MS))
    assert open_time_between(first, last, this) == counted * MINUTE_MS


@given(occasions(), st.integers(0, 60 * HOUR_MS))
def test_between_is_the_inverse_of_add(occasion: tuple[Calendar, int, int, int], duration_ms: int) -> None:
    this, start, *_ = occasion
    end = add_open_time(start, duration_ms, this)
    assert end is not None
    assert open_time_between(start, end, this) == duration_ms
    assert duration_ms == 0 or open_time_between(start, end - 1, this) == duration_ms - 1


@given(occasions())
def test_add_is_the_inverse_of_between_up_to_closed_time(occasion: tuple[Calendar, int, int, int]) -> None:
    this, start, end, _ = occasion
    back = add_open_time(start, open_time_between(start, end, this), this)
    assert back is not None
    assert back <= end
    assert open_time_between(back, end, this) == 0


@given(occasions(), st.integers(0, 30 * HOUR_MS), st.integers(0, 30 * HOUR_MS))
def test_later_and_longer_end_no_earlier(occasion: tuple[Calendar, int, int, int], one: int, more: int) -> None:
    this, early, late, _ = occasion
    ends = [
        add_open_time(early, one, this),
        add_open_time(early, one + more, this),
        add_open_time(late, one + more, this),
    ]
    assert all(a is not None and b is not None and a <= b for a, b in pairwise(ends))
    assert add_open_time(early, one + more, this) == add_open_time(ends[0] or 0, more, this) or more == 0


@given(occasions())
def test_time_between_adds_up(occasion: tuple[Calendar, int, int, int]) -> None:
    this, a, b, c = occasion
    parts = open_time_between(a, b, this) + open_time_between(b, c, this)
    assert parts == open_time_between(a, c, this) <= c - a


@given(occasions())
def test_nothing_is_open_before_the_next_opening(occasion: tuple[Calendar, int, int, int]) -> None:
    this, at, *_ = occasion
    opening = next_opening(this, at)
    assert opening is not None
    assert opening >= at
    assert is_open(this, opening)
    assert open_time_between(at, opening, this) == 0
