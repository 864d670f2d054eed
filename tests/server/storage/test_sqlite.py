"""The embedded store keeps the interface's promises, and what a machine can do to it does not change that."""

import contextlib
import errno
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from server.storage.acceptance import OpenStore, StoreAcceptance
from support.disk import Cut, Disk, Fault, Mark
from support.store_child import secret
from support.store_processes import run_child, start_child
from support.store_rows import append_many, entry, expected_rows, new_document, read_all
from syncline_server.storage import connections, log_tables
from syncline_server.storage.connections import DATABASE_NAME, Durability
from syncline_server.storage.interface import (
    DocumentKey,
    LogRow,
    Snapshot,
    Store,
    StoreError,
    StoreFatal,
    StoreUnavailable,
)
from syncline_server.storage.sqlite import SqliteStore

KEY = DocumentKey("acme", "page/1")

KILLS = int(os.environ.get("SYNCLINE_KILLS", "30"))
"""Rounds of kill -9."""

CUTS = int(os.environ.get("SYNCLINE_POWER_CUTS", "400"))
"""Simulated power cuts for each durability."""


class TestSqliteStore(StoreAcceptance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: SqliteStore(tmp_path / "data")


class TestSqliteStoreWithNormalDurability(StoreAcceptance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: SqliteStore(tmp_path, durability=Durability.NORMAL)


class TestSqliteStoreThatFoldsAllTheTime(StoreAcceptance):
    """With a tail that is full after a few updates, every read meets the runs, and every race with a fold happens."""

    @pytest.fixture
    def open_store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenStore:
        monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 1_000)
        monkeypatch.setattr(log_tables, "RUNS_PER_STATEMENT", 2)
        monkeypatch.setattr(log_tables, "RUNS_PER_READ", 3)
        monkeypatch.setattr(log_tables, "DOCUMENTS_PER_READ", 2)
        monkeypatch.setattr(log_tables, "HEADS_KEPT_MAX", 2)
        return lambda: SqliteStore(tmp_path)


@pytest.fixture
def busy_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds and checkpoints come every few appends."""
    monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 4_000)
    monkeypatch.setattr(connections, "CHECKPOINT_BYTES", 100_000)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.close()


async def work(store: Store, disk: Disk, *, groups: int) -> None:
    """Append groups to two documents, with a snapshot now and then, and mark each head acknowledged."""
    documents = [await new_document(store, f"page/{n}") for n in (1, 2)]
    disk.mark((0, 0))
    for head in range(0, groups * 3, 3):
        await store.append([entry(document, head + n) for n in (1, 2, 3) for document in documents])
        disk.mark((head + 3, 0))
        if head % 60 == 57:
            snapshot = Snapshot(head, b"%d" % head, b"")
            await store.write_snapshot(documents[0], snapshot, keep_after=head - 10)
            disk.mark((head + 3, head))


async def check_survivors(directory: Path, acknowledged: tuple[int, int] | None) -> bool:
    """Whether everything acknowledged is there. What is there must be whole in any case."""
    complete = True
    async with SqliteStore(directory) as store:
        for n in (1, 2):
            row = await store.read_document(DocumentKey("acme", f"page/{n}"))
            if row is None:
                complete = complete and acknowledged is None
                continue
            complete = complete and (acknowledged is None or row.head >= acknowledged[0])
            assert await read_all(store, row.number, after=row.floor) == expected_rows(
                row.number, row.floor + 1, row.head
            )
            snapshot = await store.read_snapshot(row.number)
            assert (row.floor == 0) == (snapshot is None)
            if snapshot is not None:
                assert snapshot == Snapshot(row.floor + 10, b"%d" % (row.floor + 10), b"")
            if n == 1 and acknowledged is not None:
                complete = complete and (0 if snapshot is None else snapshot.seq) >= acknowledged[1]
    return complete


async def count_lost(disk: Disk, directory: Path, cuts: int) -> int:
    """Cut the power that often; how often something acknowledged was missing."""
    randomness = random.Random(4)
    lost = 0
    for number in range(cuts):
        at = randomness.randrange(len(disk.operations) + 1)
        marks = [operation.what for operation in disk.operations[:at] if isinstance(operation, Mark)]
        after = directory / str(number)
        after.mkdir()
        for name, content in disk.after_cut(at, randomness.choice(list(Cut)), randomness).items():
            (after / name).write_bytes(content)
        last = marks[-1] if marks else None
        assert last is None or isinstance(last, tuple)
        lost += not await check_survivors(after, last)
    return lost


@pytest.mark.usefixtures("busy_store")
@pytest.mark.parametrize("wal_bytes_at_start", [0, 150_000])
async def test_no_power_cut_loses_what_was_acknowledged(disk: Disk, tmp_path: Path, wal_bytes_at_start: int) -> None:
    async with SqliteStore(tmp_path / "before", connect=disk.connect, wal_bytes_at_start=wal_bytes_at_start) as store:
        await work(store, disk, groups=100)
    assert await count_lost(disk, tmp_path, CUTS) == 0


@pytest.mark.usefixtures("busy_store")
async def test_power_cuts_lose_something_with_normal_durability(disk: Disk, tmp_path: Path) -> None:
    """The proof that the test before this one would notice. What is left is whole here too."""
    async with SqliteStore(tmp_path / "before", durability=Durability.NORMAL, connect=disk.connect) as store:
        await work(store, disk, groups=100)
    assert await count_lost(disk, tmp_path, CUTS) > CUTS // 10


async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    randomness = random.Random(5)
    acknowledged = 0
    for _ in range(KILLS):
        with start_child("append", tmp_path) as child:
            assert child.stdout is not None
            opened = int(child.stdout.readline().split()[1])
            assert acknowledged <= opened
            time.sleep(randomness.random() * 0.1)
            child.kill()
            heads = [int(line) for line in child.stdout if line.endswith("\n")]
        acknowledged = heads[-1] if heads else opened
    assert acknowledged > KILLS
    async with SqliteStore(tmp_path) as store:
        row = await store.read_document(KEY)
        assert row is not None
        assert row.head >= acknowledged
        assert await read_all(store, row.number, after=row.floor) == expected_rows(row.number, row.floor + 1, row.head)


@pytest.mark.usefixtures("busy_store")
@pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.WRITE_ERROR])
async def test_a_write_that_fails_stores_nothing_and_the_store_recovers(
    disk: Disk, tmp_path: Path, fault: Fault
) -> None:
    """Again and again, one of the next writes fails: appends, folds, checkpoints and snapshots all have their turn."""
    async with SqliteStore(tmp_path / "data", connect=disk.connect) as store:
        document = await new_document(store)
        head = floor = 0
        for number in range(400):
            disk.fail(fault, after=number % 23)
            head, floor = await append_until_unavailable(store, document, head, floor)
            row = await store.read_document(KEY)
            assert row is not None
            assert (row.head, row.floor) == (head, floor)
            disk.fail(None)
            await store.probe()
        assert await read_all(store, document, after=floor) == expected_rows(document, floor + 1, head)
    async with SqliteStore(tmp_path / "data") as store:
        assert await read_all(store, document, after=floor) == expected_rows(document, floor + 1, head)


async def append_until_unavailable(store: Store, document: int, head: int, floor: int) -> tuple[int, int]:
    """Append two by two, with a snapshot now and then, until a write fails; returns what was acknowledged."""
    try:
        while True:
            await store.append([entry(document, head + 1), entry(document, head + 2)])
            head += 2
            if head % 100 == 0:
                await store.write_snapshot(document, Snapshot(head, b"%d" % head, b""), keep_after=head - 20)
                floor = head - 20
    except StoreUnavailable:
        return head, floor


@pytest.mark.usefixtures("busy_store")
@pytest.mark.parametrize("syncs_before", range(0, 60, 4))
async def test_a_failed_fsync_ends_all_writing(disk: Disk, tmp_path: Path, syncs_before: int) -> None:
    async with SqliteStore(tmp_path / "data", connect=disk.connect) as store:
        document = await new_document(store)
        disk.fail(Fault.SYNC_ERROR, after=syncs_before)
        head = await append_until_fatal(store, document)
        disk.fail(None)
        disk.mark("fatal")
        with pytest.raises(StoreFatal):
            await store.append([entry(document, head + 1)])
        with pytest.raises(StoreFatal):
            await store.probe()
        assert await read_all(store, document) == expected_rows(document, 1, head)
    assert disk.operations[-1] == Mark("fatal"), "something was written or synced after a failed fsync"
    async with SqliteStore(tmp_path / "data") as store:
        row = await store.read_document(KEY)
        assert row is not None
        assert row.head in {head, head + 1}
        assert await read_all(store, document) == expected_rows(document, 1, row.head)


async def append_until_fatal(store: Store, document: int) -> int:
    """Append one by one until the store says that it is over; returns the last that was acknowledged."""
    head = 0
    try:
        while True:
            await store.append([entry(document, head + 1)])
            head += 1
    except StoreFatal:
        return head


async def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    failed, appended = run_child("limited", tmp_path, 300_000)
    kind, head, *said = failed.split()
    assert kind == "StoreUnavailable"
    assert "append to the log: disk I/O error" in " ".join(said)
    assert int(head) > 10
    assert appended == f"appended {int(head) + 1}"
    async with SqliteStore(tmp_path) as store:
        assert [row.seq for row in await read_all(store, 1)] == list(range(1, int(head) + 2))


async def test_a_real_failed_fsync_is_fatal(tmp_path: Path) -> None:
    appended, failed, again = run_child("broken-sync", tmp_path)
    assert appended == "appended 1"
    assert failed.startswith("StoreFatal 1 append to the log")
    assert again.startswith("StoreFatal 1 nothing is written after a fatal failure")
    async with SqliteStore(tmp_path) as store:
        assert (await read_all(store, 1))[0].seq == 1


@pytest.mark.usefixtures("busy_store")
async def test_damaged_bytes_are_never_served(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        await append_many(store, document, 1, 300)
        snapshot = Snapshot(300, random.Random(6).randbytes(50_000), b"index")
        await store.write_snapshot(document, snapshot, keep_after=100)
    database = tmp_path / DATABASE_NAME
    whole = database.read_bytes()
    randomness = random.Random(7)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[randomness.randrange(len(damaged))] ^= 1 << randomness.randrange(8)
        database.write_bytes(damaged)
        refused += not await read_intact(tmp_path, document, snapshot)
    assert refused > 100
    for size in range(0, len(whole), 4096):
        database.write_bytes(whole[:size])
        await read_intact(tmp_path, document, snapshot)


async def read_intact(directory: Path, document: int, snapshot: Snapshot) -> bool:
    """Read everything: either it is what was written, or there is an error."""
    try:
        async with SqliteStore(directory) as store:
            row = await store.read_document(KEY)
            if row is None:
                return False
            assert await read_all(store, document, after=100) == expected_rows(document, 101, 300)
            assert await store.read_snapshot(document) == snapshot
    except StoreError:
        return False
    return True


@pytest.mark.usefixtures("busy_store")
async def test_a_missing_run_is_a_hole_and_not_an_end(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        await append_many(store, document, 1, 300)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database, database:
        runs = [position for (position,) in database.execute("SELECT position FROM log_runs ORDER BY position")]
        database.execute("DELETE FROM log_runs WHERE position = ?", (runs[len(runs) // 2],))
    async with SqliteStore(tmp_path) as store:
        with pytest.raises(StoreError, match="updates are missing"):
            await read_all(store, document, bytes_max=1_000_000)
        assert await store.read_log(document, after=0, bytes_max=1) == [LogRow(1, entry(document, 1).payload)]


# another history

SECRET = b"my card is 4711-0815 "


def files_with(directory: Path, content: bytes) -> list[str]:
    """The files that hold these bytes anywhere."""
    return [one.name for one in directory.iterdir() if content in one.read_bytes()]


@pytest.mark.usefixtures("busy_store")
async def test_a_power_cut_leaves_the_old_history_or_the_new(disk: Disk, tmp_path: Path) -> None:
    """Whole in either case; and of the new one's predecessor no byte, once the store was opened again."""
    async with SqliteStore(tmp_path / "before", connect=disk.connect) as store:
        document, other = await new_document(store), await new_document(store, "page/2")
        for seq in range(1, 61):
            await store.append([entry(document, seq, SECRET * (seq % 13 * 30 + 1)), entry(other, seq)])
            if seq == 30:
                await store.write_snapshot(document, Snapshot(28, SECRET * 100, b""), keep_after=20)
        disk.mark("before")
        await store.replace_history(document, 99, Snapshot(60, b"clean", b""))
        disk.mark("replaced")
        await store.wipe()
        await append_many(store, other, 61, 90, at_once=3)
        end = len(disk.operations)
    first = disk.operations.index(Mark("before"))
    randomness = random.Random(8)
    seen: set[tuple[bool, int]] = set()
    for number in range(CUTS):
        at = randomness.randrange(first, end + 1)
        after = tmp_path / str(number)
        after.mkdir()
        for name, content in disk.after_cut(at, randomness.choice(list(Cut)), randomness).items():
            (after / name).write_bytes(content)
        replaced = Mark("replaced") in disk.operations[:at]
        seen.add((replaced, await check_history(after, document, other)))
    assert (True, 7) not in seen, "what was acknowledged is durable"
    assert {(False, 7), (True, 99)} <= seen


async def check_history(directory: Path, document: int, other: int) -> int:
    """The document's epoch; everything is as that epoch has it."""
    async with SqliteStore(directory) as store:
        row, beside = [await store.read_document(DocumentKey("acme", f"page/{n}")) for n in (1, 2)]
        assert row is not None
        assert beside is not None
        assert await read_all(store, other) == expected_rows(other, 1, beside.head)
        snapshot = await store.read_snapshot(document)
        rows = await read_all(store, document, after=row.floor)
        if row.epoch == 99:
            assert (snapshot, rows) == (Snapshot(60, b"clean", b""), [])
            assert files_with(directory, SECRET) == []
        else:
            assert snapshot == Snapshot(28, SECRET * 100, b"")
            assert rows == [LogRow(seq, SECRET * (seq % 13 * 30 + 1)) for seq in range(21, 61)]
        return row.epoch


async def test_kill_9_brings_no_old_history_back(tmp_path: Path) -> None:
    randomness = random.Random(9)
    replaced = 0
    for _ in range(KILLS // 3):
        with start_child("replace", tmp_path) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(randomness.random() * 0.1)
            child.kill()
            steps = [line.split() for line in child.stdout if line.endswith("\n")]
        replaced = max([replaced, *(int(number) for step, number in steps if step == "replaced")])
        async with SqliteStore(tmp_path) as store:
            row = await store.read_document(KEY)
            assert row is not None
            assert row.epoch >= replaced
            assert not [number for number in range(2, row.epoch + 1) if files_with(tmp_path, secret(number))]
            rows = await read_all(store, row.number, after=row.floor)
            assert not [one for one in rows if one.payload.replace(secret(row.epoch + 1), b"")]
    assert replaced > KILLS // 10


@pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.WRITE_ERROR])
async def test_a_history_that_cannot_be_written_is_not_replaced(disk: Disk, tmp_path: Path, fault: Fault) -> None:
    async with SqliteStore(tmp_path / "data", connect=disk.connect) as store:
        document = await new_document(store)
        await append_many(store, document, 1, 60)
        epochs = []
        for number in range(60):
            disk.fail(fault, after=number)
            with contextlib.suppress(StoreUnavailable):
                await store.replace_history(document, 100 + number, Snapshot(60, b"clean", b""))
                await store.wipe()
            disk.fail(None)
            await store.probe()
            row = await store.read_document(KEY)
            assert row is not None
            epochs.append(row.epoch)
            rows = await read_all(store, document, after=row.floor)
            assert rows == ([] if row.epoch >= 100 else expected_rows(document, 1, 60))
        assert (epochs[0], epochs[-1]) == (7, 159)
        await store.wipe()


async def test_a_failed_fsync_while_wiping_ends_all_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        await append_many(store, document, 1, 5)
        await store.replace_history(document, 99, Snapshot(5, b"clean", b""))
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fail)
            with pytest.raises(StoreFatal, match="the process must stop"):
                await store.wipe()
        with pytest.raises(StoreFatal):
            await store.append([entry(document, 6)])
    async with SqliteStore(tmp_path) as store:
        await store.append([entry(document, 6)])
