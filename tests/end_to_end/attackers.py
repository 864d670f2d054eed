"""Who attacks a running server: with updates, frames, WebSocket frames, HTTP, and with patience.

Every attack is a coroutine that makes `cases` attempts and counts what came of them. None of them looks at the server's
health: others do that beside it.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Final, NamedTuple, Protocol

import msgpack  # type: ignore[import-untyped] # it ships no types
from support.server import ServerProcess
from support.updates import UpdateMaker
from support.wire import WireDevice, wire_device
from syncline_protocol import codec, frames
from syncline_protocol.update import RecordStruct, encode_records
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

Outcomes = Counter[str]
GONE: Final = (ConnectionClosed, OSError, EOFError, InvalidHandshake, InvalidMessage)
PATIENCE_S: Final = 0.02

SIMPLE: Final[tuple[object, ...]] = (
    None, True, -1, 2**63, 1.5, "", "x" * 1000, b"\xff" * 100, "页", [], {}, {"a": [1, {"b": None}]}, [[[]]] * 9,
)  # fmt: skip
"""What a field of a frame may be instead."""

HANDSHAKE: Final = (
    b"GET /v1/sync HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Target(NamedTuple):
    """A document, and as whom to attack it."""

    document: str
    user: str
    role: str


async def send_updates(server: ServerProcess, target: Target, make: Callable[[int], "Maker"], cases: int) -> Outcomes:
    """Hostile updates to one document, on a new connection after each that the server ended."""
    outcomes: Outcomes = Counter()
    token = server.token(target.user, target.role)
    client = 0
    maker: Maker | None = None
    while outcomes.total() < cases:
        with suppress(*GONE):
            async with wire_device(server.url, token, f"evil-{target.user}", client=client) as wire:
                client = wire.welcome.client
                maker = maker or make(client)
                await wire.open(target.document)
                await _send_until_closed(wire, target.document, maker, outcomes, cases)
    return outcomes


class Maker(Protocol):
    """Makes one hostile update after the other, and learns which were taken."""

    def next(self) -> bytes:
        """The next update."""

    def taken(self, update: bytes) -> None:
        """It was admitted."""


async def _send_until_closed(wire: WireDevice, document: str, maker: "Maker", outcomes: Outcomes, cases: int) -> None:
    while outcomes.total() < cases:
        update = maker.next()
        number = await wire.update(document, update)
        while True:
            frame = await wire.read()
            if isinstance(frame, frames.Refused) and frame.id == number:
                outcomes[frame.code] += 1
                break
            if isinstance(frame, frames.Acks):
                outcomes["admitted"] += 1
                maker.taken(update)
                break


class PageMaker:
    """Updates in the language of pages."""

    def __init__(self, seed: int, client: int) -> None:
        random = Random(seed)  # the maker's valid edits are written under the id above the one it is given
        self._maker = UpdateMaker(random, client=client - 1)

    def next(self) -> bytes:
        """One of all kinds, most of them not valid."""
        return self._maker.any()

    def taken(self, update: bytes) -> None:
        """What was admitted can be pointed at from now on."""
        self._maker.learn(update)


class RecordMaker:
    """Records that are nearly right, and updates of pages where records belong."""

    def __init__(self, seed: int, client: int) -> None:
        self._random = Random(seed)
        self._client = client
        self._pages = UpdateMaker(self._random, client=client)

    def next(self) -> bytes:
        """A record with something wrong in it, in its bytes or in its meaning."""
        random = self._random
        if random.random() < 0.3:
            return self._pages.any()
        key = f"01a0c5ad-f400-7000-8000-{random.getrandbits(48):012x}"
        value: dict[str, Any] = {"id": key, "by": "cus", "device": "evil-cus", "at": 1, "type": "text", "text": "x"}
        field = random.choice(list(value))
        value[field] = random.choice(
            (None, -1, 2**60, 1.5, "", "server", "\0", [], {"a": {"b": [1]}}, True, "x" * 70_000)
        )
        client = self._client + random.choice((0, 0, 0, 1, -1))
        try:
            update = encode_records([RecordStruct(client, random.choice((0, 1, 2**31 - 2)), "messages", key, value)])
        except ValueError:  # what our own encoder does not write is bent by hand below
            update = encode_records([RecordStruct(client, 0, "messages", key, {"id": key})])
        return bent(random, update) if random.random() < 0.5 else update

    def taken(self, update: bytes) -> None:
        """A record more; the next ones collide with it or not."""


def bent(random: Random, data: bytes) -> bytes:
    """`data` with a few bytes changed, dropped, doubled or cut off."""
    out = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(out)) if out else 0
        match random.randrange(5):
            case 0:
                out[at : at + 1] = bytes((random.getrandbits(8),))
            case 1:
                del out[at : at + random.randint(1, 4)]
            case 2:
                out[at:at] = out[at : at + random.randint(1, 16)]
            case 3:
                out[at:at] = random.choice(
                    (b"\xff" * 9, b"\x80" * 20, b"\0", b"\xdd\xff\xff\xff\xff", b"\xc6\x7f\xff\xff\xff")
                )
            case _:
                del out[at:]
    return bytes(out)


# --- frames


def hostile_frame(random: Random, channel: int) -> bytes:
    """A frame that is none, or one with fields of another kind, or out of place."""
    good = random.choice(
        [
            codec.encode(frames.Open(1, [frames.OpenDocument("page/shared", 0, 0, True)])),
            codec.encode(frames.Update(channel, 7, b"\0\0")),
            codec.encode(frames.SetPresence(channel, {"typing": True, "at": [1, 2, {"x": None}]})),
            codec.encode(frames.Digest(channel, 3, b"d" * 32)),
            codec.encode(frames.Fragment(True, b"f" * 300)),
            codec.encode(frames.Close(channel)),
            codec.encode(frames.RequestLease()),
            codec.encode(frames.Renew("x.y.z")),
            codec.encode(frames.Acks([1, 2, 3])),
        ]
    )
    match random.randrange(6):
        case 0:
            return bent(random, good)
        case 1:
            return good
        case 2:
            return random.randbytes(random.randint(0, 200))
        case 3:
            return bytes(
                msgpack.packb(
                    [random.choice((2, 3, 5, 6, 99)), *(_anything(random) for _ in range(random.randint(0, 4)))]
                )
            )
        case 4:
            return b"\x91" * random.randint(10, 100_000)
        case _:
            return (
                random.choice((b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x93\x03"))
                + good
            )


def _anything(random: Random) -> object:
    return random.choice(SIMPLE)


async def send_frames(server: ServerProcess, seed: int, cases: int) -> Outcomes:
    """Hostile frames, before and after the greeting."""
    random = Random(seed)
    outcomes: Outcomes = Counter()
    token = server.token("evil-frames")
    while outcomes.total() < cases:
        try:
            if random.random() < 0.3:
                await _frames_to_a_stranger(server, random, outcomes)
            else:
                await _frames_of_a_device(server, token, random, outcomes)
        except GONE as gone:
            outcomes[_ending(gone)] += 1
    return outcomes


async def _frames_of_a_device(server: ServerProcess, token: str, random: Random, outcomes: Outcomes) -> None:
    async with wire_device(server.url, token, "frames") as wire:
        await wire.open("page/evil-frames")
        while True:
            await wire.connection.send(hostile_frame(random, wire.channels["page/evil-frames"]))
            outcomes["sent"] += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(0.002):
                    await wire.read()


async def _frames_to_a_stranger(server: ServerProcess, random: Random, outcomes: Outcomes) -> None:
    path = random.choice(
        ("/v1/sync", "/yjs/page/shared?token=", f"/yjs/page/evil-frames?token={server.token('evil-yjs')}")
    )
    async with connect(server.url + path, compression=None) as connection:
        for _ in range(20):
            message = hostile_frame(random, 1)
            await connection.send(message if random.random() < 0.9 else message.decode(errors="replace"))
            outcomes["sent to a stranger"] += 1
        while True:
            async with asyncio.timeout(1.0):
                await connection.recv()


def _ending(gone: BaseException) -> str:
    if isinstance(gone, ConnectionClosed) and gone.rcvd is not None:
        return f"closed with {gone.rcvd.code}"
    return "cut off"


# --- bytes


def websocket_garbage(random: Random) -> bytes:
    """Frames that RFC 6455 forbids, or that promise more than comes."""
    opcode, fin = random.randrange(16), random.choice((0, 0x80))
    reserved = random.choice((0, 0, 0x40, 0x70))
    size = random.choice((0, 1, 125, 126, 127))
    header = bytes((fin | reserved | opcode, random.choice((0, 0x80)) | size))
    if size == 126:
        header += struct.pack(">H", random.choice((0, 125, 65_535)))
    elif size == 127:
        header += struct.pack(">Q", random.choice((0, 65_535, 2**20 + 1, 2**31, 2**63 - 1, 2**64 - 1)))
    return header + random.randbytes(random.randint(0, 300))


def http_garbage(random: Random) -> bytes:
    """Requests that are none, or too much of one."""
    return random.choice(
        (
            random.randbytes(200),
            b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
            b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /v1/conversations/%2e%2e%2f HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + b"e30." * 500
            + b"\r\n\r\n",
            b"POST /v1/conversations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
            b"POST /v1/conversations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{",
            b"POST /v1/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nfffffff\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(100),
            HANDSHAKE.replace(b"13", b"99"),
            HANDSHAKE.replace(b"dGhl", b"\xff\xff"),
            bent(random, HANDSHAKE),
        )
    )


async def send_bytes(server: ServerProcess, seed: int, cases: int) -> Outcomes:
    """Garbage below the protocol: on sockets, and on WebSockets."""
    random = Random(seed)
    outcomes: Outcomes = Counter()
    for _ in range(cases):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with suppress(*GONE, TimeoutError):
            await _send_garbage(reader, writer, random)
        await _drop(writer, random)
        outcomes["sent"] += 1
    return outcomes


async def _send_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, random: Random) -> None:
    if random.random() < 0.6:
        writer.write(HANDSHAKE)
        for _ in range(random.randint(1, 5)):
            writer.write(websocket_garbage(random))
    else:
        writer.write(http_garbage(random))
    async with asyncio.timeout(PATIENCE_S):
        await writer.drain()
        while await reader.read(65_536):
            pass


async def _drop(writer: asyncio.StreamWriter, random: Random) -> None:
    """End a connection: in good order, or by a reset."""
    if random.random() < 0.5:
        writer.transport.abort()
    writer.close()
    with suppress(*GONE):
        await writer.wait_closed()


async def hold_connections(server: ServerProcess, count: int, until: asyncio.Event) -> Outcomes:
    """Connections that never get anywhere: half a handshake byte by byte, no `Hello`, nothing at all."""
    outcomes: Outcomes = Counter()
    held = []
    for number in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        if number % 3 == 0:
            writer.write(HANDSHAKE)
        held.append((reader, writer))
    place = 0
    while not until.is_set():
        for number, (_, writer) in enumerate(held):
            if number % 3 == 1 and not writer.is_closing():
                writer.write(HANDSHAKE[place % 40 : place % 40 + 1])
        place += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await until.wait()
    for reader, writer in held:
        outcomes["ended by the server" if reader.at_eof() else "held"] += 1
        await _drop(writer, Random(0))
    return outcomes
