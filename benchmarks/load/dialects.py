"""How a device talks to each server: the same steps, in each server's own protocol.

On the load's way: `records → DIALECT → socket`. This file has what all dialects share and the two protocols of the
peers; Syncline's is in `syncline.py`.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from benchmarks.load import lib0
from benchmarks.load.socket import ConnectionLost, Socket, connect

SYNC, AUTH = 0, 2
"""Message types. Of `y-protocols` and Hocuspocus alike."""

STEP_1, STEP_2, UPDATE = 0, 1, 2
"""Sync messages (`y-protocols/sync`): a state vector, what the other lacks, one update."""

TOKEN, PERMISSION_DENIED, AUTHENTICATED = 0, 1, 2
"""Authentication messages (`@hocuspocus/common`)."""

EMPTY_UPDATE: Final = b"\0\0"

PENDING_DOCUMENTS_MAX: Final = 100
"""Documents that a Hocuspocus connection may ask for before they are authenticated (`maxPendingDocuments`)."""

SOCKETS_OPENING_MAX: Final = 50
"""Connections that the load opens at the same time: below every server's backlog."""


class Link(Protocol):
    """A device's connection, following one document."""

    @property
    def socket(self) -> Socket:
        """Its connection."""

    @property
    def client(self) -> int:
        """The Yjs client id to write under."""

    @property
    def confirmed(self) -> int:
        """How many of its updates the server has confirmed: by an acknowledgement, or by sending them back."""

    def message(self, number: int, update: bytes) -> bytes:
        """`update` as this connection's update `number`, ready to send."""


class Place(NamedTuple):
    """What a device has of a document: its epoch (0 where servers know none), and the next clock of each client id."""

    epoch: int
    clocks: Mapping[int, int]


class CatchUp(NamedTuple):
    """What a device needed to come back: its sockets, which count what came, and round trips after they stood."""

    sockets: Sequence[Socket]
    round_trips: int


class Dialect(Protocol):
    """One server's protocol, from the device's side."""

    async def create(self, documents: Sequence[str]) -> None:
        """Create documents, where a server wants that before they are opened."""

    async def connect(self, device: str) -> Socket | None:
        """A connection without a document, or None where there is no such thing."""

    async def join(self, device: str, document: str) -> Link:
        """Connect and follow `document`, which is empty. Raises `ConnectionLost`."""

    async def read_epochs(self, device: str, documents: Sequence[str]) -> Mapping[str, int]:
        """The epoch of each document, where servers know epochs."""

    async def catch_up(self, device: str, known: Mapping[str, Place]) -> CatchUp:
        """Come back with what the device has of its documents, and ask for what is new.

        Returns when each document was answered; updates may still be coming.
        """


def new_client() -> int:
    """A client id as long as those that Syncline leases: six bytes as a varint, so that all write the same bytes."""
    return 2**41 | secrets.randbits(41)


class YWebsocketLink:
    """A connection of the y-websocket protocol, which is for one document."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.client = new_client()

    @property
    def confirmed(self) -> int:
        """See `Link`: these servers send an update to its author, too."""
        return self.socket.records

    def message(self, number: int, update: bytes) -> bytes:  # noqa: ARG002 - the protocol numbers nothing
        """See `Link`."""
        return bytes((SYNC, UPDATE)) + lib0.var_bytes(update)


class YWebsocketDialect:
    """y-websocket's protocol: one socket for each document, no authentication, no acknowledgement."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def create(self, documents: Sequence[str]) -> None:
        """Documents come into being when they are opened."""

    async def connect(self, device: str) -> None:
        """There is no connection without a document."""

    async def join(self, device: str, document: str) -> YWebsocketLink:  # noqa: ARG002 - devices have no names here
        """See `Dialect`."""
        return YWebsocketLink(await self._sync(document, {}))

    async def read_epochs(self, device: str, documents: Sequence[str]) -> Mapping[str, int]:  # noqa: ARG002
        """There are none."""
        return dict.fromkeys(documents, 0)

    async def catch_up(self, device: str, known: Mapping[str, Place]) -> CatchUp:  # noqa: ARG002
        """One connection for each document."""
        names = list(known)
        sockets: list[Socket] = []
        for start in range(0, len(names), SOCKETS_OPENING_MAX):
            some = names[start : start + SOCKETS_OPENING_MAX]
            sockets += await asyncio.gather(*(self._sync(name, known[name].clocks) for name in some))
        return CatchUp(sockets, 1)

    async def _sync(self, document: str, clocks: Mapping[int, int]) -> Socket:
        """What a y-websocket client does when it connects: both sides ask, both answer."""
        socket = await connect(f"ws://127.0.0.1:{self._port}/{document}")
        socket.send(bytes((SYNC, STEP_1)) + lib0.var_bytes(lib0.state_vector(dict(clocks))))
        asked = answered = False
        while not (asked and answered):
            kind = (await socket.receive())[:2]
            asked = asked or kind == bytes((SYNC, STEP_1))
            answered = answered or kind == bytes((SYNC, STEP_2))
        socket.send(bytes((SYNC, STEP_2)) + lib0.var_bytes(EMPTY_UPDATE))
        return socket


