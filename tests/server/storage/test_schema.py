"""Migrations run in order, once each, and a database of somebody else or of a later version is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.store_rows import append_many, expected_rows, new_document, read_all
from syncline_server.storage import schema
from syncline_server.storage.connections import DATABASE_NAME
from syncline_server.storage.interface import StoreCorrupt, StoreUnavailable
from syncline_server.storage.sqlite import SqliteStore


def pragma(directory: Path, name: str) -> object:
    """A value from the database's header."""
    with closing(sqlite3.connect(directory / DATABASE_NAME)) as database:
        return database.execute(f"PRAGMA {name}").fetchone()[0]


async def test_a_new_database_has_the_newest_schema(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path):
        pass
    assert pragma(tmp_path, "user_version") == len(schema.MIGRATIONS)
    assert pragma(tmp_path, "application_id") == schema.APPLICATION_ID
    assert pragma(tmp_path, "page_size") == schema.PAGE_BYTES
    assert pragma(tmp_path, "journal_mode") == "wal"


async def test_an_older_database_is_migrated_and_keeps_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
        await append_many(store, document, 1, 10)
    later = (
        *schema.MIGRATIONS,
        ("ALTER TABLE documents ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",),
        ("CREATE TABLE extra (x INTEGER) STRICT", "INSERT INTO extra VALUES (1)"),
    )
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    for _ in range(2):
        async with SqliteStore(tmp_path) as store:
            assert await read_all(store, document) == expected_rows(document, 1, 10)
    assert pragma(tmp_path, "user_version") == len(schema.MIGRATIONS)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        assert database.execute("SELECT x FROM extra").fetchall() == [(1,)]


async def test_a_migration_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SqliteStore(tmp_path) as store:
        document = await new_document(store)
    released = schema.MIGRATIONS
    broken = ("CREATE TABLE extra (x INTEGER) STRICT", "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*released, broken))
    with pytest.raises(StoreCorrupt, match=f"migrate to schema {len(released) + 1}"):
        await SqliteStore(tmp_path).__aenter__()
    monkeypatch.setattr(schema, "MIGRATIONS", released)
    async with SqliteStore(tmp_path) as store:
        await append_many(store, document, 1, 1)
    assert pragma(tmp_path, "user_version") == len(released)


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        database.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    with pytest.raises(StoreCorrupt, match="a newer version wrote it"):
        await SqliteStore(tmp_path).__aenter__()


async def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database, database:
        database.execute("CREATE TABLE documents (theirs TEXT)")
    with pytest.raises(StoreCorrupt, match="another program's database"):
        await SqliteStore(tmp_path).__aenter__()
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("documents",)]


async def test_a_sqlite_that_is_too_old_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "SQLITE_VERSION_MIN", (99, 1, 0))
    with pytest.raises(StoreUnavailable, match=r"99\.1\.0 is needed"):
        await SqliteStore(tmp_path).__aenter__()
