"""Where a ticket stands, when several say so at once: the status as a register, with the rules of its own.

Candidates are the events `status`, `reopened` (in progress) and an `assignment` that has a status. While there are
none, the ticket is new. Their heads are found as in any register (`registers.py`), and then, in this order:

1. **Merged.** A merge that no `unmerge` takes back holds whatever else is said, then or later. Of several of which none
   knew the other the one with the smallest (`at`, `id`) counts.
2. **Activity beats closing.** A `closed` or `cancelled` counts for nothing while a person did something to the ticket
   that neither knew of it nor was known to it: the status is what it was before. `close_overruled` or
   `cancel_overruled` tells its author what that was. To close, cancel, merge or erase is no such doing.
3. **A person's word over a program's.** `reopened` is the customer's, who wrote.
4. **Reopening beats ending.** Who knew that the ticket had ended and set it going again meant to go on with it: that,
   and what follows from it, beats an end by somebody who did not know of it.
5. **The ranking** `RANKING`. An open question to the customer beats all: it was asked, and waits for an answer. What
   waits for somebody else beats the end of it all: a ticket wrongly open costs a look, a ticket wrongly done costs the
   customer. An end beats work on the way to it, and a later stage an earlier one. `closed` before `cancelled` before
   `resolved`: what is more final; the three only meet this rule among programs.
6. The greatest (`at`, `id`).

| crossing | shown | by rule |
| --- | --- | --- |
| resolved ‖ a message of the customer | in progress, flag `unseen_message` | the server's `reopened`, which knows it |
| resolved ‖ resolved | resolved, both texts kept | 6 |
| resolved ‖ awaiting customer | awaiting customer, flag `open_question` | 5 |
| resolved ‖ on hold, awaiting internal | on hold, awaiting internal | 5 |
| resolved ‖ in progress, accepted | resolved | 5 |
| resolved ‖ a note, a field | resolved | none: only the status is a candidate |
| in progress ‖ on hold | on hold | 5 |
| closed, cancelled ‖ anything a person does | what it was before, or what they did | 2 |
| reopened ‖ closed, cancelled | reopened | 2 |
| reopened ‖ resolved | reopened | 4 |
| closed ‖ cancelled | closed | 5 |
| merged ‖ anything | merged | 1 |
| a person's ‖ a program's | the person's | 3 |
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.fields import Redacted
from syncline_protocol.documents.history import REOPENED, Event, History, bits
from syncline_protocol.documents.registers import Alternative, alternative
from syncline_protocol.documents.ticket_records import (
    Assignment,
    Merge,
    Reopened,
    StatusSet,
    TicketStatus,
    Unmerge,
)

RANKING: Final = (
    TicketStatus.MERGED,
    TicketStatus.AWAITING_CUSTOMER,
    TicketStatus.ON_HOLD,
    TicketStatus.AWAITING_INTERNAL,
    TicketStatus.CLOSED,
    TicketStatus.CANCELLED,
    TicketStatus.RESOLVED,
    TicketStatus.IN_PROGRESS,
    TicketStatus.ACCEPTED,
    TicketStatus.NEW,
)
"""What beats what, the strongest first."""

ENDED: Final = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED, TicketStatus.MERGED})
"""Nobody works on it."""

STRENGTH: Final[Mapping[TicketStatus, int]] = MappingProxyType(
    {status: len(RANKING) - place for place, status in enumerate(RANKING)}
)


class FlagKind(StrEnum):
    """What somebody should know about a status. Each is gone once somebody who knows of it sets the status again."""

    OPEN_QUESTION = "open_question"
    """`user` resolved the ticket by `event` while `about` asked the customer something."""

    CLOSE_OVERRULED = "close_overruled"
    """`user` closed the ticket by `event` while somebody did `about`."""

    CANCEL_OVERRULED = "cancel_overruled"
    """`user` cancelled it by `event` while somebody did `about`."""

    UNSEEN_MESSAGE = "unseen_message"
    """`user` ended the ticket by `event` and had not seen the customer's message `about`."""


OVERRULED: Final[Mapping[TicketStatus, FlagKind]] = MappingProxyType(
    {TicketStatus.CLOSED: FlagKind.CLOSE_OVERRULED, TicketStatus.CANCELLED: FlagKind.CANCEL_OVERRULED}
)
"""What any person's activity overrules."""

SETTING: Final = frozenset({"status", "assignment"})
"""Types of events that set the status they name."""

PASSIVE: Final = frozenset({"merge", "redaction"})
"""Types of events that are no activity on the ticket; nor is a status that activity overrules."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """See `FlagKind`. `about` is an event, or of `unseen_message` a message."""

    kind: FlagKind
    event: str
    user: str
    about: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket's status, who set it when, and what else was said."""

    status: TicketStatus
    event: str
    by: str
    at: int
    others: tuple[Alternative, ...]
    flags: tuple[Flag, ...]
    merged_into: str | None


