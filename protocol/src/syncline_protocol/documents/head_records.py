"""Records of `conversation/<id>`, root `conversation`. The server alone writes them."""

from msgspec import UNSET, UnsetType

from syncline_protocol.documents.fields import (
    DisplayName,
    DocumentId,
    LanguageTag,
    Record,
    SegmentNumber,
    Subject,
    UserId,
    Whole,
    Word,
)
from syncline_protocol.documents.identity import Role


class HeadRecord(Record, frozen=True, kw_only=True):
    """What records of a conversation's head share. The server writes them, at the request of the user `asked_by`."""

    asked_by: UserId | UnsetType = UNSET


class Opened(HeadRecord, frozen=True, kw_only=True, tag="opened"):
    """The conversation began, in `language`, over `channel` (`chat`, `phone`, `wechat`, …)."""

    subject: Subject
    channel: Word
    language: LanguageTag
    customer: UserId | UnsetType = UNSET


class ParticipantAdded(HeadRecord, frozen=True, kw_only=True, tag="participant_added"):
    """`user` takes part from now on, or under another role or name."""

    user: UserId
    role: Role
    name: DisplayName | UnsetType = UNSET


class ParticipantRemoved(HeadRecord, frozen=True, kw_only=True, tag="participant_removed"):
    """`user` takes part no longer."""

    user: UserId


class SubjectChanged(HeadRecord, frozen=True, kw_only=True, tag="subject_changed"):
    """The conversation is about something else."""

    subject: Subject


class SegmentOpened(HeadRecord, frozen=True, kw_only=True, tag="segment_opened"):
    """New messages go into this segment; late ones may still go into older segments."""

    segment: SegmentNumber


class Closed(HeadRecord, frozen=True, kw_only=True, tag="closed"):
    """The conversation is over, until it is reopened."""


class Reopened(HeadRecord, frozen=True, kw_only=True, tag="reopened"):
    """The conversation goes on."""


class TicketLinked(HeadRecord, frozen=True, kw_only=True, tag="ticket_linked"):
    """A ticket came out of the conversation, or was linked to it."""

    ticket: DocumentId
    number: Whole
