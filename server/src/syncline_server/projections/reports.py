"""Figures of a period, added up from the cycles of tickets (`times.py`).

What a figure is of lies in the period: tickets *opened* in it (first response, repeat inquiries), cycles *resolved* in
it (resolution, phases, handovers, reopen rate, satisfaction), cycles *reopened* or *closed* in it; and what is *open*
at its end. What became of them is told as of now: an answer after the end of the period is still the first response on
a ticket that was opened in it. So nothing is lost between two periods, and nothing counts twice.

Whose a ticket is, where figures are asked for by group or by assignee: at its beginning theirs who answered first, and
while nobody has, theirs who have it; at its end theirs who had it then. Issue type, priority, channel, language and
customer are those that the ticket has now: a correction corrects the figures.

Cost: what the period has in cycles, the seven days before it, and what is open. Nothing of it is kept but the lengths
of time that a median needs.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from syncline_protocol.clock import at_from_ms, at_ms
from syncline_protocol.documents.ticket_times import DEFINITION_VERSION

from syncline_server.projections.figures import NAMES, Figures, Taken, Tally

REPEAT_WITHIN_MS: Final = 7 * 24 * 60 * 60 * 1000
"""A ticket repeats another one of the same customer and issue type that ended no longer before."""

AHEAD_MS: Final = 30 * 24 * 60 * 60 * 1000
"""So far beyond now working hours are worked out beforehand: what is due later costs more, one by one."""

OWN: Final = ("issue_type", "channel", "language")
HOLDING: Final = ("group", "assignee")
DIMENSIONS: Final = (*HOLDING, *OWN)
"""What figures can be asked for by."""

CYCLES: Final = """
    SELECT c.cycle, started_at, next_at, ended_at, c.resolved_at, closed_at, c.team, c.assignee, work_ms, waiting_ms,
        hold_ms, handovers, score, answered_at, answered_by, answered_team,
        tickets.customer, priority, issue_type, {channel}, {language}
    FROM ticket_cycles AS c JOIN tickets ON tickets.ref = c.ticket {conversations}
    WHERE c.tenant = ? AND c.last_at >= ? AND started_at < ?
    ORDER BY started_at, c.ticket
"""
WITH_CONVERSATIONS: Final = CYCLES.format(
    channel="channel",
    language="ifnull(tickets.language, conversations.language)",
    conversations=(
        "LEFT JOIN conversations ON conversations.tenant = tickets.tenant AND conversations.id = tickets.conversation"
    ),
)
WITHOUT_CONVERSATIONS: Final = CYCLES.format(channel="NULL", language="NULL", conversations="")
"""Where nothing is asked for by what only they know."""

FIRST: Final = "SELECT min(started_at) FROM ticket_cycles WHERE tenant = ? AND last_at >= ? AND started_at < ?"


class Promises(Protocol):
    """Working hours and what is promised, by group and priority; moments are Unix time in milliseconds."""

    def open_time(self, group: str | None, start_ms: int, end_ms: int) -> int:
        """How long the group was there from one instant to another."""

    def is_response_kept(
        self, priority: str | None, group: str | None, start_ms: int, end_ms: int, open_ms: int
    ) -> bool | None:
        """Whether a first response at `end_ms`, after so much open time, was in time; None if nothing is promised."""

    def is_resolution_kept(
        self, priority: str | None, group: str | None, start_ms: int, end_ms: int, open_ms: int
    ) -> bool | None:
        """The same of a resolution."""


class Asked(NamedTuple):
    """The period (from, to before), Unix time in milliseconds; only what is `of` these, by dimension; broken down `by`
    one of them.
    """

    from_ms: int
    to_ms: int
    of: Mapping[str, str]
    by: str | None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one group, assignee, … (`key`); None: of what has none."""

    key: str | None
    figures: Figures


class Report(msgspec.Struct, frozen=True, kw_only=True, rename={"from_ms": "from", "to_ms": "to"}):
    """The figures of a period, by the definitions of version `definition`. `names`: what people call each. `parts`: by
    what was asked for, in order.
    """

    definition: int
    from_ms: int
    to_ms: int
    names: Mapping[str, Mapping[str, str]]
    figures: Figures
    by: str | None = None
    parts: tuple[Part, ...] = ()


class _Row(NamedTuple):
    """A cycle, in the order of `CYCLES`."""

    cycle: int
    started_at: int
    next_at: int | None
    ended_at: int | None
    resolved_at: int | None
    closed_at: int | None
    team: str | None
    assignee: str | None
    work_ms: int
    waiting_ms: int
    hold_ms: int
    handovers: int
    score: int | None
    answered_at: int | None
    answered_by: str | None
    answered_team: str | None
    customer: str | None
    priority: str | None
    issue_type: str | None
    channel: str | None
    language: str | None


def read(
    db: sqlite3.Connection, tenant: str, asked: Asked, promises: Callable[[int, int], Promises], now_ms: int
) -> Report:
    """The report. `promises` makes those for a stretch of time."""
    from_at, to_at = at_from_ms(asked.from_ms), at_from_ms(asked.to_ms)
    parameters = (tenant, from_at - at_from_ms(REPEAT_WITHIN_MS), to_at)
    ((first_at,),) = db.execute(FIRST, parameters).fetchall()
    start_ms = now_ms if first_at is None else min(at_ms(first_at), now_ms)
    counting = _Counting(asked, promises(start_ms, now_ms + AHEAD_MS), now_ms)
    needs_conversations = not {asked.by, *asked.of}.isdisjoint(("channel", "language"))
    for row in db.execute(WITH_CONVERSATIONS if needs_conversations else WITHOUT_CONVERSATIONS, parameters):
        counting.count(_Row._make(row))
    return Report(
        definition=DEFINITION_VERSION,
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
        names=NAMES,
        figures=counting.total.figures(),
        by=asked.by,
        parts=tuple(
            Part(key=key, figures=tally.figures())
            for key, tally in sorted(counting.parts.items(), key=lambda one: (one[0] is None, one[0] or ""))
        ),
    )


