"""Tickets by their numbers, and lists of them: from the server, or without one from what is on the device.

Beside the commands: numbers are the server's, and a device that has a ticket knows its number as well.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.schema import EVENTS
from syncline_protocol.documents.ticket import Ticket as TicketState
from syncline_protocol.documents.ticket import reduce_ticket
from syncline_protocol.documents.ticket_status import ENDED
from syncline_protocol.listings import TicketRow
from syncline_protocol.names import DocumentKind, DocumentName, parse_name

from syncline_client.client import Device
from syncline_client.errors import DeviceError, ServerOutOfReach

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
        found = await (_among_own if device.replica.role == Role.CUSTOMER else _by_search)(device, number)
    except ServerOutOfReach as away:
        raise NoSuchTicket(f"there is no ticket #{number} on this device, and {away}") from away
    if found is None:
        raise NoSuchTicket(f"there is no ticket #{number} that you may see")
    return found


async def _by_search(device: Device, number: int) -> str | None:
    page = await device.search(str(number), kind="ticket", limit=FOUND_MAX)
    return next((hit.id for hit in page.hits if hit.number == number), None)


async def _among_own(device: Device, number: int) -> str | None:
    """A customer has few tickets, and finds no others."""
    page = await device.tickets(limit=ROWS_MAX)
    return next((ticket.id for ticket in page.tickets if ticket.number == number), None)


class Wanted(NamedTuple):
    """Which tickets a list is of. `status`: one, or `open`; None: all."""

    status: str | None
    group: str | None
    assignee: str | None
    mine: bool


async def listed_tickets(device: Device, wanted: Wanted, limit: int) -> tuple[list[TicketRow], str]:
    """Tickets, the newest first, and why they are only those on the device (empty: they are not).

    Raises `RequestRefused`, `StoreError`.
    """
    asked = wanted._asdict()
    if device.replica.role == Role.CUSTOMER:
        asked["status"] = None  # the server narrows no customer's list
    try:
        rows: Sequence[TicketRow] = (await device.tickets(**asked, limit=limit)).tickets
        away = ""
    except ServerOutOfReach as out:
        states = await _on_device(device)
        rows = [_row(ticket, state) for ticket, state in sorted(states.items(), key=_newest_first)]
        away = str(out)
    me = device.replica.identity.user
    return [
        row
        for row in rows
        if is_wanted(row.status, wanted.status)
        and wanted.group in (None, row.group)
        and wanted.assignee in (None, row.assignee)
        and (not wanted.mine or row.assignee == me)
    ], away


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


def _newest_first(one: tuple[str, TicketState]) -> tuple[int, str]:
    return (-one[1].opened_at, one[0])


def _row(ticket: str, state: TicketState) -> TicketRow:
    return TicketRow(
        id=ticket,
        status=state.status.value,
        opened_at=state.opened_at,
        number=state.number,
        subject=None if state.subject is None else str(state.subject.value),
        issue_type=None if state.issue_type is None else str(state.issue_type.value),
        language=state.language,
        priority=None if state.priority is None else str(state.priority.value),
        group=state.group,
        assignee=state.assignee,
        conversation=state.conversation,
        customer=state.customer,
    )
