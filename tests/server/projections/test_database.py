"""The projections' database: transactions, threads, and what becomes of a file that is none of ours."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from syncline_server.projections.database import Database
from syncline_server.storage.interface import StoreCorrupt, StoreError, StoreUnavailable


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "projections.db")
    assert not await database.open()
    yield database
    await database.close()


def put(db: sqlite3.Connection, key: str) -> None:
    db.execute("INSERT INTO meta VALUES (?, 'x')", (key,))


def keys(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT key FROM meta WHERE value = 'x'")}


async def test_what_is_written_is_read(database: Database) -> None:
    await database.write(lambda db: put(db, "a"))
    assert await database.read(keys) == {"a"}


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    def fail(db: sqlite3.Connection) -> None:
        put(db, "a")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)
    assert await database.read(keys) == set()
    await database.write(lambda db: put(db, "b"))
    assert await database.read(keys) == {"b"}


async def test_one_reading_sees_one_state(database: Database) -> None:
    has_read, may_go_on = threading.Event(), threading.Event()

    def twice(db: sqlite3.Connection) -> tuple[set[str], set[str]]:
        first = keys(db)
        has_read.set()
        may_go_on.wait(10)
        return first, keys(db)

    reading = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(has_read.wait, 10)
    await database.write(lambda db: put(db, "a"))
    may_go_on.set()
    assert await reading == (set(), set())


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError):
        await database.read(lambda db: put(db, "a"))


async def test_errors_of_the_database_are_translated(database: Database) -> None:
    with pytest.raises(StoreCorrupt):
        await database.read(lambda db: db.execute("SELECT * FROM nothing"))


async def test_a_caller_that_is_cancelled_leaves_the_transaction_whole(database: Database) -> None:
    may_go_on = threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        put(db, "a")
        may_go_on.wait(10)
        put(db, "b")

    writing = asyncio.create_task(database.write(slow))
    await asyncio.sleep(0.05)
    writing.cancel()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await database.write(lambda db: put(db, "c"))
    assert await database.read(keys) == {"a", "b", "c"}


async def test_it_is_the_same_when_opened_again_and_another_when_made_anew(tmp_path: Path) -> None:
    database = Database(tmp_path / "projections.db")
    await database.open()
    first = database.generation
    await database.write(lambda db: put(db, "a"))
    await database.close()
    assert not await database.open()
    assert (database.generation, await database.read(keys)) == (first, {"a"})
    await database.close()
    database.delete()
    assert list(tmp_path.iterdir()) == []
    assert not await database.open()
    assert database.generation != first
    await database.close()
    (tmp_path / "projections.db").write_bytes(b"certainly no database" * 500)
    assert await database.open()
    assert await database.read(keys) == set()
    await database.close()


async def test_a_place_where_nothing_can_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await Database(tmp_path / "nowhere" / "projections.db").open()


async def test_nobody_else_may_read_the_file(database: Database) -> None:
    assert database.path.stat().st_mode & 0o777 == 0o600


async def test_closed_it_says_so(tmp_path: Path) -> None:
    database = Database(tmp_path / "projections.db")
    await database.open()
    await database.close()
    with pytest.raises(StoreUnavailable):
        await database.write(lambda db: put(db, "a"))


async def test_a_checkpoint_empties_the_log_beside_the_file(database: Database) -> None:
    await database.write(lambda db: put(db, "a"))
    assert database.path.with_name("projections.db-wal").stat().st_size > 0
    await database.checkpoint()
    assert database.path.with_name("projections.db-wal").stat().st_size == 0
