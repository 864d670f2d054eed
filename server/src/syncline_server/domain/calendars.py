"""When somebody is there: hours of the week in a time zone, and the days that differ.

A calendar is open at an instant if the clock on its wall shows a time within the hours of the day that the wall shows.
From that one sentence follows what happens when the clocks change: an hour that is skipped is not worked, an hour that
comes twice is worked twice, and a date that a zone left out has no hours. Hours end within their day; 24:00 is its end,
and hours up to 24:00 and from 00:00 on are one stretch.

Instants are Unix milliseconds, lengths are milliseconds. Nothing here asks what time it is. What is not known: a zone
that changes its offset twice within one UTC day (none does) is taken to change it once.

Where a function would look further than `HORIZON_DAYS` for open time, it answers None.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
MINUTES_A_DAY: Final = 24 * 60

HORIZON_DAYS: Final = 1_000
"""So many days without any open time, and a calendar counts as closed for good: no shop has longer holidays."""

PIECES_KEPT: Final = 4_096
"""Days of zones, and days of calendars, that are kept worked out: ten years of one, a season of many."""

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
MONDAY_OFFSET: Final = date(1970, 1, 1).weekday()


class Interval(msgspec.Struct, frozen=True):
    """Hours within a day: from `start` to before `end`, in minutes since midnight as the wall shows it."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= MINUTES_A_DAY:
            raise ValueError(f"hours from minute {self.start} to {self.end} do not lie within a day")

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


Hours = tuple[Interval, ...]
"""The hours of one day: in order, not overlapping; none on a day off."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Opening hours or working hours.

    `zone` is an IANA name that `zoneinfo` knows, `week` the hours of Monday to Sunday, `special` the hours of single
    days (none on a holiday), in place of what the week says.
    """

    name: str
    zone: str
    week: tuple[Hours, Hours, Hours, Hours, Hours, Hours, Hours]
    special: tuple[tuple[date, Hours], ...] = ()

    def __post_init__(self) -> None:
        for hours in (*self.week, *(hours for _, hours in self.special)):
            if any(later.start < earlier.end for earlier, later in pairwise(hours)):
                raise ValueError(f"hours of calendar {self.name} overlap or are not in order")


ALWAYS: Final = Calendar(name="always", zone="UTC", week=((Interval(0, MINUTES_A_DAY),),) * 7)
"""Open at all times."""


def is_open(calendar: Calendar, at_ms: int) -> bool:
    """Whether somebody is there at this instant."""
    return any(start <= at_ms < end for start, end in spans_of(calendar, at_ms // DAY_MS))


def next_opening(calendar: Calendar, at_ms: int) -> int | None:
    """The first instant from `at_ms` on at which it is open: `at_ms` itself if it is."""
    for start, end in _spans(calendar, at_ms):
        if end > at_ms:
            return max(start, at_ms)
    return None


def add_open_time(start_ms: int, duration_ms: int, calendar: Calendar) -> int | None:
    """The first instant by which so much open time has passed since `start_ms`: the end of a day, not the next one.

    The inverse of `open_time_between`: that of the two is `duration_ms` again.
    """
    assert duration_ms >= 0
    if duration_ms == 0:
        return start_ms
    left = duration_ms
    for start, end in _spans(calendar, start_ms):
        here = end - max(start, start_ms)
        if here >= left:
            return max(start, start_ms) + left
        left -= max(here, 0)
    return None


def open_time_between(start_ms: int, end_ms: int, calendar: Calendar) -> int:
    """How long it was open from `start_ms` to `end_ms`; nothing if that is not after."""
    return sum(
        max(0, min(end, end_ms) - max(start, start_ms))
        for day in range(start_ms // DAY_MS, -(-end_ms // DAY_MS))
        for start, end in spans_of(calendar, day)
    )


def local_time(at_ms: int, zone: str) -> datetime:
    """What the clock on a wall in the zone shows."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no key at all, a folder of the database, and a zone that is not in it
        return False
    return True


def _spans(calendar: Calendar, from_ms: int) -> Iterator[tuple[int, int]]:
    """All open time from the UTC day of `from_ms` on, in order, until there is none for `HORIZON_DAYS`."""
    day = from_ms // DAY_MS
    empty = 0
    while empty < HORIZON_DAYS:
        spans = spans_of(calendar, day)
        yield from spans
        empty = 0 if spans else empty + 1
        day += 1


@lru_cache(maxsize=PIECES_KEPT)
def spans_of(calendar: Calendar, day: int) -> tuple[tuple[int, int], ...]:
    """The open time within one UTC day (counted from 1970), in order."""
    return tuple(
        (max(opens, from_ms), min(closes, to_ms))
        for from_ms, to_ms, offset_ms in _pieces(calendar.zone, day)
        for local_day in range((from_ms + offset_ms) // DAY_MS, (to_ms - 1 + offset_ms) // DAY_MS + 1)
        for hours in _hours(calendar, local_day)
        if (opens := local_day * DAY_MS + hours.start * MINUTE_MS - offset_ms) < to_ms
        and (closes := local_day * DAY_MS + hours.end * MINUTE_MS - offset_ms) > from_ms
    )


def _hours(calendar: Calendar, local_day: int) -> Hours:
    """What the calendar says of a date, given in days since 1970."""
    day = date.fromordinal(EPOCH_DAY + local_day)
    for special, hours in calendar.special:
        if special == day:
            return hours
    return calendar.week[(local_day + MONDAY_OFFSET) % 7]


@lru_cache(maxsize=PIECES_KEPT)
def _pieces(zone: str, day: int) -> tuple[tuple[int, int, int], ...]:
    """A UTC day cut where the zone's offset from UTC changes: from, to, offset."""
    from_ms, to_ms = day * DAY_MS, (day + 1) * DAY_MS
    before, after = _offset(zone, from_ms), _offset(zone, to_ms)
    if before == after:
        return ((from_ms, to_ms, before),)
    low, high = from_ms // 1000, to_ms // 1000  # offsets change at whole seconds
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle * 1000) == before:
            low = middle
        else:
            high = middle
    changed_ms = high * 1000
    if changed_ms == to_ms:
        return ((from_ms, to_ms, before),)
    return ((from_ms, changed_ms, before), (changed_ms, to_ms, after))


def _offset(zone: str, at_ms: int) -> int:
    """How far the zone's clocks are ahead of UTC."""
    offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return round(offset / timedelta(milliseconds=1))