class _Counting:
    """Cycles on their way into tallies, in the order of their beginnings."""

    def __init__(self, asked: Asked, promises: Promises, now_ms: int) -> None:
        self.total = Tally()
        self.parts: dict[str | None, Tally] = {}
        self._whole = (self.total,)
        self._promises = promises
        self._now_ms = now_ms
        self._from_at, self._to_at = at_from_ms(asked.from_ms), at_from_ms(asked.to_ms)
        self._own = [(OWN.index(name), value) for name, value in asked.of.items() if name in OWN]
        self._held = [(HOLDING.index(name), value) for name, value in asked.of.items() if name in HOLDING]
        self._by = asked.by
        self._latest: dict[tuple[str, str], int | None] = {}
        """By customer and issue type: the latest end so far; None: one has not ended."""

    def count(self, row: _Row) -> None:
        """Take one in."""
        is_repeat = self._repeats(row)
        own = (row.issue_type, row.channel, row.language)
        if self._own and any(own[place] != value for place, value in self._own):
            return
        if self._from_at <= row.started_at < self._to_at:
            holder = (row.answered_team or row.team, row.answered_by or row.assignee)
            self._begin(self._tallies(holder, own), row, is_repeat=is_repeat)
        holder = (row.team, row.assignee)
        is_resolved, is_closed = self._is_within(row.resolved_at), self._is_within(row.closed_at)
        is_open = row.started_at < self._to_at and (row.ended_at is None or row.ended_at >= self._to_at)
        if not (is_resolved or is_closed or is_open):
            return
        tallies = self._tallies(holder, own)
        for tally in tallies:
            tally.closed += is_closed
            tally.open += is_open
        if is_resolved:
            self._resolve(tallies, row)

    def _tallies(
        self, holder: tuple[str | None, str | None], own: tuple[str | None, str | None, str | None]
    ) -> tuple[Tally, ...]:
        """Where something counts that was theirs."""
        if self._held and any(holder[place] != value for place, value in self._held):
            return ()
        if self._by is None:
            return self._whole
        key = (*holder, *own)[DIMENSIONS.index(self._by)]
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = Tally()
        return self.total, part

    def _is_within(self, at: int | None) -> bool:
        return at is not None and self._from_at <= at < self._to_at

    def _repeats(self, row: _Row) -> bool:
        """Whether the cycle begins a ticket whose customer has another one that goes on or ended a short while ago."""
        if row.customer is None or row.issue_type is None:
            return False
        key = (row.customer, row.issue_type)
        known = self._latest.get(key, 0)
        if known is not None:
            self._latest[key] = None if row.ended_at is None else max(known, row.ended_at)
        if row.cycle:
            return False
        return known is None or at_ms(row.started_at) - at_ms(known) <= REPEAT_WITHIN_MS

    def _begin(self, tallies: Sequence[Tally], row: _Row, *, is_repeat: bool) -> None:
        if not tallies:
            return
        group = row.answered_team or row.team
        taken = None if row.answered_at is None else self._taken(group, row.started_at, row.answered_at)
        if row.cycle:
            for tally in tallies:
                tally.reopened += 1
                tally.replies.add(taken)
            return
        is_kept = self._is_response_kept(row, group, taken)
        for tally in tallies:
            tally.opened += 1
            tally.repeats += is_repeat
            tally.askable += row.customer is not None and row.issue_type is not None
            tally.unanswered += taken is None
            tally.responses.add(taken, is_kept=is_kept)

    def _is_response_kept(self, row: _Row, group: str | None, taken: Taken | None) -> bool | None:
        """Whether the first response was in time; None while it is not due, and where it ended without."""
        start_ms = at_ms(row.started_at)
        if row.answered_at is not None and taken is not None:
            end_ms = at_ms(row.answered_at)
            return self._promises.is_response_kept(row.priority, group, start_ms, end_ms, taken.business_ms)
        if row.ended_at is not None:
            return None
        now_ms = max(self._now_ms, start_ms)
        open_ms = self._promises.open_time(group, start_ms, now_ms)
        kept = self._promises.is_response_kept(row.priority, group, start_ms, now_ms, open_ms)
        return False if kept is False else None

    def _resolve(self, tallies: Sequence[Tally], row: _Row) -> None:
        assert row.resolved_at is not None
        if not tallies:
            return
        taken = self._taken(row.team, row.started_at, row.resolved_at)
        is_kept = self._promises.is_resolution_kept(
            row.priority, row.team, at_ms(row.started_at), at_ms(row.resolved_at), taken.business_ms
        )
        for tally in tallies:
            tally.resolutions.add(taken, is_kept=is_kept)
            tally.work_ms.append(row.work_ms)
            tally.waiting_ms.append(row.waiting_ms)
            tally.on_hold_ms.append(row.hold_ms)
            tally.handovers += row.handovers
            tally.returned += row.next_at is not None
            if row.score is not None:
                tally.scores[row.score] += 1

    def _taken(self, group: str | None, start_at: int, end_at: int) -> Taken:
        """How long it took, by the clock and in working hours."""
        start_ms, end_ms = at_ms(start_at), at_ms(end_at)
        return Taken(end_ms - start_ms, self._promises.open_time(group, start_ms, end_ms))
