"""The load generator counts right: against a small server of its own, that merges, repeats or loses on purpose."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from pycrdt import Doc, Map
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.load.pace import Message, send_steadily, send_within
from benchmarks.load.records import MARKER, SAMPLES, Writer, device_name, ids_in, read_texts
from benchmarks.load.socket import ConnectionLost, Socket, connect, header_bytes
from benchmarks.scenarios.window import DeliveryFailed, measure

CLIENT = 2**41 + 7
IN_FLIGHT_MAX = 8
Relay = Callable[[ServerConnection, bytes], Awaitable[None]]


def written(count: int) -> tuple[list[bytes], list[bytes]]:
    """Ids and updates of the first records that a device writes."""
    records = list(Writer(CLIENT, device_name(3), read_texts(SAMPLES)).write(count))
    return [record.id for record in records], [record.update for record in records]


@asynccontextmanager
async def server(relay: Relay) -> AsyncIterator[str]:
    """A server that does with each message what `relay` does; its URL."""

    async def follow(connection: ServerConnection) -> None:
        async for message in connection:
            assert isinstance(message, bytes)
            await relay(connection, message)

    async with serve(follow, "127.0.0.1", 0) as running:
        yield f"ws://127.0.0.1:{next(iter(running.sockets)).getsockname()[1]}/"


async def echo(connection: ServerConnection, message: bytes) -> None:
    await connection.send(message)


def merging(count: int) -> Relay:
    """Sends `count` messages back as one."""
    waiting: list[bytes] = []

    async def merge(connection: ServerConnection, message: bytes) -> None:
        waiting.append(message)
        if len(waiting) == count:
            await connection.send(b"".join(waiting))
            waiting.clear()

    return merge


async def run(url: str, ids: Sequence[bytes], updates: Sequence[bytes]) -> Socket:
    """Send all steadily over one connection and wait for them on the same."""
    socket = await connect(url)
    load = [Message(id_, socket, update) for id_, update in zip(ids, updates, strict=True)]
    await measure(os.getpid(), load, {socket: set(ids)}, lambda some: send_steadily(some, 1_000))
    await socket.close()
    return socket


async def test_records_are_counted_one_by_one() -> None:
    ids, updates = written(40)
    async with server(echo) as url:
        socket = await run(url, ids, updates)
    assert socket.records == 40
    assert socket.bytes_received == sum(len(update) + header_bytes(len(update)) for update in updates)


async def test_records_of_merged_messages_are_counted() -> None:
    ids, updates = written(40)
    async with server(merging(10)) as url:
        socket = await run(url, ids, updates)
    assert socket.records == 40


async def test_a_record_that_came_twice_in_place_of_another_is_noticed() -> None:
    ids, updates = written(4)

    async def first_again(connection: ServerConnection, message: bytes) -> None:
        await connection.send(updates[0] if message == updates[2] else message)

    async with server(first_again) as url:
        with pytest.raises(DeliveryFailed, match="1 of 4 records never came"):
            await run(url, ids, updates)


async def test_more_records_than_were_written_are_noticed() -> None:
    ids, updates = written(4)

    async def last_twice(connection: ServerConnection, message: bytes) -> None:
        await connection.send(message * 2 if message == updates[3] else message)

    async with server(last_twice) as url:
        with pytest.raises(DeliveryFailed, match="more records than were written"):
            await run(url, ids, updates)


async def test_a_lost_connection_ends_the_wait() -> None:
    ids, updates = written(4)

    async def close(connection: ServerConnection, message: bytes) -> None:
        if message == updates[1]:
            await connection.close(4403, "not you")

    async with server(close) as url:
        with pytest.raises(ConnectionLost, match="not you"):
            await run(url, ids, updates)


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ConnectionLost, match="cannot connect to ws://"):
        await connect("ws://127.0.0.1:1/")


async def test_messages_in_flight_stay_within_their_bound() -> None:
    ids, updates = written(60)
    on_their_way = most = 0

    async def slow(connection: ServerConnection, message: bytes) -> None:
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        await asyncio.sleep(0.001)
        on_their_way -= 1
        await connection.send(message)

    async with server(slow) as url:
        socket = await connect(url)
        load = [Message(id_, socket, update) for id_, update in zip(ids, updates, strict=True)]
        times = await send_within(load, IN_FLIGHT_MAX, lambda: socket.records)
        assert len(times) == 60
        assert socket.records >= 60 - IN_FLIGHT_MAX
        await socket.expect(60)
        await socket.close()
    assert most <= IN_FLIGHT_MAX


async def test_the_steady_load_keeps_its_rate() -> None:
    ids, updates = written(50)
    async with server(echo) as url:
        socket = await connect(url)
        load = [Message(id_, socket, update) for id_, update in zip(ids, updates, strict=True)]
        times = await send_steadily(load, 100)
        await socket.close()
    assert times[-1] - times[0] == pytest.approx(0.49, abs=0.1)


def test_an_update_is_what_a_yjs_client_would_have_written() -> None:
    ids, updates = written(20)
    document: Doc[Map[dict[str, object]]] = Doc()
    records = document.get("messages", type=Map)
    for update in updates:
        document.apply_update(update)
    assert set(records.keys()) == {id_.decode() for id_ in ids}
    texts = read_texts(SAMPLES)
    assert [records[id_.decode()]["text"] for id_ in ids] == texts[:20]


def test_the_marker_is_in_each_update_once_and_its_id_is_found() -> None:
    ids, updates = written(300)
    assert all(update.count(MARKER) == 1 for update in updates)
    assert ids_in(b"".join(updates)) == set(ids)
    assert len(set(ids)) == 300
