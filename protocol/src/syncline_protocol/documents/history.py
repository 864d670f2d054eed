"""The events of a ticket in one order, and which of them knew of which: what all reducers of a ticket stand on.
 Events stand in the order of (`at`, `id`). An event knows those that it names in `after`, and all that those know. What
is named and not there counts for nothing: it was refused, or has not come yet. Nor does what stands at the same place
or later: a device's clock runs ahead of every record that it has seen (`clock.py`), so no honest event names such a
one, and what is left cannot go round in circles. Two events of which neither knows the other are *concurrent*.

Sets of events are whole numbers, a bit for each place: a ticket of thousands of events is read in one pass.
 An event that was erased, be it that a `redaction` names it or that only its rest (`redacted`) is there, keeps its
place and says nothing. So does an event of a type that this version does not know.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec

from syncline_protocol.documents.fields import HEADS_MAX, Record, RecordId, Redacted
from syncline_protocol.documents.identity import SERVER_USER
from syncline_protocol.documents.schema import EVENTS, read_record
from syncline_protocol.documents.ticket_records import EventRedaction, Reopened, TicketEvent

REOPENED: Final = Reopened.__struct_config__.tag


class UnknownEvent(Record, frozen=True, kw_only=True, tag="unknown"):
    """What a later version wrote: all of it that has to be understood."""

    after: tuple[RecordId, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An event at its place among the others; equal to itself alone. `record` is None when it says nothing: erased, or
    unknown.

    `human`: a person's word, and no program's. What the server concludes from a customer's message counts as theirs.
    """

    place: int
    id: str
    by: str
    at: int
    type: str
    human: bool
    record: TicketEvent | None


class History:
    """The events of a ticket. Raises `ValueError` when one of the values is malformed."""

    def __init__(self, values: Iterable[Mapping[str, Any]]) -> None:
        read = {one.id: (one, type_) for one, type_ in map(_read, values)}
        records = sorted(read.values(), key=lambda one: (one[0].at, one[0].id))
        redactions = [one for one, _ in records if isinstance(one, EventRedaction)]
        erased = {one.event for one in redactions} - {one.id for one in redactions}
        self.events: Final = tuple(
            _event(place, record, type_, erased) for place, (record, type_) in enumerate(records)
        )
        self.by_id: Final = {event.id: event for event in self.events}
        self._named: Final = _named([(one.id, _after(one)) for one, _ in records])
        self.past: Final[Sequence[int]] = self._past()
        """By place: the events that the event there knows."""

    def knows(self, event: Event, other: Event) -> bool:
        """Whether `event` knows `other`."""
        return bool(self.past[event.place] >> other.place & 1)

    @cached_property
    def future(self) -> Sequence[int]:
        """By place: the event there itself, and those that know it."""
        future = [1 << place for place in range(len(self.events))]
        for place in range(len(future) - 1, -1, -1):
            for named in self._named[place]:
                future[named] |= future[place]
        return future

    def frontiers(self, candidates: int) -> Sequence[int]:
        """By place: of these candidates the heads among those that the event there knows."""
        surpassed: list[int] = []  # by place: what is known to a candidate that the event there knows
        for named in self._named:
            known = 0
            for place in named:
                known |= surpassed[place] | (self.past[place] if candidates >> place & 1 else 0)
            surpassed.append(known)
        return [known & candidates & ~less for known, less in zip(self.past, surpassed, strict=True)]

    def heads(self, events: Iterable[Event]) -> list[Event]:
        """Those of these events that none of the others knows, in order."""
        candidates = list(events)
        known = 0
        for event in candidates:
            known |= self.past[event.place]
        return [event for event in candidates if not known >> event.place & 1]

    def _past(self) -> list[int]:
        past: list[int] = []
        for named in self._named:
            known = 0
            for place in named:
                known |= past[place] | 1 << place
            past.append(known)
        return past

    def head_ids(self) -> tuple[str, ...]:
        """What the next event names in `after`: the heads of all; of more than `HEADS_MAX` the latest."""
        return tuple(event.id for event in self.heads(self.events)[-HEADS_MAX:])

    def said(self) -> Iterator[tuple[Event, TicketEvent]]:
        """The events that say something, in order, with what they say."""
        return ((event, event.record) for event in self.events if event.record is not None)


def bits(events: Iterable[Event]) -> int:
    """These events as a set."""
    places = 0
    for event in events:
        places |= 1 << event.place
    return places


def _read(value: Mapping[str, Any]) -> tuple[Record, str]:
    """An event and the type it has or had."""
    record = read_record(EVENTS, value)
    if record is None:
        known = {name: value[name] for name in UnknownEvent.__struct_fields__ if name in value}
        return msgspec.convert({**known, "type": "unknown"}, UnknownEvent), "unknown"
    if isinstance(record, Redacted):
        return record, record.of
    return record, str(record.__struct_config__.tag)


def _event(place: int, record: Record, type_: str, erased: set[str]) -> Event:
    says = record if isinstance(record, TicketEvent) and record.id not in erased else None
    program = record.by == SERVER_USER or getattr(record, "auto", False) is True
    human = not program or type_ == REOPENED
    return Event(place=place, id=record.id, by=record.by, at=record.at, type=type_, human=human, record=says)


def _after(record: Record) -> tuple[str, ...]:
    if isinstance(record, TicketEvent | UnknownEvent):
        return record.after
    if isinstance(record, Redacted) and isinstance(record.after, tuple):
        return record.after
    return ()


def _named(records: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[int, ...]]:
    """By place: the earlier places that the event there names."""
    places: dict[str, int] = {}
    named: list[tuple[int, ...]] = []
    for place, (id_, after) in enumerate(records):
        named.append(tuple({places[one] for one in after if one in places}))
        places[id_] = place
    return named
