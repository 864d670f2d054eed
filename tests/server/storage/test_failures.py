"""What SQLite's errors mean, code by code."""

import sqlite3

import pytest
from syncline_server.storage.failures import translate
from syncline_server.storage.interface import StoreCorrupt, StoreError, StoreFatal, StoreUnavailable


def failure(name: str, *, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """The error that the standard library raises for this code."""
    error = kind("what SQLite says")
    error.sqlite_errorcode = getattr(sqlite3, name)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("SQLITE_FULL", StoreUnavailable),
        ("SQLITE_IOERR_WRITE", StoreUnavailable),
        ("SQLITE_IOERR_READ", StoreUnavailable),
        ("SQLITE_IOERR_SHORT_READ", StoreUnavailable),
        ("SQLITE_IOERR_SHMSIZE", StoreUnavailable),
        ("SQLITE_BUSY", StoreUnavailable),
        ("SQLITE_BUSY_SNAPSHOT", StoreUnavailable),
        ("SQLITE_LOCKED", StoreUnavailable),
        ("SQLITE_READONLY", StoreUnavailable),
        ("SQLITE_READONLY_DBMOVED", StoreUnavailable),
        ("SQLITE_CANTOPEN", StoreUnavailable),
        ("SQLITE_PERM", StoreUnavailable),
        ("SQLITE_NOMEM", StoreUnavailable),
        ("SQLITE_CORRUPT", StoreCorrupt),
        ("SQLITE_CORRUPT_INDEX", StoreCorrupt),
        ("SQLITE_NOTADB", StoreCorrupt),
        ("SQLITE_CONSTRAINT_UNIQUE", StoreCorrupt),
        ("SQLITE_ERROR", StoreCorrupt),
        ("SQLITE_IOERR_FSYNC", StoreFatal),
        ("SQLITE_IOERR_DIR_FSYNC", StoreFatal),
    ],
)
def test_every_code_has_its_meaning(name: str, meaning: type[StoreError]) -> None:
    assert type(translate(failure(name), "append to the log")) is meaning


def test_an_error_says_what_happened_to_what_and_what_to_do() -> None:
    said = str(translate(failure("SQLITE_FULL"), "append to the log"))
    assert said == "append to the log: what SQLite says (SQLITE_FULL); the disk is full: free some space"


@pytest.mark.parametrize("name", ["SQLITE_MISUSE", "SQLITE_TOOBIG", "SQLITE_RANGE"])
def test_a_mistake_of_ours_is_not_the_disk_s(name: str) -> None:
    assert translate(failure(name, kind=sqlite3.InterfaceError), "read") is None
    assert translate(sqlite3.ProgrammingError("Cannot operate on a closed database."), "read") is None


def test_text_that_is_no_text_is_damage() -> None:
    with pytest.raises(sqlite3.OperationalError) as raised:
        sqlite3.connect(":memory:").execute("SELECT CAST(x'ff' AS TEXT)").fetchall()
    assert isinstance(translate(raised.value, "read"), StoreCorrupt)
    assert isinstance(translate(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "read"), StoreCorrupt)
