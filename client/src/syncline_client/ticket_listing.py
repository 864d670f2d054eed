"""Tickets by their numbers, and lists of them: from the server, or without one from what is on the device.

Beside the commands: numbers are the server's, and a device that has a ticket knows its number as well.
"""

from typing import Final

from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.schema import EVENTS
from syncline_protocol.documents.ticket import Ticket as TicketState
from syncline_protocol.documents.ticket import reduce_ticket
from syncline_protocol.documents.ticket_status import ENDED
from syncline_protocol.names import DocumentKind, DocumentName, parse_name

from syncline_client.client import Device
from syncline_client.errors import DeviceError, ServerOutOfReach
from syncline_client.rest_values import InboxTicket
from syncline_client.tables import ListedTicket

FOUND_MAX: Final = 100
ROWS_MAX: Final = 200
"""What one answer of the server holds at most."""

OPEN: Final = "open"
"""In place of a status: every ticket that has not ended."""


class NoSuchTicket(DeviceError):
    """There is no ticket of this number, as far as one can see from here."""


async def ticket_called(device: Device, called: str) -> str:
    """The id of the ticket that is called so: by its id, or by its number (`17`, `#17`). Raises `NoSuchTicket`,
    `RequestRefused`, `StoreError`.
    """
    if not called.removeprefix("#").isdecimal():
        return called
    number = int(called.removeprefix("#"))
    for ticket, state in (await _on_device(device)).items():
        if state.number == number:
            return ticket
    try:
        found = await (_in_inbox if device.replica.role == Role.CUSTOMER else _by_search)(device, number)
    except ServerOutOfReach as away:
        raise NoSuchTicket(f"there is no ticket #{number} on this device, and {away}") from away
    if found is None:
        raise NoSuchTicket(f"there is no ticket #{number} that you may see")
    return found


async def _by_search(device: Device, number: int) -> str | None:
    page = await device.search(str(number), kind="ticket", limit=FOUND_MAX)
    return next((hit.id for hit in page.hits if hit.number == number), None)


async def _in_inbox(device: Device, number: int) -> str | None:
    """A customer's tickets are in their conversations, and those are few."""
    async with device.inbox(limit=ROWS_MAX) as inbox:
        if not inbox.is_live:
            raise ServerOutOfReach(inbox.reason)
        tickets = (ticket for row in inbox.rows for ticket in row.tickets)
        return next((ticket.id for ticket in tickets if ticket.number == number), None)


async def listed_tickets(
    device: Device, *, view: str, group: str | None, status: str | None, limit: int
) -> tuple[list[ListedTicket], str]:
    """Tickets, those with the latest messages first, and why they are only those on the device (empty: they are not).

    Raises `RequestRefused`, `StoreError`.
    """
    async with device.inbox(view=view, group=group, status=status, limit=limit) as inbox:
        if not inbox.is_live:
            return _of_device(await _on_device(device), status), inbox.reason
        me = device.replica.identity.user if view == "mine" else None
        listed = [ListedTicket(ticket, row.customer) for row in inbox.rows for ticket in row.tickets]
    wanted = [
        one
        for one in listed
        if is_wanted(one.ticket.status, status)
        and (me is None or one.ticket.assignee == me)
        and (group is None or one.ticket.group == group)
    ]
    return list({one.ticket.id: one for one in wanted}.values()), ""


def is_wanted(status: str, wanted: str | None) -> bool:
    """Whether a ticket of this status belongs into a list of those that are `wanted`; None: all."""
    return wanted in (None, status) or (wanted == OPEN and status not in ENDED)


async def _on_device(device: Device) -> dict[str, TicketState]:
    """Every ticket in the replica, by its id."""
    states: dict[str, TicketState] = {}
    names = [parse_name(name) for name in list(device.replica.documents)]
    for ticket in [name.id for name in names if name.kind is DocumentKind.TICKET]:
        name = DocumentName(DocumentKind.TICKET, ticket).path
        await device.replica.alone(device.replica.load(name))
        state = reduce_ticket(device.records(name, EVENTS))
        if state is not None:
            states[ticket] = state
    return states


def _of_device(states: dict[str, TicketState], status: str | None) -> list[ListedTicket]:
    ordered = sorted(states.items(), key=lambda one: (one[1].status_at, one[0]), reverse=True)
    return [
        ListedTicket(_listed(ticket, state), state.customer)
        for ticket, state in ordered
        if is_wanted(state.status, status)
    ]


def _listed(ticket: str, state: TicketState) -> InboxTicket:
    return InboxTicket(
        id=ticket,
        status=state.status.value,
        number=state.number,
        subject=None if state.subject is None else str(state.subject.value),
        priority=None if state.priority is None else str(state.priority.value),
        assignee=state.assignee,
        group=state.group,
    )
