"""How the log lies in its tables, and that it stays small: the promises themselves are in the acceptance suite."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from support.store_rows import append_many, entry, expected_rows, new_document, payload_of, read_all
from syncline_server.storage import connections, log_tables
from syncline_server.storage.connections import DATABASE_NAME
from syncline_server.storage.interface import DocumentKey, LogEntry, Snapshot, StoreCorrupt
from syncline_server.storage.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def small_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tables, "TAIL_BYTES_MAX", 10_000)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path) as store:
        yield store


def query(directory: Path, sql: str) -> list[tuple[int, ...]]:
    """Look into the database from outside; or change it."""
    with closing(sqlite3.connect(directory / DATABASE_NAME)) as database, database:
        return database.execute(sql).fetchall()


async def test_the_tail_stays_within_its_limit_and_its_slots(store: SqliteStore, tmp_path: Path) -> None:
    document = await new_document(store)
    for seq in range(1, 1_001):
        await store.append([entry(document, seq)])
        assert store._log._tail.bytes <= log_tables.TAIL_BYTES_MAX + len(payload_of(document, seq)) + 200
    ((slots,),) = query(tmp_path, "SELECT count(*) FROM log_tail")
    assert slots < 60
    ((runs, size),) = query(tmp_path, "SELECT count(*), sum(size) FROM log_runs")
    assert runs < 60
    assert size > sum(len(payload_of(document, seq)) for seq in range(1, 900))


async def test_the_newest_updates_are_served_from_memory(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await new_document(store)
    await append_many(store, document, 1, 95, at_once=10)
    first = store._log._tail.first(document)
    assert first is not None
    assert first > 1

    async def fail(*_: object, **__: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(store._connections, "read", fail)
    assert await read_all(store, document, after=first - 1) == expected_rows(document, first, 95)
    with pytest.raises(AssertionError):
        await store.read_log(document, after=first - 2, bytes_max=1)


async def test_appending_asks_for_a_head_once(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await new_document(store)
    asked = 0
    read = store._connections.read

    async def count(sql: str, parameters: connections.Parameters, *, doing: str) -> list[connections.Row]:
        nonlocal asked
        asked += 1
        return await read(sql, parameters, doing=doing)

    monkeypatch.setattr(store._connections, "read", count)
    await append_many(store, document, 1, 500, at_once=5)
    assert asked == 1


async def test_heads_in_memory_are_limited(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tables, "HEADS_KEPT_MAX", 10)
    documents = [await new_document(store, f"page/{n}") for n in range(60)]
    for seq in (1, 2, 3):
        for document in documents:
            await store.append([LogEntry(document, seq, 1, 1, bytes(1_000))])
    assert len(store._log._heads) <= 10 + 10  # and those of one tail
    assert [row.head for row in await store.read_documents("acme", "")] == [3] * 60


async def test_the_write_ahead_log_is_carried_over(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CHECKPOINT_BYTES", 200_000)
    document = await new_document(store)
    await append_many(store, document, 1, 3_000, at_once=10)
    assert (tmp_path / f"{DATABASE_NAME}-wal").stat().st_size < 2_000_000
    assert (tmp_path / DATABASE_NAME).stat().st_size > 500_000


async def test_a_snapshot_may_end_inside_the_tail(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        await append_many(store, document, 1, 95, at_once=5)
        first = store._log._tail.first(document)
        assert first is not None
        assert 1 < first < 90
        await store.write_snapshot(document, Snapshot(90, b"90", b""), keep_after=first - 1)
        assert store._log._tail.first(document) == first
    async with SqliteStore(tmp_path) as store:
        row = await store.read_document(DocumentKey("acme", "page/1"))
        assert row is not None
        assert (row.head, row.floor) == (95, first - 1)
        assert await read_all(store, document, after=row.floor) == expected_rows(document, first, 95)


@pytest.mark.parametrize("number", [1, 5])
async def test_a_tail_with_a_missing_group_is_refused(tmp_path: Path, number: int) -> None:
    async with SqliteStore(tmp_path) as store:
        await append_many(store, await new_document(store), 1, 9, at_once=1)
    query(tmp_path, f"DELETE FROM log_tail WHERE number = {number}")
    with pytest.raises(StoreCorrupt, match="restore it from a backup"):
        await SqliteStore(tmp_path).__aenter__()


async def test_a_tail_that_does_not_follow_the_runs_is_refused(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        await append_many(store, await new_document(store), 1, 95, at_once=5)
    query(tmp_path, "DELETE FROM log_runs WHERE position = (SELECT max(position) FROM log_runs)")
    with pytest.raises(StoreCorrupt, match="updates are missing"):
        await SqliteStore(tmp_path).__aenter__()


async def test_a_tail_of_a_document_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        await append_many(store, await new_document(store), 1, 5)
    query(tmp_path, "DELETE FROM documents")
    with pytest.raises(StoreCorrupt, match="which does not exist"):
        await SqliteStore(tmp_path).__aenter__()
