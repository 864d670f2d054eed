"""Records of `ticket/<id>`, root `events`: everything that happened to a ticket, as its staff wrote it and the server
answered.

Each event names in `after` the events that its author knew as *heads*: those that no other known event names. From that
follows which event knew of which, whatever the clocks say; two that knew nothing of each other are *concurrent*, and
`ticket.py` says what becomes of them. An event that is named and not there (it was refused) counts for nothing.

Assignments, numbers and what follows from messages of the customer need one authority: the server writes them, each
under an id derived from its cause (`derived.py`), and so once.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from syncline_protocol.documents.fields import (
    DATA_ENTRIES_MAX,
    HEADS_MAX,
    At,
    Blob,
    Caption,
    DocumentId,
    LanguageTag,
    Record,
    RecordId,
    Scalar,
    Score,
    Subject,
    Text,
    UserId,
    Whole,
    Word,
)
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX

PERCENT_MAX: Final = 100


class TicketStatus(StrEnum):
    """Where a ticket stands, for its staff. A customer is shown less: `labels.public_status`."""

    NEW = "new"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    AWAITING_CUSTOMER = "awaiting_customer"
    ON_HOLD = "on_hold"
    AWAITING_INTERNAL = "awaiting_internal"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


NOT_SET: Final = frozenset({TicketStatus.NEW, TicketStatus.MERGED})
"""What no status event says: a ticket begins as new, and `merge` makes it merged."""


class Priority(StrEnum):
    """How urgent a ticket is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class TicketEvent(Record, frozen=True, kw_only=True):
    """What all events share. `auto`: written by a program; a person's concurrent word weighs more."""

    after: Annotated[tuple[RecordId, ...], Meta(max_length=HEADS_MAX)]
    auto: Literal[True] | UnsetType = UNSET


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The words of a message that a value was taken from: code points `start` to `end`, the end not included."""

    message: RecordId
    start: Annotated[int, Meta(ge=0, le=MESSAGE_TEXT_CHARACTERS_MAX)]
    end: Annotated[int, Meta(ge=0, le=MESSAGE_TEXT_CHARACTERS_MAX)]

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("`source` ends before it starts")


class TicketOpened(TicketEvent, frozen=True, kw_only=True, tag="opened"):
    """The ticket began. `via`: how (`agent`, `rule`, `api`, …)."""

    subject: Subject
    conversation: DocumentId | UnsetType = UNSET
    customer: UserId | UnsetType = UNSET
    language: LanguageTag | UnsetType = UNSET
    via: Word | UnsetType = UNSET


class Topic(TicketEvent, frozen=True, kw_only=True, tag="topic"):
    """The ticket is about something else: its subject, its issue type, or both."""

    subject: Subject | UnsetType = UNSET
    issue_type: Word | UnsetType = UNSET
    source: Source | UnsetType = UNSET
    confidence: Annotated[int, Meta(ge=0, le=PERCENT_MAX)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.subject is UNSET and self.issue_type is UNSET:
            raise ValueError("a topic has a `subject`, an `issue_type`, or both")


class FieldSet(TicketEvent, frozen=True, kw_only=True, tag="field"):
    """A field's value; null empties it. `source` and `confidence` (percent): of one that was taken from a message."""

    name: Word
    value: Scalar
    source: Source | UnsetType = UNSET
    confidence: Annotated[int, Meta(ge=0, le=PERCENT_MAX)] | UnsetType = UNSET


class PrioritySet(TicketEvent, frozen=True, kw_only=True, tag="priority"):
    """How urgent it is."""

    priority: Priority


class StatusSet(TicketEvent, frozen=True, kw_only=True, tag="status"):
    """Where it stands. `seen`: the newest message of the conversation that its author had seen, stamped `seen_at`;
    `resolution`: what was done about it.
    """

    status: TicketStatus
    reason: Caption | UnsetType = UNSET
    resolution: Text | UnsetType = UNSET
    seen: RecordId | UnsetType = UNSET
    seen_at: At | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.status in NOT_SET:
            raise ValueError(f"nobody sets the `status` {self.status.value}: a ticket is opened, and merged by a merge")
        if (self.seen is UNSET) != (self.seen_at is UNSET):
            raise ValueError("`seen` and `seen_at` go together")


