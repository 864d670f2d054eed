"""Loads conversations into a running server as its clients do: created by REST, written over WebSockets.

Several workers, each with one HTTP connection and two devices of two people, do a batch of conversations at a time:
create them, open their segments in one frame, write everybody's part of each as one update, wait for the acks, and
leave the documents. So what waits anywhere is bounded, and what was counted is durable.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import uuid_utils
from syncline_protocol import codec, frames
from syncline_protocol.clock import at_from_ms
from syncline_protocol.update import RecordStruct, encode_records

from benchmarks.domain.content import Content, order
from benchmarks.domain.http import Http
from benchmarks.load.records import ROOT
from benchmarks.load.socket import ConnectionLost, connect
from benchmarks.load.syncline import NOTHING, SynclineDevice
from benchmarks.servers.process import HOST

WORKERS: Final = 12
BATCH: Final = 100
"""Conversations of one worker at a time."""

IN_FLIGHT: Final = 100
"""Updates of one device at a time."""

CUSTOMERS_PER_CONVERSATION: Final = 0.02
"""One customer has fifty conversations."""

MESSAGE_MS: Final = 20
"""Between two messages of the store: a million took half a day."""


class Plan(NamedTuple):
    """What to load. `tickets`: one for each so many conversations."""

    conversations: int
    messages: int
    tickets_every: int

    def messages_of(self, conversation: int) -> int:
        """How many messages a conversation has; all together `messages`."""
        each, more = divmod(self.messages, self.conversations)
        return each + (conversation < more)

    def customer(self, conversation: int) -> str:
        """Whose conversation it is."""
        return f"customer.{conversation % max(1, int(self.conversations * CUSTOMERS_PER_CONVERSATION))}"


class Loader:
    """Loads a plan into the server at `port`. `tokens`: of the two people who write."""

    def __init__(
        self, port: int, tokens: Sequence[str], users: Sequence[str], plan: Plan, on_loaded: Callable[[int, int], None]
    ) -> None:
        self._port = port
        self._tokens = tokens
        self._users = users
        self._plan = plan
        self._on_loaded = on_loaded
        self._content = Content()
        self._batches = iter(range(0, plan.conversations, BATCH))
        self._begin_ms = time.time_ns() // 1_000_000 - plan.messages * MESSAGE_MS

    async def load(self) -> None:
        """All of it. Raises `ConnectionLost` and `RequestFailed`."""
        async with asyncio.TaskGroup() as tasks:
            for worker in range(WORKERS):
                tasks.create_task(self._work(worker))

    async def _work(self, worker: int) -> None:
        devices = []
        for token, user in zip(self._tokens, self._users, strict=True):
            device = SynclineDevice(await connect(f"ws://{HOST}:{self._port}/v1/sync"))
            name = f"loader-{worker}-{user}"
            await device.greet(token, name)
            devices.append((device, user, name))
        async with Http(self._port, self._tokens[0]) as http:
            for start in self._batches:
                numbers = range(start, min(start + BATCH, self._plan.conversations))
                await self._create(http, numbers)
                await asyncio.gather(*(self._write(*one, numbers, part) for part, one in enumerate(devices)))
                await self._open_tickets(http, numbers)
                self._on_loaded(len(numbers), sum(map(self._plan.messages_of, numbers)))
        for device, _, _ in devices:
            await device.socket.close()

    async def _create(self, http: Http, numbers: Sequence[int]) -> None:
        for number in numbers:
            wanted = {
                "id": conversation_id(number),
                "subject": f"{order(number)} 售后" if number % 2 == 0 else f"Order {order(number)}",
                "channel": "chat",
                "language": "zh" if number % 2 == 0 else "en",
                "customer": self._plan.customer(number),
            }
            await http.post("/v1/conversations", wanted)

    async def _open_tickets(self, http: Http, numbers: Sequence[int]) -> None:
        for number in numbers:
            if number % self._plan.tickets_every == 0:
                wanted = {"subject": f"Repair {order(number)}"}
                await http.post(f"/v1/conversations/{conversation_id(number)}/tickets", wanted)

    async def _write(self, device: SynclineDevice, user: str, name: str, numbers: Sequence[int], part: int) -> None:
        """One person's part of these conversations: every other message."""
        opened = await device.open({f"conversation/{conversation_id(number)}/1": NOTHING for number in numbers})
        updates = [
            (document.channel, update)
            for number, document in zip(numbers, opened.values(), strict=True)
            if (update := self._update(device.client, user, name, number, part)) is not None
        ]
        for start in range(0, len(updates), IN_FLIGHT):
            some = updates[start : start + IN_FLIGHT]
            for id_, (channel, update) in enumerate(some):
                device.socket.send(codec.encode(frames.Update(channel, id_, update)))
            await _acknowledged(device, len(some))
        for document in opened.values():
            device.socket.send(codec.encode(frames.Close(document.channel)))

    def _update(self, client: int, user: str, device: str, number: int, part: int) -> bytes | None:
        texts = self._content.texts(number, self._plan.messages_of(number))
        at_ms = self._begin_ms + number * len(texts) * MESSAGE_MS
        values: list[dict[str, Any]] = [
            {
                "id": str(uuid_utils.uuid7()),
                "by": user,
                "device": device,
                "at": at_from_ms(at_ms + place * MESSAGE_MS),
                "type": "text",
                "text": text,
            }
            for place, text in enumerate(texts)
            if place % 2 == part
        ]
        structs = [RecordStruct(client, clock, ROOT, value["id"], value) for clock, value in enumerate(values)]
        return encode_records(structs) if structs else None


def conversation_id(number: int) -> str:
    """The id of a conversation."""
    return f"domain-{number:07d}"


async def _acknowledged(device: SynclineDevice, updates: int) -> None:
    """Wait until so many updates are durable. What others write comes in between."""
    while updates > 0:
        frame = await device.receive()
        if isinstance(frame, frames.Acks):
            updates -= len(frame.updates) // 3
        elif isinstance(frame, frames.Refused):
            raise ConnectionLost(f"update {frame.id} was refused: {frame.code}, {frame.reason}")
