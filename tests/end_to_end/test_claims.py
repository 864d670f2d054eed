"""Two hundred devices claim one ticket at once, half of them from offline: one of them has it, the same one everywhere,
and the others know who.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from support.server import ServerProcess
from syncline_client import Device, MemoryStore, Ticket
from syncline_protocol.documents.ticket import ClaimOutcome

DEVICES = 200
NOWHERE = "http://127.0.0.1:1"
WAIT_S = 280.0
"""For all of it, on a machine that does much else at the same time."""


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.1)


class Crowd:
    """The devices, each of another user, with the same ticket."""

    def __init__(self, server: ServerProcess, ticket: str) -> None:
        self.server = server
        self.ticket = ticket
        self.name = f"ticket/{ticket}"
        self.stores = [MemoryStore() for _ in range(DEVICES)]
        self.offline = range(DEVICES // 2)
        self.online = range(DEVICES // 2, DEVICES)

    def device(self, number: int) -> Device:
        """A start of a device with a connection."""
        token = self.server.token(f"user{number}")
        return Device(self.server.url, token=token, store=self.stores[number], device=f"device{number}")

    async def load(self, device: Device) -> Ticket:
        """The ticket on a device."""
        await device.connected()
        handle = await device.ticket(self.ticket)
        await until(lambda: handle.state is not None)
        await device.settled()
        return handle

    async def load_and_leave(self, number: int) -> None:
        """A device that has been there before, and goes offline."""
        async with self.device(number) as device:
            await self.load(device)

    async def claim_offline(self, number: int) -> None:
        """A claim that waits for the connection."""
        async with Device(NOWHERE, token="none", store=self.stores[number]) as device:
            handle = await device.ticket(self.ticket)
            await handle.claim()
            state = handle.state
            assert state is not None
            assert [one.state for one in state.claims] == [ClaimOutcome.PROVISIONAL], "nobody is promised anything"

    def events(self, device: Device) -> Counter[str]:
        """How many events of which type a device has."""
        return Counter(record["type"] for record in device.records(self.name, "events"))


def answers(records: list[dict[str, Any]], claims: set[str]) -> list[tuple[str, str]]:
    """Which claim was answered how, in the order of the claims."""
    answered = [(one["cause"], one["type"]) for one in records if one.get("cause") in claims]
    return sorted(answered)


@pytest.mark.timeout(300)
async def test_one_of_two_hundred_has_it_and_all_know_who(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        async with asyncio.timeout(WAIT_S), AsyncExitStack() as stack:
            desk = await stack.enter_async_context(Device(server.url, token=server.token("chen"), device="desk"))
            await desk.connected()
            ticket = await desk.open_ticket(subject="no wifi")
            await until(lambda: ticket.state is not None and ticket.state.number is not None)
            crowd = Crowd(server, ticket.id)
            await asyncio.gather(*map(crowd.load_and_leave, crowd.offline))
            await asyncio.gather(*map(crowd.claim_offline, crowd.offline))
            there = [await stack.enter_async_context(crowd.device(number)) for number in crowd.online]
            handles = await asyncio.gather(*map(crowd.load, there))
            # Now all at once: these claim, and those come back with their claims.
            returning = [stack.enter_async_context(crowd.device(number)) for number in crowd.offline]
            _, back = await asyncio.gather(
                asyncio.gather(*(handle.claim() for handle in handles)), asyncio.gather(*returning)
            )
            devices = [desk, *there, *back]
            expected = {"claim": DEVICES, "claim_lost": DEVICES - 1}
            await until(lambda: all(crowd.events(device) >= Counter(expected) for device in devices))
            await asyncio.gather(*(device.settled() for device in devices))
            await check(crowd, devices)


async def check(crowd: Crowd, devices: list[Device]) -> None:
    """One has it, once, and everybody says so."""
    states = [(await device.ticket(crowd.ticket)).state for device in devices]
    first = states[0]
    assert first is not None
    holder = first.assignee
    assert holder is not None
    assert all(state == first for state in states), "the same everywhere"
    outcomes = {one.by: (one.state, one.holder) for one in first.claims}
    assert len(outcomes) == DEVICES
    assert outcomes.pop(holder) == (ClaimOutcome.GRANTED, holder)
    assert set(outcomes.values()) == {(ClaimOutcome.LOST, holder)}, "the others know who"
    records = devices[0].records(crowd.name, "events")
    claims = [one for one in records if one["type"] == "claim"]
    answered = answers(records, {one["id"] for one in claims})
    assert [claim for claim, _ in answered] == sorted(one["id"] for one in claims), "each claim is answered once"
    assert Counter(kind for _, kind in answered) == {"assignment": 1, "claim_lost": DEVICES - 1}
    for device in devices:
        assert not device.refused, "nobody's claim was refused"
        assert not device.replica.mismatched