def reduce_status(history: History, opened: Event) -> Standing:
    """Where the ticket that began with `opened` stands."""
    said = {event: status for event in history.events if (status := said_status(event)) is not None}
    overruled = _overruled(history, said)
    heads = history.heads([event for event in said if event not in overruled])
    merges = _merges(history)
    shown = merges[0][0] if merges else _strongest(history, said, heads) or opened
    settled = history.past[shown.place] if merges else 0
    others = [(event, TicketStatus.MERGED) for event, _ in merges[1:]]
    others += [(event, said[event]) for event in heads if event is not shown and not settled >> event.place & 1]
    told = [event for event in history.heads(said) if not settled >> event.place & 1]
    return Standing(
        status=TicketStatus.MERGED if merges else said.get(shown, TicketStatus.NEW),
        event=shown.id,
        by=shown.by,
        at=shown.at,
        others=tuple(alternative(event, status) for event, status in sorted(others, key=lambda one: one[0].place)),
        flags=tuple(_flags(history, said, told, overruled, shown)),
        merged_into=merges[0][1] if merges else None,
    )


def said_status(event: Event) -> TicketStatus | None:
    """The status that an event sets, or None. To erase an event takes its words away, and not this."""
    if event.type == REOPENED:
        return TicketStatus.IN_PROGRESS
    record = event.record
    if event.type in SETTING and isinstance(record, StatusSet | Assignment | Redacted) and record.status is not UNSET:
        return TicketStatus(record.status)
    return None


def _overruled(history: History, said: Mapping[Event, TicketStatus]) -> dict[Event, Event]:
    """The ends that activity overrules (rule 2), each with the first such activity."""
    ends = [event for event, status in said.items() if status in OVERRULED]
    if not ends:
        return {}
    activity = bits(
        event
        for event in history.events
        if event.human and event.type not in PASSIVE and said.get(event) not in OVERRULED
    )
    overruled: dict[Event, Event] = {}
    for end in ends:
        crossing = activity & ~history.past[end.place] & ~history.future[end.place]
        if crossing:
            overruled[end] = history.events[(crossing & -crossing).bit_length() - 1]
    return overruled


def _merges(history: History) -> list[tuple[Event, str]]:
    """The merges that count and into which tickets (rule 1), the first of them first."""
    into = {event: record.into for event, record in history.said if isinstance(record, Merge)}
    taken_back = {record.merge for _, record in history.said if isinstance(record, Unmerge)}
    return [(event, into[event]) for event in history.heads(into) if event.id not in taken_back]


def _strongest(history: History, said: Mapping[Event, TicketStatus], heads: Sequence[Event]) -> Event | None:
    """The head that is shown, by rules 3 to 6."""
    weighed = [event for event in heads if event.human] or heads
    turns = _turns(history, said)
    again = max((turns[event.place] for event in weighed if said[event] not in ENDED), default=0)
    weighed = [event for event in weighed if said[event] not in ENDED or turns[event.place] > again]
    return max(weighed, key=lambda event: (STRENGTH[said[event]], event.place), default=None)


def _turns(history: History, said: Mapping[Event, TicketStatus]) -> Sequence[int]:
    """By place: how often the ticket had ended (odd) or gone on again (even), as far as the author there knew."""

    def turn(event: Event, known: int) -> int:
        status = said.get(event)
        return known if status is None or (status in ENDED) == known % 2 else known + 1

    return history.counted(turn)


def _flags(
    history: History,
    said: Mapping[Event, TicketStatus],
    heads: Sequence[Event],
    overruled: Mapping[Event, Event],
    shown: Event,
) -> list[Flag]:
    """What the authors of these heads should know."""
    flags = []
    for event in heads:
        if event in overruled:
            kind = OVERRULED[said[event]]
            flags.append(Flag(kind=kind, event=event.id, user=event.by, about=overruled[event].id))
        elif isinstance(event.record, Reopened) and event.record.unseen:
            ended = history.by_id.get(event.record.ended)
            if ended is not None:
                about = event.record.message
                flags.append(Flag(kind=FlagKind.UNSEEN_MESSAGE, event=ended.id, user=ended.by, about=about))
        elif said[event] is TicketStatus.RESOLVED and said.get(shown) is TicketStatus.AWAITING_CUSTOMER:
            flags.append(Flag(kind=FlagKind.OPEN_QUESTION, event=event.id, user=event.by, about=shown.id))
    return sorted(flags, key=lambda flag: (flag.kind, flag.event, flag.about))
