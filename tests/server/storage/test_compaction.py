"""When documents are compacted, what a compaction leaves, and that a crash at any step leaves the old or the new."""

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.store_processes import start_child
from syncline_protocol.names import Language
from syncline_protocol.update import ContentIndex
from syncline_server.storage import compaction, jobs
from syncline_server.storage.compaction import (
    CURSOR_KEPT_MS,
    LOG_TAIL_KEPT,
    LOG_TAIL_KEPT_MAX,
    TAIL_BYTES_DUE,
    TAIL_RECORDS_DUE,
    TAIL_UPDATES_DUE,
    TAIL_UPDATES_MAX,
    Compactor,
    cut,
    is_due,
    read_updates,
)
from syncline_server.storage.interface import DocumentKey, LogEntry, Snapshot, Store, StoreCorrupt, StoredDocument
from syncline_server.storage.sqlite import SqliteStore
from syncline_server.storage.worker import JobError, JobFailed, JobTimedOut, Worker, WorkerUnavailable
from typing_extensions import override

KEY = DocumentKey("acme", "page/1")
NOW_MS = 1_790_000_000_000


class Typist:
    """Somebody who types into a page, and keeps the update of each step."""

    def __init__(self) -> None:
        self.document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=5)
        self.document["t"] = pycrdt.Text()
        self._randomness = random.Random(1)

    def type(self, count: int) -> list[bytes]:
        """So many steps."""
        updates = []
        text = self.document["t"]
        for _ in range(count):
            state = self.document.get_state()
            if len(text) > 9 and self._randomness.random() < 0.2:
                del text[self._randomness.randrange(len(text))]
            else:
                text.insert(self._randomness.randint(0, len(text)), "x")
            updates.append(self.document.get_update(state))
        return updates


async def append(store: Store, updates: Sequence[bytes]) -> StoredDocument:
    """Append to the page, which is made if need be; returns its row afterwards."""
    row = await store.read_document(KEY) or await store.create_document(KEY, 1)
    for start in range(0, len(updates), 500):
        group = enumerate(updates[start : start + 500], row.head + start + 1)
        await store.append([LogEntry(row.number, seq, 5, NOW_MS, update) for seq, update in group])
    return await row_of(store)


async def row_of(store: Store) -> StoredDocument:
    row = await store.read_document(KEY)
    assert row is not None
    return row


async def text_of(store: Store) -> str:
    """What a device sees that opens the page now."""
    row = await row_of(store)
    document: pycrdt.Doc[Any] = pycrdt.Doc()
    async for piece in read_updates(store, row, await store.read_snapshot(row.number)):
        for update in piece:
            document.apply_update(update)
    return str(document.get("t", type=pycrdt.Text))


def compactor(store: Store, worker: Worker) -> Compactor:
    return Compactor(store, worker, now_ms=lambda: NOW_MS)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path) as store:
        yield store


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    async with Worker() as worker:
        yield worker


class Failing(Worker):
    """A worker whose jobs fail as told; the document is read first."""

    def __init__(self, error: JobError) -> None:
        super().__init__()
        self._error = error

    @override
    async def run(self, job: jobs.Job, updates: AsyncIterable[Sequence[bytes]]) -> jobs.Result:
        async for _ in updates:
            pass
        raise self._error


# when


@pytest.mark.parametrize(
    ("language", "updates", "size", "snapshot", "due"),
    [
        (Language.CONTENT, 0, 0, 0, False),
        (Language.CONTENT, TAIL_UPDATES_DUE - 1, TAIL_BYTES_DUE - 1, 0, False),
        (Language.CONTENT, TAIL_UPDATES_DUE, 1, 0, True),
        (Language.CONTENT, 1, TAIL_BYTES_DUE, 0, True),
        (Language.CONTENT, TAIL_UPDATES_DUE, 10_000, 20_000, True),
        (Language.CONTENT, TAIL_UPDATES_DUE, 10_000, 20_001, False),
        (Language.CONTENT, 1, TAIL_BYTES_DUE, 2 * TAIL_BYTES_DUE + 1, False),
        (Language.CONTENT, TAIL_UPDATES_MAX, TAIL_UPDATES_MAX, 2**40, True),
        (Language.RECORDS, TAIL_RECORDS_DUE - 1, 2**30, 0, False),
        (Language.RECORDS, TAIL_RECORDS_DUE, 10_000, 20_000, True),
        (Language.RECORDS, TAIL_RECORDS_DUE, 10_000, 20_001, False),
        (Language.RECORDS, TAIL_UPDATES_MAX, TAIL_UPDATES_MAX, 2**40, True),
    ],
)
def test_a_document_is_due(language: Language, updates: int, size: int, snapshot: int, *, due: bool) -> None:
    assert is_due(language, tail_updates=updates, tail_bytes=size, snapshot_bytes=snapshot) is due


