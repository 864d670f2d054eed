"""Who may open what, and who may write which records: the rules of `docs/protocol.md`, section 7.

On the data's way: `record index → RULES → log`. Before this, a record is known to come from a client id of the device
it came from; after it, the record says so itself, is well formed, and is its author's to write. The same functions
tell a device beforehand what would be refused.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from syncline_protocol.clock import at_ms
from syncline_protocol.documents.fields import Record
from syncline_protocol.documents.identity import SERVER_USER, STAFF, Identity, Role
from syncline_protocol.documents.message_records import Edit, Reaction, Recall
from syncline_protocol.documents.schema import MESSAGE_TYPES, MESSAGES, ROOTS, SCHEMAS, Schema, parse_scanned
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX
from syncline_protocol.names import DocumentKind, DocumentName

if TYPE_CHECKING:
    from syncline_protocol.documents.record_index import RecordIndex
    from syncline_protocol.update import RecordStruct

__all__ = ["Identity", "Role", "access", "check_records"]

PEOPLE: Final = STAFF | {Role.CUSTOMER}
"""Who writes messages."""

RECALLS_ANY: Final = frozenset({Role.SUPERVISOR, Role.ADMIN})
"""Who may take back a message of somebody else."""

REASON_CHARACTERS_MAX: Final = 300
"""What a refusal says of a malformed record: the names of fields in it are the writer's."""

ABOUT_A_MESSAGE: Final = (Edit, Recall, Reaction)
"""Records that name a message, which has to be there."""

STAFF_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(
    {
        DocumentKind.CONVERSATION: Access.READ,
        DocumentKind.SEGMENT: Access.APPEND,
        DocumentKind.PAGE: Access.WRITE,
    }
)
"""Without entry: none. Tickets are not open yet."""

AUDITOR_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(
    dict.fromkeys((DocumentKind.CONVERSATION, DocumentKind.SEGMENT, DocumentKind.PAGE), Access.READ)
)

SERVER_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(
    dict.fromkeys((DocumentKind.CONVERSATION, DocumentKind.SEGMENT), Access.APPEND)
)

PARTICIPANT_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(
    {DocumentKind.CONVERSATION: Access.READ, DocumentKind.SEGMENT: Access.APPEND}
)
"""A customer's, in conversations they take part in."""


def access(identity: Identity, name: DocumentName, participants: Collection[str]) -> Access:
    """What `identity` may do with the document. `participants` are the users of the conversation that it belongs to.

    Staff rights by group come with tickets; until then staff reads all conversations of its tenant.
    """
    if (identity.role is Role.SERVER) != (identity.user == SERVER_USER):
        return Access.NONE
    if name.kind is DocumentKind.USER:
        return _access_to_own(identity, name)
    if identity.role in STAFF:
        return STAFF_ACCESS.get(name.kind, Access.NONE)
    if identity.role is Role.CUSTOMER and identity.user in participants:
        return PARTICIPANT_ACCESS.get(name.kind, Access.NONE)
    if identity.role is Role.AUDITOR:
        return AUDITOR_ACCESS.get(name.kind, Access.NONE)
    if identity.role is Role.SERVER:
        return SERVER_ACCESS.get(name.kind, Access.NONE)
    return Access.NONE


def _access_to_own(identity: Identity, name: DocumentName) -> Access:
    if identity.user != name.id or identity.role is Role.SERVER:
        return Access.NONE
    return Access.READ if identity.role is Role.AUDITOR else Access.APPEND


class _Writing:
    """A type of record in a root of a kind of document: its schema, and the roles that may write it."""

    __slots__ = ("roles", "schema")

    def __init__(self, schema: Schema, roles: frozenset[Role]) -> None:
        self.schema = schema
        self.roles = roles


def _roles(kind: DocumentKind, type_: str) -> frozenset[Role]:
    if kind is DocumentKind.CONVERSATION or type_ == "system":
        return frozenset({Role.SERVER})
    return PEOPLE


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
    for struct in new:
        record = _check_record(identity, name, struct)
        if at_ms(record.at) > latest_ms:
            raise _clock_ahead(struct.key, record.at, now_ms)
        if isinstance(record, ABOUT_A_MESSAGE):
            _check_named_message(identity, record, index, authors)
        elif struct.value["type"] in MESSAGE_TYPES:
            authors[record.id] = record.by


def _check_record(identity: Identity, name: DocumentName, struct: "RecordStruct") -> Record:
    """The record by itself: its type, schema and author."""
    root, key, value = struct.root, struct.key, struct.value
    type_ = value.get("type")
    writing = _WRITINGS.get((name.kind, root, type_)) if isinstance(type_, str) else None
    if writing is None:
        _refuse_unknown(name, struct)
    if identity.role not in writing.roles:
        _refuse(RefusalCode.FORBIDDEN, key, f"a record of type {type_} is not for a {identity.role.value} to write")
    if name.kind is DocumentKind.USER and identity.user != name.id:
        _refuse(RefusalCode.FORBIDDEN, key, f"{name.path} belongs to another user")
    try:
        record = parse_scanned(writing.schema, value)
    except ValueError as error:
        reason = f"record {key}: {str(error)[:REASON_CHARACTERS_MAX]}"
        raise RefusedUpdate(RefusalCode.INVALID, reason, detail={"record": key}) from error
    if record.id != key:
        _refuse(RefusalCode.INVALID, key, f"its `id` is {record.id}, not its key")
    if record.by != identity.user:
        _refuse(RefusalCode.FORBIDDEN, key, f"its `by` is not {identity.user}, who sent it")
    if record.device != identity.device:
        _refuse(RefusalCode.FORBIDDEN, key, f"its `device` is not {identity.device}, which sent it")
    return record


def _check_named_message(
    identity: Identity, record: Edit | Recall | Reaction, index: "RecordIndex", authors: Mapping[str, str]
) -> None:
    """A record about a message: the message exists in this document, and is its author's to edit or recall."""
    author = authors.get(record.message)
    if author is None:
        facts = index.records.get((MESSAGES, record.message))
        if facts is None or facts.type not in MESSAGE_TYPES:
            _refuse(RefusalCode.FORBIDDEN, record.id, f"there is no message {record.message} in this document")
        author = facts.by
    if isinstance(record, Reaction) or author == identity.user:
        return
    if isinstance(record, Recall) and identity.role in RECALLS_ANY:
        return
    verb = "edit" if isinstance(record, Edit) else "recall"
    _refuse(RefusalCode.FORBIDDEN, record.id, f"message {record.message} is not {identity.user}'s to {verb}")


def _refuse_unknown(name: DocumentName, struct: "RecordStruct") -> NoReturn:
    if struct.root not in ROOTS[name.kind]:
        _refuse(RefusalCode.FORBIDDEN, struct.key, f"a document of kind {name.kind.value} has no root {struct.root!r}")
    _refuse(RefusalCode.INVALID, struct.key, f"{struct.root!r} has no type {struct.value.get('type')!r:.80}")


def _refuse(code: RefusalCode, key: str, reason: str) -> NoReturn:
    raise RefusedUpdate(code, f"record {key}: {reason}", detail={"record": key})


def _clock_ahead(key: str, at: int, now_ms: int) -> RefusedUpdate:
    return RefusedUpdate(
        RefusalCode.CLOCK_AHEAD,
        f"record {key} is {at_ms(at) - now_ms} ms ahead of the server's time",
        detail={"record": key, "server_time_ms": now_ms},
    )
