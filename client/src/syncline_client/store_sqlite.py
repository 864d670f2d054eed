"""The device's store in one SQLite file, through aiosqlite.

The journal is a write-ahead log. What came from the server is committed with `synchronous=NORMAL`, because the server
has it; what the device's user wrote with `FULL`, because nobody else has it. One process owns the file: it holds an
exclusive transaction on `FILE.lock`, which ends with the process however it ends. Others may read (`read_only=True`).

What is dropped or erased is *wiped*: `secure_delete` overwrites rows where they are deleted, but SQLite leaves copies
where it once moved them to another page, and in the journal. So the file is built anew and the journal cut to nothing.
A mark, set in the transaction that drops, has a start after a crash make up for it; a failed wipe is tried again.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiosqlite

from syncline_client.store import (
    AppendUpdates,
    Content,
    DropContent,
    EraseRow,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    StoredDocument,
    StoredIdentity,
    StoredUpdate,
    StoreError,
    StoreInUse,
)

FORMAT: Final = 2
"""`PRAGMA user_version` of the files that this program writes; 0 is an empty file, 1 knows no wipes."""

logger: Final = logging.getLogger("syncline_client")

BUSY_WAIT_S: Final = 5.0
"""How long to wait for a reader that checkpoints; nobody else writes."""

WIPE_RETRY_S: Final = 60.0
"""Before a wipe that somebody was in the way of is tried again, with the next commit: it writes the file anew."""

SCHEMA: Final = """
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1), device TEXT NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL,
    client INTEGER NOT NULL, at INTEGER NOT NULL, seen INTEGER NOT NULL, offset_ms INTEGER NOT NULL
);
CREATE TABLE documents (
    name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, cursor INTEGER NOT NULL, clock INTEGER NOT NULL,
    followed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE states (name TEXT PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE updates (
    position INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, seq INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE INDEX updates_by_name ON updates (name, position);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, document TEXT NOT NULL, root TEXT NOT NULL, record TEXT NOT NULL, payload BLOB NOT NULL,
    created_ms INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL
);
"""

SCHEMA_OF_WIPES: Final = "CREATE TABLE wipes (name TEXT PRIMARY KEY) WITHOUT ROWID"
"""The documents of which something was dropped or erased and is not wiped yet."""

Statement = tuple[str, Sequence[Any]]


class SqliteStore:
    """See `store.Store`. `path` is the file, made when it is missing (not with `read_only`)."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._turn = asyncio.Lock()
        self._wipe_due = False
        self._wipe_after_s = 0.0
        self._opened: aiosqlite.Connection | None = None
        self._lock: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        with _translated(self._path):
            if self._read_only:
                await self._open_to_read()
            else:
                await self._open_to_write()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        connection, self._opened = self._opened, None
        if connection is not None:
            await connection.close()
        self._unlock()

    async def read_identity(self) -> StoredIdentity | None:
        """See `Store`."""
        rows = await self._read("SELECT device, tenant, user, client, at, seen, offset_ms FROM identity", ())
        return StoredIdentity(*rows[0]) if rows else None

    async def read_documents(self) -> list[StoredDocument]:
        """See `Store`."""
        rows = await self._read("SELECT name, epoch, cursor, clock, followed FROM documents ORDER BY name", ())
        return [StoredDocument(*row)._replace(followed=bool(row[-1])) for row in rows]

    async def read_content(self, name: str) -> Content:
        """See `Store`."""
        async with self._turn:
            states = await self._fetch("SELECT payload FROM states WHERE name = ?", (name,))
            rows = await self._fetch("SELECT seq, payload FROM updates WHERE name = ? ORDER BY position", (name,))
        return Content(states[0][0] if states else b"", [StoredUpdate(*row) for row in rows])

    async def read_rows(self) -> list[Row]:
        """See `Store`."""
        query = "SELECT id, document, root, record, payload, created_ms, code, reason FROM outbox ORDER BY id"
        return [Row(*row) for row in await self._read(query, ())]

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:
        """See `Store`."""
        async with self._turn:
            with _translated(self._path):
                await self._commit(operations, durable=durable)
                self._wipe_due = self._wipe_due or any(isinstance(one, DropContent | EraseRow) for one in operations)
                await self._wipe()

    async def _commit(self, operations: Sequence[Operation], *, durable: bool) -> None:
        connection = self._connection
        async with _full_sync(connection, wanted=durable):
            try:
                await connection.execute("BEGIN IMMEDIATE")
                for operation in operations:
                    for statement in _statements(operation):
                        await connection.execute(*statement)
                await connection.commit()
            except BaseException:  # whatever it was, a cancellation included: nothing of the transaction may stay
                await connection.rollback()
                raise

    async def _wipe(self) -> None:
        """Leave nothing of what was dropped in the files, if that is due. An edit that says it again may be in the
        outbox still: when it is erased, that is another wipe.
        """
        connection = self._connection
        if not self._wipe_due or time.monotonic() < self._wipe_after_s:
            return
        try:
            await connection.execute("VACUUM")
            ((busy, *_),) = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            if busy:
                raise sqlite3.OperationalError("somebody reads the store")
            await connection.execute("DELETE FROM wipes")
            self._wipe_due = False
        except sqlite3.Error as error:  # what was to be stored is: only the mark stays
            logger.warning("what was dropped is still in %s (%s): it is wiped later", self._path, error)
            self._wipe_after_s = time.monotonic() + WIPE_RETRY_S

    @property
    def _connection(self) -> aiosqlite.Connection:
        if self._opened is None:
            raise StoreError(f"the store {self._path} is not open")
        return self._opened

    async def _read(self, query: str, arguments: Sequence[Any]) -> list[Any]:
        async with self._turn:
            return await self._fetch(query, arguments)

    async def _fetch(self, query: str, arguments: Sequence[Any]) -> list[Any]:
        with _translated(self._path):
            return list(await self._connection.execute_fetchall(query, arguments))

    async def _open_to_write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(_lock_path(self._path))
        try:
            self._opened = await aiosqlite.connect(self._path, isolation_level=None, timeout=BUSY_WAIT_S)
            await self._opened.execute("PRAGMA journal_mode = WAL")
            await self._opened.execute("PRAGMA synchronous = NORMAL")
            await self._opened.execute("PRAGMA secure_delete = ON")
            await self._make_format()
            await self._check_format()
            self._wipe_due = list(await self._opened.execute_fetchall("SELECT count(*) FROM wipes")) != [(0,)]
            await self._wipe()
        except BaseException:  # a file that could not be opened must not stay locked, not even by a cancellation
            await self.__aexit__(None, None, None)
            raise

    async def _open_to_read(self) -> None:
        if not self._path.exists():
            raise StoreError(f"there is no store at {self._path}: give the file that a device was run with (--store)")
        uri = f"{self._path.resolve().as_uri()}?mode=ro"
        self._opened = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_WAIT_S)
        try:
            await self._check_format()
        except BaseException:  # a connection that nobody gets must be closed, whatever happened
            await self.__aexit__(None, None, None)
            raise

    async def _make_format(self) -> None:
        """Bring a file that is new or of an older format to this one."""
        found = await self._format()
        if found not in (0, 1):
            return
        connection = self._connection
        await connection.execute("BEGIN IMMEDIATE")
        for statement in (*(SCHEMA.split(";") if found == 0 else ()), SCHEMA_OF_WIPES):
            await connection.execute(statement)
        await connection.execute(f"PRAGMA user_version = {FORMAT}")
        await connection.commit()

    async def _format(self) -> int:
        rows = list(await self._connection.execute_fetchall("PRAGMA user_version"))
        return int(rows[0][0])

    async def _check_format(self) -> None:
        found = await self._format()
        if not (found == FORMAT or (self._read_only and found == 1)):
            raise StoreError(f"{self._path} has format {found}, not {FORMAT}: use the program that wrote it")

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()


def _lock_path(path: Path) -> Path:
    """Beside the file itself, whatever links lead to it."""
    path = path.resolve()
    return path.with_name(path.name + ".lock")


def _lock(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise StoreInUse(
            f"{path.with_suffix('')} is in use by another process: close it, or give each device a store of its own"
        ) from error
    return connection


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        raise StoreError(f"the store {path} failed: {error} {name}".rstrip()) from error
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from error


@asynccontextmanager
async def _full_sync(connection: aiosqlite.Connection, *, wanted: bool) -> AsyncIterator[None]:
    """Commit with `synchronous=FULL` within: the write-ahead log is flushed before `commit` returns."""
    if not wanted:
        yield
        return
    await connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        await connection.execute("PRAGMA synchronous = NORMAL")


def _statements(operation: Operation) -> list[Statement]:
    match operation:
        case PutIdentity(identity):
            return [("INSERT OR REPLACE INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?)", identity)]
        case PutDocument(document):
            return [("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", document)]
        case AppendUpdates(name, updates):
            return [("INSERT INTO updates (name, seq, payload) VALUES (?, ?, ?)", (name, *one)) for one in updates]
        case ReplaceState(name, state, seq):
            return [
                ("INSERT OR REPLACE INTO states VALUES (?, ?)", (name, state)),
                ("DELETE FROM updates WHERE name = ? AND seq <= ?", (name, seq)),
            ]
        case DropContent(name):
            return [
                ("DELETE FROM states WHERE name = ?", (name,)),
                ("DELETE FROM updates WHERE name = ?", (name,)),
                ("INSERT OR IGNORE INTO wipes VALUES (?)", (name,)),
            ]
        case PutRow(row):
            return [("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)]
        case RemoveRow(row_id):
            return [("DELETE FROM outbox WHERE id = ?", (row_id,))]
        case EraseRow(row_id):
            return [
                ("INSERT OR IGNORE INTO wipes SELECT document FROM outbox WHERE id = ?", (row_id,)),
                ("DELETE FROM outbox WHERE id = ?", (row_id,)),
            ]
