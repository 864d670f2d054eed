"""What was dropped is in no file of the folder: neither in the database nor beside it, whatever happened before."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from support.store_rows import append_many, entry, expected_rows, new_document, payload_of, read_all
from syncline_server.storage import log_tables, wiping
from syncline_server.storage.connections import DATABASE_NAME
from syncline_server.storage.interface import Snapshot, StoreUnavailable
from syncline_server.storage.sqlite import SqliteStore

SECRET = "银行卡 4711-0815 ".encode()
CLEAN = b"nothing of it"


@pytest.fixture(params=[500, 1024 * 1024])
def tail_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How soon the tail is folded: at once, now and then, not at all."""
    size = int(request.param)
    monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", size)
    return size


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "data") as store:
        yield store


def files_with(directory: Path, content: bytes) -> list[str]:
    """The files that hold these bytes anywhere."""
    return [path.name for path in sorted(directory.rglob("*")) if path.is_file() and content in path.read_bytes()]


async def write_secret(store: SqliteStore, document: int, seq: int, size: int) -> None:
    """An update with the secret at its beginning, in its middle and at its end, of about `size` bytes."""
    filler = bytes(max(0, size - 3 * len(SECRET)) // 2)
    await store.append([entry(document, seq, SECRET + filler + SECRET + filler + SECRET)])


@pytest.mark.usefixtures("tail_bytes")
@pytest.mark.parametrize("size", [60, 3_000, 100_000])
@pytest.mark.parametrize("compacted", [False, True])
async def test_no_byte_stays_in_any_file(store: SqliteStore, tmp_path: Path, size: int, *, compacted: bool) -> None:
    document, other = await new_document(store), await new_document(store, "page/2")
    for seq in range(1, 21):
        await write_secret(store, document, seq, size)
        await store.append([entry(other, seq)])
        if compacted and seq == 10:
            await store.write_snapshot(document, Snapshot(9, SECRET * 50, SECRET), keep_after=5)
    assert files_with(tmp_path, SECRET)
    await store.replace_history(document, 99, Snapshot(20, CLEAN, b"index"))
    assert files_with(tmp_path, SECRET), "the proof that the search finds something until it is wiped"
    await store.wipe()
    assert files_with(tmp_path, SECRET) == []
    assert files_with(tmp_path, CLEAN)
    await append_many(store, other, 21, 200, at_once=3)
    assert files_with(tmp_path, SECRET) == []
    assert await read_all(store, other) == expected_rows(other, 1, 200)


async def test_slots_of_long_ago_and_old_snapshots_are_wiped_too(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret was folded, compacted away, and lies in slots and pages that nobody reads any more."""
    document, other = await new_document(store), await new_document(store, "page/2")
    await append_many(store, other, 1, 2, at_once=1)
    await write_secret(store, document, 1, 500)
    monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 0)
    await store.append([entry(other, 3)])
    monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 1024 * 1024)
    await store.write_snapshot(document, Snapshot(1, SECRET * 9, b""), keep_after=1)
    await store.append([entry(document, 2)])
    await store.write_snapshot(document, Snapshot(2, CLEAN, b""), keep_after=2)
    await store._connections.alone(store._connections.empty_wal())
    assert files_with(tmp_path, SECRET) == [DATABASE_NAME]
    await store.replace_history(document, 99, Snapshot(2, CLEAN, b""))
    await store.wipe()
    assert files_with(tmp_path, SECRET) == []


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_came_before_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Many documents of all sizes, folds and compactions between them; then one after the other is erased."""
    monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 20_000)
    monkeypatch.setattr(wiping, "PAGES_PER_TURN", 16)
    randomness = random.Random(seed)
    async with SqliteStore(tmp_path) as store:
        documents = [await new_document(store, f"page/{number}") for number in range(20)]
        heads = dict.fromkeys(documents, 0)
        for _ in range(400):
            document = randomness.choice(documents)
            heads[document] += 1
            secret = b"<secret %d>" % document * randomness.choice([1, 3, 10, 40, 200])
            await store.append([entry(document, heads[document], secret)])
            if randomness.random() < 0.05:
                snapshot = Snapshot(heads[document], b"<secret %d>" % document * randomness.randrange(300), b"")
                await store.write_snapshot(document, snapshot, keep_after=heads[document])
        erased = [document for document in documents if heads[document]][::2]
        for number, document in enumerate(erased):
            await store.replace_history(document, 99, Snapshot(heads[document], CLEAN, b""))
            await store.wipe()
            gone = [b"<secret %d>" % one for one in erased[: number + 1]]
            assert not [secret for secret in gone if files_with(tmp_path, secret)]
        with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    async with SqliteStore(tmp_path) as store:
        for document in set(documents) - set(erased):
            rows = await store.read_log(document, after=0, bytes_max=10**9)
            assert all(b"<secret %d>" % document in row.payload for row in rows)


async def test_a_wipe_that_was_cut_off_is_made_up_for_at_the_next_start(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        await write_secret(store, document, 1, 5_000)
        await store.replace_history(document, 99, Snapshot(1, CLEAN, b""))
    assert mark(tmp_path) == 1
    async with SqliteStore(tmp_path):
        assert files_with(tmp_path, SECRET) == []
    assert mark(tmp_path) == 0


def mark(directory: Path) -> int:
    """How many replacements wait for their wipe."""
    with closing(sqlite3.connect(directory / DATABASE_NAME)) as database:
        ((due,),) = database.execute("SELECT ifnull(max(value), 0) FROM meta WHERE key = 'wipe_due'").fetchall()
    return int(due)


async def test_what_is_dropped_during_a_wipe_is_wiped_by_it_or_by_the_next(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiping, "PAGES_PER_TURN", 4)
    documents = [await new_document(store, f"page/{number}") for number in range(8)]
    for document in documents:
        for seq in range(1, 6):
            await write_secret(store, document, seq, 4_500)

    async def erase(document: int) -> None:
        for _ in range(document * 3):
            await asyncio.sleep(0)
        await store.replace_history(document, 99, Snapshot(5, CLEAN, b""))
        await store.wipe()

    await asyncio.gather(*map(erase, documents))
    assert files_with(tmp_path, SECRET) == []
    assert mark(tmp_path / "data") == 0


async def test_a_reader_that_holds_on_makes_a_wipe_wait_for_another_time(store: SqliteStore, tmp_path: Path) -> None:
    document = await new_document(store)
    await write_secret(store, document, 1, 5_000)
    await store._connections.write("PRAGMA busy_timeout = 50", (), doing="be impatient")
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM snapshots").fetchall()
        await store.replace_history(document, 99, Snapshot(1, CLEAN, b""))
        with pytest.raises(StoreUnavailable, match="close other programs"):
            await store.wipe()
        assert mark(tmp_path / "data") == 1
        other.execute("ROLLBACK")
    await store.append([entry(document, 2)])
    await store.wipe()
    assert files_with(tmp_path, SECRET) == []
    assert await read_all(store, document, after=1) == expected_rows(document, 2, 2)


async def test_pages_that_the_writer_remembers_do_not_bring_it_back(store: SqliteStore, tmp_path: Path) -> None:
    """Rows beside the dropped ones are changed after the wipe, out of pages that were in memory before it."""
    documents = [await new_document(store, f"page/{number}") for number in range(30)]
    for seq in range(1, 8):
        for document in documents:
            await store.append([entry(document, seq, b"<secret %d>" % document * 40)])
    for document in documents:
        await store.write_snapshot(document, Snapshot(6, b"<secret %d>" % document * 9, b""), keep_after=3)
    for document in documents[::3]:
        await store.replace_history(document, 99, Snapshot(7, CLEAN, b""))
        await store.wipe()
        for near in (document + 1, document + 2):
            row = (await read_all(store, near, after=3))[-1]
            await store.append([entry(near, row.seq + 1, payload_of(near, row.seq + 1))])
            await store.write_snapshot(near, Snapshot(row.seq, b"s" * 400, b""), keep_after=5)
        await store._connections.alone(store._connections.empty_wal())
        assert files_with(tmp_path, b"<secret %d>" % document) == []
