"""Opening and closing a directory, one at a time, and what a busy or broken one says."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from support.disk import Disk, Fault
from support.store_processes import start_child
from support.store_rows import append_many, entry, expected_rows, new_document, read_all
from syncline_server.storage import connections
from syncline_server.storage.connections import DATABASE_NAME, LOCK_NAME, Connections, Durability, connect_sqlite
from syncline_server.storage.interface import StoreCorrupt, StoreFatal, StoreUnavailable
from syncline_server.storage.sqlite import SqliteStore


@asynccontextmanager
async def open_connections(directory: Path, *, durability: Durability = Durability.FULL) -> AsyncIterator[Connections]:
    """Connections that are closed whatever happens: their threads would keep the process."""
    connections = Connections(directory, durability, connect_sqlite)
    await connections.open()
    try:
        yield connections
    finally:
        await connections.close()


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Connections]:
    async with open_connections(tmp_path) as connections:
        yield connections


async def test_the_directory_is_made(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there yet %20#?"
    async with SqliteStore(directory):
        assert (directory / DATABASE_NAME).exists()
    assert sorted(path.name for path in directory.iterdir()) == [LOCK_NAME, DATABASE_NAME]


async def test_only_its_user_may_read_it(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        await new_document(store)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


async def test_a_second_store_is_kept_out(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        with pytest.raises(StoreUnavailable, match=f"in use by another server .process {os.getpid()}."):
            await SqliteStore(tmp_path).__aenter__()
        await append_many(store, await new_document(store), 1, 5)
    async with SqliteStore(tmp_path):
        pass


async def test_a_second_process_is_kept_out_until_the_first_is_gone(tmp_path: Path) -> None:
    with start_child("append", tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("open")
        with pytest.raises(StoreUnavailable, match=f"process {child.pid}"):
            await SqliteStore(tmp_path).__aenter__()
        child.kill()
    async with SqliteStore(tmp_path):
        pass


async def test_a_file_in_place_of_the_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreUnavailable, match="look at its rights and at the disk"):
        await SqliteStore(tmp_path / "data").__aenter__()


async def test_a_directory_in_place_of_the_database_is_said(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).mkdir()
    with pytest.raises(StoreUnavailable, match="Is a directory"):
        await SqliteStore(tmp_path).__aenter__()


async def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreCorrupt, match="restore it from a backup"):
        await SqliteStore(tmp_path).__aenter__()


async def test_a_store_that_could_not_be_opened_leaves_the_directory_free(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"no database" * 1_000)
    for _ in range(2):
        with pytest.raises(StoreCorrupt):
            await SqliteStore(tmp_path).__aenter__()
    (tmp_path / DATABASE_NAME).unlink()
    async with SqliteStore(tmp_path):
        pass


async def test_another_writer_makes_it_unavailable_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_WAIT_S", 0.05)
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="another process holds the database"):
                await store.append([entry(document, 1)])
            assert await read_all(store, document) == []
            other.execute("ROLLBACK")
        await store.append([entry(document, 1)])
        assert await read_all(store, document) == expected_rows(document, 1, 1)


async def test_closing_leaves_one_file_with_everything(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path) as store:
        await append_many(store, await new_document(store), 1, 50)
        assert (tmp_path / f"{DATABASE_NAME}-wal").stat().st_size > 0
    assert not (tmp_path / f"{DATABASE_NAME}-wal").exists()


async def test_the_wal_has_its_length_from_the_start(tmp_path: Path) -> None:
    wal = tmp_path / f"{DATABASE_NAME}-wal"
    async with SqliteStore(tmp_path, wal_bytes_at_start=1_000_000) as store:
        made = wal.stat().st_size
        assert 1_000_000 <= made < 1_200_000
        assert (tmp_path / DATABASE_NAME).stat().st_size < 200_000
        await append_many(store, await new_document(store), 1, 50)
        assert wal.stat().st_size == made
    async with SqliteStore(tmp_path, wal_bytes_at_start=1_000_000) as store:
        (document,) = await store.read_all_documents(0)
        assert await read_all(store, document.number) == expected_rows(document.number, 1, 50)


async def test_a_full_disk_that_cannot_hold_the_wal_yet_opens_all_the_same(tmp_path: Path) -> None:
    with closing(Disk()) as disk:
        async with SqliteStore(tmp_path, connect=disk.connect) as store:
            document = await new_document(store)
        disk.fail(Fault.DISK_FULL, after=20)
        async with SqliteStore(tmp_path, connect=disk.connect, wal_bytes_at_start=1_000_000) as store:
            with pytest.raises(StoreUnavailable, match="the disk is full"):
                await store.append([entry(document, 1)])
            disk.fail(None)
            await store.append([entry(document, 1)])
            assert await read_all(store, document) == expected_rows(document, 1, 1)


async def test_the_reader_can_neither_write_nor_checkpoint(opened: Connections) -> None:
    await opened.alone(opened.write("INSERT INTO meta VALUES ('a', 1)", (), doing="write"))
    for sql in ("DELETE FROM meta", "PRAGMA wal_checkpoint"):
        with pytest.raises(StoreUnavailable):
            await opened.read(sql, (), doing="do what the reader must not")
    assert await opened.read("SELECT * FROM meta", (), doing="read") == [("a", 1)]


@pytest.mark.parametrize(("durability", "level"), [(Durability.FULL, 2), (Durability.NORMAL, 1)])
async def test_the_writer_waits_as_long_as_it_was_told(tmp_path: Path, durability: Durability, level: int) -> None:
    async with open_connections(tmp_path, durability=durability) as opened:
        assert await opened.alone(opened.write("PRAGMA synchronous", (), doing="ask")) == [(level,)]
        assert await opened.alone(opened.write("PRAGMA wal_autocheckpoint", (), doing="ask")) == [(0,)]
        assert await opened.alone(opened.write("PRAGMA secure_delete", (), doing="ask")) == [(1,)]


async def test_a_failed_statement_takes_its_transaction_with_it(opened: Connections) -> None:
    insert = "INSERT INTO meta (key, value) VALUES (?, ?)"
    with pytest.raises(StoreCorrupt, match="write two"):
        await opened.alone(opened.write_together([(insert, ("a", 1)), (insert, ("a", 2))], doing="write two"))
    assert await opened.read("SELECT * FROM meta", (), doing="read") == []
    await opened.alone(opened.write_together([(insert, ("a", 1)), (insert, ("b", 2))], doing="write two"))
    assert await opened.read("SELECT * FROM meta", (), doing="read") == [("a", 1), ("b", 2)]


async def test_a_disk_that_fails_while_opening_is_said(tmp_path: Path) -> None:
    disk = Disk()
    for fault, error in ((Fault.DISK_FULL, StoreUnavailable), (Fault.SYNC_ERROR, StoreFatal)):
        disk.fail(fault)
        with pytest.raises(error):
            await SqliteStore(tmp_path, connect=disk.connect).__aenter__()
    disk.fail(None)
    async with SqliteStore(tmp_path, connect=disk.connect) as store:
        await append_many(store, await new_document(store), 1, 5)
    disk.close()
