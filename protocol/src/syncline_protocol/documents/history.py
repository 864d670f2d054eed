"""The events of a ticket in one order, and which of them knew of which: what all reducers of a ticket stand on.

Events stand in the order of (`at`, `id`). An event knows those that it names in `after`, and all that those know. What
is named and not there counts for nothing: it was refused, or has not come yet. Nor does what stands at the same place
or later: a device's clock runs ahead of every record that it has seen (`clock.py`), so no honest event names such a
one, and what is left cannot go round in circles. Two events of which neither knows the other are *concurrent*.

Sets of events are whole numbers, a bit for each place: a ticket of thousands of events is read in one pass.

An event that was erased, be it that a `redaction` names it or that only its rest (`redacted`) is there, keeps its
place, and says what its rest says (`erasure.py`). An event of a type that this version does not know keeps its place
and says nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.fields import HEADS_MAX, Redacted
from syncline_protocol.documents.identity import SERVER_USER
from syncline_protocol.documents.records import plain
from syncline_protocol.documents.schema import EVENTS, read_record
from syncline_protocol.documents.ticket_records import EventRedaction, Reopened, TicketEvent

REOPENED: Final = Reopened.__struct_config__.tag
UNKNOWN: Final = "unknown"


class UnknownEvent(TicketEvent, frozen=True, kw_only=True, tag=UNKNOWN):
    """What a later version wrote: all of it that has to be understood."""


AnyEvent = TicketEvent | Redacted


class Event(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An event at its place among the others; equal to itself alone. `type` is the one that it had before it was
    erased.

    `human`: a person's word, and no program's. What the server concludes from a customer's message counts as theirs.
    """

    place: int
    id: str
    by: str
    at: int
    type: str
    human: bool
    record: AnyEvent


class History:
    """The events of a ticket. Raises `ValueError` when one of the values is malformed."""

    def __init__(self, values: Iterable[Mapping[str, Any]]) -> None:
        records = sorted(_read(values), key=lambda one: (one.at, one.id))
        self.events: Final = tuple(_event(place, record) for place, record in enumerate(records))
        self.by_id: Final = {event.id: event for event in self.events}
        self.said: Final = tuple((one, one.record) for one in self.events if isinstance(one.record, TicketEvent))
        """The events that were not erased, in order, with what they say."""
        self._named: Final = _named(records)
        self.past: Final[Sequence[int]] = _past(self._named)
        """By place: the events that the event there knows."""

    def knows(self, event: Event, other: Event) -> bool:
        """Whether `event` knows `other`."""
        return bool(self.past[event.place] >> other.place & 1)

    def counted(self, count: Callable[[Event, int], int]) -> list[int]:
        """By place: what `count` makes of the event there and of the greatest count among the events it knows, or 0."""
        counts: list[int] = []
        for event, named in zip(self.events, self._named, strict=True):
            counts.append(count(event, max([counts[place] for place in named]) if named else 0))
        return counts

    @cached_property
    def future(self) -> Sequence[int]:
        """By place: the event there itself, and those that know it."""
        future = [1 << place for place in range(len(self.events))]
        for place in range(len(future) - 1, -1, -1):
            for named in self._named[place]:
                future[named] |= future[place]
        return future

    def heads(self, events: Iterable[Event]) -> list[Event]:
        """Those of these events that none of the others knows, in order."""
        candidates = list(events)
        known = 0
        for event in candidates:
            known |= self.past[event.place]
        return [event for event in candidates if not known >> event.place & 1]

    def first(self, count: int) -> "History":
        """The history before the event at place `count` came, as it reads today: what was erased since is erased."""
        part = object.__new__(History)
        events = self.events[:count]
        part.__dict__.update(  # what `__init__` makes of records, which need not be read once more
            events=events,
            by_id={event.id: event for event in events},
            said=tuple((event, record) for event, record in self.said if event.place < count),
            _named=self._named[:count],
            past=self.past[:count],
        )
        return part

    def head_ids(self) -> tuple[str, ...]:
        """What the next event names in `after`: the heads of all; of more than `HEADS_MAX` the latest."""
        return tuple(event.id for event in self.heads(self.events)[-HEADS_MAX:])


def bits(events: Iterable[Event]) -> int:
    """These events as a set."""
    found = 0
    for event in events:
        found |= 1 << event.place
    return found


def places(events: int) -> Iterator[int]:
    """The places in a set, ascending."""
    while events:
        lowest = events & -events
        yield lowest.bit_length() - 1
        events ^= lowest


def _read(values: Iterable[Mapping[str, Any]]) -> list[AnyEvent]:
    """The events, each once; of those that a redaction names what will be left."""
    given = {value.get("id"): value for value in values}
    records = {id_: _record(value) for id_, value in given.items()}
    redactions = [record for record in records.values() if isinstance(record, EventRedaction)]
    for named in {one.event for one in redactions} - {one.id for one in redactions}:
        if named in records:
            records[named] = _record(erased(given[named]))
    return list(records.values())


def _record(value: Mapping[str, Any]) -> AnyEvent:
    record = read_record(EVENTS, value)
    if isinstance(record, TicketEvent | Redacted):
        return record
    known = {name: value[name] for name in UnknownEvent.__struct_fields__ if name in value}
    return msgspec.convert(plain({"after": [], **known, "type": UNKNOWN}), UnknownEvent)


def _event(place: int, record: AnyEvent) -> Event:
    type_ = record.of if isinstance(record, Redacted) else str(record.__struct_config__.tag)
    human = record.by != SERVER_USER and record.auto is UNSET
    return Event(
        place=place,
        id=record.id,
        by=record.by,
        at=record.at,
        type=type_,
        human=human or type_ == REOPENED,
        record=record,
    )


def _named(records: Sequence[AnyEvent]) -> list[tuple[int, ...]]:
    """By place: the earlier places that the event there names."""
    by_id: dict[str, int] = {}
    named: list[tuple[int, ...]] = []
    for place, record in enumerate(records):
        after = () if record.after is UNSET else record.after
        named.append(tuple({by_id[one] for one in after if one in by_id}))
        by_id[record.id] = place
    return named


def _past(named: Sequence[tuple[int, ...]]) -> list[int]:
    past: list[int] = []
    for places_named in named:
        known = 0
        for place in places_named:
            known |= past[place] | 1 << place
        past.append(known)
    return past
