"""A conversation's head as everybody reads it: what it is about, who takes part, which segments hold its messages,
which tickets came out of it.

The server asks it who may open the conversation; devices show it. It is a pure function of the set of records in the
root `conversation` of `conversation/<id>`, which the server alone writes: of several that say different things, the one
with the greatest (`at`, `id`) holds. The beginning is the exception: a conversation begins once, with the smallest, and
a subject that was changed is not the one it began with.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.head_records import (
    Closed,
    Opened,
    ParticipantAdded,
    ParticipantRemoved,
    Reopened,
    SegmentOpened,
    SubjectChanged,
    TicketLinked,
)
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.schema import CONVERSATION, read_record


class Participant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who takes part: as what, under which name to show (None: their user id), and since when (a stamp)."""

    role: Role
    since: int
    name: str | None = None


class LinkedTicket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that came out of the conversation or was linked to it, and its number."""

    ticket: str
    number: int


class ConversationHead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a conversation. None stands for what no record says.

    `participants` is by user, in the order of their ids; `segments` are the numbers opened so far, ascending; `tickets`
    are in the order in which they were linked.
    """

    subject: str | None = None
    channel: str | None = None
    language: str | None = None
    customer: str | None = None
    opened_at: int | None = None
    closed: bool = False
    participants: Mapping[str, Participant] = {}
    segments: tuple[int, ...] = ()
    tickets: tuple[LinkedTicket, ...] = ()


def reduce_conversation(values: Iterable[Mapping[str, Any]]) -> ConversationHead:
    """The head that these records make, in whatever order, each once or often.

    Raises `ValueError` when one of them is malformed; those of unknown types count for nothing.
    """
    records = {record.id: record for value in values if (record := read_record(CONVERSATION, value)) is not None}
    opened: Opened | None = None
    subject: str | None = None
    closed = False
    participants: dict[str, Participant] = {}
    segments: set[int] = set()
    tickets: dict[str, LinkedTicket] = {}
    for record in sorted(records.values(), key=lambda one: (one.at, one.id)):
        match record:
            case Opened():
                opened = opened or record
                subject = subject or record.subject
            case SubjectChanged():
                subject = record.subject
            case ParticipantAdded():
                participants[record.user] = _participant(record, participants.get(record.user))
            case ParticipantRemoved():
                participants.pop(record.user, None)
            case SegmentOpened():
                segments.add(record.segment)
            case TicketLinked():
                tickets[record.ticket] = LinkedTicket(ticket=record.ticket, number=record.number)
            case Closed() | Reopened():
                closed = isinstance(record, Closed)
    return ConversationHead(
        subject=subject,
        channel=opened.channel if opened else None,
        language=opened.language if opened else None,
        customer=None if opened is None or opened.customer is UNSET else opened.customer,
        opened_at=opened.at if opened else None,
        closed=closed,
        participants=dict(sorted(participants.items())),
        segments=tuple(sorted(segments)),
        tickets=tuple(tickets.values()),
    )


def _participant(added: ParticipantAdded, before: Participant | None) -> Participant:
    """Added again while taking part: another role or name, since the same moment."""
    return Participant(
        role=added.role,
        since=before.since if before else added.at,
        name=None if added.name is UNSET else added.name,
    )
