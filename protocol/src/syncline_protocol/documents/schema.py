"""The records there are: their fields, types and limits, and in which root map of which kind of document each stands.

Admission reads every new record by these (`parse_record`: a field too many, too few or of the wrong type is refused);
devices read what was admitted by them (`read_record`: what a newer server has admitted and this version does not know
is passed over). A record is never changed or deleted: later records supersede earlier ones, and a reducer says how.

Markup is the plain source text of a small Markdown subset: `*emphasis*`, `**strong**`, `` `code` ``, fenced code
blocks, `- ` and `1. ` lists, `> ` quotes, `[text](https://…)` links. It is stored as written and never read as HTML:
a device shows every `<` and `&` as that character, opens links to http, https, mailto and tel only, and shows whatever
else it does not understand as the text it is.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from syncline_protocol.clock import AT_MAX
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.records import INTEGER_MAX, plain
from syncline_protocol.limits import DEVICE_BYTES_MAX, MESSAGE_TEXT_CHARACTERS_MAX
from syncline_protocol.names import ID_CHARACTERS_MAX, SEGMENT_NUMBER_MAX, DocumentKind

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


# --- conversation/<id>/<n>, root `messages` -----------------------------------------------------------------------


class PersonMessage(Record, frozen=True, kw_only=True):
    """What people's messages share. `reply_to` may name a message of another segment."""

    reply_to: RecordId | UnsetType = UNSET
    lang: LanguageTag | UnsetType = UNSET


class TextMessage(PersonMessage, frozen=True, kw_only=True, tag="text"):
    """Plain text."""

    text: Text


class RichTextMessage(PersonMessage, frozen=True, kw_only=True, tag="rich_text"):
    """Text with markup, as source (see the module's text)."""

    markup: Text


class Blob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file beside the document, named by the SHA-256 of its bytes (lower-case hex). `size` is in bytes."""

    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=FILE_NAME_CHARACTERS_MAX)]
    media_type: Annotated[str, Meta(pattern=r"\A[a-z]+/[a-z0-9][a-z0-9.+_-]{0,100}\Z")]
    size: Whole
    width: Pixels | UnsetType = UNSET
    height: Pixels | UnsetType = UNSET
    duration_ms: DurationMs | UnsetType = UNSET


class BlobMessage(PersonMessage, frozen=True, kw_only=True):
    """What messages with a file share."""

    blob: Blob
    caption: Caption | UnsetType = UNSET


class ImageMessage(BlobMessage, frozen=True, kw_only=True, tag="image"):
    """A picture."""


class VoiceMessage(BlobMessage, frozen=True, kw_only=True, tag="voice"):
    """A spoken message."""


class VideoMessage(BlobMessage, frozen=True, kw_only=True, tag="video"):
    """A clip."""


class FileMessage(BlobMessage, frozen=True, kw_only=True, tag="file"):
    """Any other file."""


class SystemMessage(Record, frozen=True, kw_only=True, tag="system"):
    """What the server says, e.g. that somebody joined. Devices word it by `event` and `data`, else by `text`."""

    event: Word
    text: Caption | UnsetType = UNSET
    data: Annotated[dict[Word, Scalar], Meta(max_length=DATA_ENTRIES_MAX)] | UnsetType = UNSET


class Edit(Record, frozen=True, kw_only=True, tag="edit"):
    """A new version of a message's text, markup or caption, by the message's author. Exactly one of the two is set."""

    message: RecordId
    text: Text | UnsetType = UNSET
    markup: Text | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.text is UNSET) == (self.markup is UNSET):
            raise ValueError("an edit has either `text` or `markup`")


class Recall(Record, frozen=True, kw_only=True, tag="recall"):
    """Takes a message back: by its author, a supervisor or an admin."""

    message: RecordId


class Reaction(Record, frozen=True, kw_only=True, tag="reaction"):
    """Sets or takes back one's reaction to a message."""

    message: RecordId
    emoji: Annotated[str, Meta(pattern=r"\A[^\s\x00-\x1f\x7f]{1,32}\Z")]
    on: bool


# --- conversation/<id>, root `conversation` -----------------------------------------------------------------------


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


