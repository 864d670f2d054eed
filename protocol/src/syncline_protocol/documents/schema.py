"""The records there are: which type stands in which root map of which kind of document, and how they are read.

Admission reads every new record by these (`parse_record`: a field too many, too few or of the wrong type is refused);
devices read what was admitted by them (`read_record`: what a newer server has admitted and this version does not know
is passed over). A record is never changed or deleted: later records supersede earlier ones, and a reducer says how.
(What was erased for good is the exception: `erasure.py`.)

The types themselves: `message_records.py`, `head_records.py`, `user_records.py`, `ticket_records.py`,
`public_records.py`.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from syncline_protocol.documents import (
    head_records,
    message_records,
    public_records,
    ticket_records,
    user_records,
)
from syncline_protocol.documents.fields import Blob, Record, Redacted
from syncline_protocol.documents.records import plain
from syncline_protocol.names import DocumentKind

Schema = type[Record]
_NO_SCHEMAS: Final[Mapping[str, Schema]] = MappingProxyType({})


def _by_type(*schemas: Schema) -> Mapping[str, Schema]:
    return MappingProxyType({str(schema.__struct_config__.tag): schema for schema in schemas})


MESSAGES: Final = "messages"
CONVERSATION: Final = "conversation"
EVENTS: Final = "events"
PUBLIC: Final = "public"
READ_MARKERS: Final = "read_markers"
DRAFTS: Final = "drafts"
SETTINGS: Final = "settings"

MESSAGE_TYPES: Final = frozenset({"text", "rich_text", "image", "voice", "video", "file", "system"})
"""Types of records that are messages, as against those that are about one."""

SCHEMAS: Final[Mapping[str, Mapping[str, Schema]]] = MappingProxyType(
    {
        MESSAGES: _by_type(
            message_records.TextMessage,
            message_records.RichTextMessage,
            message_records.ImageMessage,
            message_records.VoiceMessage,
            message_records.VideoMessage,
            message_records.FileMessage,
            message_records.SystemMessage,
            message_records.Edit,
            message_records.Recall,
            message_records.Reaction,
            message_records.Redaction,
            message_records.Rating,
            Redacted,
        ),
        CONVERSATION: _by_type(
            head_records.Opened,
            head_records.ParticipantAdded,
            head_records.ParticipantRemoved,
            head_records.SubjectChanged,
            head_records.SegmentOpened,
            head_records.Closed,
            head_records.Reopened,
            head_records.TicketLinked,
        ),
        EVENTS: _by_type(
            ticket_records.TicketOpened,
            ticket_records.Topic,
            ticket_records.FieldSet,
            ticket_records.PrioritySet,
            ticket_records.StatusSet,
            ticket_records.Claim,
            ticket_records.Assignment,
            ticket_records.ClaimLost,
            ticket_records.Transfer,
            ticket_records.Note,
            ticket_records.Link,
            ticket_records.Unlink,
            ticket_records.ChecklistItem,
            ticket_records.ChecklistMark,
            ticket_records.Merge,
            ticket_records.Unmerge,
            ticket_records.Satisfaction,
            ticket_records.Number,
            ticket_records.Reopened,
            ticket_records.EventRedaction,
            Redacted,
        ),
        PUBLIC: _by_type(public_records.Step, Redacted),
        READ_MARKERS: _by_type(user_records.ReadMarker),
        DRAFTS: _by_type(user_records.Draft, Redacted),
        SETTINGS: _by_type(user_records.Setting),
    }
)
"""By root, then by type."""

ROOTS: Final[Mapping[DocumentKind, tuple[str, ...]]] = MappingProxyType(
    {
        DocumentKind.CONVERSATION: (CONVERSATION,),
        DocumentKind.SEGMENT: (MESSAGES,),
        DocumentKind.USER: (READ_MARKERS, DRAFTS, SETTINGS),
        DocumentKind.TICKET: (EVENTS,),
        DocumentKind.TICKET_PUBLIC: (PUBLIC,),
        DocumentKind.TICKET_TEXT: (),
        DocumentKind.PAGE: (),
    }
)
"""The root maps of each kind of document that hold records."""


NESTED: Final[Mapping[str, type[msgspec.Struct]]] = MappingProxyType({"blob": Blob, "source": ticket_records.Source})
"""Fields of records that are structs themselves."""


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
    for name, kind in NESTED.items():
        if isinstance(value.get(name), dict):
            known[name] = _known(kind, value[name])
    return parse_record(schema, known)


def read_scanned(root: str, value: Mapping[str, Any]) -> Record | None:
    """The same of a value that `scan_records` returned, which is known to be plain: three times as fast as long as this
    version knows all its fields.
    """
    schema = schema_of(root, value)
    if schema is None:
        return None
    try:
        return parse_scanned(schema, value)
    except ValueError:
        return read_record(root, value)


def _known(schema: type[msgspec.Struct], value: Mapping[str, Any]) -> dict[str, Any]:
    names = _names(schema)
    return dict(value) if value.keys() <= names else {name: item for name, item in value.items() if name in names}


@cache
def _names(schema: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset({*schema.__struct_fields__, "type"})
