"""A device reduced to its wire: sends frames, reads frames, writes records. For tests of the server, and attacks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uuid_utils
from syncline_protocol import codec, frames, limits
from syncline_protocol.frames import Frame
from syncline_protocol.update import RecordStruct, encode_records
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

F = TypeVar("F", bound=Frame)

ANSWER_S_MAX = 10.0


def now_at() -> int:
    """A hybrid time stamp of this moment."""
    return (time.time_ns() // 1_000_000) << 10


class WireDevice:
    """One connection. `welcome` is what the server said; `received` every frame since, as it came."""

    def __init__(self, connection: ClientConnection, welcome: frames.Welcome, device: str) -> None:
        self.connection = connection
        self.welcome = welcome
        self.device = device
        self.clocks: dict[str, int] = {}
        self.channels: dict[str, int] = {}
        self._unread: list[Frame] = []
        self._assembler = codec.Assembler(limits.FRAME_ASSEMBLED_BYTES_MAX)
        self._next_id = 1

    # --- frames

    async def send(self, frame: Frame) -> None:
        """Send one frame, in fragments if it is large."""
        for part in codec.messages(frame):
            await self.connection.send(part)

    async def read(self) -> Frame:
        """The next frame."""
        while True:
            async with asyncio.timeout(ANSWER_S_MAX):
                data = await self.connection.recv(decode=False)
            frame = codec.decode_server_frame(data)
            if not isinstance(frame, frames.Fragment):
                return frame
            whole = self._assembler.add(frame)
            if whole is not None:
                return codec.decode_server_frame(whole)

    async def expect(self, kind: type[F]) -> F:
        """The next frame of this kind; others before it are kept for later."""
        for index, frame in enumerate(self._unread):
            if isinstance(frame, kind):
                del self._unread[index]
                return frame
        while True:
            frame = await self.read()
            if isinstance(frame, kind):
                return frame
            self._unread.append(frame)

    def forget(self) -> None:
        """Pass over what came and was not asked for."""
        self._unread.clear()

    async def silence(self, seconds: float = 0.15) -> list[Frame]:
        """Everything that comes within `seconds`, and what was kept before."""
        came, self._unread = self._unread, []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    came.append(await self.read())
        except TimeoutError:
            return came

    async def closed(self) -> tuple[int, str]:
        """Read until the server closes; its code and reason."""
        try:
            while True:
                await self.read()
        except ConnectionClosed as ended:
            if ended.rcvd is None:
                raise
            return ended.rcvd.code, ended.rcvd.reason

    # --- documents

    async def open(self, *names: str, cursor: int = 0, epoch: int = 0, pending: bool = False) -> frames.Opened:
        """Open documents and remember their channels."""
        request = self._next_id
        self._next_id += 1
        wanted = [frames.OpenDocument(name, epoch, cursor, pending) for name in names]
        await self.send(frames.Open(request, wanted))
        opened = await self.expect(frames.Opened)
        for name, answer in zip(names, opened.documents, strict=True):
            self.channels[name] = answer.channel
        return opened

    def record(self, text: str = "hello", **changes: Any) -> dict[str, Any]:
        """A text message of this device's user, changed as told."""
        good = {
            "id": str(uuid_utils.uuid7()),
            "by": self.welcome.user,
            "device": self.device,
            "at": now_at(),
            "type": "text",
            "text": text,
        }
        return good | changes

    def encode(self, name: str, *records: dict[str, Any], root: str = "messages", client: int = 0) -> bytes:
        """Records as the next update of a document, at this device's next clocks."""
        clock = self.clocks.get(name, 0)
        self.clocks[name] = clock + len(records)
        client = client or self.welcome.client
        structs = [RecordStruct(client, clock + step, root, one["id"], one) for step, one in enumerate(records)]
        return encode_records(structs)

    async def update(self, name: str, payload: bytes) -> int:
        """Send an update; returns its id."""
        number = self._next_id
        self._next_id += 1
        await self.send(frames.Update(self.channels.get(name, 0), number, payload))
        return number

    async def say(self, name: str, text: str = "hello", **changes: Any) -> int:
        """Send a message and wait for its ack; returns its sequence number."""
        number = await self.update(name, self.encode(name, self.record(text, **changes)))
        acks = await self.expect(frames.Acks)
        channel, acked, seq = acks.updates[:3]
        assert (channel, acked) == (self.channels[name], number)
        return seq

    async def refusal(self, name: str, payload: bytes) -> frames.Refused:
        """Send an update and wait for its refusal. The clock goes back by what was encoded for it."""
        number = await self.update(name, payload)
        refused = await self.expect(frames.Refused)
        assert refused.id == number
        return refused


@asynccontextmanager
async def wire_device(  # noqa: PLR0913 - what a hello says
    url: str,
    token: str,
    device: str = "d1",
    *,
    client: int = 0,
    version: int = limits.PROTOCOL_VERSION,
    queue: int = 16,
) -> AsyncIterator[WireDevice]:
    """A greeted device."""
    async with connect(f"{url}/v1/sync", compression=None, max_size=None, max_queue=queue) as connection:
        await connection.send(codec.encode(frames.Hello(version, token, device, client, "test")))
        async with asyncio.timeout(ANSWER_S_MAX):
            welcome = codec.decode_server_frame(await connection.recv(decode=False))
        assert isinstance(welcome, frames.Welcome)
        yield WireDevice(connection, welcome, device)


def hello(token: str, *, version: int = limits.PROTOCOL_VERSION, device: str = "d1") -> bytes:
    """A greeting."""
    return codec.encode(frames.Hello(version, token, device, 0, "test"))


async def first_words(url: str, *messages: bytes) -> tuple[int, str]:
    """How the server ends a connection on which these came first."""
    async with connect(f"{url}/v1/sync", compression=None) as connection:
        for message in messages:
            await connection.send(message)
        await connection.wait_closed()
        return connection.close_code or 0, connection.close_reason or ""
