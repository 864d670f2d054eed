"""The WebSocket class on real connections: framing, fragments, violations, bounds. (Autobahn: docs/testing.md.)"""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from support.echo import Echo, EchoServer, echo_server
from syncline_server.socket import Socket, message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

MASK = b"\x01\x02\x03\x04"


def masked(payload: bytes, *, head: int = 0x82, length: bytes | None = None) -> bytes:
    """A frame as a client sends it."""
    if length is None:
        length = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes((head,)) + length + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


@pytest.fixture
async def echo() -> AsyncIterator[EchoServer]:
    """A running echo server."""
    async with echo_server(EchoServer()) as running:
        yield running


def raw(client: ClientConnection, data: bytes) -> None:
    """Write bytes past the client's own framing."""
    client.transport.write(data)


async def everything(client: ClientConnection) -> None:
    """Read until the connection ends."""
    while True:
        await client.recv()


async def closing(client: ClientConnection) -> tuple[int, str]:
    """The server's close code and reason."""
    with pytest.raises(ConnectionClosed) as caught:
        await everything(client)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 300_000])
async def test_every_length_form_comes_back(echo: EchoServer, size: int) -> None:
    payload = os.urandom(size)
    async with connect(echo.url, compression=None) as client:
        await client.send(payload)
        assert await client.recv() == payload


async def test_messages_cut_at_any_byte_arrive_whole(echo: EchoServer) -> None:
    payloads = [b"", b"a", os.urandom(200), os.urandom(70)]
    stream = b"".join(map(masked, payloads))
    async with connect(echo.url, compression=None) as client:
        for byte in range(len(stream)):
            raw(client, stream[byte : byte + 1])
            if byte % 16 == 0:
                await asyncio.sleep(0)
        assert [await client.recv() for _ in payloads] == payloads


async def test_many_messages_in_one_segment_arrive_in_order(echo: EchoServer) -> None:
    async with connect(echo.url, compression=None) as client:
        raw(client, b"".join(masked(number.to_bytes(4, "big")) for number in range(500)))
        assert [int.from_bytes(await client.recv(decode=False), "big") for _ in range(500)] == list(range(500))


async def test_fragments_with_a_ping_between_them_make_one_message(echo: EchoServer) -> None:
    async with connect(echo.url, compression=None) as client:
        raw(
            client,
            masked(b"one ", head=0x02)
            + masked(b"?", head=0x89)
            + masked(b"two ", head=0x00)
            + masked(b"three", head=0x80),
        )
        raw(client, masked(b"next"))
        assert [await client.recv(), await client.recv()] == [b"one two three", b"next"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(b"x", head=0xC2), 1002),
        (masked(b"x", head=0x83), 1002),
        (b"\x82\x01x", 1002),
        (masked(b"x", head=0x02) + masked(b"y", head=0x82), 1002),
        (masked(b"x", head=0x80), 1002),
        (masked(b"", head=0x82, length=b"\xff\x00\x00\x00\x00\x00\x20\x00\x00"), 1009),
        (masked(b"", head=0x82, length=b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 1009),
        (masked(b"text", head=0x81), 1003),
    ],
    ids=["rsv", "opcode", "unmasked", "new in fragments", "continuation of nothing", "2 MiB", "2^64", "text"],
)
async def test_a_violation_closes_with_its_code(echo: EchoServer, data: bytes, code: int) -> None:
    async with connect(echo.url, compression=None) as client:
        raw(client, data + masked(b"never read"))
        assert (await closing(client))[0] == code
    assert echo.receivers[0].received == 0  # type: ignore[attr-defined]


async def test_a_close_of_ours_carries_code_and_reason_and_ends_the_connection() -> None:
    class Ending(Echo):
        def receive(self, payload: bytes) -> None:  # noqa: ARG002 - whatever comes
            self.socket.close(4422, "no " + "é" * 200)
            self.socket.send_message(b"not sent any more")

    async with echo_server(EchoServer(Ending)) as echo, connect(echo.url, compression=None) as client:
        await client.send(b"x")
        code, reason = await closing(client)
        assert (code, reason[:4]) == (4422, "no é")
        receiver = echo.receivers[0]
        assert isinstance(receiver, Ending)
        async with asyncio.timeout(5):
            await receiver.is_lost.wait()


async def test_a_full_outbox_is_said_and_its_draining_too() -> None:
    class Flooding(Echo):
        def receive(self, payload: bytes) -> None:  # noqa: ARG002 - whatever comes
            while not self.socket.full:
                self.socket.send_message(b"f" * 65_536)

    flooding = EchoServer(Flooding, outbox_bytes=256 * 1024)
    async with echo_server(flooding) as echo, connect(echo.url, compression=None, max_queue=1) as client:
        await client.send(b"go")
        await asyncio.sleep(0.1)
        receiver = echo.receivers[0]
        assert isinstance(receiver, Flooding)
        assert receiver.socket.full
        assert receiver.socket.waiting_bytes < 512 * 1024
        async with asyncio.timeout(5):
            while not receiver.drains:
                await client.recv()
        assert not receiver.socket.full
        client.transport.abort()


def test_one_encoding_serves_every_connection() -> None:
    for size in (0, 125, 126, 65535, 65536):
        payload = b"p" * size
        assert message(payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)


def test_the_socket_is_a_subclass_of_what_uvicorn_runs_by_default() -> None:
    assert Socket.__mro__[1].__module__ == "uvicorn.protocols.websockets.websockets_sansio_impl"
