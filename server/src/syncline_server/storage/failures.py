"""What SQLite's errors mean to the server: the one place that translates them.

Stands between `connections.py`, which meets the errors, and everybody above the store, who knows only the tree of
`interface.py`. The question each error answers is "what is on the disk now?":

- nothing of the write is there, and it may work again: `StoreUnavailable`;
- the file contradicts itself: `StoreCorrupt`;
- nobody can say: `StoreFatal`. After a failed fsync Linux marks the lost pages clean, and the next fsync succeeds
  (https://wiki.postgresql.org/wiki/Fsync_Errors): the only honest thing is to stop and recover from the log.
"""

import sqlite3
from typing import Final

from syncline_server.storage.interface import StoreCorrupt, StoreError, StoreFatal, StoreUnavailable

PRIMARY_CODE_MASK: Final = 0xFF
"""An extended result code carries its primary code in the low byte (https://sqlite.org/rescode.html)."""

FATAL_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_COMMIT_ATOMIC,
        sqlite3.SQLITE_IOERR_ROLLBACK_ATOMIC,
    }
)
"""Extended codes after which nobody knows what is on the disk."""

CORRUPT_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_ERROR,
    }
)
"""Primary codes of a database that is not what the store made of it: its own statements fit its own tables."""

DatabaseError = sqlite3.Error | UnicodeDecodeError
DATABASE_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
"""What comes out of the standard library's module; the second from damaged text, also when it is in a message."""

ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "the disk reports an I/O error: look at the system log",
    sqlite3.SQLITE_BUSY: "another process holds the database: close it",
    sqlite3.SQLITE_LOCKED: "another process holds the database: close it",
    sqlite3.SQLITE_PROTOCOL: "another process holds the database: close it",
    sqlite3.SQLITE_INTERRUPT: "the statement was interrupted: try again",
    sqlite3.SQLITE_NOMEM: "memory ran out: give the process more",
    sqlite3.SQLITE_READONLY: "the database is read-only: look at the rights of its directory and at the mount",
    sqlite3.SQLITE_PERM: "the database may not be opened: look at the rights of its directory",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened: look at its directory and at the limit of open files",
}
"""What to do, by primary code. An error with such a code left nothing behind: SQLite has rolled the statement back."""


def translate(error: DatabaseError, doing: str) -> StoreError | None:
    """What `error`, met while `doing`, means; None if it is a mistake in this program and must stay what it is."""
    if isinstance(error, UnicodeDecodeError | sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode"):
        return StoreCorrupt(f"{doing}: {error}; text in the database is damaged: restore it from a backup")
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    said = f"{doing}: {error} ({getattr(error, 'sqlite_errorname', code)})"
    primary = code & PRIMARY_CODE_MASK
    if code in FATAL_CODES:
        return StoreFatal(
            f"{said}; what is on the disk is unknown: the process must stop, recovery comes with the next start"
        )
    if primary in CORRUPT_CODES:
        return StoreCorrupt(f"{said}; the database contradicts itself: restore it from a backup")
    if primary in ADVICE:
        return StoreUnavailable(f"{said}; {ADVICE[primary]}")
    return None
