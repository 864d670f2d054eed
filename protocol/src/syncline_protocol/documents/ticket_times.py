"""How long a ticket took: what figures are computed of (docs/guide.md, "Figures and what they mean").

A pure function of the set of a ticket's events, and of the messages in its conversation. In which order they come, and
how often, does not matter, and nothing depends on when one asks: what has not ended has no end here.

The definitions, version `DEFINITION_VERSION`. Moments are the stamps of the records, that is the clocks of those who
wrote them: times of arrival are not in the log of a compacted document.

1. **Status at a moment**: what `ticket_status.py` makes of the events up to then, in their order. A span lasts from a
   change of the status to the next. So the spans make up the ticket's life without gaps, and the last one has the
   status that the ticket shows. (Of more than `CROSSINGS_MAX` events that cross others not every moment is looked at.)
2. **Cycle**: the way from the opening to the end, and from each reopening to the next end. An end is `resolved`,
   `closed`, `cancelled` or `merged`.
3. **Reopening**: what made an ended ticket go on, if its author knew of the end. What crossed the end takes it back
   instead (a message of the customer that the resolver had not seen, an open question of a colleague, whatever
   overrules a closing), and so does an `unmerge`: then there was no end, and the cycle goes on as it was.
4. **Resolution** of a cycle: the first time that it is `resolved`. Who closes or cancels without resolving has not
   resolved. The time of a resolution runs from the beginning of its cycle: a ticket that is reopened after a month
   did not take a month.
5. **Answer**: the first message in the conversation, behind the beginning of a cycle and before the next one, by a
   person of the staff. Customers' messages are none, nor are those of bots, integrations and the server, nor notes.
   A program is known by its message (`auto`), by the events that it wrote, and by the role in which it takes part.
   The answer in the first cycle is the ticket's **first response**; those after reopenings are not, and are counted
   from the reopening on, so that no wait reaches across the time in which a ticket was resolved.
6. **Time in a phase**: of a cycle, up to its resolution, else its end. Work is `new`, `accepted`, `in_progress` and
   `awaiting_internal`; waiting for the customer `awaiting_customer`; on hold `on_hold`. Bots' work on a ticket is
   work: it is the customer who waits.
7. **Who had it**: by the server's assignments, one after the other. A cycle is theirs who had the ticket at its end,
   not theirs who were given it later; an answer is its author's. A **handover** is an assignment to somebody else than
   the last person who had it.
8. **Satisfaction** of a cycle: the last score that the customer gave in it, before the next one began.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from syncline_protocol.clock import at_ms
from syncline_protocol.documents.history import Event, History
from syncline_protocol.documents.identity import SERVER_USER
from syncline_protocol.documents.ticket import OPENED
from syncline_protocol.documents.ticket_records import (
    Assignment,
    Merge,
    Reopened,
    Satisfaction,
    TicketStatus,
    Unmerge,
)
from syncline_protocol.documents.ticket_status import ENDED, OVERRULED, reduce_status, said_status

DEFINITION_VERSION: Final = 2
"""Raised with every change of what a figure means; stands in every answer that has figures."""

CROSSINGS_MAX: Final = 64
"""Events that cross others, of one ticket, at which its status is looked at anew: some 100 times what people bring
about. Behind them it is looked at again where somebody knows of everything, and at the last event.
"""

MERGE: Final = Merge.__struct_config__.tag
UNMERGE: Final = Unmerge.__struct_config__.tag


class Phase(StrEnum):
    """Whose turn it is."""

    WORK = "work"
    WAITING = "waiting"
    HOLD = "hold"
    ENDED = "ended"


PHASES: Final[Mapping[TicketStatus, Phase]] = MappingProxyType(
    {
        TicketStatus.NEW: Phase.WORK,
        TicketStatus.ACCEPTED: Phase.WORK,
        TicketStatus.IN_PROGRESS: Phase.WORK,
        TicketStatus.AWAITING_INTERNAL: Phase.WORK,
        TicketStatus.AWAITING_CUSTOMER: Phase.WAITING,
        TicketStatus.ON_HOLD: Phase.HOLD,
        **dict.fromkeys(ENDED, Phase.ENDED),
    }
)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A status, set by the event `event`, from the stamp `at` on: until the next span."""

    status: TicketStatus
    event: str
    at: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Who has the ticket from the stamp `at` on: `user` (None: nobody in person) and `group`."""

    at: int
    user: str | None
    group: str | None


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's text; `…_at` are stamps, None for what did not happen. `user` and `group`: who had the ticket at
    the end, or has it.
    """

    started_at: int
    ended_at: int | None = None
    resolved_at: int | None = None
    closed_at: int | None = None
    user: str | None = None
    group: str | None = None
    handovers: int = 0
    score: int | None = None


