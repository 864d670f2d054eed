"""The WebSocket: messages both ways, and why it ended in words that a person understands."""

import asyncio

import pytest
from client.conftest import ServedPeer
from syncline_client.transport import ABNORMAL_CLOSURE, TransportClosed, connect_websocket, sync_url
from syncline_protocol import codec, frames
from syncline_protocol.limits import FRAME_BYTES_MAX
from websockets.asyncio.server import ServerConnection, serve


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://127.0.0.1:8700", "ws://127.0.0.1:8700/v1/sync"),
        ("https://sync.example.org/", "wss://sync.example.org/v1/sync"),
        ("ws://[::1]:1/behind/a/proxy", "ws://[::1]:1/behind/a/proxy/v1/sync"),
        ("wss://sync.example.org/v1/sync", "wss://sync.example.org/v1/sync"),
    ],
)
def test_a_servers_address_becomes_the_sockets(address: str, url: str) -> None:
    assert sync_url(address) == url


@pytest.mark.parametrize("address", ["", "127.0.0.1:8700", "ftp://example.org", "http://", "//example.org"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(ValueError, match=r"looks like http://127\.0\.0\.1:8700"):
        sync_url(address)


async def test_messages_go_both_ways(peer: ServedPeer) -> None:
    transport = await connect_websocket(peer.url)
    await transport.send(codec.encode(frames.Hello(1, "ann", "phone", 0, "test")))
    assert isinstance(codec.decode_server_frame(await transport.receive()), frames.Welcome)
    await transport.close(1000, "")
    with pytest.raises(TransportClosed):
        await transport.send(b"x")


async def test_the_servers_close_code_comes_through(peer: ServedPeer) -> None:
    transport = await connect_websocket(peer.url)
    await transport.send(codec.encode(frames.Hello(1, "bad", "phone", 0, "test")))
    with pytest.raises(TransportClosed) as closed:
        await transport.receive()
    assert (closed.value.code, closed.value.reason) == (4401, "the token is not valid")


async def test_no_server_is_said() -> None:
    with pytest.raises(TransportClosed, match=r"no server at ws://127\.0\.0\.1:1/v1/sync") as closed:
        await connect_websocket(sync_url("http://127.0.0.1:1"))
    assert closed.value.code == ABNORMAL_CLOSURE


async def test_another_kind_of_server_is_said() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransportClosed, match="answered HTTP 404: is it a Syncline server"):
            await connect_websocket(f"ws://127.0.0.1:{port}/v1/sync")


async def test_a_server_that_hangs_up_is_said() -> None:
    async def hang_up(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with serve(hang_up, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        transport = await connect_websocket(f"ws://127.0.0.1:{port}")
        with pytest.raises(TransportClosed, match="the connection was lost"):
            await transport.receive()


async def test_a_message_over_the_limit_ends_the_connection() -> None:
    async def flood(connection: ServerConnection) -> None:
        await connection.send(b"x" * (FRAME_BYTES_MAX + 1))
        await connection.wait_closed()

    async with serve(flood, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        transport = await connect_websocket(f"ws://127.0.0.1:{port}")
        with pytest.raises(TransportClosed):
            await transport.receive()
