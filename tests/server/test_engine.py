"""Compaction, digests and diffs on a running server: what devices get afterwards is what they got before."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from support.running import Running, running
from support.wire import WireDevice, wire_device
from syncline_protocol import frames
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.update import scan_records
from syncline_server import engine as engine_module
from syncline_server.document import Document
from syncline_server.storage import compaction
from syncline_server.storage.interface import StoreUnavailable
from syncline_server.storage.worker import JobFailed, WorkerUnavailable


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A running server that compacts early and keeps little."""
    monkeypatch.setattr(engine_module, "UPKEEP_INTERVAL_S", 0.05)
    monkeypatch.setattr(compaction, "TAIL_UPDATES_DUE", 40)
    monkeypatch.setattr(compaction, "TAIL_RECORDS_DUE", 40)
    monkeypatch.setattr(compaction, "LOG_TAIL_KEPT", 5)
    async with running(tmp_path / "data") as started:
        yield started


def document_of(server: Running, name: str) -> Document:
    """The document in memory."""
    return next(one for key, one in server.hub.documents.items() if key.name == name)


async def compacted(server: Running) -> None:
    """Wait for a compaction."""
    async with asyncio.timeout(20):
        while not server.hub.metrics.compactions:
            await asyncio.sleep(0.02)


async def history(device: WireDevice, head: int) -> list[bytes]:
    """Every record that a newcomer is sent, whatever the frames."""
    payloads: list[bytes] = []
    seq = 0
    while seq < head:
        frame = await device.read()
        if isinstance(frame, frames.Snapshot):
            payloads.append(frame.payload)
            seq = frame.seq
        elif isinstance(frame, frames.Updates):
            assert frame.seq == seq + 1
            payloads += frame.payloads
            seq += len(frame.payloads)
    return payloads


async def test_a_compacted_conversation_is_the_same_to_a_newcomer(server: Running) -> None:
    segment = await server.conversation()
    said: dict[str, object] = {}
    async with wire_device(server.url, server.token("mei")) as writer:
        await writer.open(segment)
        for number in range(60):
            record = writer.record(f"第 {number} 条 👍")
            said[str(record["id"])] = record
            await writer.update(segment, writer.encode(segment, record))
            await writer.expect(frames.Acks)
        await compacted(server)
        for number in range(3):
            record = writer.record(f"after {number}")
            said[str(record["id"])] = record
            await writer.update(segment, writer.encode(segment, record))
            await writer.expect(frames.Acks)
        async with wire_device(server.url, server.token("jin"), "late") as late:
            head = (await late.open(segment)).documents[0].head
            payloads = await history(late, head)
            records = [one for payload in payloads for one in scan_records(payload)]
            assert {one.key: one.value for one in records} == said
            index = RecordIndex()
            for payload in payloads:
                index.admit(scan_records(payload), owns=lambda _: True)
            await late.send(frames.Digest(late.channels[segment], head, index.digest))
            assert (await late.expect(frames.DigestChecked)).equal
        assert document_of(server, segment).floor > 0


