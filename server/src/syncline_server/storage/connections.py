"""The two connections to the embedded database, and the lock that keeps everybody else away.

Stands under `sqlite.py`. Promises:

1. One connection writes and checkpoints; the other reads and can do neither (docs/decisions/0002-one-writer.md).
2. A write is one statement in autocommit mode, or one transaction: on return it is durable, on failure nothing of it is
   there. A caller that is cancelled leaves a whole write behind or none.
3. After `StoreFatal` nothing is written any more, not even by closing: no checkpoint, no further fsync.

Every call is one hop to the connection's thread. A statement is bound, stepped and committed there with the interpreter
lock released once; `executemany` would give it up and fight for it again for every row.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import aiosqlite

from syncline_server.storage import schema, slack
from syncline_server.storage.failures import DATABASE_ERRORS, DatabaseError, translate
from syncline_server.storage.interface import StoreCorrupt, StoreError, StoreFatal, StoreUnavailable

DATABASE_NAME: Final = "syncline.db"
LOCK_NAME: Final = "lock"

BUSY_WAIT_S: Final = 5.0
"""How long a statement waits for a lock. Nobody else should have one; a person's `sqlite3` shell may."""

CACHE_KIB: Final = 8 * 1024
"""Pages each connection keeps: the inner pages of a log of 100 GB, and the last leaf of a thousand documents."""

CHECKPOINT_BYTES: Final = 8 * 1024 * 1024
"""Written bytes after which SQLite's write-ahead log is carried over into the database: 5 ms of work, in one piece."""

WAL_BYTES_AT_START: Final = CHECKPOINT_BYTES
"""What a server gives the WAL to begin with: what it would grow to until the first checkpoint."""

WAL_BYTES_KEPT: Final = 64 * 1024 * 1024
"""A larger WAL, left by a large transaction, is cut back to this."""

Parameters = Sequence[object]
Statement = tuple[str, Parameters]
Row = tuple[Any, ...]
T = TypeVar("T")


class Durability(StrEnum):
    """What a commit waits for. A crash of the server loses nothing; with `NORMAL`, losing power may."""

    FULL = "full"
    NORMAL = "normal"


class Connection(Protocol):
    """What is used of `aiosqlite.Connection`; errors are `sqlite3.Error` with SQLite's extended code."""

    @property
    def in_transaction(self) -> bool: ...

    async def execute_fetchall(self, sql: str, parameters: Parameters = ()) -> Iterable[Any]: ...

    async def close(self) -> None: ...


class Connect(Protocol):
    """Opens a database by its `file:` URI. The argument by which tests put their own disk under the store."""

    async def __call__(self, uri: str) -> Connection: ...


async def connect_sqlite(uri: str) -> Connection:
    """SQLite on the real disk, through a thread of its own. Each statement is a transaction unless BEGIN was said."""
    return await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_WAIT_S)


