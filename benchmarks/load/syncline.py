"""Syncline's protocol from the device's side: `/v1/sync`, many documents on a connection. The frames are its own.

On the load's way: `records → DIALECT → socket`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, TypeVar

import httpx
from syncline_protocol import codec, frames
from syncline_protocol.limits import FRAME_ASSEMBLED_BYTES_MAX, OPEN_DOCUMENTS_MAX, PROTOCOL_VERSION

from benchmarks.load.dialects import CatchUp, Place
from benchmarks.load.socket import ConnectionLost, Socket, connect, ignore

AGENT: Final = "syncline-benchmarks"
REQUESTS_AT_ONCE: Final = 20
"""Conversations that are created at the same time."""

NOTHING: Final = Place(0, {})
"""What a new device has of a document."""

FrameKind = TypeVar("FrameKind", bound=frames.Frame)


class SynclineDevice:
    """One device's session, as long as its socket queues what it receives. `requests` counts what it asked."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.client = 0
        self.requests = 0
        self._assembler = codec.Assembler(FRAME_ASSEMBLED_BYTES_MAX)

    async def greet(self, token: str, device: str) -> None:
        """Say who is there. Raises `ConnectionLost`."""
        self.socket.send(codec.encode(frames.Hello(PROTOCOL_VERSION, token, device, 0, AGENT)))
        self.client = (await self._receive(frames.Welcome)).client

    async def open(self, places: Mapping[str, Place]) -> dict[str, frames.OpenedDocument]:
        """Open documents, in one `Open` for as many as it may name. Raises `ConnectionLost` when one is refused."""
        opened: dict[str, frames.OpenedDocument] = {}
        names = list(places)
        for start in range(0, len(names), OPEN_DOCUMENTS_MAX):
            some = names[start : start + OPEN_DOCUMENTS_MAX]
            wanted = [frames.OpenDocument(name, places[name].epoch, cursor(places[name]), False) for name in some]
            self.requests += 1
            self.socket.send(codec.encode(frames.Open(self.requests, wanted)))
            answer = await self._receive(frames.Opened)
            for refusal in answer.refused:
                raise ConnectionLost(f"{some[refusal.index]} was refused: {refusal.code}, {refusal.reason}")
            opened.update(zip(some, answer.documents, strict=True))
        return opened

    async def receive(self) -> frames.ServerFrame:
        """The next frame, put together if it came in fragments. Raises `ConnectionLost`."""
        frame = codec.decode_server_frame(await self.socket.receive())
        while isinstance(frame, frames.Fragment):
            whole = self._assembler.add(frame)
            frame = codec.decode_server_frame(await self.socket.receive() if whole is None else whole)
        return frame

    async def _receive(self, kind: type[FrameKind]) -> FrameKind:
        """The next frame of `kind`; documents' content may come before it. Raises `ConnectionLost`."""
        while True:
            frame = await self.receive()
            if isinstance(frame, kind):
                return frame
            if not isinstance(frame, frames.Updates | frames.Snapshot):
                raise ConnectionLost(f"{type(frame).__name__} came where {kind.__name__} was due: {frame}")


class SynclineLink:
    """One document on a device's connection. A refusal ends the run, since nothing that the load does is wrong."""

    def __init__(self, device: SynclineDevice, channel: int) -> None:
        self.socket = device.socket
        self.client = device.client
        self.confirmed = 0
        self._channel = channel
        self.on_acknowledged: Callable[[list[int]], None] | None = None
        """Told the ids of updates that are durable."""
        self.socket.take = self._take

    def message(self, number: int, update: bytes) -> bytes:
        """See `Link`."""
        return codec.encode(frames.Update(self._channel, number, update))

    def _take(self, payload: bytes) -> None:
        frame = codec.decode_server_frame(payload)
        if isinstance(frame, frames.Acks):
            ids = frame.updates[1::3]  # channel, id, seq, channel, id, seq, …
            self.confirmed += len(ids)
            if self.on_acknowledged is not None:
                self.on_acknowledged(ids)
        elif isinstance(frame, frames.Refused):
            self.socket.fail(f"update {frame.id} was refused: {frame.code}, {frame.reason}")


class SynclineDialect:
    """See the module's text. `token` is a staff member's; each device of theirs has a name of its own."""

    def __init__(self, port: int, token: str) -> None:
        self._address = f"127.0.0.1:{port}"
        self._token = token

    async def create(self, documents: Sequence[str]) -> None:
        """Create the conversations that the documents are segments of."""
        headers = {"authorization": f"Bearer {self._token}"}
        turn = asyncio.Semaphore(REQUESTS_AT_ONCE)
        async with httpx.AsyncClient(base_url=f"http://{self._address}", headers=headers, timeout=30) as http:

            async def create_one(document: str) -> None:
                conversation = document.split("/")[1]
                wanted = {"id": conversation, "subject": "benchmark", "channel": "chat", "language": "en"}
                async with turn:
                    answer = await http.post("/v1/conversations", json=wanted)
                if answer.status_code != HTTPStatus.CREATED:
                    raise ConnectionLost(f"{document} could not be created: {answer.status_code} {answer.text}")

            await asyncio.gather(*(create_one(document) for document in documents))

    async def greet(self, device: str) -> SynclineDevice:
        """Connect and be welcomed."""
        session = SynclineDevice(await connect(f"ws://{self._address}/v1/sync"))
        await session.greet(self._token, device)
        return session

    async def connect(self, device: str) -> Socket:
        """An authenticated connection that no document is open on."""
        return (await self.greet(device)).socket

    async def join(self, device: str, document: str) -> SynclineLink:
        """See `Dialect`."""
        session = await self.greet(device)
        opened = await session.open({document: NOTHING})
        return SynclineLink(session, opened[document].channel)

    async def read_epochs(self, device: str, documents: Sequence[str]) -> Mapping[str, int]:
        """See `Dialect`."""
        session = await self.greet(device)
        opened = await session.open(dict.fromkeys(documents, NOTHING))
        await session.socket.close()
        return {name: answer.epoch for name, answer in opened.items()}

    async def catch_up(self, device: str, known: Mapping[str, Place]) -> CatchUp:
        """All documents on one connection."""
        session = await self.greet(device)
        await session.open(known)
        session.socket.take = ignore
        return CatchUp([session.socket], session.requests)


def cursor(place: Place) -> int:
    """The cursor of a device that has so much of a document into which each update wrote one record."""
    return sum(place.clocks.values())
