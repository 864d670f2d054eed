"""Who is around a document: what rights rest on (`syncline_protocol.documents.access`).

Beside the data's way: the hub asks here when something is opened, and again when a conversation or a ticket has
changed. Customers and technicians are let in by who takes part and by groups; for everybody else nothing is read.
"""

from typing import Final

from syncline_protocol.documents.access import NOBODY, Circle
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.ticket import Ticket
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.states import States

DEPENDENT: Final = frozenset({Role.CUSTOMER, Role.TECHNICIAN})
"""Roles whose rights depend on who is around."""


async def circle_of(states: States, identity: Identity, name: DocumentName) -> Circle:
    """Who is around the document, as far as it matters for `identity`. Raises `StoreError`."""
    if identity.role not in DEPENDENT:
        return NOBODY
    if name.conversation is not None:
        return await _around_conversation(states, identity, name.conversation)
    if name.ticket is None:
        return NOBODY
    ticket = await states.ticket(identity.tenant, name.ticket)
    if ticket is None:
        return Circle(is_new=True)
    if identity.role is Role.TECHNICIAN:
        return _workers(ticket)
    if name.kind is DocumentKind.TICKET_PUBLIC:
        return Circle(await customers_of(states, identity.tenant, ticket))
    return NOBODY


async def _around_conversation(states: States, identity: Identity, conversation: str) -> Circle:
    head = await states.head(identity.tenant, conversation)
    if head is None:
        return NOBODY
    people = frozenset(head.participants)
    groups: frozenset[str] = frozenset()
    if identity.role is Role.TECHNICIAN and identity.user not in people:
        for linked in head.tickets:
            ticket = await states.ticket(identity.tenant, linked.ticket)
            if ticket is not None:
                workers = _workers(ticket)
                people |= workers.people
                groups |= workers.groups
    return Circle(people, groups)


def _workers(ticket: Ticket) -> Circle:
    """Who opened a ticket, who is or was on it, and the group it is with."""
    people = {ticket.opened_by, *ticket.watchers, *([ticket.assignee] if ticket.assignee else [])}
    return Circle(frozenset(people), frozenset({ticket.group}) if ticket.group else frozenset())


async def customers_of(states: States, tenant: str, ticket: Ticket) -> frozenset[str]:
    """The customers of a ticket: whom it names, and those of its conversation. Raises `StoreError`."""
    people = {ticket.customer} if ticket.customer else set()
    head = None if ticket.conversation is None else await states.head(tenant, ticket.conversation)
    if head is not None:
        people |= {user for user, one in head.participants.items() if one.role is Role.CUSTOMER}
    return frozenset(people)
