"""`syncline ticket …`: tickets at the command line, on a device like any other.

Whatever is written goes by way of the device: with a --store that was connected once, without a connection as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Final

import msgspec
import typer
from syncline_protocol.documents.labels import spoken
from syncline_protocol.documents.ticket import ClaimOutcome, ClaimState

from syncline_client.client import Device
from syncline_client.replica import now_ms
from syncline_client.tables import QUIET, ticket_table
from syncline_client.terminal import (
    ASKED_WRONGLY,
    NOT_DONE,
    Access,
    View,
    accepted,
    command,
    connected,
    console,
    fail,
    print_json,
    run,
    within,
)
from syncline_client.ticket import Ticket
from syncline_client.ticket_listing import NoSuchTicket, Wanted, listed_tickets, ticket_called
from syncline_client.ticket_sheet import Surroundings, public_sheet, ticket_sheet
from syncline_client.wording import clean, say

app = typer.Typer(help="Tickets: open, show, claim, and whatever else one does with them.", no_args_is_help=True)

NUMBER_WAIT_S: Final = 3.0

ALL: Final = "all"
"""In place of a status: every ticket."""

Named = Annotated[str, typer.Argument(metavar="TICKET", help="Its number or id.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the others.")]


@command(app, "syncline ticket open order-17 --priority high --field serial=SN1234567", name="open")
def open_(  # noqa: PLR0913 - one parameter per option
    conversation: Annotated[str | None, typer.Argument(help="The conversation it comes out of, if any.")] = None,
    *,
    subject: Annotated[str | None, typer.Option(help="What it is about, in a line.")] = None,
    issue_type: Annotated[str | None, typer.Option("--type", help="The kind of problem.")] = None,
    priority: Annotated[str | None, typer.Option(help="low, normal, high or urgent")] = None,
    customer: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be given several times.")] = None,
    access: Access,
    view: View,
) -> None:
    """Open a ticket. What it is about is taken out of the conversation; what is given here goes before that."""
    given = dict(_pair(one) for one in field or [])

    async def work() -> None:
        async with connected(access) as device:
            ticket = await device.open_ticket(
                conversation, subject=subject, issue_type=issue_type, priority=priority, customer=customer, fields=given
            )
            await accepted(device, access, *ticket.event_ids())
            await _numbered(ticket, device)
            _show(ticket, view, await _around(device, ticket, view))

    run(work())


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        fail(f"--field {text}: it looks like NAME=VALUE", code=ASKED_WRONGLY)
    return name, value


async def _numbered(ticket: Ticket, device: Device) -> None:
    """Give the server a moment to number it; without a number it is as open."""
    try:
        async with asyncio.timeout(NUMBER_WAIT_S):
            while ticket.state is not None and ticket.state.number is None:
                await device.connection.changed()
    except TimeoutError:
        return


@command(app, "syncline ticket show 17")
def show(ticket: Named, *, access: Access, view: View) -> None:
    """Show everything that is known of a ticket; for its customer, what customers see of it."""

    async def work() -> None:
        async with connected(access) as device:
            handle = await _opened(device, ticket, access)
            _show(handle, view, await _around(device, handle, view))

    run(work())


@command(app, "syncline ticket claim 17 --store desk.db")
def claim(ticket: Named, *, access: Access, view: View) -> None:
    """Ask to work on a ticket, and wait for the answer: first come, first served."""

    async def work() -> None:
        async with connected(access) as device:
            handle = await _opened(device, ticket, access)
            event = await handle.claim()
            await accepted(device, access, event)
            answer = await within(access.wait, _answered(handle, device, event), device, access.not_accepted)
            if answer.state is ClaimOutcome.LOST:
                fail(say("claim_lost", view.language, user=answer.by, holder=answer.holder))
            console.print(say("yours", view.language, ticket=clean(ticket)), highlight=False)

    run(work())


async def _answered(ticket: Ticket, device: Device, event: str) -> ClaimState:
    while True:
        claims = () if ticket.state is None else ticket.state.claims
        answers = [one for one in claims if one.event == event and one.state is not ClaimOutcome.PROVISIONAL]
        if answers:
            return answers[0]
        await device.connection.changed()


@command(app, 'syncline ticket status 17 resolved --resolution "Replaced the antenna."')
def status(
    ticket: Named,
    to: Annotated[
        str,
        typer.Argument(
            metavar="STATUS",
            help="accepted, in_progress, awaiting_customer, on_hold, awaiting_internal, resolved, closed or cancelled",
        ),
    ],
    *,
    resolution: Annotated[str | None, typer.Option(help="What was done about it.")] = None,
    reason: Reason = None,
    access: Access,
) -> None:
    """Say where a ticket stands."""
    _write(ticket, access, lambda handle: handle.set_status(to, reason=reason, resolution=resolution))


@command(app, 'syncline ticket note 17 "Asked for the router\'s model."')
def note(ticket: Named, text: Annotated[str, typer.Argument(help="What to note.")], *, access: Access) -> None:
    """Write a note for the staff alone."""
    _write(ticket, access, lambda handle: handle.note(text))


@command(app, "syncline ticket transfer 17 --group network --reason 'needs a ladder'")
def transfer(
    ticket: Named,
    *,
    group: Annotated[str | None, typer.Option(help="The group that goes on with it.")] = None,
    user: Annotated[str | None, typer.Option(help="Who goes on with it.")] = None,
    reason: Reason = None,
    access: Access,
) -> None:
    """Give a ticket to a group, to somebody, or to both."""
    if group is None and user is None:
        fail("give --group, --user, or both", code=ASKED_WRONGLY)
    _write(ticket, access, lambda handle: handle.transfer(group=group, user=user, reason=reason))


@command(app, "syncline ticket field 17 serial SN1234567")
def field(
    ticket: Named,
    name: Annotated[str, typer.Argument(help="The field; with --pick also status, priority, subject or issue_type.")],
    value: Annotated[str | None, typer.Argument(help="Its value; none empties it.")] = None,
    *,
    pick: Annotated[str | None, typer.Option(help="Choose what this event said; the end of its id will do.")] = None,
    access: Access,
) -> None:
    """Give a field a value, or choose one of those that were kept apart."""
    if pick is not None and value is not None:
        fail("give a value or --pick, not both", code=ASKED_WRONGLY)
    if pick is not None:
        _write(ticket, access, lambda handle: handle.pick(name, _ending(pick, handle.candidates(name))))
    else:
        _write(ticket, access, lambda handle: handle.set_field(name, value))


def _ending(ending: str, events: Iterable[str]) -> str:
    """The event whose id ends so; what stands for none, or for several, stays as it is, to be refused."""
    found = [event for event in events if event.endswith(ending)]
    return found[0] if len(found) == 1 else ending


@command(app, "syncline ticket priority 17 urgent")
def priority(
    ticket: Named,
    to: Annotated[str, typer.Argument(metavar="PRIORITY", help="low, normal, high or urgent")],
    *,
    access: Access,
) -> None:
    """Say how urgent a ticket is."""
    _write(ticket, access, lambda handle: handle.set_priority(to))


@command(app, "syncline ticket redact 17 0190a5ad-f400-7000-8000-000000000001 --reason 'card number'")
def redact(
    ticket: Named,
    event: Annotated[str, typer.Argument(help="The id of the event (a note's, a field's), or the end of it.")],
    *,
    reason: Reason = None,
    access: Access,
) -> None:
    """Have the content of an event erased everywhere, for good. For supervisors and admins."""
    _write(ticket, access, lambda handle: handle.redact(_ending(event, handle.event_ids()), reason=reason))


@command(app, "syncline ticket list --mine --status in_progress", name="list")
def list_(  # noqa: PLR0913 - one parameter per option
    *,
    status: Annotated[str, typer.Option(help="One, open for all that are not ended, or all.")] = "open",
    group: Annotated[str | None, typer.Option(help="Those that are with this group.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Those that this user works on.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Those that you work on.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many at most.")] = 50,
    access: Access,
    view: View,
) -> None:
    """List tickets, the newest first. Without a server: those that are in the --store."""
    wanted = Wanted(None if status == ALL else status, group, assignee, mine)

    async def work() -> None:
        async with connected(access) as device:
            tickets, away = await listed_tickets(device, wanted, limit)
        if view.json:
            print_json(tickets)
            return
        if away:
            console.print(f"[yellow]{clean(away)}[/yellow]", highlight=False)
        if tickets:
            console.print(ticket_table(tickets, width=console.width, language=view.language), highlight=False)
        else:
            console.print(say("nothing", view.language), highlight=False)

    run(work())


# --- what they share


def _write(ticket: str, access: Access, verb: Callable[[Ticket], Awaitable[str]]) -> None:
    """Do something with a ticket, wait until the server has it, and print the event's id."""

    async def work() -> None:
        async with connected(access) as device:
            handle = await _opened(device, ticket, access)
            event = await verb(handle)
            await accepted(device, access, event)
            console.print(event, highlight=False)

    run(work())


