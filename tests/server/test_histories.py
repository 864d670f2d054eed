"""Documents that get another history: nobody writes in between, and everybody starts anew."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.authors import Recorder
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.names import parse_name
from syncline_server import admission
from syncline_server.storage.connections import DATABASE_NAME
from syncline_server.storage.interface import DocumentKey, Snapshot

SEGMENT = "conversation/c1/1"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


async def test_whoever_waits_for_the_index_gets_that_of_the_new_history(server: Running) -> None:
    await server.conversation(id="c1")
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    await server.hub.load_index(document)
    Recorder().say(document, "hello", now_ms=server.hub.now_ms())
    go_on = asyncio.Event()

    async def rewrite() -> Snapshot:
        assert (document.committed, document.admission) == (1, None)
        await go_on.wait()
        return Snapshot(1, b"\0\0", admission.empty(document.name).encode())

    epoch = document.epoch
    replacing = asyncio.create_task(server.hub.histories.replace(document, rewrite))
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(server.hub.load_index(document)) for _ in range(5)]
    await asyncio.sleep(0.05)
    assert not any(one.done() for one in waiting)
    go_on.set()
    await asyncio.gather(replacing, *waiting)
    assert document.admission is not None
    assert document.admission.vector == {}
    assert (document.epoch != epoch, document.floor) == (True, 1)


async def test_replacements_of_one_document_come_one_after_the_other(server: Running) -> None:
    await server.conversation(id="c1")
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    running_now = most = 0

    async def rewrite() -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.01)
        running_now -= 1

    epoch = document.epoch
    await asyncio.gather(*(server.hub.histories.replace(document, rewrite) for _ in range(5)))
    assert (most, document.epoch, document.pins) == (1, epoch, 1), "and with nothing to put there nothing changes"


async def test_a_device_that_knows_more_than_the_store_gets_a_new_history(tmp_path: Path) -> None:
    """The operator restored a backup: numbers of before mean nothing any more, and everybody starts anew."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    async with running(data) as server:
        await server.conversation(id="c1")
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(SEGMENT)
            await device.say(SEGMENT, "in the backup")
    database = data / DATABASE_NAME
    with sqlite3.connect(database) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    async with running(data) as server, wire_device(server.url, server.token("mei")) as device:
        epoch = (await device.open(SEGMENT)).documents[0].epoch
        device.clocks[SEGMENT] = 1
        assert await device.say(SEGMENT, "lost with the disk") == 2
    for path in data.iterdir():
        if path.name.startswith(database.name):
            path.unlink()
    with sqlite3.connect(backup) as source, sqlite3.connect(database) as target:
        source.backup(target)
    async with (
        running(data) as server,
        wire_device(server.url, server.token("jin"), "d2") as onlooker,
        wire_device(server.url, server.token("mei")) as device,
    ):
        await onlooker.open(SEGMENT)
        opened = (await device.open(SEGMENT, cursor=2, epoch=epoch)).documents[0]
        assert opened.epoch not in {0, epoch}
        assert (opened.head, (await device.expect(frames.Updates)).seq) == (1, 1)
        assert (await onlooker.expect(frames.Evicted)).code == "unavailable"
        again = (await onlooker.open(SEGMENT, cursor=1, epoch=epoch)).documents[0]
        assert again.epoch == opened.epoch
    async with running(data) as server, wire_device(server.url, server.token("mei")) as device:
        assert (await device.open(SEGMENT, cursor=1, epoch=opened.epoch)).documents[0].epoch == 0
