"""Open time worked out beforehand: the same as one by one, whatever the zone does."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syncline_protocol.documents.ticket_records import Priority
from syncline_server.domain.calendars import (
    ALWAYS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    MINUTES_A_DAY,
    Calendar,
    Interval,
    add_open_time,
    open_time_between,
)
from syncline_server.domain.configuration import Configuration
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.domain.open_time import OpenTime, Promises
from syncline_server.domain.routing import expected_by, respond_by

OFFICE = (Interval(9 * 60, 12 * 60), Interval(13 * 60, 18 * 60))
LATE = (Interval(0, 2 * 60), Interval(20 * 60, MINUTES_A_DAY))

ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia")
START_MS = 1_772_000_000_000
"""In February 2026; the clocks of some zones change in the weeks after it."""

WITHIN_MS = 60 * DAY_MS

TOML = """
[[group]]
name = "network"
calendar = "office"
[[group]]
name = "service"
[[calendar]]
name = "office"
zone = "Asia/Shanghai"
weekdays = ["09:00-12:00", "13:00-18:00"]
[[priority]]
name = "low"
respond_within = "24h"
[[priority]]
name = "urgent"
respond_within = "30m"
resolve_within = "4h"
time = "calendar"
"""

calendars = st.builds(
    lambda zone, hours: Calendar(name="test", zone=zone, week=(*(hours,) * 5, (), ())),
    st.sampled_from(ZONES),
    st.sampled_from((OFFICE, LATE, (Interval(0, MINUTES_A_DAY),))),
)
instants = st.integers(START_MS, START_MS + WITHIN_MS)


@given(calendars, instants, instants)
@settings(max_examples=300)
def test_between_two_instants(calendar: Calendar, start_ms: int, end_ms: int) -> None:
    open_time = OpenTime(calendar, START_MS, START_MS + WITHIN_MS)
    assert open_time.between(start_ms, end_ms) == open_time_between(start_ms, end_ms, calendar)


@given(calendars, instants, st.integers(0, 90 * HOUR_MS))
@settings(max_examples=300)
def test_when_something_is_due(calendar: Calendar, start_ms: int, duration_ms: int) -> None:
    open_time = OpenTime(calendar, START_MS, START_MS + WITHIN_MS)
    assert open_time.due(start_ms, duration_ms) == add_open_time(start_ms, duration_ms, calendar)


def test_what_is_due_later_than_was_worked_out_is_looked_for() -> None:
    calendar = Calendar(name="test", zone="Asia/Shanghai", week=(*(OFFICE,) * 5, (), ()))
    due_ms = OpenTime(calendar, START_MS, START_MS + DAY_MS).due(START_MS, 200 * HOUR_MS)
    assert due_ms == add_open_time(START_MS, 200 * HOUR_MS, calendar)
    assert due_ms is not None
    assert due_ms > START_MS + 30 * DAY_MS


def test_what_is_never_open() -> None:
    closed = Calendar(name="test", zone="UTC", week=((),) * 7)
    open_time = OpenTime(closed, START_MS, START_MS + WITHIN_MS)
    assert open_time.between(START_MS, START_MS + WITHIN_MS) == 0
    assert open_time.due(START_MS, 1) is None
    assert open_time.due(START_MS, 0) == START_MS


def test_what_is_always_open_is_one_stretch() -> None:
    open_time = OpenTime(ALWAYS, START_MS, START_MS + WITHIN_MS)
    assert len(open_time._starts) == 1
    assert open_time.between(START_MS + 7, START_MS + 50 * DAY_MS) == 50 * DAY_MS - 7


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    file = tmp_path / "syncline.toml"
    file.write_text(TOML, encoding="utf-8")
    return LiveConfiguration(file).current


@pytest.mark.parametrize("group", ["network", "service", "unknown", None])
@pytest.mark.parametrize("priority", list(Priority))
def test_promises_are_those_that_customers_are_given(
    configuration: Configuration, group: str | None, priority: Priority
) -> None:
    promises = Promises(configuration, START_MS, START_MS + WITHIN_MS)
    for hour in range(0, 24 * 9, 5):
        start_ms = START_MS + hour * HOUR_MS + 7 * MINUTE_MS
        respond_ms = respond_by(priority, start_ms, configuration, group=group)
        resolve_ms = expected_by(priority, start_ms, configuration, group=group)
        for due_ms, is_kept in (
            (respond_ms, promises.is_response_kept),
            (resolve_ms, promises.is_resolution_kept),
        ):
            for end_ms in {(due_ms or start_ms) + ms for ms in (-HOUR_MS, -1, 0, 1, 5 * HOUR_MS)}:
                open_ms = promises.open_time(group, start_ms, end_ms)
                expected = None if due_ms is None else end_ms <= due_ms
                assert is_kept(priority.value, group, start_ms, end_ms, open_ms) is expected
    assert promises.open_time(group, START_MS, START_MS + 9 * DAY_MS) == open_time_between(
        START_MS, START_MS + 9 * DAY_MS, configuration.calendar_of(group)
    )


def test_without_a_priority_the_normal_one_counts(configuration: Configuration) -> None:
    promises = Promises(configuration, START_MS, START_MS + WITHIN_MS)
    for hours, is_kept in ((48, True), (49, False)):
        open_ms, end_ms = hours * HOUR_MS, START_MS + 59 * DAY_MS
        for priority in (None, "normal"):
            kept = promises.is_resolution_kept(priority, "network", START_MS, end_ms, open_ms - 1)
            assert kept is is_kept


def test_groups_with_one_calendar_share_what_is_worked_out(configuration: Configuration) -> None:
    promises = Promises(configuration, START_MS, START_MS + WITHIN_MS)
    assert promises._open_time("service") is promises._open_time(None) is promises._open_time("unknown")
    assert promises._open_time("network") is not promises._open_time(None)