async def _opened(device: Device, called: str, access: Access) -> Ticket:
    """The ticket that is called so, up to date if there is a connection."""
    try:
        handle = await device.ticket(await ticket_called(device, called))
    except NoSuchTicket as missing:
        fail(str(missing))
    if handle.state is None and handle.public is None:
        await within(access.wait, device.settled(), device, NOT_DONE)
    if handle.refusal:
        fail(handle.refusal)
    return handle


async def _around(device: Device, ticket: Ticket, view: View) -> Surroundings:
    """What a ticket's page shows besides it: the words that its values were taken from, and what is missing."""
    state = ticket.state
    if state is None:
        return Surroundings(view.language, now_ms())
    quotes = {}
    if state.conversation is not None:
        conversation = await device.conversation(state.conversation)
        quotes = {one.id: one.text or one.markup or "" for one in conversation.messages()}
    missing = await device.missing_fields(ticket)
    kinds = {one.name: spoken(one.label, view.language) for one in (await device.rules()).issue_types if one.label}
    return Surroundings(view.language, now_ms(), quotes, missing, len(ticket.unaccepted), kinds)


def _show(ticket: Ticket, view: View, around: Surroundings) -> None:
    state, public = ticket.state, ticket.public
    if state is None and public is None:
        fail(f"there is no ticket {ticket.id}")
    if view.json:
        print_json({"id": ticket.id, **msgspec.to_builtins(state or public)})
    elif state is not None:
        console.print(ticket_sheet(state, around), highlight=False)
        console.print(f"[{QUIET}]{ticket.id}[/]", highlight=False)
    elif public is not None:
        console.print(public_sheet(public, around), highlight=False)
