"""`[[calendar]]` as people write it, and the calendar that it says.

Hours are given for days of the week, or for several at once; what is said of one day outweighs what is said of several.
Holidays are a list of dates, or a table of dates and the hours of each.
"""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta

from syncline_server.domain.calendars import Calendar, Hours, Interval, is_zone
from syncline_server.domain.configuration import Name
from syncline_server.domain.problems import instead_of, shown
from syncline_server.domain.tables import MISSING, Tables
from syncline_server.domain.toml_lines import Place

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SEVERAL_DAYS: Final = ("weekdays", "weekend", "daily")
WEEKDAYS: Final = 5

Zone = Annotated[str, Meta(description="an IANA time zone", examples=["Asia/Shanghai", "Europe/Berlin"])]
Stretch = Annotated[Interval, Meta(description="hours of a day", examples=["09:00-12:00"])]
Day = Annotated[date, Meta(description="a date", examples=["2026-10-01"])]
Stretches = tuple[Stretch, ...]


class CalendarTable(msgspec.Struct, frozen=True, kw_only=True):
    """`[[calendar]]` as it stands in the file."""

    name: Name
    zone: Zone
    daily: Stretches | None = None
    weekdays: Stretches | None = None
    weekend: Stretches | None = None
    monday: Stretches | None = None
    tuesday: Stretches | None = None
    wednesday: Stretches | None = None
    thursday: Stretches | None = None
    friday: Stretches | None = None
    saturday: Stretches | None = None
    sunday: Stretches | None = None
    holidays: dict[Day, Stretches] | tuple[Day, ...] = ()


def read_calendar(tables: Tables, place: Place, table: Mapping[str, Any]) -> Calendar | None:
    """The calendar of one table; None if anything is wrong with it."""
    problems = len(tables.problems)
    found = tables.fields(place, table, CalendarTable)
    zone = found.get("zone")
    if isinstance(zone, str) and not is_zone(zone):
        tables.note((*place, "zone"), f"there is no time zone {shown(zone)}", instead_of(zone, available_timezones()))
    hours = {
        key: _in_order(tables, (*place, key), found[key])
        for key in (*DAYS, *SEVERAL_DAYS)
        if found.get(key, MISSING) is not MISSING
    }
    special = _special(tables, place, found.get("holidays", ()))
    week = [_of_day(hours, position) for position in range(len(DAYS))]
    if len(tables.problems) == problems and not any(week):
        tables.note(place, "is never open", 'write hours, such as weekdays = ["09:00-12:00", "13:00-18:00"]')
    if len(tables.problems) > problems:
        return None
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = week
    return Calendar(
        name=found["name"],
        zone=found["zone"],
        week=(monday, tuesday, wednesday, thursday, friday, saturday, sunday),
        special=special,
    )


def _of_day(hours: Mapping[str, Hours], position: int) -> Hours:
    """The hours of one day of the week, by whatever says it most closely."""
    keys = (DAYS[position], SEVERAL_DAYS[0] if position < WEEKDAYS else SEVERAL_DAYS[1], SEVERAL_DAYS[2])
    return next((hours[key] for key in keys if key in hours), ())


def _special(tables: Tables, place: Place, holidays: Any) -> tuple[tuple[date, Hours], ...]:
    """The days that differ, in order."""
    if holidays is MISSING:
        return ()
    if isinstance(holidays, tuple):
        return tuple((day, ()) for day in sorted(set(holidays)))
    return tuple(
        (day, _in_order(tables, (*place, "holidays", day.isoformat()), hours))
        for day, hours in sorted(holidays.items())
    )


def _in_order(tables: Tables, place: Place, hours: Hours) -> Hours:
    """The hours of a day in order. Those that overlap are noted."""
    ordered = tuple(sorted(hours, key=lambda one: (one.start, one.end)))
    for earlier, later in pairwise(ordered):
        if later.start < earlier.end:
            tables.note(place, f"{earlier} and {later} overlap", "write each hour of a day once")
    return ordered
