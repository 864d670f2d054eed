"""The admission index out of snapshot and log: the same as the one that was never dropped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.authors import Recorder
from support.running import Running, running
from syncline_protocol.names import parse_name
from syncline_protocol.update import RecordStruct, encode_records, scan_records
from syncline_server import admission, index_loading
from syncline_server.document import Document
from syncline_server.storage.interface import DocumentKey, LogRow, Snapshot, StoreCorrupt, StoreUnavailable

SEGMENT = "conversation/c1/1"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server with the conversation `c1`; it compacts nothing by itself."""
    async with running(tmp_path / "data", compaction=False) as started:
        await started.conversation(id="c1")
        yield started


async def segment(server: Running, updates: int) -> Document:
    """The first segment, pinned, with its index, after so many updates of three devices."""
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    await server.hub.load_index(document)
    authors = [Recorder(number) for number in range(3)]
    for number in range(updates):
        authors[number % 3].say(document, str(number), now_ms=server.hub.now_ms())
    await server.hub.log.flushed()
    return document


def state(document: Document) -> tuple[Any, ...]:
    """What the index says, and the counts kept beside it."""
    assert document.admission is not None
    index = document.admission
    return index.encode(), index.vector, index.digest, document.head, document.committed


async def reloaded(server: Running, document: Document) -> tuple[Any, ...]:
    """The state after the index was dropped and loaded."""
    document.admission = None
    await index_loading.load(server.hub.store, document)
    return state(document)


async def compact(server: Running, document: Document, upto: int, *, keep_after: int) -> None:
    """Fold the first `upto` updates into a snapshot, as compaction does it for records."""
    structs: list[RecordStruct] = []
    index = admission.empty(document.name)
    for row in await server.hub.store.read_log(document.number, after=0, bytes_max=10**9):
        if row.seq <= upto:
            structs += scan_records(row.payload)
            index.replay(row.payload)
    ordered = sorted(structs, key=lambda one: (-one.client, one.clock))
    snapshot = Snapshot(upto, encode_records(ordered), index.encode())
    await server.hub.store.write_snapshot(document.number, snapshot, keep_after=keep_after)


async def test_an_empty_document_has_an_empty_index(server: Running) -> None:
    document = await segment(server, 0)
    assert await reloaded(server, document) == (*state(document)[:3], 0, 0)
    assert document.admission is not None
    assert document.admission.vector == {}


@pytest.mark.parametrize("read_bytes", [1, 2_000, 10**9])
async def test_a_tail_longer_than_one_read_is_read_to_its_end(
    server: Running, monkeypatch: pytest.MonkeyPatch, read_bytes: int
) -> None:
    monkeypatch.setattr(index_loading, "READ_BYTES", read_bytes)
    document = await segment(server, 150)
    before, tail = state(document), (document.tail_updates, document.tail_bytes)
    assert await reloaded(server, document) == before
    assert (document.tail_updates, document.tail_bytes) == tail == (150, tail[1])


@pytest.mark.parametrize(("upto", "keep_after"), [(1, 0), (40, 0), (40, 40), (99, 50), (100, 100)])
async def test_snapshot_and_log_behind_it_are_the_same_index(server: Running, upto: int, keep_after: int) -> None:
    document = await segment(server, 100)
    before = state(document)
    await compact(server, document, upto, keep_after=keep_after)
    assert await reloaded(server, document) == before
    assert document.tail_updates == 100 - upto
    assert document.snapshot_bytes > 0
    Recorder().say(document, "goes on", now_ms=server.hub.now_ms())
    await server.hub.log.flushed()
    assert document.committed == 101


@pytest.mark.parametrize("after_reads", [0, 1, 5])
async def test_a_compaction_in_between_is_noticed_and_begun_again(
    server: Running, monkeypatch: pytest.MonkeyPatch, after_reads: int
) -> None:
    """The log that was being read is gone from under the reader; the snapshot has it."""
    monkeypatch.setattr(index_loading, "READ_BYTES", 1_000)
    document = await segment(server, 60)
    before, real, reads = state(document), server.hub.store.read_log, 0

    async def read_log(number: int, *, after: int, bytes_max: int) -> Sequence[LogRow]:
        nonlocal reads
        reads += 1
        if reads == after_reads + 1:
            monkeypatch.setattr(server.hub.store, "read_log", real)
            await compact(server, document, 50, keep_after=50)
        return await real(number, after=after, bytes_max=bytes_max)

    monkeypatch.setattr(server.hub.store, "read_log", read_log)
    assert await reloaded(server, document) == before
    assert reads == after_reads + 1
    assert document.tail_updates == 10


async def test_a_hole_in_the_log_is_an_error_and_no_index(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await segment(server, 10)
    real = server.hub.store.read_log

    async def with_hole(number: int, *, after: int, bytes_max: int) -> Sequence[LogRow]:
        rows = await real(number, after=after, bytes_max=bytes_max)
        return [row for row in rows if row.seq > 3]

    monkeypatch.setattr(server.hub.store, "read_log", with_hole)
    document.admission = None
    with pytest.raises(StoreCorrupt, match="hole after 0"):
        await index_loading.load(server.hub.store, document)
    assert document.admission is None


async def test_a_log_shorter_than_its_head_is_an_error(server: Running) -> None:
    document = await segment(server, 10)
    document.admission = None
    document.committed += 1
    with pytest.raises(StoreCorrupt, match="hole after 10"):
        await index_loading.load(server.hub.store, document)
    document.committed -= 1


async def test_a_store_that_does_not_answer_is_an_error_and_no_empty_index(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await segment(server, 10)
    before = state(document)

    async def broken(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the disk is gone")

    for call in ("read_snapshot", "read_log"):
        document.admission = None
        with monkeypatch.context() as patched:
            patched.setattr(server.hub.store, call, broken)
            with pytest.raises(StoreUnavailable):
                await index_loading.load(server.hub.store, document)
        assert document.admission is None
    assert await reloaded(server, document) == before


async def test_others_have_their_turn_while_a_long_log_is_read(server: Running) -> None:
    document = await segment(server, 600)
    document.admission = None
    turns = 0

    async def count() -> None:
        nonlocal turns
        while document.admission is None:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(count(), index_loading.load(server.hub.store, document))
    assert turns >= 600 // index_loading.ROWS_PER_TURN
