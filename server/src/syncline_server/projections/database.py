"""The projections' database: one connection that writes, some that read, each in a thread of its own.

A call is one function with all its statements, run in the connection's thread: a hop for a transaction, and not for
each statement as in the store, whose commits are few and large. Nobody waits for the disk (`synchronous=NORMAL`): what
power loss takes is made anew from the log. Only the writer checkpoints (docs/decisions/0002-one-writer.md).

Making it anew takes long for a large store, and nothing is listed meanwhile. So an error counts as damage
(`StoreCorrupt`) only if the file is at fault: it cannot be read, contradicts itself, or lacks a table. A disk that is
full or fails and a lock pass (`StoreUnavailable`); a statement that does not fit whole tables is a mistake of this
program, which would be met again in the next database, and stays what it is (`sqlite3.Error`).
"""

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Final, TypeVar

from syncline_server.projections import schema
from syncline_server.storage.connections import BUSY_WAIT_S
from syncline_server.storage.failures import DATABASE_ERRORS, PRIMARY_CODE_MASK, DatabaseError, translate
from syncline_server.storage.interface import StoreCorrupt, StoreError, StoreUnavailable

NAME: Final = "projections.db"

READERS: Final = 2
"""As many answers are computed at once; more would only fight for the interpreter."""

CACHE_KIB: Final = 32 * 1024
"""Pages that a connection keeps: the inner pages of a million messages, and the leaves that are written again."""

CHECKPOINT_PAGES: Final = 4_000
"""Of 4 KiB: pages are written again and again by the batches in between."""

WAL_BYTES_KEPT: Final = 64 * 1024 * 1024

STATEMENT_CODES: Final = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA})
"""Primary codes of a statement that does not fit the tables: either may be at fault."""

DATATYPE: Final = sqlite3.SQLITE_CONSTRAINT | 12 << 8
"""SQLITE_CONSTRAINT_DATATYPE, of STRICT tables, for which the standard library has no name yet."""

