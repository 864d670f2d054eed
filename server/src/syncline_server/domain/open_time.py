"""Open time for very many instants at once, and what was promised for them: what figures in business time are made of.

The same answers as `calendars.open_time_between` and `routing.respond_by` give one by one
(`tests/server/domain/test_open_time.py` holds them together), worked out beforehand for all days in question: then each
costs two look-ups in a sorted list.
"""

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from syncline_protocol.documents.ticket_records import Priority

from syncline_server.domain.calendars import DAY_MS, Calendar, add_open_time, spans_of
from syncline_server.domain.configuration import Configuration


class OpenTime:
    """The open time of a calendar from `from_ms` to `to_ms`."""

    def __init__(self, calendar: Calendar, from_ms: int, to_ms: int) -> None:
        self._calendar = calendar
        self._starts: list[int] = []
        self._ends: list[int] = []
        for day in range(from_ms // DAY_MS, to_ms // DAY_MS + 1):
            for start, end in spans_of(calendar, day):
                if self._ends and self._ends[-1] == start:
                    self._ends[-1] = end
                else:
                    self._starts.append(start)
                    self._ends.append(end)
        self._before: list[int] = []
        """By span: the open time before it."""
        self._until: list[int] = []
        """By span: the open time up to its end."""
        total = 0
        for start, end in zip(self._starts, self._ends, strict=True):
            self._before.append(total)
            total += end - start
            self._until.append(total)

    def between(self, start_ms: int, end_ms: int) -> int:
        """How long it was open from one instant to another, both within the time that this was made for."""
        return max(0, self._up_to(end_ms) - self._up_to(start_ms))

    def due(self, start_ms: int, duration_ms: int) -> int | None:
        """The first instant by which so much open time has passed since `start_ms`; None if that does not come."""
        if duration_ms == 0:
            return start_ms
        wanted = self._up_to(start_ms) + duration_ms
        place = bisect_left(self._until, wanted)
        if place == len(self._until):  # later than this was made for
            return add_open_time(start_ms, duration_ms, self._calendar)
        return self._starts[place] + wanted - self._before[place]

    def _up_to(self, at_ms: int) -> int:
        place = bisect_right(self._starts, at_ms) - 1
        return 0 if place < 0 else self._before[place] + min(at_ms, self._ends[place]) - self._starts[place]


class _Within(NamedTuple):
    """What is promised for a priority, in milliseconds; None: nothing."""

    respond: int | None
    resolve: int | None
    is_by_clock: bool


class Promises:
    """What a configuration promises of tickets between `from_ms` and `to_ms`, and the open time of its groups."""

    def __init__(self, configuration: Configuration, from_ms: int, to_ms: int) -> None:
        self._configuration = configuration
        self._range: Final = (from_ms, to_ms)
        self._of_calendar: dict[int, OpenTime] = {}
        self._of_group: dict[str | None, OpenTime] = {}
        self._within: dict[str | None, _Within] = {
            name: _Within(times.respond_within, times.resolve_within, times.time == "calendar")
            for name, times in configuration.priorities.items()
        }
        self._within[None] = self._within[Priority.NORMAL.value]

    def open_time(self, group: str | None, start_ms: int, end_ms: int) -> int:
        """How long the group was there from one instant to another."""
        return self._open_time(group).between(start_ms, end_ms)

    def is_response_kept(
        self, priority: str | None, group: str | None, start_ms: int, end_ms: int, open_ms: int
    ) -> bool | None:
        """Whether a first response at `end_ms`, after so much open time, was in time; None if nothing is promised."""
        within = self._within[priority]
        return self._is_kept(within.respond, group, start_ms, end_ms, open_ms, is_by_clock=within.is_by_clock)

    def is_resolution_kept(
        self, priority: str | None, group: str | None, start_ms: int, end_ms: int, open_ms: int
    ) -> bool | None:
        """The same of a resolution."""
        within = self._within[priority]
        return self._is_kept(within.resolve, group, start_ms, end_ms, open_ms, is_by_clock=within.is_by_clock)

    def _is_kept(  # noqa: PLR0913 - what it depends on
        self, within: int | None, group: str | None, start_ms: int, end_ms: int, open_ms: int, *, is_by_clock: bool
    ) -> bool | None:
        if within is None:
            return None
        if is_by_clock:
            return end_ms - start_ms <= within
        if open_ms != within:
            return open_ms < within
        due_ms = self._open_time(group).due(start_ms, within)  # after hours, when it was due at their end
        return due_ms is None or end_ms <= due_ms

    def _open_time(self, group: str | None) -> OpenTime:
        found = self._of_group.get(group)
        if found is None:
            calendar = self._configuration.calendar_of(group)
            found = self._of_calendar.get(id(calendar))
            if found is None:
                found = self._of_calendar[id(calendar)] = OpenTime(calendar, *self._range)
            self._of_group[group] = found
        return found