async def test_a_cursor_before_the_cut_is_served_the_snapshot_and_one_behind_it_the_log(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as writer:
        epoch = (await writer.open(segment)).documents[0].epoch
        for _ in range(60):
            await writer.say(segment)
        await compacted(server)
        floor = document_of(server, segment).floor
        for cursor, kind in ((1, frames.Snapshot), (floor, frames.Updates)):
            async with wire_device(server.url, server.token("jin"), "late") as late:
                await late.open(segment, cursor=cursor, epoch=epoch)
                assert type(await late.read()) is kind


async def test_writing_goes_on_while_a_document_is_compacted(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as writer:
        await writer.open(segment)
        for number in range(300):
            assert await writer.say(segment) == number + 1
        await compacted(server)
    async with wire_device(server.url, server.token("jin")) as late:
        head = (await late.open(segment)).documents[0].head
        payloads = await history(late, head)
        assert len([one for payload in payloads for one in scan_records(payload)]) == head == 300


async def write_page(device: WireDevice, texts: list[str]) -> pycrdt.Doc[Any]:
    """Type into a page, one update each; the device's copy of it."""
    doc = pycrdt.Doc[Any](client_id=device.welcome.client)
    text: pycrdt.Text = doc.get("text", type=pycrdt.Text)
    for one in texts:
        before = doc.get_state()
        text += one
        await device.update("page/one", doc.get_update(before))
        await device.expect(frames.Acks)
    return doc


async def test_a_pages_digest_is_of_its_content_and_the_same_after_compaction(server: Running) -> None:
    async with wire_device(server.url, server.token("mei")) as device:
        await device.open("page/one")
        await write_page(device, ["你", "好"])
        document = document_of(server, "page/one")
        two = await server.hub.digest(document, at=2)
        assert two is not None
        assert await server.hub.digest(document, at=1) is None
        await device.send(frames.Digest(device.channels["page/one"], 2, two))
        assert (await device.expect(frames.DigestChecked)).equal
        await device.send(frames.Digest(device.channels["page/one"], 2, b"\0" * 32))
        checked = await device.expect(frames.DigestChecked)
        assert (checked.equal, checked.digest, server.hub.metrics.digest_mismatches) == (False, two, 1)
        engine = server.hub._engine
        await engine._compact(server.hub, document)
        engine._digests.clear()
        assert await server.hub.digest(document, at=2) == two


async def test_a_diff_has_what_a_vector_lacks(server: Running) -> None:
    async with wire_device(server.url, server.token("mei")) as device:
        await device.open("page/one")
        doc = await write_page(device, ["a", "b", "c"])
        known = pycrdt.Doc[Any](client_id=1)
        head, diff = await server.hub.diff(document_of(server, "page/one"), known.get_state())
        known.apply_update(diff)
        assert (head, str(known.get("text", type=pycrdt.Text))) == (3, "abc")
        _, nothing = await server.hub.diff(document_of(server, "page/one"), doc.get_state())
        assert nothing == b"\x00\x00"


async def test_a_document_on_which_the_engine_fails_is_read_only_and_says_so(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = await server.conversation()

    async def fail(*_: object) -> None:
        raise JobFailed("the engine gave up")

    async with wire_device(server.url, server.token("mei")) as writer:
        await writer.open(segment)
        monkeypatch.setattr(server.hub._engine._worker, "run", fail)
        for _ in range(40):
            await writer.say(segment)
        async with asyncio.timeout(10):
            while not server.hub.metrics.compactions_failed:
                await asyncio.sleep(0.02)
        refused = await writer.refusal(segment, writer.encode(segment, writer.record()))
        assert refused.code == "quarantined"
        assert "the engine gave up" in refused.reason
        async with wire_device(server.url, server.token("jin")) as reader:
            head = (await reader.open(segment)).documents[0].head
            assert len(await history(reader, head)) == 40


async def test_an_engine_that_cannot_run_harms_no_document(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise WorkerUnavailable("no process")

    async with wire_device(server.url, server.token("mei")) as device:
        await device.open("page/one")
        await write_page(device, ["a"])
        document = document_of(server, "page/one")
        monkeypatch.setattr(server.hub._engine._worker, "run", fail)
        assert await server.hub.digest(document, at=1) is None
        with pytest.raises(RefusedUpdate, match="unavailable"):
            await server.hub.diff(document, b"\x00")
        await server.hub._engine._compact(server.hub, document)
        assert not document.quarantined


async def test_cursors_are_stored_and_a_failing_store_does_not_stop_upkeep(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = await server.conversation()

    async def fail(_: object) -> None:
        raise StoreUnavailable("full")

    async with wire_device(server.url, server.token("mei")) as device:
        await device.open(segment)
        await device.say(segment)
        await device.send(frames.Digest(device.channels[segment], 1, b""))
        await device.expect(frames.DigestChecked)
        await server.hub._engine.store_cursors(server.hub)
        number = device.channels[segment]
        assert await server.hub.store.read_oldest_cursor(number, seen_after_ms=0) == 1
        monkeypatch.setattr(server.hub.store, "write_cursors", fail)
        await server.hub._engine.store_cursors(server.hub)
        assert await device.say(segment) == 2
