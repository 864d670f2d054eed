"""A ticket as its staff reads it: a pure function of the set of events in `ticket/<id>`.

The server asks it what to do next, devices show it, offline as well. In which order events come, and how often, does
not matter. The parts, each with its rules:

    history.py            which event knew of which
    registers.py          subject, issue type, priority and fields: one value, and what else was said at the same time
    ticket_status.py      where it stands
    ticket_assignment.py  who works on it
    ticket_contents.py    notes, links, checklist, resolutions

Of what begins a ticket (`opened`) and numbers it (`number`) there is one; were there several, the one with the smallest
(`at`, `id`) would hold. Of the customer's words on it (`satisfaction`) the last hold.

A `redaction` wins over everything: what it names says nothing any more, wherever that was shown, and values fall back
to what else was said. What others build on stays (`erasure.py`): whose ticket it is, where it stood, who knew of what.
It shows the same before the server has rewritten the ticket's history and afterwards.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from syncline_protocol.documents.fields import Redacted, Scalar
from syncline_protocol.documents.history import Event, History
from syncline_protocol.documents.registers import Alternative, Candidate, Register, register
from syncline_protocol.documents.ticket_assignment import ClaimOutcome, ClaimState, Handover, reduce_assignment
from syncline_protocol.documents.ticket_contents import (
    Item,
    LinkShown,
    NoteShown,
    Resolution,
    reduce_checklist,
    reduce_links,
    reduce_notes,
    reduce_resolutions,
)
from syncline_protocol.documents.ticket_records import (
    FieldSet,
    Number,
    Priority,
    PrioritySet,
    Satisfaction,
    TicketOpened,
    TicketStatus,
    Topic,
)
from syncline_protocol.documents.ticket_status import Flag, FlagKind, reduce_status

__all__ = [
    "Alternative",
    "ClaimOutcome",
    "ClaimState",
    "Flag",
    "FlagKind",
    "Handover",
    "Item",
    "LinkShown",
    "NoteShown",
    "Register",
    "Resolution",
    "SatisfactionShown",
    "Ticket",
    "reduce_ticket",
]

OPENED: Final = TicketOpened.__struct_config__.tag

URGENCY: Final[Mapping[Any, int]] = {priority: place for place, priority in enumerate(Priority)}
"""Of priorities said at the same time the more urgent shows."""


class SatisfactionShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the customer said of what became of the ticket."""

    score: int
    at: int
    text: str | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket. None stands for what no event says.
    `status_event` is the event that set the status, `status_by` and `status_at` are its author's. `assignment` is the
       event that says who works on it, `because` the routing's reason. `fields` are by name, in their order. `heads` is
       what the next event names in `after`.
    """

    opened_at: int
    opened_by: str
    status: TicketStatus
    status_event: str
    status_by: str
    status_at: int
    heads: tuple[str, ...]
    number: int | None = None
    conversation: str | None = None
    customer: str | None = None
    language: str | None = None
    via: str | None = None
    subject: Register | None = None
    issue_type: Register | None = None
    priority: Register | None = None
    status_others: tuple[Alternative, ...] = ()
    fields: Mapping[str, Register] = {}
    group: str | None = None
    assignee: str | None = None
    assignment: str | None = None
    because: Mapping[str, Scalar] | None = None
    assignment_others: tuple[Handover, ...] = ()
    watchers: tuple[str, ...] = ()
    claims: tuple[ClaimState, ...] = ()
    notes: tuple[NoteShown, ...] = ()
    links: tuple[LinkShown, ...] = ()
    checklist: tuple[Item, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    merged_into: str | None = None
    satisfaction: SatisfactionShown | None = None
    flags: tuple[Flag, ...] = ()


Value = TypeVar("Value")


def reduce_ticket(values: Iterable[Mapping[str, Any]]) -> Ticket | None:
    """The ticket that these events make; None when it was not opened. Raises `ValueError` when one is malformed."""
    history = History(values)
    opened = next((event for event in history.events if event.type == OPENED), None)
    if opened is None:
        return None
    beginning = opened.record
    whole = beginning if isinstance(beginning, TicketOpened) else None
    standing = reduce_status(history, opened)
    handling = reduce_assignment(history)
    return Ticket(
        number=next((record.number for _, record in history.said if isinstance(record, Number)), None),
        conversation=_or_none(beginning.conversation) if isinstance(beginning, TicketOpened | Redacted) else None,
        customer=_or_none(beginning.customer) if isinstance(beginning, TicketOpened | Redacted) else None,
        language=_or_none(whole.language) if whole else None,
        via=_or_none(whole.via) if whole else None,
        opened_at=opened.at,
        opened_by=opened.by,
        **_registers(history, opened),
        status=standing.status,
        status_event=standing.event,
        status_by=standing.by,
        status_at=standing.at,
        status_others=standing.others,
        group=handling.group,
        assignee=handling.assignee,
        assignment=handling.assignment,
        because=handling.because,
        assignment_others=handling.others,
        watchers=handling.watchers,
        claims=handling.claims,
        notes=reduce_notes(history),
        links=reduce_links(history),
        checklist=reduce_checklist(history),
        resolutions=reduce_resolutions(history),
        merged_into=standing.merged_into,
        satisfaction=_satisfaction(history),
        flags=standing.flags,
        heads=history.head_ids(),
    )


def _registers(history: History, opened: Event) -> dict[str, Any]:
    """Subject, issue type, priority and fields."""
    subject: list[Candidate] = []
    issue_type: list[Candidate] = []
    priority: list[Candidate] = []
    fields: dict[str, list[Candidate]] = defaultdict(list)
    for event, record in history.said:
        match record:
            case TicketOpened() if event is opened:
                subject.append(Candidate(event=event, value=record.subject))
            case Topic():
                if record.subject is not UNSET:
                    subject.append(_taken(event, record, record.subject))
                if record.issue_type is not UNSET:
                    issue_type.append(_taken(event, record, record.issue_type))
            case PrioritySet():
                priority.append(Candidate(event=event, value=record.priority))
            case FieldSet():
                fields[record.name].append(_taken(event, record, record.value))
    return {
        "subject": register(history, subject),
        "issue_type": register(history, issue_type),
        "priority": register(history, priority, rank=URGENCY.__getitem__),
        "fields": {name: register(history, said) for name, said in sorted(fields.items())},
    }


def _taken(event: Event, record: Topic | FieldSet, value: Scalar) -> Candidate:
    """A value that may have been taken from a message."""
    return Candidate(event=event, value=value, source=_or_none(record.source), confidence=_or_none(record.confidence))


def _satisfaction(history: History) -> SatisfactionShown | None:
    said = [(event, record) for event, record in history.said if isinstance(record, Satisfaction)]
    if not said:
        return None
    event, record = said[-1]
    return SatisfactionShown(score=record.score, at=event.at, text=_or_none(record.text))


def _or_none(value: Value | UnsetType) -> Value | None:
    return None if value is UNSET else value
