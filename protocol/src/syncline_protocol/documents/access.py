"""Who may open what: the first half of the rules of `docs/protocol.md`, section 7 (`rules.py` is the other).

Beside the data's way: asked when a document is opened, and again whenever something it rests on has changed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from syncline_protocol.documents.identity import SERVER_USER, Identity, Role
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName


class Circle(NamedTuple):
    """Those around a document, as far as rights depend on them.

    `people`: who takes part in the conversation; of a ticket who is or was on it; of its public side its customers.
    `groups`: those that the ticket, or the conversation's tickets, are with. `is_new`: a ticket that nobody has opened.
    """

    people: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    is_new: bool = False


NOBODY: Final = Circle()

ALL_TICKETS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.BOT, Role.INTEGRATION})
"""Roles that work on every conversation and ticket of their tenant. A technician works on those of their groups."""

_STAFF: Final = {
    DocumentKind.CONVERSATION: Access.READ,
    DocumentKind.SEGMENT: Access.APPEND,
    DocumentKind.TICKET: Access.APPEND,
    DocumentKind.TICKET_PUBLIC: Access.READ,
    DocumentKind.TICKET_TEXT: Access.WRITE,
    DocumentKind.PAGE: Access.WRITE,
}

STAFF_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(_STAFF)
OUTSIDER_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType({DocumentKind.PAGE: Access.WRITE})
"""A technician's, where neither they nor their groups have anything to do with it."""

AUDITOR_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(dict.fromkeys(_STAFF, Access.READ))
CUSTOMER_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(
    {
        DocumentKind.CONVERSATION: Access.READ,
        DocumentKind.SEGMENT: Access.APPEND,
        DocumentKind.TICKET_PUBLIC: Access.READ,
    }
)
"""A customer's, within their circle; outside of it: none."""

SERVER_ACCESS: Final[Mapping[DocumentKind, Access]] = MappingProxyType(
    dict.fromkeys(
        (DocumentKind.CONVERSATION, DocumentKind.SEGMENT, DocumentKind.TICKET, DocumentKind.TICKET_PUBLIC),
        Access.APPEND,
    )
)


def access(identity: Identity, name: DocumentName, circle: Circle) -> Access:
    """What `identity` may do with the document, given who is around it."""
    if (identity.role is Role.SERVER) != (identity.user == SERVER_USER):
        return Access.NONE
    if name.kind is DocumentKind.USER:
        return _access_to_own(identity, name)
    if identity.role in ALL_TICKETS:
        return STAFF_ACCESS.get(name.kind, Access.NONE)
    is_inside = identity.user in circle.people
    match identity.role:
        case Role.TECHNICIAN:
            works_there = is_inside or circle.is_new or not circle.groups.isdisjoint(identity.groups)
            return (STAFF_ACCESS if works_there else OUTSIDER_ACCESS).get(name.kind, Access.NONE)
        case Role.CUSTOMER:
            return CUSTOMER_ACCESS.get(name.kind, Access.NONE) if is_inside else Access.NONE
        case Role.AUDITOR:
            return AUDITOR_ACCESS.get(name.kind, Access.NONE)
        case Role.SERVER:
            return SERVER_ACCESS.get(name.kind, Access.NONE)
        case _:
            return Access.NONE


def _access_to_own(identity: Identity, name: DocumentName) -> Access:
    if identity.user != name.id or identity.role is Role.SERVER:
        return Access.NONE
    return Access.READ if identity.role is Role.AUDITOR else Access.APPEND