class Connections:
    """A directory with one database, open for one process. `wal_bytes_at_start`: the WAL's size to begin with."""

    def __init__(
        self, directory: Path, durability: Durability, connect: Connect, *, wal_bytes_at_start: int = 0
    ) -> None:
        self._directory = directory
        self._durability = durability
        self._connect = connect
        self._wal_bytes_at_start = wal_bytes_at_start
        self._writer: Connection
        self._reader: Connection
        self._lock_file = -1
        self._file = -1
        self._turn = asyncio.Lock()
        self._fatal: StoreFatal | None = None
        self._written_bytes = 0

    async def open(self) -> None:
        """Take the directory, create or migrate the database. Raises `StoreUnavailable` or `StoreCorrupt`."""
        uri = (self._directory / DATABASE_NAME).absolute().as_uri()
        async with AsyncExitStack() as opened:
            self._lock_file = _lock_directory(self._directory)
            opened.callback(os.close, self._lock_file)
            # Closed after the connections: closing any descriptor of a file ends all of a process's locks on it.
            self._file = _open_file(self._directory / DATABASE_NAME)
            opened.callback(os.close, self._file)
            try:
                self._writer = await self._connect(f"{uri}?mode=rwc")
                opened.push_async_callback(self._writer.close)
                await self._set_up_writer()
                await self._migrate()
                await self._grow_wal()
                _sync_directory(self._directory)
                self._reader = await self._connect(f"{uri}?mode=ro")
                opened.push_async_callback(self._reader.close)
                await self._reader.execute_fetchall("PRAGMA query_only = ON")
                await self._reader.execute_fetchall(f"PRAGMA cache_size = -{CACHE_KIB}")
            except DATABASE_ERRORS as error:
                raise self._translated(error, f"open {self._directory / DATABASE_NAME}") from error
            opened.pop_all()

    async def close(self) -> None:
        """Carry the WAL over and close. After a fatal failure: close without another write."""
        async with self._turn:
            # Whoever closes last checkpoints if it can, and the reader cannot.
            first, last = (self._writer, self._reader) if self._fatal else (self._reader, self._writer)
            try:
                try:
                    await first.close()
                finally:
                    await last.close()
            except DATABASE_ERRORS as error:
                if self._fatal is None:  # otherwise everybody has heard worse
                    raise self._translated(error, f"close {self._directory / DATABASE_NAME}") from error
            finally:
                os.close(self._file)
                os.close(self._lock_file)

    async def alone(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end before and after all other such work, even if the caller is cancelled meanwhile."""
        return await asyncio.shield(asyncio.create_task(self._take_turn(work)))

    async def read(self, sql: str, parameters: Parameters, *, doing: str) -> list[Row]:
        """All rows of a query, seen as of one moment. `doing` is for the error: "read the log"."""
        try:
            return list(await self._reader.execute_fetchall(sql, parameters))
        except DATABASE_ERRORS as error:
            raise self._translated(error, doing) from error

    async def write(self, sql: str, parameters: Parameters, *, doing: str) -> list[Row]:
        """One statement, committed. Only inside `alone`."""
        self._refuse_after_fatal()
        try:
            rows = await self._writer.execute_fetchall(sql, parameters)
        except DATABASE_ERRORS as error:
            raise self._translated(error, doing) from error
        self._written_bytes += sum(len(value) for value in parameters if isinstance(value, bytes)) + schema.PAGE_BYTES
        return list(rows)

    async def write_together(self, statements: Iterable[Statement], *, doing: str) -> None:
        """Several statements in one transaction. Only inside `alone`."""
        await self.write("BEGIN IMMEDIATE", (), doing=doing)
        try:
            for sql, parameters in statements:
                await self.write(sql, parameters, doing=doing)
            await self.write("COMMIT", (), doing=doing)
        except StoreError:
            await self._roll_back(doing)
            raise

    @property
    def failed(self) -> bool:
        """Whether a fatal failure has ended all writing."""
        return self._fatal is not None

    @property
    def checkpoint_is_due(self) -> bool:
        """Whether enough was written since the last checkpoint."""
        return self._written_bytes >= CHECKPOINT_BYTES

    async def checkpoint(self) -> None:
        """Carry the WAL over into the database, as far as no reader still needs it. Only inside `alone`.

        Asked for, since SQLite's own checkpoint at the end of a commit hides its errors, a failed fsync among them.
        """
        await self.write("PRAGMA wal_checkpoint(PASSIVE)", (), doing="carry the write-ahead log over into the database")
        self._written_bytes = 0

    # what a wipe needs

    def count_pages(self) -> int:
        """How many pages the database has in its file."""
        return slack.count_pages(self._file)

    async def empty_wal(self) -> None:
        """Carry the whole WAL over into the database and cut it to nothing. Only inside `alone`.

        Raises `StoreUnavailable` when a reader holds on to it.
        """
        doing = "empty the write-ahead log"
        for busy, *_ in await self.write("PRAGMA wal_checkpoint(TRUNCATE)", (), doing=doing):
            if busy:
                raise StoreUnavailable(f"{doing}: somebody reads the database; close other programs that have it open")
        self._written_bytes = 0

    async def overwrite_slack(self, first: int, pages: int) -> None:
        """Overwrite what belongs to no row in so many pages of the database, from page `first` on. Only inside `alone`.

        Before that the WAL is emptied, and the writer forgets the pages it has in memory: what it still has of an old
        page would come back with its next write.
        """
        await self.empty_wal()
        await self.write("PRAGMA shrink_memory", (), doing="forget pages in memory")
        try:
            await asyncio.to_thread(slack.overwrite, self._file, first, pages)
        except OSError as error:
            raise StoreUnavailable(f"overwrite what was dropped: {error}; look at the disk") from error

    async def sync_database(self) -> None:
        """Make what `overwrite_slack` wrote durable. Only inside `alone`."""
        self._refuse_after_fatal()
        try:
            await asyncio.to_thread(os.fsync, self._file)
        except OSError as error:
            self._fatal = StoreFatal(f"overwrite what was dropped: {error}; the process must stop")
            raise self._fatal from error

    async def _take_turn(self, work: Coroutine[Any, Any, T]) -> T:
        async with self._turn:
            return await work

    async def _roll_back(self, doing: str) -> None:
        if self._fatal is not None or not self._writer.in_transaction:
            return  # most failures roll back by themselves
        try:
            await self._writer.execute_fetchall("ROLLBACK")
        except DATABASE_ERRORS as error:
            self._fatal = StoreFatal(
                f"{doing}: the transaction could not be taken back: {error}; the process must stop"
            )
            raise self._fatal from error

    async def _set_up_writer(self) -> None:
        await self._writer.execute_fetchall(f"PRAGMA page_size = {schema.PAGE_BYTES}")
        ((mode,),) = await self._writer.execute_fetchall("PRAGMA journal_mode = WAL")
        if mode != "wal":
            raise StoreUnavailable(
                f"{self._directory} cannot hold a write-ahead log ({mode}): take a local file system"
            )
        for pragma in (
            f"synchronous = {self._durability.value}",
            "wal_autocheckpoint = 0",
            f"journal_size_limit = {WAL_BYTES_KEPT}",
            f"cache_size = -{CACHE_KIB}",
            "secure_delete = ON",  # erased content leaves the file, not only the tables (P10)
            "trusted_schema = OFF",
        ):
            await self._writer.execute_fetchall(f"PRAGMA {pragma}")

    async def _migrate(self) -> None:
        if sqlite3.sqlite_version_info < schema.SQLITE_VERSION_MIN:
            needed = ".".join(map(str, schema.SQLITE_VERSION_MIN))
            raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is too old: {needed} is needed")
        ((version,),) = await self._writer.execute_fetchall("PRAGMA user_version")
        ((application,),) = await self._writer.execute_fetchall("PRAGMA application_id")
        ((tables,),) = await self._writer.execute_fetchall("SELECT count(*) FROM sqlite_schema")
        if application != schema.APPLICATION_ID and (version or application or tables):
            raise StoreCorrupt(
                f"{self._directory / DATABASE_NAME} is another program's database: give another directory"
            )
        if version > len(schema.MIGRATIONS):
            raise StoreCorrupt(
                f"{self._directory / DATABASE_NAME} has schema {version}, this server knows {len(schema.MIGRATIONS)}: "
                "a newer version wrote it; start that one"
            )
        for number, statements in enumerate(schema.MIGRATIONS[version:], start=version + 1):
            numbered = (
                *statements,
                f"PRAGMA application_id = {schema.APPLICATION_ID}",
                f"PRAGMA user_version = {number}",
            )
            await self.write_together([(statement, ()) for statement in numbered], doing=f"migrate to schema {number}")

    async def _grow_wal(self) -> None:
        """Make the WAL as long as it is going to be. A commit that makes a file longer costs half as much again: the
        file system has to log its new length too.

        Done with what a transaction spills into the WAL before it is taken back: nothing of it is ever valid.
        """
        if self._wal_bytes_at_start == 0:
            return
        await self._writer.execute_fetchall("PRAGMA cache_size = 1")
        await self._writer.execute_fetchall("BEGIN IMMEDIATE")
        try:
            await self._writer.execute_fetchall("CREATE TABLE padding (bytes BLOB)")
            await self._writer.execute_fetchall("INSERT INTO padding VALUES (zeroblob(?))", (self._wal_bytes_at_start,))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:  # else there is no room: said when something is written
                raise
        finally:
            if self._writer.in_transaction:
                await self._writer.execute_fetchall("ROLLBACK")
        await self._writer.execute_fetchall(f"PRAGMA cache_size = -{CACHE_KIB}")

    def _refuse_after_fatal(self) -> None:
        if self._fatal is not None:
            raise StoreFatal(f"nothing is written after a fatal failure: {self._fatal}")

    def _translated(self, error: DatabaseError, doing: str) -> Exception:
        translated = translate(error, doing)
        if isinstance(translated, StoreFatal):
            self._fatal = translated
        return translated or error


def _lock_directory(directory: Path) -> int:
    """Create the directory if need be, and take its lock; returns the open lock file."""
    try:
        if not directory.is_dir():
            directory.mkdir(parents=True)
            _sync_directory(directory.parent)
        file = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"open {directory}: {error}; look at its rights and at the disk") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        holder = os.pread(file, 32, 0).decode(errors="replace").strip()
        os.close(file)
        if isinstance(error, BlockingIOError):
            raise StoreUnavailable(
                f"{directory} is in use by another server (process {holder}): stop it, or give another directory"
            ) from error
        raise StoreUnavailable(f"lock {directory}: {error}; look at the disk") from error
    return file


def _open_file(path: Path) -> int:
    """Create the database's file if need be, for its user alone; SQLite gives its other files the same rights."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"open {path}: {error}; look at its rights and at the disk") from error


def _sync_directory(directory: Path) -> None:
    """Make the names in the directory durable: SQLite does so for its WAL, not for a database it creates."""
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
