"""Opening documents: many at once, small answers for the unchanged, epochs, and no gap between opening and live."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import Running, running
from support.wire import WireDevice, wire_device
from syncline_protocol import codec, frames, limits
from syncline_protocol.errors import CloseCode
from syncline_server.storage.interface import DocumentKey, StoredDocument


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


async def said(server: Running, segment: str, count: int) -> None:
    """Write some messages and disconnect."""
    async with wire_device(server.url, server.token("mei"), "writer") as agent:
        opened = await agent.open(segment, pending=True)
        agent.clocks[segment] = opened.documents[0].clock
        for number in range(count):
            await agent.say(segment, f"message {number}")


async def everything(device: WireDevice, count: int) -> list[bytes]:
    """The next `count` payloads."""
    payloads: list[bytes] = []
    while len(payloads) < count:
        payloads += (await device.expect(frames.Updates)).payloads
    return payloads


async def test_a_newcomer_gets_everything_and_goes_live(server: Running) -> None:
    segment = await server.conversation()
    await said(server, segment, 5)
    async with (
        wire_device(server.url, server.token("jin")) as reader,
        wire_device(server.url, server.token("mei"), "d2") as writer,
    ):
        answer = (await reader.open(segment)).documents[0]
        assert (answer.head, answer.epoch != 0) == (5, True)
        assert len(await everything(reader, 5)) == 5
        await writer.open(segment)
        await writer.say(segment)
        assert (await reader.expect(frames.Updates)).seq == 6


async def test_a_cursor_gets_only_what_came_after_it(server: Running) -> None:
    segment = await server.conversation()
    await said(server, segment, 5)
    async with wire_device(server.url, server.token("jin")) as reader:
        epoch = (await reader.open(segment)).documents[0].epoch
        await everything(reader, 5)
    async with wire_device(server.url, server.token("jin")) as reader:
        answer = (await reader.open(segment, cursor=3, epoch=epoch)).documents[0]
        assert (answer.head, answer.epoch) == (5, 0)
        updates = await reader.expect(frames.Updates)
        assert (updates.seq, len(updates.payloads)) == (4, 2)


async def test_500_unchanged_documents_cost_one_round_trip_and_16_bytes_each(server: Running) -> None:
    names = [f"page/{number}" for number in range(limits.OPEN_DOCUMENTS_MAX)]
    async with wire_device(server.url, server.token("mei")) as device:
        first = await device.open(*names)
        await device.send(
            frames.Open(
                9,
                [
                    frames.OpenDocument(name, answer.epoch, answer.head, False)
                    for name, answer in zip(names, first.documents, strict=True)
                ],
            )
        )
        again = await device.expect(frames.Opened)
        assert all(answer.epoch == 0 and answer.access for answer in again.documents)
        assert len(codec.encode(again)) <= frames.UP_TO_DATE_BYTES_MAX * len(names)
        assert await device.silence() == []


async def test_one_document_too_many_in_an_open_is_a_violation(server: Running) -> None:
    async with wire_device(server.url, server.token("mei")) as device:
        wanted = [frames.OpenDocument(f"page/{number}", 0, 0, False) for number in range(limits.OPEN_DOCUMENTS_MAX + 1)]
        await device.send(frames.Open(1, wanted))
        assert (await device.closed())[0] == CloseCode.TOO_LARGE


async def test_a_device_with_pending_edits_is_told_its_clock(server: Running) -> None:
    segment = await server.conversation()
    await said(server, segment, 3)
    async with wire_device(server.url, server.token("mei"), "writer") as writer:
        assert (await writer.open(segment)).documents[0].clock == 0
        assert (await writer.open(segment, pending=True)).documents[0].clock == 3


async def test_another_epoch_starts_from_nothing(server: Running) -> None:
    segment = await server.conversation()
    await said(server, segment, 3)
    async with wire_device(server.url, server.token("jin")) as reader:
        answer = (await reader.open(segment, cursor=2, epoch=12345)).documents[0]
        assert answer.epoch not in (0, 12345)
        assert len(await everything(reader, 3)) == 3


async def test_a_cursor_beyond_the_log_shows_that_the_store_is_older(server: Running) -> None:
    segment = await server.conversation()
    await said(server, segment, 3)
    async with (
        wire_device(server.url, server.token("jin")) as reader,
        wire_device(server.url, server.token("mei"), "d2") as other,
    ):
        epoch = (await reader.open(segment)).documents[0].epoch
        await everything(reader, 3)
        answer = (await other.open(segment, cursor=9, epoch=epoch)).documents[0]
        assert answer.epoch not in (0, epoch)
        assert (await reader.expect(frames.Evicted)).code == "unavailable"
        row = await server.hub.store.read_document(DocumentKey("default", segment))
        assert row is not None
        assert row.epoch == answer.epoch


async def test_documents_load_once_and_leave_memory_when_nobody_has_them(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("jin")) as one, wire_device(server.url, server.token("mei")) as two:
        opened = await asyncio.gather(one.open(segment), two.open(segment))
        assert opened[0].documents[0].channel == opened[1].documents[0].channel
        await one.send(frames.Close(one.channels[segment]))
        await asyncio.sleep(0.2)
        assert DocumentKey("default", segment) in server.hub.documents
    async with asyncio.timeout(5):
        while server.hub.documents:
            await asyncio.sleep(0.02)


async def test_updates_that_cross_an_opening_are_neither_missed_nor_doubled(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei"), "writer") as writer:
        await writer.open(segment)

        async def write() -> None:
            for _ in range(150):
                await writer.say(segment)

        writing = asyncio.create_task(write())
        for _ in range(12):
            async with wire_device(server.url, server.token("jin"), "reader") as reader:
                await reader.open(segment)
                seen: list[int] = []
                while len(seen) < 30 and not (writing.done() and len(seen) >= 150):
                    updates = await reader.expect(frames.Updates)
                    seen += range(updates.seq, updates.seq + len(updates.payloads))
                assert seen == list(range(1, len(seen) + 1))
        await writing


async def test_a_closed_document_is_silent(server: Running) -> None:
    segment = await server.conversation()
    async with (
        wire_device(server.url, server.token("jin")) as reader,
        wire_device(server.url, server.token("mei"), "d2") as writer,
    ):
        await reader.open(segment)
        await writer.open(segment)
        await reader.send(frames.Close(reader.channels[segment]))
        await asyncio.sleep(0.05)
        await writer.say(segment)
        assert await reader.silence() == []


async def test_many_documents_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"page/{number}" for number in range(50)]
    async with running(tmp_path / "data") as server, wire_device(server.url, server.token("mei")) as device:
        await device.open(*names)
    async with running(tmp_path / "data") as server:
        one_by_one = 0
        read_document = server.hub.store.read_document

        async def counted(key: DocumentKey) -> StoredDocument | None:
            nonlocal one_by_one
            one_by_one += 1
            return await read_document(key)

        monkeypatch.setattr(server.hub.store, "read_document", counted)
        async with wire_device(server.url, server.token("mei")) as device:
            opened = await device.open(*names, "page/none/of/these", "page/new")
            assert [bool(one.channel) for one in opened.documents] == [True] * 50 + [False, True]
            assert one_by_one <= 2, "only what was not there"
        async with asyncio.timeout(5):
            while server.hub.documents:
                await asyncio.sleep(0.02)