class TicketTimes(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket's life; there is always a span and a cycle. `programs`: users whose events here were written by a
    program, besides the server.
    """

    spans: tuple[Span, ...]
    cycles: tuple[Cycle, ...]
    holdings: tuple[Holding, ...]
    programs: frozenset[str]

    def next_start(self, cycle: int) -> int | None:
        """When the cycle after this one (by its place) began; None if it has not."""
        return self.cycles[cycle + 1].started_at if cycle + 1 < len(self.cycles) else None

    def in_statuses(self, from_at: int, to_at: int) -> dict[TicketStatus, int]:
        """Milliseconds in each status from one stamp to a later one: together all the time from the opening on."""
        times = dict.fromkeys(TicketStatus, 0)
        ends = [*(span.at for span in self.spans[1:]), to_at]
        for span, end in zip(self.spans, ends, strict=True):
            start, end = max(span.at, from_at), min(end, to_at)  # noqa: PLW2901 - cut off at both ends
            times[span.status] += max(0, at_ms(end) - at_ms(start))
        return times

    def in_phases(self, cycle: Cycle) -> dict[Phase, int]:
        """Milliseconds in each phase of a cycle, up to its resolution or end; of one that goes on up to the last change
        of the status.
        """
        times = dict.fromkeys(Phase, 0)
        to_at = cycle.resolved_at or cycle.ended_at or self.spans[-1].at
        for status, time_ms in self.in_statuses(cycle.started_at, to_at).items():
            times[PHASES[status]] += time_ms
        return times


class Said(NamedTuple):
    """A message in the ticket's conversation. `is_customer`: by a customer; `is_system`: by the server, a bot or an
    integration.
    """

    id: str
    at: int
    by: str
    is_customer: bool
    is_system: bool


def first_answers(times: TicketTimes, messages: Iterable[Said]) -> tuple[Said | None, ...]:
    """The answer in each cycle, by definition 5."""
    answers = [
        one for one in sorted(messages, key=lambda one: (one.at, one.id)) if not one.is_customer and not one.is_system
    ]
    answers = [one for one in answers if one.by not in times.programs and one.by != SERVER_USER]
    return tuple(
        next((one for one in answers if cycle.started_at < one.at and (end is None or one.at <= end)), None)
        for place, cycle in enumerate(times.cycles)
        for end in (times.next_start(place),)
    )


def read_times(values: Iterable[Mapping[str, Any]]) -> TicketTimes | None:
    """What these events come to; None if they open no ticket. Raises `ValueError` when one is malformed."""
    return reduce_times(History(values))


def reduce_times(history: History) -> TicketTimes | None:
    """The same of a history."""
    opened = next((event for event in history.events if event.type == OPENED), None)
    return None if opened is None else _Walk(history, opened).walk()


class _Standing(NamedTuple):
    """A status, and the event that set it."""

    status: TicketStatus
    event: Event


class _Walk:
    """Going through the events in order, once."""

    def __init__(self, history: History, opened: Event) -> None:
        self._history = history
        self._opened = opened
        self._standing = self._reduced(opened)
        self._has_merged = any(event.type == MERGE for event in history.events[: opened.place])
        self._has_ended = any(said_status(event) in OVERRULED for event in history.events[: opened.place])
        self._spans = [Span(status=self._standing.status, event=self._standing.event.id, at=opened.at)]
        self._cycles = [Cycle(started_at=opened.at)]
        self._crossings = 0
        self._holdings: list[Holding] = []
        self._person: str | None = None
        """The last person who had it."""

    def walk(self) -> TicketTimes:
        for event in self._history.events[: self._opened.place + 1]:
            self._hand(event)
        self._mark(self._standing.status, self._opened.at)
        for event in self._history.events[self._opened.place + 1 :]:
            standing = self._standing_after(event)
            self._hand(event)
            if standing != self._standing:
                self._change(event, standing)
            if isinstance(event.record, Satisfaction):
                self._cycle(score=event.record.score)
        return TicketTimes(
            spans=tuple(self._spans),
            cycles=tuple(self._cycles),
            holdings=tuple(self._holdings),
            programs=frozenset(one.by for one in self._history.events if not one.human) - {SERVER_USER},
        )

    # --- the status

    def _standing_after(self, event: Event) -> _Standing:
        """What it is once this event is there. Mostly everybody knows everything, and it is what the event says."""
        status = said_status(event)
        self._has_merged |= event.type == MERGE
        self._has_ended |= status in OVERRULED
        is_all_known = self._history.past[event.place] == (1 << event.place) - 1
        if is_all_known and status is not None and not self._has_merged:
            return _Standing(status, event)
        is_about_status = status is not None or event.type in (MERGE, UNMERGE)
        if not is_about_status and (is_all_known or not self._has_ended):
            return self._standing
        self._crossings += 1
        if self._crossings > CROSSINGS_MAX and event is not self._history.events[-1]:
            return self._standing
        return self._reduced(event)

    def _reduced(self, last: Event) -> _Standing:
        standing = reduce_status(self._history.first(last.place + 1), self._opened)
        return _Standing(standing.status, self._history.by_id[standing.event])

    def _change(self, event: Event, standing: _Standing) -> None:
        before, self._standing = self._standing, standing
        if standing.status is before.status:
            return
        self._spans.append(Span(status=standing.status, event=standing.event.id, at=event.at))
        if before.status in ENDED and standing.status not in ENDED:
            self._go_on(event, before.event)
        else:
            self._mark(standing.status, event.at)

    def _go_on(self, event: Event, end: Event) -> None:
        """It had ended, and goes on because of `event`: reopened, or not ended after all."""
        user, group = self._holder()
        unseen = isinstance(event.record, Reopened) and event.record.unseen
        if unseen or event.type == UNMERGE or not self._history.knows(event, end):
            self._cycle(ended_at=None, resolved_at=None, closed_at=None, user=user, group=group)
        else:
            self._cycles.append(Cycle(started_at=event.at, user=user, group=group))

    def _mark(self, status: TicketStatus, at: int) -> None:
        """Note an end, or that there is another end now."""
        cycle = self._cycles[-1]
        if status not in ENDED:
            return
        resolved = at if status is TicketStatus.RESOLVED and cycle.resolved_at is None else cycle.resolved_at
        closed = at if status is TicketStatus.CLOSED else None
        self._cycle(ended_at=at if cycle.ended_at is None else cycle.ended_at, resolved_at=resolved, closed_at=closed)

    # --- who has it

    def _hand(self, event: Event) -> None:
        if not isinstance(event.record, Assignment):
            return
        user = None if event.record.user is UNSET else event.record.user
        group = self._holder()[1] if event.record.group is UNSET else event.record.group
        self._holdings.append(Holding(at=event.at, user=user, group=group))
        is_handover = user is not None and self._person not in (None, user)
        self._person = self._person if user is None else user
        if self._cycles[-1].ended_at is None:
            self._cycle(user=user, group=group, handovers=self._cycles[-1].handovers + is_handover)

    def _holder(self) -> tuple[str | None, str | None]:
        """The person and the group that have it now."""
        return (self._holdings[-1].user, self._holdings[-1].group) if self._holdings else (None, None)

    def _cycle(self, **changes: Any) -> None:
        self._cycles[-1] = msgspec.structs.replace(self._cycles[-1], **changes)