# --- user/<id>, roots `read_markers`, `drafts`, `settings` --------------------------------------------------------


class ReadMarker(Record, frozen=True, kw_only=True, tag="read_marker"):
    """The user has read the conversation up to `message`, whose `at` is `up_to`."""

    conversation: DocumentId
    up_to: At
    message: RecordId


class Draft(Record, frozen=True, kw_only=True, tag="draft"):
    """What the user has written and not sent; empty when it was sent or thrown away."""

    conversation: DocumentId
    text: Annotated[str, Meta(max_length=MESSAGE_TEXT_CHARACTERS_MAX)]


class Setting(Record, frozen=True, kw_only=True, tag="setting"):
    """One setting of the user's; null takes it back to its default."""

    name: Word
    value: Scalar


# --- which stand where -------------------------------------------------------------------------------------------

Schema = type[Record]
_NO_SCHEMAS: Final[Mapping[str, Schema]] = MappingProxyType({})


def _by_type(*schemas: Schema) -> Mapping[str, Schema]:
    return MappingProxyType({str(schema.__struct_config__.tag): schema for schema in schemas})


MESSAGES: Final = "messages"
CONVERSATION: Final = "conversation"
READ_MARKERS: Final = "read_markers"
DRAFTS: Final = "drafts"
SETTINGS: Final = "settings"

MESSAGE_TYPES: Final = frozenset({"text", "rich_text", "image", "voice", "video", "file", "system"})
"""Types of records that are messages, as against those that are about one."""

SCHEMAS: Final[Mapping[str, Mapping[str, Schema]]] = MappingProxyType(
    {
        MESSAGES: _by_type(
            TextMessage, RichTextMessage, ImageMessage, VoiceMessage, VideoMessage, FileMessage, SystemMessage,
            Edit, Recall, Reaction,
        ),
        CONVERSATION: _by_type(
            Opened, ParticipantAdded, ParticipantRemoved, SubjectChanged, SegmentOpened, Closed, Reopened
        ),
        READ_MARKERS: _by_type(ReadMarker),
        DRAFTS: _by_type(Draft),
        SETTINGS: _by_type(Setting),
    }
)  # fmt: skip
"""By root, then by type."""

ROOTS: Final[Mapping[DocumentKind, tuple[str, ...]]] = MappingProxyType(
    {
        DocumentKind.CONVERSATION: (CONVERSATION,),
        DocumentKind.SEGMENT: (MESSAGES,),
        DocumentKind.USER: (READ_MARKERS, DRAFTS, SETTINGS),
        DocumentKind.TICKET: (),
        DocumentKind.TICKET_PUBLIC: (),
        DocumentKind.PAGE: (),
    }
)
"""The root maps of each kind of document that hold records. Tickets take none yet."""


def schema_of(root: str, value: Mapping[str, Any]) -> Schema | None:
    """The schema for a value of this root by its `type`, or None if there is none."""
    kind = value.get("type")
    return SCHEMAS.get(root, _NO_SCHEMAS).get(kind) if isinstance(kind, str) else None


def parse_scanned(schema: Schema, value: Mapping[str, Any]) -> Record:
    """A value that `scan_records` returned, which is known to be plain, as a record of `schema`. See `parse_record`."""
    return msgspec.convert(value, schema)


def parse_record(schema: Schema, value: Mapping[str, Any]) -> Record:
    """`value` as a record of `schema`, strictly. Raises `ValueError` that names the field."""
    return msgspec.convert(plain(value), schema)


def read_record(root: str, value: Mapping[str, Any]) -> Record | None:
    """An admitted record as this version understands it: without fields it does not know; None for an unknown type.

    Raises `ValueError` when a known field is not what it has to be.
    """
    schema = schema_of(root, value)
    if schema is None:
        return None
    known = _known(schema, value)
    if isinstance(value.get("blob"), dict):
        known["blob"] = _known(Blob, value["blob"])
    return parse_record(schema, known)


def _known(schema: type[msgspec.Struct], value: Mapping[str, Any]) -> dict[str, Any]:
    fields = schema.__struct_fields__
    return {name: item for name, item in value.items() if name in fields or name == "type"}