@given(st.integers(1, 5_000), st.floats(0, 1), st.integers(1_000, 100_000))
def test_all_compactions_together_cost_a_multiple_of_the_log(size: int, kept: float, updates: int) -> None:
    """Whatever part of what is appended stays in the snapshot. Where the limit of updates comes in, it costs extra."""
    tail = tail_bytes = cost = 0
    snapshot = 0.0
    for _ in range(updates):
        tail, tail_bytes = tail + 1, tail_bytes + size
        if is_due(Language.CONTENT, tail_updates=tail, tail_bytes=tail_bytes, snapshot_bytes=int(snapshot)):
            if tail < TAIL_UPDATES_MAX:
                cost += int(snapshot) + tail_bytes
            snapshot += kept * tail_bytes
            tail = tail_bytes = 0
    assert cost <= 3 * size * updates + updates


@given(st.integers(0, 100_000), st.data())
def test_a_cut_keeps_what_devices_need_within_limits(head: int, data: st.DataObject) -> None:
    floor = data.draw(st.integers(0, head))
    cursor = data.draw(st.none() | st.integers(0, head))
    at = cut(head, floor, cursor)
    assert floor <= at <= max(floor, head - LOG_TAIL_KEPT)
    assert at >= head - LOG_TAIL_KEPT_MAX
    if cursor is not None:
        assert at <= max(cursor, floor, head - LOG_TAIL_KEPT_MAX)


# what


async def test_a_compacted_page_is_the_same_page(store: SqliteStore, worker: Worker) -> None:
    typist = Typist()
    for count in (1, 700, 30, 2_000):
        row = await append(store, typist.type(count))
        assert await compactor(store, worker).compact(row, language=Language.CONTENT)
        after = await row_of(store)
        snapshot = await store.read_snapshot(row.number)
        assert snapshot is not None
        assert (snapshot.seq, after.head, after.floor) == (row.head, row.head, max(0, row.head - LOG_TAIL_KEPT))
        assert ContentIndex.decode(snapshot.index).vector == ContentIndex.from_update(snapshot.payload).vector
        assert await text_of(store) == str(typist.document["t"])
        assert not await compactor(store, worker).compact(after, language=Language.CONTENT)


async def test_what_is_appended_meanwhile_stays_behind_the_snapshot(store: SqliteStore, worker: Worker) -> None:
    typist = Typist()
    row = await append(store, typist.type(3_000))

    async def type_on() -> None:
        for _ in range(20):
            await append(store, typist.type(10))
            await asyncio.sleep(0)

    await asyncio.gather(compactor(store, worker).compact(row, language=Language.CONTENT), type_on())
    snapshot = await store.read_snapshot(row.number)
    assert snapshot is not None
    assert 3_000 <= snapshot.seq <= 3_200
    assert (await row_of(store)).head == 3_200
    assert await text_of(store) == str(typist.document["t"])


async def test_a_cursor_keeps_its_part_of_the_log_for_a_while(store: SqliteStore, worker: Worker) -> None:
    typist = Typist()
    row = await append(store, typist.type(2_000))
    await store.write_cursors([(row.number, 1, 800, NOW_MS - CURSOR_KEPT_MS + 1), (row.number, 2, 10, 0)])
    await compactor(store, worker).compact(row, language=Language.CONTENT)
    assert (await row_of(store)).floor == 800
    assert (await store.read_log(row.number, after=800, bytes_max=1))[0].seq == 801
    row = await append(store, typist.type(LOG_TAIL_KEPT_MAX))
    await compactor(store, worker).compact(row, language=Language.CONTENT)
    assert (await row_of(store)).floor == row.head - LOG_TAIL_KEPT_MAX
    assert await text_of(store) == str(typist.document["t"])


