"""Records as callers send them: the fields of their type, without what the server knows (`by`, `device`), and with `id`
and `at` (and `after`, of ticket events) if the caller wants to give them.

Made from the schemas that admission reads records by, so that both say the same. What a schema cannot express,
admission still checks.
"""

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from syncline_protocol.documents.fields import HEADS_MAX, Record, RecordId
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.schema import EVENTS, MESSAGES, SCHEMAS, Schema, read_record
from syncline_protocol.documents.ticket_records import NOT_SET
from syncline_protocol.documents.ticket_rules import roles_of

KNOWN_TO_THE_SERVER: Final = frozenset({"by", "device"})
MAY_BE_GIVEN: Final = frozenset({"id", "at", "after"})

After = Annotated[tuple[RecordId, ...], msgspec.Meta(min_length=1, max_length=HEADS_MAX)]
"""What the author of an event knew, if they say so: only the opening knew nothing."""

BESIDES: Final[Mapping[str, Mapping[str, Any]]] = {
    "edit": {"oneOf": [{"required": ["text"]}, {"required": ["markup"]}]},
    "topic": {"anyOf": [{"required": ["subject"]}, {"required": ["issue_type"]}]},
    "status": {
        "not": {"properties": {"status": {"enum": sorted(NOT_SET)}}},
        "dependentRequired": {"seen": ["seen_at"], "seen_at": ["seen"]},
    },
    "transfer": {"anyOf": [{"required": ["group"]}, {"required": ["user"]}]},
    "link": {
        "anyOf": [{"required": ["conversation"]}, {"required": ["ticket"]}, {"required": ["blob"]}],
        "dependentRequired": {"message": ["conversation"]},
    },
}
"""What the schemas check besides single fields, as JSON Schema, by type."""

SERVER_ONLY: Final = frozenset({"system", "redacted", "opened"})
"""Types that no caller writes (`opened` comes with the ticket)."""


def as_sent(schema: Schema) -> type[msgspec.Struct]:
    """The struct in which a record of this schema is sent."""
    check = getattr(schema, "__post_init__", None)
    fields: list[Any] = []
    for field in msgspec.structs.fields(schema):
        if field.name in KNOWN_TO_THE_SERVER:
            continue
        if field.name == "after":
            fields.append((field.name, After | UnsetType, UNSET))
        elif field.name in MAY_BE_GIVEN:
            fields.append((field.name, field.type | UnsetType, UNSET))
        elif field.required:
            fields.append((field.name, field.type))
        else:
            fields.append((field.name, field.type, field.default))
    return msgspec.defstruct(
        f"New{schema.__name__}",
        fields,
        namespace={"__doc__": schema.__doc__, **({"__post_init__": check} if check else {})},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        tag_field="type",
        tag=schema.__struct_config__.tag,
    )


def _one_of(kinds: Iterable[type]) -> Any:
    return functools.reduce(operator.or_, kinds)


def _written_by_people(root: str, type_: str) -> bool:
    return type_ not in SERVER_ONLY and not (root == EVENTS and roles_of(type_) == {Role.SERVER})


def _sent(root: str) -> Any:
    return _one_of(as_sent(schema) for type_, schema in SCHEMAS[root].items() if _written_by_people(root, type_))


EVENTS_MAX: Final = 50
"""Events of one request."""

if TYPE_CHECKING:  # to a type checker, what all of them have in common
    NewMessage: TypeAlias = msgspec.Struct
    NewEvent: TypeAlias = msgspec.Struct
    NewEvents: TypeAlias = msgspec.Struct | list[msgspec.Struct]
    MessageRecord: TypeAlias = Record
    EventRecord: TypeAlias = Record
else:
    NewMessage = _sent(MESSAGES)
    """A record of a root `messages`, as it is sent."""

    NewEvent = _sent(EVENTS)
    """An event of a ticket, as it is sent."""

    NewEvents = NewEvent | Annotated[list[NewEvent], msgspec.Meta(min_length=1, max_length=EVENTS_MAX)]
    """One event or several, as they are sent."""

    MessageRecord = _one_of(SCHEMAS[MESSAGES].values())
    """A record of a root `messages`, as it is stored."""

    EventRecord = _one_of(SCHEMAS[EVENTS].values())
    """An event of a ticket, as it is stored."""


def value_of(sent: msgspec.Struct) -> dict[str, Any]:
    """What was sent, as fields of a record: plain JSON values."""
    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(sent))
    return value


def stored(root: str, value: Mapping[str, Any]) -> Record:
    """An admitted record. Raises `ValueError` for one that this version does not know."""
    record = read_record(root, value)
    if record is None:
        raise ValueError(f"there is no type {value.get('type')!r} in {root}")
    return record
