"""What one commit costs on this disk: the unit that Syncline's latency is measured in.

Nothing can be acknowledged after an fsync faster than this, whoever writes it.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Final, NamedTuple

COMMITS: Final = 200
ROW_BYTES: Final = 350
"""A message as an update."""


class CommitTimes(NamedTuple):
    """How long each of some writes took until it was durable, in seconds: a SQLite commit, and the bare system call."""

    sqlite: list[float]
    fsync: list[float]


def measure_commits(folder: Path, *, count: int = COMMITS) -> CommitTimes:
    """Time `count` commits of one row (WAL, `synchronous=FULL`), and as many appends with `fdatasync`, in `folder`."""
    return CommitTimes(_sqlite(folder / "commits.sqlite", count), _fsync(folder / "commits.bin", count))


def _sqlite(path: Path, count: int) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
        return [_timed_insert(connection) for _ in range(count)]
    finally:
        connection.close()


def _timed_insert(connection: sqlite3.Connection) -> float:
    start = time.perf_counter()
    connection.execute("INSERT INTO log (payload) VALUES (?)", (os.urandom(ROW_BYTES),))
    return time.perf_counter() - start


def _fsync(path: Path, count: int) -> list[float]:
    seconds = []
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            start = time.perf_counter()
            file.write(os.urandom(ROW_BYTES))
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - start)
    return seconds