class HocuspocusLink:
    """One document on a Hocuspocus connection."""

    def __init__(self, socket: Socket, document: str) -> None:
        self.socket = socket
        self.client = new_client()
        self._update = lib0.var_bytes(document.encode()) + bytes((SYNC, UPDATE))

    @property
    def confirmed(self) -> int:
        """See `Link`. Counted by what comes back: its acknowledgements (a boolean) do not say what they are for."""
        return self.socket.records

    def message(self, number: int, update: bytes) -> bytes:  # noqa: ARG002 - the protocol numbers nothing
        """See `Link`."""
        return self._update + lib0.var_bytes(update)


class HocuspocusDialect:
    """Hocuspocus: many documents on a socket, each named in each message, authenticated one by one."""

    def __init__(self, port: int) -> None:
        self._url = f"ws://127.0.0.1:{port}/"

    async def create(self, documents: Sequence[str]) -> None:
        """Documents come into being when they are opened."""

    async def connect(self, device: str) -> Socket:  # noqa: ARG002 - devices have no names here
        """A connection that no document is open on; authentication comes with the first document."""
        return await connect(self._url)

    async def join(self, device: str, document: str) -> HocuspocusLink:  # noqa: ARG002 - see `connect`
        """See `Dialect`."""
        socket = await connect(self._url)
        await self._sync(socket, {document: {}})
        return HocuspocusLink(socket, document)

    async def read_epochs(self, device: str, documents: Sequence[str]) -> Mapping[str, int]:  # noqa: ARG002
        """There are none."""
        return dict.fromkeys(documents, 0)

    async def catch_up(self, device: str, known: Mapping[str, Place]) -> CatchUp:  # noqa: ARG002
        """All documents on one connection, as many at a time as the server allows."""
        socket = await connect(self._url)
        names = list(known)
        for start in range(0, len(names), PENDING_DOCUMENTS_MAX):
            await self._sync(
                socket, {name: known[name].clocks for name in names[start : start + PENDING_DOCUMENTS_MAX]}
            )
        return CatchUp([socket], -(-len(names) // PENDING_DOCUMENTS_MAX))

    async def _sync(self, socket: Socket, known: Mapping[str, Mapping[int, int]]) -> None:
        """Authenticate for each document and ask what is new; the server keeps the question until it has let us in."""
        for name, clocks in known.items():
            address = lib0.var_bytes(name.encode())
            socket.send(address + bytes((AUTH, TOKEN)) + lib0.var_bytes(b"token"))
            socket.send(address + bytes((SYNC, STEP_1)) + lib0.var_bytes(lib0.state_vector(dict(clocks))))
        waiting = set(known)
        while waiting:
            message = await socket.receive()
            length, start = lib0.read_var_uint(message, 0)
            name, kind = message[start : start + length].decode(), message[start + length : start + length + 2]
            if kind == bytes((AUTH, PERMISSION_DENIED)):
                raise ConnectionLost(f"the server lets nobody into {name}")
            if kind == bytes((SYNC, STEP_2)):
                waiting.discard(name)
