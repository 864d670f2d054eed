"""Tickets by their numbers, and lists of them, with the real server and without one."""

import asyncio

import pytest
from client.conftest import new_conversation
from support.server import ServerProcess
from syncline_client import Device, MemoryStore, Ticket
from syncline_client.ticket_listing import NoSuchTicket, Wanted, is_wanted, listed_tickets, ticket_called

WAIT_S = 20.0
NOWHERE = "http://127.0.0.1:1"


async def numbered(ticket: Ticket) -> int:
    async with asyncio.timeout(WAIT_S):
        while ticket.state is None or ticket.state.number is None:
            await asyncio.sleep(0.02)
    return ticket.state.number


async def test_a_ticket_is_found_by_its_number(server: ServerProcess) -> None:
    async with Device(server.url, token=server.token("mei"), device="desk") as desk:
        await desk.connected()
        ticket = await desk.open_ticket(new_conversation(server, subject="没有声音"))
        number = await numbered(ticket)
        assert await ticket_called(desk, f"#{number}") == ticket.id
        assert await ticket_called(desk, ticket.id) == ticket.id
    async with Device(server.url, token=server.token("wu"), device="other") as other:
        await other.connected()
        assert await ticket_called(other, str(number)) == ticket.id, "by the server, where it is not on the device"
        with pytest.raises(NoSuchTicket, match="there is no ticket #987654 that you may see"):
            await ticket_called(other, "987654")


async def test_tickets_are_listed_by_status_and_who_works_on_them(server: ServerProcess) -> None:
    async with Device(server.url, token=server.token("zhao"), device="zhao") as desk:
        await desk.connected()
        mine = await desk.open_ticket(new_conversation(server, subject="打不开"))
        theirs = await desk.open_ticket(new_conversation(server, subject="闪退"))
        numbers = {await numbered(mine), await numbered(theirs)}
        await mine.claim()
        await theirs.resolve("reinstalled")
        async with asyncio.timeout(WAIT_S):
            while mine.state is None or mine.state.assignee != "zhao":
                await asyncio.sleep(0.02)
        await desk.settled()

        async def listed(status: str | None, group: str | None = None, *, mine: bool = False) -> set[int | None]:
            tickets, away = await listed_tickets(desk, Wanted(status, group, None, mine), 200)
            assert away == ""
            return {one.number for one in tickets} & numbers

        assert await listed(None) == numbers
        assert await listed("open") == {mine.state.number}
        assert theirs.state is not None
        assert await listed("resolved") == {theirs.state.number}
        assert await listed(None, mine=True) == {mine.state.number}
        assert await listed(None, "nobody") == set()


async def test_a_customer_finds_their_own(server: ServerProcess) -> None:
    async with Device(server.url, token=server.token("mei"), device="mei") as desk:
        await desk.connected()
        ticket = await desk.open_ticket(new_conversation(server, customer="zhang", subject="蓝屏"))
        number = await numbered(ticket)
        other = await numbered(await desk.open_ticket(new_conversation(server, customer="huang")))
    async with Device(server.url, token=server.token("zhang", "customer"), device="zhang") as phone:
        await phone.connected()
        assert await ticket_called(phone, str(number)) == ticket.id
        with pytest.raises(NoSuchTicket, match="that you may see"):
            await ticket_called(phone, str(other))
        tickets, _ = await listed_tickets(phone, Wanted("open", None, None, mine=False), 50)
        assert [one.id for one in tickets] == [ticket.id]
        assert (await listed_tickets(phone, Wanted("closed", None, None, mine=False), 50))[0] == []


async def test_without_a_server_those_on_the_device_are_listed(server: ServerProcess) -> None:
    store = MemoryStore()
    async with Device(server.url, token=server.token("qian"), device="qian", store=store) as desk:
        await desk.connected()
        ticket = await desk.open_ticket(subject="blue screen", priority="high")
        number = await numbered(ticket)
        await desk.settled()
    async with Device(NOWHERE, token="none", store=store) as offline:
        assert await ticket_called(offline, str(number)) == ticket.id
        with pytest.raises(NoSuchTicket, match="on this device, and no server at"):
            await ticket_called(offline, "987654")
        new = await offline.open_ticket(subject="another one")
        tickets, away = await listed_tickets(offline, Wanted("open", None, None, mine=False), 50)
        assert "no server at http://127.0.0.1:1" in away
        assert [(one.id, one.number, one.priority) for one in tickets] == [
            (new.id, None, None),
            (ticket.id, number, "high"),
        ]
        for wanted in (Wanted("closed", None, None, mine=False), Wanted(None, "x", None, mine=False)):
            assert (await listed_tickets(offline, wanted, 50))[0] == []
        assert (await listed_tickets(offline, Wanted(None, None, "tom", mine=False), 50))[0] == []
        assert (await listed_tickets(offline, Wanted(None, None, None, mine=True), 50))[0] == []


@pytest.mark.parametrize(
    ("status", "wanted", "expected"),
    [
        ("new", None, True),
        ("new", "open", True),
        ("on_hold", "open", True),
        ("closed", "open", False),
        ("merged", "open", False),
        ("closed", "closed", True),
        ("new", "closed", False),
    ],
)
def test_a_status_belongs_into_a_list_or_not(status: str, wanted: str | None, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_wanted(status, wanted) is expected
