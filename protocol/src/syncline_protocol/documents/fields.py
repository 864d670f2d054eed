"""The types that fields of records have, with their limits, and what every record carries.

Below the record types (`message_records.py`, `head_records.py`, `user_records.py`, `ticket_records.py`,
`public_records.py`), which `schema.py` puts into the roots of documents.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from syncline_protocol.clock import AT_MAX
from syncline_protocol.documents.records import INTEGER_MAX
from syncline_protocol.limits import DEVICE_BYTES_MAX, MESSAGE_TEXT_CHARACTERS_MAX
from syncline_protocol.names import ID_CHARACTERS_MAX, SEGMENT_NUMBER_MAX

CAPTION_CHARACTERS_MAX: Final = 4_000
"""Code points in a caption, a system message's text or a setting's value."""

SUBJECT_CHARACTERS_MAX: Final = 500
"""Code points in a subject: what a list of conversations shows in one or two lines."""

FILE_NAME_CHARACTERS_MAX: Final = 255
"""What file systems take."""

PIXELS_MAX: Final = 100_000
"""Width or height of a picture or video."""

DURATION_MS_MAX: Final = 24 * 60 * 60 * 1000
"""A voice message or video: one day."""

DATA_ENTRIES_MAX: Final = 32
"""Entries in a system message's data."""

HEADS_MAX: Final = 64
"""Heads that one event may name: so many people at most have written apart from each other. Beyond, the latest."""

SCORE_MAX: Final = 5
"""The best a customer can say of what became of a ticket."""

RecordId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")]
"""A UUIDv7 in canonical text (RFC 9562), lower-case: one spelling each."""

DocumentId = Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX)]
UserId = DocumentId
DeviceId = Annotated[str, Meta(min_length=1, max_length=DEVICE_BYTES_MAX)]
At = Annotated[int, Meta(ge=0, le=AT_MAX)]
Word = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,63}\Z")]
"""A name out of a program: of an event, a channel, an entry of data."""

LanguageTag = Annotated[str, Meta(pattern=r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\Z")]
"""A language tag (BCP 47), e.g. `zh-Hans`."""

Text = Annotated[str, Meta(min_length=1, max_length=MESSAGE_TEXT_CHARACTERS_MAX)]
Caption = Annotated[str, Meta(min_length=1, max_length=CAPTION_CHARACTERS_MAX)]
Subject = Annotated[str, Meta(min_length=1, max_length=SUBJECT_CHARACTERS_MAX)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=SUBJECT_CHARACTERS_MAX)]
SegmentNumber = Annotated[int, Meta(ge=1, le=SEGMENT_NUMBER_MAX)]
Whole = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Pixels = Annotated[int, Meta(ge=1, le=PIXELS_MAX)]
DurationMs = Annotated[int, Meta(ge=0, le=DURATION_MS_MAX)]
Score = Annotated[int, Meta(ge=1, le=SCORE_MAX)]
Scalar = (
    bool
    | Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    | Annotated[str, Meta(max_length=CAPTION_CHARACTERS_MAX)]
    | None
)


class Record(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"
):
    """What every record carries. `id` is its key, `by` and `device` are its author's, `at` is a hybrid clock stamp."""

    id: RecordId
    by: UserId
    device: DeviceId
    at: At


class Blob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file beside the document, named by the SHA-256 of its bytes (lower-case hex). `size` is in bytes."""

    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=FILE_NAME_CHARACTERS_MAX)]
    media_type: Annotated[str, Meta(pattern=r"\A[a-z]+/[a-z0-9][a-z0-9.+_-]{0,100}\Z")]
    size: Whole
    width: Pixels | UnsetType = UNSET
    height: Pixels | UnsetType = UNSET
    duration_ms: DurationMs | UnsetType = UNSET


class Redacted(Record, frozen=True, kw_only=True, tag="redacted"):
    """What remains of an erased record of type `of`: who wrote it when, its place among the others, and what others
    build on (`erasure.py`): whose ticket it is, and where it stood.
    """

    of: Word
    message: RecordId | UnsetType = UNSET
    after: Annotated[tuple[RecordId, ...], Meta(max_length=HEADS_MAX)] | UnsetType = UNSET
    auto: Literal[True] | UnsetType = UNSET
    status: Word | UnsetType = UNSET
    conversation: DocumentId | UnsetType = UNSET
    customer: UserId | UnsetType = UNSET
