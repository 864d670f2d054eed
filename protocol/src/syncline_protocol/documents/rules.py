"""Who may write which records: the rules of `docs/protocol.md`, section 7, but for who may open what (`access.py`).

On the data's way: `record index → RULES → log`. Before this, a record is known to come from a client id of the device
it came from; after it, the record says so itself, is well formed, and is its author's to write. The same functions
tell a device beforehand what would be refused.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from syncline_protocol.clock import at_ms
from syncline_protocol.documents.fields import Record
from syncline_protocol.documents.identity import PROGRAMS, STAFF, Identity, Role
from syncline_protocol.documents.message_records import Edit, PersonMessage, Reaction, Recall, Redaction
from syncline_protocol.documents.refusing import refuse
from syncline_protocol.documents.schema import MESSAGE_TYPES, MESSAGES, ROOTS, SCHEMAS, Schema, parse_scanned
from syncline_protocol.documents.ticket_records import TicketEvent
from syncline_protocol.documents.ticket_rules import SUPERVISING, check_event, roles_of
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX
from syncline_protocol.names import DocumentKind, DocumentName

if TYPE_CHECKING:
    from syncline_protocol.documents.record_index import RecordIndex
    from syncline_protocol.update import RecordStruct

PEOPLE: Final = STAFF | {Role.CUSTOMER}
"""Who writes messages."""

REASON_CHARACTERS_MAX: Final = 300
"""What a refusal says of a malformed record: the names of fields in it are the writer's."""

ABOUT_A_MESSAGE: Final = (Edit, Recall, Reaction, Redaction)
"""Records that name a message, which has to be there."""


class _Writing:
    """A type of record in a root of a kind of document: its schema, and the roles that may write it."""

    __slots__ = ("roles", "schema")

    def __init__(self, schema: Schema, roles: frozenset[Role]) -> None:
        self.schema = schema
        self.roles = roles


SEGMENT_ROLES: Final[Mapping[str, frozenset[Role]]] = MappingProxyType(
    {
        "system": frozenset({Role.SERVER}),
        "redaction": SUPERVISING,
        "satisfaction": frozenset({Role.CUSTOMER}),
    }
)
"""By type of record in a segment, where it is not all people."""


def _roles(kind: DocumentKind, type_: str) -> frozenset[Role]:
    if type_ == "redacted":
        return frozenset()  # what is left of an erased record is nobody's to write
    match kind:
        case DocumentKind.CONVERSATION | DocumentKind.TICKET_PUBLIC:
            return frozenset({Role.SERVER})
        case DocumentKind.TICKET:
            return roles_of(type_)
        case _:
            return SEGMENT_ROLES.get(type_, PEOPLE)


_WRITINGS: Final = {
    (kind, root, type_): _Writing(schema, _roles(kind, type_))
    for kind, roots in ROOTS.items()
    for root in roots
    for type_, schema in SCHEMAS[root].items()
}


def check_records(
    identity: Identity, name: DocumentName, new: Sequence["RecordStruct"], index: "RecordIndex", now_ms: int
) -> None:
    """Refuse `new`, in the order written and not yet in `index`, unless `identity` may write all of it to the document.

    `now_ms` is the server's time. That no record is too large is the scanner's to see. Raises `RefusedUpdate` with the
    record's key in `detail["record"]`: `forbidden`, `invalid`, or `clock_ahead` with `detail["server_time_ms"]`.
    """
    latest_ms = now_ms + CLOCK_AHEAD_MS_MAX
    authors: dict[str, str] = {}  # of messages that are new themselves
    events: dict[str, str] = {}  # types of events that are new themselves
    for struct in new:
        record = _check_record(identity, name, struct)
        if at_ms(record.at) > latest_ms:
            raise _clock_ahead(struct.key, record.at, now_ms)
        if isinstance(record, TicketEvent):
            check_event(identity, record, index, events)
            events[record.id] = struct.value["type"]
        elif isinstance(record, ABOUT_A_MESSAGE):
            _check_named_message(identity, record, index, authors)
        elif struct.value["type"] in MESSAGE_TYPES:
            _check_marked(identity, record)
            authors[record.id] = record.by


def _check_record(identity: Identity, name: DocumentName, struct: "RecordStruct") -> Record:
    """The record by itself: its type, schema and author."""
    root, key, value = struct.root, struct.key, struct.value
    type_ = value.get("type")
    writing = _WRITINGS.get((name.kind, root, type_)) if isinstance(type_, str) else None
    if writing is None:
        _refuse_unknown(name, struct)
    if identity.role not in writing.roles:
        refuse(RefusalCode.FORBIDDEN, key, f"a record of type {type_} is not for a {identity.role.value} to write")
    if name.kind is DocumentKind.USER and identity.user != name.id:
        refuse(RefusalCode.FORBIDDEN, key, f"{name.path} belongs to another user")
    try:
        record = parse_scanned(writing.schema, value)
    except ValueError as error:
        reason = f"record {key}: {str(error)[:REASON_CHARACTERS_MAX]}"
        raise RefusedUpdate(RefusalCode.INVALID, reason, detail={"record": key}) from error
    if record.id != key:
        refuse(RefusalCode.INVALID, key, f"its `id` is {record.id}, not its key")
    if record.by != identity.user:
        refuse(RefusalCode.FORBIDDEN, key, f"its `by` is not {identity.user}, who sent it")
    if record.device != identity.device:
        refuse(RefusalCode.FORBIDDEN, key, f"its `device` is not {identity.device}, which sent it")
    return record


def _check_marked(identity: Identity, record: Record) -> None:
    """A message says whether a program wrote it: nothing else tells of whoever takes no part in the conversation."""
    if isinstance(record, PersonMessage) and (record.auto is True) != (identity.role in PROGRAMS):
        refuse(
            RefusalCode.FORBIDDEN, record.id, "`auto` is what bots and integrations write, and what nobody else does"
        )


def _check_named_message(
    identity: Identity, record: Edit | Recall | Reaction | Redaction, index: "RecordIndex", authors: Mapping[str, str]
) -> None:
    """A record about a message: the message exists in this document, and is its author's to edit or recall."""
    author = authors.get(record.message)
    if author is None:
        facts = index.records.get((MESSAGES, record.message))
        if isinstance(record, Redaction) and facts is not None and facts.type == "redacted":
            return  # two asked for the same, and one was first
        if facts is None or facts.type not in MESSAGE_TYPES:
            refuse(RefusalCode.FORBIDDEN, record.id, f"there is no message {record.message} in this document")
        author = facts.by
    if isinstance(record, Reaction | Redaction) or author == identity.user:
        return  # who may erase is a matter of the role alone
    if isinstance(record, Recall) and identity.role in SUPERVISING:
        return
    verb = "edit" if isinstance(record, Edit) else "recall"
    refuse(RefusalCode.FORBIDDEN, record.id, f"message {record.message} is not {identity.user}'s to {verb}")


def _refuse_unknown(name: DocumentName, struct: "RecordStruct") -> NoReturn:
    if struct.root not in ROOTS[name.kind]:
        refuse(RefusalCode.FORBIDDEN, struct.key, f"a document of kind {name.kind.value} has no root {struct.root!r}")
    refuse(RefusalCode.INVALID, struct.key, f"{struct.root!r} has no type {struct.value.get('type')!r:.80}")


def _clock_ahead(key: str, at: int, now_ms: int) -> RefusedUpdate:
    return RefusedUpdate(
        RefusalCode.CLOCK_AHEAD,
        f"record {key} is {at_ms(at) - now_ms} ms ahead of the server's time",
        detail={"record": key, "server_time_ms": now_ms},
    )