class Claim(TicketEvent, frozen=True, kw_only=True, tag="claim"):
    """Its author wants to work on the ticket. The server answers with `assignment` or `claim_lost`."""


class Assignment(TicketEvent, frozen=True, kw_only=True, tag="assignment"):
    """The server's answer to `cause` (a claim, a transfer, the opening): who works on it, in which group, and why.

    `because` is the routing's reason as data. `status`: where it stands from now on, if that changes.
    """

    cause: RecordId
    user: UserId | UnsetType = UNSET
    group: Word | UnsetType = UNSET
    because: Annotated[dict[Word, Scalar], Meta(max_length=DATA_ENTRIES_MAX)] | UnsetType = UNSET
    status: TicketStatus | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.status not in (UNSET, TicketStatus.ACCEPTED):
            raise ValueError("the only `status` that comes with an assignment is accepted")


class ClaimLost(TicketEvent, frozen=True, kw_only=True, tag="claim_lost"):
    """The server's answer to the claim `cause`: `holder` has the ticket, or it went to another group."""

    cause: RecordId
    holder: UserId | UnsetType = UNSET


class Transfer(TicketEvent, frozen=True, kw_only=True, tag="transfer"):
    """Gives the ticket to another group, or to somebody. The server answers with an assignment."""

    group: Word | UnsetType = UNSET
    user: UserId | UnsetType = UNSET
    reason: Caption | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.group is UNSET and self.user is UNSET:
            raise ValueError("a transfer names a `group`, a `user`, or both")


class Note(TicketEvent, frozen=True, kw_only=True, tag="note"):
    """For the staff alone."""

    text: Text


class Link(TicketEvent, frozen=True, kw_only=True, tag="link"):
    """Joins something to the ticket: a message (with its conversation), a conversation, a file, another ticket."""

    conversation: DocumentId | UnsetType = UNSET
    message: RecordId | UnsetType = UNSET
    blob: Blob | UnsetType = UNSET
    ticket: DocumentId | UnsetType = UNSET
    relation: Word | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.message is not UNSET and self.conversation is UNSET:
            raise ValueError("a linked `message` is named with its `conversation`")
        if sum(one is not UNSET for one in (self.conversation, self.ticket)) + (self.blob is not UNSET) == 0:
            raise ValueError("a link names a `conversation`, a `ticket` or a `blob`")


class Unlink(TicketEvent, frozen=True, kw_only=True, tag="unlink"):
    """Takes a link away again."""

    link: RecordId


class ChecklistItem(TicketEvent, frozen=True, kw_only=True, tag="checklist_item"):
    """Something to be done."""

    text: Caption


class ChecklistMark(TicketEvent, frozen=True, kw_only=True, tag="checklist_mark"):
    """An item is done, or is not after all."""

    item: RecordId
    done: bool


class Merge(TicketEvent, frozen=True, kw_only=True, tag="merge"):
    """The ticket goes on in another one."""

    into: DocumentId


class Unmerge(TicketEvent, frozen=True, kw_only=True, tag="unmerge"):
    """Takes a merge back."""

    merge: RecordId


class Satisfaction(TicketEvent, frozen=True, kw_only=True, tag="satisfaction"):
    """What the customer said of it in the conversation (the record `cause` there)."""

    cause: RecordId
    score: Score
    text: Caption | UnsetType = UNSET


class Number(TicketEvent, frozen=True, kw_only=True, tag="number"):
    """The ticket's number within its tenant: given once, by the server, in the order of opening."""

    cause: RecordId
    number: Whole


class Reopened(TicketEvent, frozen=True, kw_only=True, tag="reopened"):
    """The customer wrote `message`, which the one who ended the ticket with `ended` had not seen: it goes on.

    `unseen`: the two crossed: the customer wrote it before they could know of the end; else they answered it.
    """

    ended: RecordId
    message: RecordId
    unseen: bool


class EventRedaction(TicketEvent, frozen=True, kw_only=True, tag="redaction"):
    """Erases the content of an event for good. By a supervisor or an admin."""

    event: RecordId
    reason: Caption | UnsetType = UNSET
