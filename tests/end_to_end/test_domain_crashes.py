"""The server is killed at random moments while it answers: for each cause its effects are there exactly once.

An agent opens tickets out of a conversation, two technicians claim every one of them, one resolves it without having
seen what the customer writes, and the customer rates. `SYNCLINE_TEST_ROUNDS=200` for the whole length.
"""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from end_to_end.authors import new_conversation
from end_to_end.sizes import report, size
from support.server import ServerProcess
from syncline_client.client import Device
from syncline_protocol.documents.schema import CONVERSATION, EVENTS, MESSAGES, PUBLIC

ROUNDS = size("ROUNDS", 4)
ROUND_S_MAX = 0.4
SETTLE_S_MAX = 60.0
PEOPLE = (("mei", "agent"), ("li", "supervisor"), ("wang", "supervisor"), ("cus", "customer"))


class Service:
    """The people of an after-sales service, each with a device."""

    def __init__(self, server: ServerProcess, conversation: str) -> None:
        self.server = server
        self.conversation = conversation
        self.devices: dict[str, Device] = {}
        self.tickets: list[str] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for user, role in PEOPLE:
            device = Device(self.server.http, token=self.server.token(user, role, ttl_s=86_400), device=f"{user}-1")
            self.devices[user] = await self._stack.enter_async_context(device)
            await device.connected()
            await device.conversation(self.conversation)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    async def work(self) -> None:
        """One ticket's life: each writes what they know, connected or not."""
        customer = await self.devices["cus"].conversation(self.conversation)
        await customer.say("平板又连不上了")
        ticket = await self.devices["mei"].open_ticket(self.conversation, issue_type="network")
        self.tickets.append(ticket.id)
        for user in ("li", "wang"):
            handle = await self.devices[user].ticket(ticket.id)
            async with asyncio.timeout(SETTLE_S_MAX):
                while handle.state is None:
                    self.devices[user].reconnect()
                    await asyncio.sleep(0.02)
            await handle.claim()
        await customer.say("等等，还有一句")
        await (await self.devices["li"].ticket(ticket.id)).resolve("重启了路由器")
        await customer.rate(ticket.id, 4)

    async def settled(self) -> None:
        """Everything that anybody wrote is taken."""
        async with asyncio.timeout(SETTLE_S_MAX):
            for device in self.devices.values():
                while not device.connection.is_settled:
                    device.reconnect()
                    await asyncio.sleep(0.02)

    async def records(self, name: str, root: str) -> list[dict[str, Any]]:
        """What a device of the supervisor has of a document."""
        device = self.devices["li"]
        await device.follow(name)
        await self.settled()
        return device.records(name, root)


@pytest.mark.timeout(120 + 6 * ROUNDS)
async def test_every_cause_has_its_effects_once_whenever_the_server_is_killed(tmp_path: Path) -> None:
    randomness = random.Random(ROUNDS)
    with ServerProcess(tmp_path / "data") as server:
        conversation = (await new_conversation(server, customer="cus")).split("/")[1]
        async with Service(server, conversation) as service:
            for _ in range(ROUNDS):
                work = asyncio.create_task(service.work())
                await asyncio.sleep(randomness.uniform(0.02, ROUND_S_MAX))
                server.kill()
                server.start()
                for device in service.devices.values():
                    device.reconnect()
                await work
            await service.settled()
            await _answered(service)
            figures = await _effects(service)
    report(rounds=ROUNDS, **figures)
    assert figures["tickets"] == ROUNDS


async def _answered(service: Service) -> None:
    """Wait until the server has nothing to say any more: what is there stays as it is."""
    before: list[Any] = []
    async with asyncio.timeout(SETTLE_S_MAX):
        while True:
            now = [await service.records(f"ticket/{ticket}", EVENTS) for ticket in service.tickets]
            now.append(await service.records(f"conversation/{service.conversation}/1", MESSAGES))
            if now == before:
                return
            before = now
            await asyncio.sleep(0.5)


async def _effects(service: Service) -> dict[str, int]:
    """Count what the server wrote, and hold each against its cause."""
    numbers: list[int] = []
    answered: Counter[str] = Counter()
    steps: list[str] = []
    for ticket in service.tickets:
        events = await service.records(f"ticket/{ticket}", EVENTS)
        kinds = Counter(event["type"] for event in events)
        numbers += [event["number"] for event in events if event["type"] == "number"]
        claims = {event["id"] for event in events if event["type"] == "claim"}
        answers = [
            one["cause"] for one in events if one["type"] in ("assignment", "claim_lost") and one["cause"] in claims
        ]
        answered.update(answers)
        assert sorted(answers) == sorted(claims), "each claim has one answer"
        granted = [one for one in events if one["type"] == "assignment" and one["cause"] in claims]
        assert len(granted) <= 1, "one of the claims at most gets the ticket"
        assert kinds["number"] == kinds["satisfaction"] == 1
        assert kinds["reopened"] <= 1
        public = await service.records(f"ticket/{ticket}/public", PUBLIC)
        assert len({step["id"] for step in public}) == len(public)
        steps += [step["id"] for step in public]
    assert sorted(numbers) == list(range(1, ROUNDS + 1)), "numbers have neither gaps nor doubles"
    said = await service.records(f"conversation/{service.conversation}/1", MESSAGES)
    told = [
        one["data"]["ticket"] + one["data"]["status"] + one["data"].get("responsible", "")
        for one in said
        if one["type"] == "system"
    ]
    repeated = [(one, other) for one, other in pairwise(told) if one == other]
    assert not repeated, "no step is told twice"
    head = await service.records(f"conversation/{service.conversation}", CONVERSATION)
    linked = [one["ticket"] for one in head if one["type"] == "ticket_linked"]
    assert sorted(linked) == sorted(service.tickets), "each ticket is linked once"
    return {"tickets": len(service.tickets), "claims": sum(answered.values()), "steps": len(steps), "told": len(told)}