VALUE_CODES: Final = frozenset({sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT_NOTNULL, DATATYPE})
"""Codes of a value that does not fit its column, whatever else is in the database."""

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Database:
    """The database at `path`; `open` makes it, or makes it anew when it is none of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = ""
        self.damage: str | None = None
        """Why it has to be made anew: what somebody met who read or wrote."""
        self.on_damage: Callable[[], None] = lambda: None
        """Told when that is found."""
        self._writer: _Thread
        self._readers: list[_Thread] = []
        self._aside: _Thread
        self._next_reader: Iterator[_Thread] = iter(())

    async def open(self) -> bool:
        """Open it; returns whether it was made anew. Raises `StoreError`."""
        is_new = False
        try:
            await self._open()
        except (_Unusable, StoreCorrupt):
            is_new = self.path.exists()
            self.delete()
            await self._open()
        self.damage = None
        return is_new

    async def _open(self) -> None:
        self._writer = _Thread("projections-writer")
        await self._writer.connect(lambda: _open_writer(self.path))
        try:
            self.generation = await self._writer.run(_read_generation)
        except BaseException:
            await self._writer.close()
            raise
        self._readers = [_Thread(f"projections-reader-{number}") for number in range(READERS)]
        for reader in self._readers:
            await reader.connect(lambda: _open_reader(self.path))
        self._aside = _Thread("projections-reports")
        await self._aside.connect(lambda: _open_reader(self.path))
        self._next_reader = cycle(self._readers)

    async def close(self) -> None:
        """Close all connections; the writer last, so that it carries the WAL over."""
        for thread in (*self._readers, self._aside, self._writer):
            await thread.close()
        self._readers = []

    def delete(self) -> None:
        """Remove the files of a closed database."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction, all of it or nothing. Raises `StoreError`."""
        return await self._run(self._writer, lambda db: _together(db, work))

    async def checkpoint(self) -> None:
        """Carry the WAL over, and empty it if no reader is in the way. Raises `StoreError`."""
        await self._run(self._writer, lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one state of the database. Raises `StoreError`."""
        return await self._run(next(self._next_reader), lambda db: _together(db, work, begin="BEGIN"))

    async def read_aside(self, work: Work[T]) -> T:
        """The same for what takes a second or more: one after the other, and no other reading waits for it."""
        return await self._run(self._aside, lambda db: _together(db, work, begin="BEGIN"))

    async def _run(self, thread: "_Thread", work: Work[T]) -> T:
        try:
            return await thread.run(work)
        except StoreCorrupt as error:
            self.damage = str(error)
            self.on_damage()
            raise


class _Unusable(Exception):
    """The file is no database, or one of another version."""


class _Thread:
    """One connection and the thread that it lives in."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def connect(self, open_: Callable[[], sqlite3.Connection]) -> None:
        """Open the connection. Raises `_Unusable` or `StoreError`."""
        loop = asyncio.get_running_loop()
        try:
            self._connection = await loop.run_in_executor(self._executor, open_)
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    async def run(self, work: Work[T]) -> T:
        """Run `work` in the thread, to its end."""
        connection = self._connection
        if connection is None:
            raise StoreUnavailable("the projections are closed")
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._executor, _translating, connection, work))

    async def close(self) -> None:
        """Close the connection, behind what is still running."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*DATABASE_ERRORS):
                await asyncio.get_running_loop().run_in_executor(self._executor, connection.close)
            self._executor.shutdown(wait=False)


def _translating(db: sqlite3.Connection, work: Work[T]) -> T:
    try:
        return work(db)
    except DATABASE_ERRORS as error:
        raise _meaning(error, db) or error from error


def _meaning(error: DatabaseError, db: sqlite3.Connection) -> StoreError | None:
    """What an error met on a database that had been opened means; None if it is a mistake in this program."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in VALUE_CODES:
        return None
    if code is not None and code & PRIMARY_CODE_MASK in STATEMENT_CODES:
        try:
            if schema.is_whole(db):
                return None
        except DATABASE_ERRORS as why:
            return translate(why, "look at the tables of the projections")
    return translate(error, "work on the projections")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """What SQLite raises in here comes out as `StoreError`."""
    try:
        yield
    except DATABASE_ERRORS as error:
        raise translate(error, doing) or error from error


def _together(db: sqlite3.Connection, work: Work[T], begin: str = "BEGIN IMMEDIATE") -> T:
    db.execute(begin)
    try:
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def _open_writer(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"open {path}: {error}; look at its rights and at the disk") from error
    with translated(f"open {path}"):
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rwc",
            uri=True,
            isolation_level=None,
            timeout=BUSY_WAIT_S,
            check_same_thread=False,
        )
        try:
            _set_up(db)
        except sqlite3.DatabaseError as error:
            db.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise _Unusable from error
        except BaseException:
            db.close()
            raise
        return db


def _set_up(db: sqlite3.Connection) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        f"journal_size_limit = {WAL_BYTES_KEPT}",
        f"cache_size = -{CACHE_KIB}",
        "secure_delete = ON",  # erased content leaves the file, not only the tables (P10)
        "trusted_schema = OFF",
    ):
        db.execute(f"PRAGMA {pragma}").fetchall()
    ((version,),) = db.execute("PRAGMA user_version")
    ((tables,),) = db.execute("SELECT count(*) FROM sqlite_schema")
    if not tables:
        _together(db, _create)
    elif version != schema.USER_VERSION or not schema.is_whole(db):
        raise _Unusable


def _create(db: sqlite3.Connection) -> None:
    for statement in schema.TABLES:
        db.execute(statement)
    db.execute("INSERT INTO meta (key, value) VALUES ('generation', ?)", (secrets.token_hex(4),))
    db.execute(f"PRAGMA user_version = {schema.USER_VERSION}")


def _read_generation(db: sqlite3.Connection) -> str:
    ((generation,),) = db.execute("SELECT value FROM meta WHERE key = 'generation'")
    return str(generation)


def _open_reader(path: Path) -> sqlite3.Connection:
    with translated(f"open {path}"):
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=BUSY_WAIT_S,
            check_same_thread=False,
        )
        db.execute("PRAGMA query_only = ON")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return db
