"""Two devices that were apart: each does its side offline, they come back in one order or the other, a third looks.

For the tests of what crossing edits come to (`test_concurrency_table.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import httpx
from support.server import ServerProcess
from syncline_client import Conversation, Device, MemoryStore, Ticket
from syncline_protocol.documents.ticket import Ticket as TicketState

NOWHERE: Final = "http://127.0.0.1:1"
WAIT_S: Final = 60.0
"""For everything to arrive on a machine that does much else at the same time."""


class Scene(NamedTuple):
    """One side of it: somebody's device with the ticket and its conversation. A customer's has the public side."""

    device: Device
    ticket: Ticket
    conversation: Conversation


Act = Callable[[Scene], Awaitable[object]]


class Side(NamedTuple):
    """Somebody, and what they do while they are offline."""

    user: str
    role: str
    act: Act


async def nothing(_: Scene) -> None:
    """What somebody does who does nothing."""


class Crossing(NamedTuple):
    """A row of the table: what was before, what crosses, and what it has to come to (given who came back first).

    `erased`: a text that is to be in no record any more.
    """

    sides: tuple[Side, Side]
    holds: Callable[[TicketState, str], bool]
    before: Act = nothing
    public_status: str | None = None
    erased: str = ""


class Met(NamedTuple):
    """What came of it on each device, and on one that was not there before. `events`: the ticket's records."""

    states: tuple[TicketState, ...]
    public_statuses: tuple[str, ...]
    events: tuple[frozenset[str], ...]


def new_conversation(server: ServerProcess) -> str:
    """A conversation of the customer `li`; its id."""
    answer = httpx.post(
        f"{server.http}/v1/conversations",
        json={"subject": "平板连不上网", "channel": "chat", "customer": "li"},
        headers={"Authorization": f"Bearer {server.token('chen')}"},
        timeout=WAIT_S,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


async def scene(device: Device, ticket: str, conversation: str) -> Scene:
    """A device with both open."""
    return Scene(device, await device.ticket(ticket), await device.conversation(conversation))


async def cross(server: ServerProcess, crossing: Crossing, first: int) -> Met:
    """Let it happen; `first` is the side that comes back first. Fails when it does not come to what it has to."""
    conversation = new_conversation(server)
    async with asyncio.timeout(WAIT_S):
        ticket = await _begin(server, crossing, conversation)
        stores = [MemoryStore(), MemoryStore()]
        for side, store in zip(crossing.sides, stores, strict=True):
            await _load(server, side, store, ticket, conversation)
        for side, store in zip(crossing.sides, stores, strict=True):
            async with Device(NOWHERE, token="none", store=store) as offline:
                await side.act(await scene(offline, ticket, conversation))
    async with AsyncExitStack() as stack:
        scenes = []
        for place in (first, 1 - first):
            side = crossing.sides[place]
            device = Device(server.url, token=server.token(side.user, side.role), store=stores[place])
            scenes.append(await scene(await stack.enter_async_context(device), ticket, conversation))
            async with asyncio.timeout(WAIT_S):
                await device.settled()
        third = Device(server.url, token=server.token("third"), device="third")
        await (await stack.enter_async_context(third)).connected()
        scenes.append(await scene(third, ticket, conversation))
        return await _met(crossing, scenes, crossing.sides[first].user)


async def _begin(server: ServerProcess, crossing: Crossing, conversation: str) -> str:
    """The customer says something, an agent opens the ticket, and what was before happens."""
    async with Device(server.url, token=server.token("li", "customer"), device="li-at-first") as phone:
        await (await phone.conversation(conversation)).say("我的平板连不上WiFi")
        await phone.settled()
    async with Device(server.url, token=server.token("chen"), device="chen") as desk:
        await desk.connected()
        ticket = await desk.open_ticket(conversation, subject="no wifi")
        await _until(lambda: ticket.state is not None and ticket.state.number is not None)
        await crossing.before(Scene(desk, ticket, await desk.conversation(conversation)))
        await desk.settled()
        assert not desk.refused
    return ticket.id


async def _load(server: ServerProcess, side: Side, store: MemoryStore, ticket: str, conversation: str) -> None:
    """Everything on a device, before it goes offline."""
    async with Device(server.url, token=server.token(side.user, side.role), store=store, device=side.user) as device:
        await device.connected()
        there = await scene(device, ticket, conversation)
        await _until(lambda: there.ticket.state is not None or there.ticket.public is not None)
        await _until(lambda: bool(there.conversation.messages()))
        await device.settled()


async def _met(crossing: Crossing, scenes: list[Scene], first: str) -> Met:
    """Wait until all show the same and what they have to."""
    staff = [one.ticket for one in scenes if not one.ticket.is_public]
    customers = [one.ticket for one in scenes if one.ticket.is_public]
    wanted = crossing.public_status

    def have_met() -> bool:
        states = [ticket.state for ticket in staff]
        shown = [ticket.public for ticket in customers]
        return (
            states[0] is not None
            and all(state == states[0] for state in states)
            and crossing.holds(states[0], first)
            and all(public is not None and public.status == wanted for public in shown)
            and not (crossing.erased and any(crossing.erased in record for one in scenes for record in _records(one)))
        )

    try:
        await _until(have_met)
    except TimeoutError:
        found = [*(ticket.state for ticket in staff), *(ticket.public for ticket in customers)]
        raise AssertionError(f"it came to something else: {found}") from None
    refused = [row for one in scenes for row in one.device.refused]
    assert not refused, "nothing that somebody did offline is lost"
    for one in scenes:
        await one.device.compare(one.ticket.public_name if one.ticket.is_public else one.ticket.name)
        assert not one.device.replica.mismatched
    return Met(
        tuple(ticket.state for ticket in staff if ticket.state is not None),
        tuple(ticket.public.status for ticket in customers if ticket.public is not None),
        tuple(_records(one) for one in scenes),
    )


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.05)


def _records(scene: Scene) -> frozenset[str]:
    """The ticket's events as a device has them."""
    return frozenset(str(record) for record in scene.device.records(scene.ticket.name, "events"))
