"""The projections' database: transactions, threads, and what becomes of a file that is none of ours."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
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


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM nothing",
        "SELECT nothing FROM meta",
        "SELEC 1",
        "SELECT rowid FROM message_terms WHERE message_terms MATCH '\"'",
        "SELECT 1 WHERE '{' ->> '$'",
    ],
)
async def test_a_wrong_question_is_no_damage(database: Database, statement: str) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await database.read(lambda db: db.execute(statement).fetchall())
    assert database.damage is None
    assert await database.read(keys) == set()


@pytest.mark.parametrize("values", ["('a', NULL)", "('a', x'00')"])
async def test_a_value_that_fits_no_column_is_no_damage(database: Database, values: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(lambda db: db.execute(f"INSERT INTO meta VALUES {values}"))
    assert database.damage is None


async def test_a_lock_is_no_damage(database: Database) -> None:
    await database.write(lambda db: db.execute("PRAGMA busy_timeout = 50").fetchall())
    with closing(sqlite3.connect(database.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            await database.write(lambda db: put(db, "a"))
    assert database.damage is None
    await database.write(lambda db: put(db, "a"))


async def test_a_full_disk_is_no_damage(database: Database) -> None:
    def fill(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO meta VALUES ('long', ?)", ("x" * 10_000_000,))

    await database.write(lambda db: db.execute("PRAGMA max_page_count = 200").fetchall())
    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        await database.write(fill)
    assert database.damage is None
    await database.write(lambda db: put(db, "a"))


async def test_an_io_error_is_no_damage(database: Database) -> None:
    await database.write(lambda db: put(db, "a"))
    wal = database.path.with_name("projections.db-wal")
    content = wal.read_bytes()
    os.truncate(wal, 0)
    with pytest.raises(StoreUnavailable, match="SQLITE_IOERR"):
        await database.read(keys)
    assert database.damage is None
    wal.write_bytes(content)
    assert await database.read(keys) == {"a"}


@pytest.mark.parametrize("name", ["meta", "lists", "messages_by_id", "message_terms", "ticket_terms_data"])
async def test_a_missing_table_or_index_is_damage(tmp_path: Path, name: str) -> None:
    database = Database(tmp_path / "projections.db")
    await database.open()
    told: list[str | None] = []
    database.on_damage = lambda: told.append(database.damage)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        if name == "ticket_terms_data":
            other.execute("PRAGMA writable_schema = ON")
            other.execute("DELETE FROM sqlite_schema WHERE name = ?", (name,))
        else:
            other.execute(f"DROP {'INDEX' if name == 'messages_by_id' else 'TABLE'} {name}")
    if name != "messages_by_id":
        with pytest.raises(StoreCorrupt):
            await database.read(lambda db: db.execute(f"SELECT * FROM {name.removesuffix('_data')}").fetchall())
        assert told == [database.damage]
    await database.close()
    assert await database.open()
    assert database.damage is None
    assert await database.read(keys) == set()
    await database.close()


async def test_damaged_pages_and_text_are_damage(tmp_path: Path) -> None:
    database = Database(tmp_path / "projections.db")
    await database.open()
    await database.write(lambda db: put(db, "damaged" * 50))
    await database.close()
    content = database.path.read_bytes()
    assert b"damageddamaged" in content
    database.path.write_bytes(content.replace(b"damageddamaged", b"damaged\xff\xffmaged"))
    assert not await database.open()
    with pytest.raises(StoreCorrupt):
        await database.read(keys)
    assert database.damage is not None
    await database.close()
    start = content.index(b"damageddamaged") // 4096 * 4096
    database.path.write_bytes(content[:start] + bytes(4096) + content[start + 4096 :])
    assert await database.open()
    assert await database.read(keys) == set()
    await database.close()


async def test_a_file_of_another_format_is_made_anew(tmp_path: Path) -> None:
    database = Database(tmp_path / "projections.db")
    await database.open()
    await database.close()
    content = bytearray(database.path.read_bytes())
    content[44:48] = b"\x00\x00\x00\x63"  # the format of its schema: SQLITE_ERROR, as of a wrong statement
    database.path.write_bytes(content)
    assert await database.open()
    await database.close()


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