async def test_a_document_is_read_in_pieces(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "PIECE_BYTES", 500)
    updates = Typist().type(300)
    row = await append(store, updates)
    await append(store, [b"later"])
    pieces = [piece async for piece in read_updates(store, row, Snapshot(100, b"snapshot", b""))]
    assert [update for piece in pieces for update in piece] == [b"snapshot", *updates[100:]]
    assert len(pieces) > 5
    assert all(sum(map(len, piece)) <= 500 for piece in pieces)


# failures


async def test_a_page_with_a_gap_is_quarantined_and_stays_readable(store: SqliteStore, worker: Worker) -> None:
    updates = Typist().type(600)
    missing = next(number for number in range(300, 600) if updates[number][0] > 0)  # one that brings text
    row = await append(store, updates[:missing] + updates[missing + 1 :])
    with pytest.raises(JobFailed, match="waits for something that is missing"):
        await compactor(store, worker).compact(row, language=Language.CONTENT)
    after = await row_of(store)
    assert after.quarantined.startswith("it cannot be compacted: ValueError: update")
    assert (after.head, after.floor) == (599, 0)
    assert await store.read_snapshot(row.number) is None
    assert len(await store.read_log(row.number, after=0, bytes_max=10**9)) == 599


async def test_a_page_that_takes_too_long_is_quarantined(store: SqliteStore) -> None:
    row = await append(store, Typist().type(10))
    async with Failing(JobTimedOut("a job took more than 60 s")) as worker:
        with pytest.raises(JobTimedOut):
            await compactor(store, worker).compact(row, language=Language.CONTENT)
    assert "more than 60 s" in (await row_of(store)).quarantined


async def test_a_worker_that_is_not_there_is_not_the_document_s_fault(store: SqliteStore) -> None:
    row = await append(store, Typist().type(10))
    async with Failing(WorkerUnavailable("no memory")) as worker:
        with pytest.raises(WorkerUnavailable):
            await compactor(store, worker).compact(row, language=Language.CONTENT)
    assert await row_of(store) == row


async def test_a_hole_in_the_log_is_not_compacted_over(store: SqliteStore, worker: Worker) -> None:
    row = await append(store, Typist().type(600))
    await store.write_snapshot(row.number, Snapshot(400, b"\0\0", b""), keep_after=400)
    with pytest.raises(StoreCorrupt, match="has a hole after 0"):
        await worker.run(jobs.Digest(Language.CONTENT), read_updates(store, row, None))
    assert (await row_of(store)).quarantined == ""


async def test_a_document_that_is_gone_is_said(store: SqliteStore, worker: Worker) -> None:
    row = await append(store, Typist().type(10))
    with pytest.raises(StoreCorrupt, match="not there any more"):
        await compactor(store, worker).compact(
            row._replace(key=DocumentKey("acme", "page/2")), language=Language.CONTENT
        )


async def test_a_crash_at_any_step_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """The steps: before the job, after it, and before each statement that writes; then once without a crash."""
    typist = Typist()
    states = []
    async with SqliteStore(tmp_path) as store:
        await append(store, typist.type(1_200))
    for step in range(20):
        with start_child(tmp_path, step, module="compaction_child") as child:
            output, _ = child.communicate(timeout=60)
        async with SqliteStore(tmp_path) as store:
            row = await row_of(store)
            snapshot = await store.read_snapshot(row.number)
            states.append((row.floor, 0 if snapshot is None else snapshot.seq))
            assert row.quarantined == ""
            assert await text_of(store) == str(typist.document["t"])
            await append(store, typist.type(1))
        if child.returncode == 0:
            break
        assert child.returncode == -9
        assert "compacted" not in output
    assert "compacted" in output
    assert step > 6
    assert states[0] == states[5] == (0, 0)
    assert states[-1] == (1_200 + step - LOG_TAIL_KEPT, 1_200 + step)
    assert {(floor, seq) for floor, seq in states if seq} <= {(seq - LOG_TAIL_KEPT, seq) for seq in range(1_200, 1_300)}
