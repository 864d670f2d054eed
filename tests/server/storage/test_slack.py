"""Bytes of SQLite's file that belong to no row: found where SQLite leaves them, and overwritten without a trace."""

import os
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from syncline_server.storage import slack

PAGE_BYTES = 4096
MARK = re.compile(rb"MARK(\d{20})")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
def file(path: Path) -> Iterator[int]:
    """A descriptor that outlives the connections, as the store's own does."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def marks(path: Path) -> set[int]:
    return {int(number) for number in MARK.findall(path.read_bytes())}


def churn(path: Path, seed: int) -> tuple[set[int], set[int]]:
    """Insert, replace and delete rows of all sizes; which marks are in rows at the end, and which were."""
    randomness = random.Random(seed)
    rows: dict[int, int] = {}
    dead: set[int] = set()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode = WAL", "wal_autocheckpoint = 0", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("CREATE TABLE IF NOT EXISTS things (position INTEGER PRIMARY KEY, entries BLOB) STRICT")
        for number in range(2_500):
            delete = rows and randomness.random() < 0.3
            position = randomness.choice(list(rows)) if delete else randomness.randrange(2**16)
            dead |= {rows.pop(position)} if position in rows else set()
            if delete:
                database.execute("DELETE FROM things WHERE position = ?", (position,))
            else:
                rows[position] = number
                entries = b"<MARK%020d>" % number * randomness.choice([1, 2, 5, 20, 60, 100, 150, 300])
                database.execute("INSERT OR REPLACE INTO things VALUES (?, ?)", (position, entries))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return set(rows.values()), dead


@pytest.mark.parametrize("seed", range(3))
def test_what_was_deleted_is_nowhere_afterwards_and_what_was_not_is_untouched(path: Path, file: int, seed: int) -> None:
    alive, dead = churn(path, seed)
    with closing(sqlite3.connect(path)) as database:
        before = database.execute("SELECT * FROM things ORDER BY position").fetchall()
    pages = slack.count_pages(file)
    assert pages == path.stat().st_size // PAGE_BYTES
    found = [slack.overwrite(file, first, 100) for first in range(1, pages + 1, 100)]
    assert sum(found) > 0, "secure_delete alone leaves copies: without them this module could go"
    assert marks(path) == alive
    assert not marks(path) & dead
    assert not any(slack.overwrite(file, first, 100) for first in range(1, pages + 1, 100)), "zeros by now"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT * FROM things ORDER BY position").fetchall() == before


def leaf(rows: int, *, content: int, free: int = 0, fill: int = 0xFF) -> bytearray:
    """A page of 512 bytes that says so of itself."""
    page = bytearray([fill] * 512)
    page[:8] = bytes([slack.LEAF, *free.to_bytes(2, "big"), *rows.to_bytes(2, "big"), *content.to_bytes(2, "big"), 0])
    return page


def block(page: bytearray, at: int, following: int, size: int) -> bytearray:
    page[at : at + 4] = following.to_bytes(2, "big") + size.to_bytes(2, "big")
    return page


def test_the_gap_is_between_the_pointers_and_the_rows() -> None:
    assert list(slack.slack(bytes(leaf(3, content=400)))) == [(14, 400)]
    assert list(slack.slack(bytes(100) + bytes(leaf(0, content=612)), 100)) == [(108, 612)]


def test_free_blocks_keep_their_headers() -> None:
    page = block(block(leaf(3, content=400, free=420), 420, 450, 20), 450, 0, 30)
    assert list(slack.slack(bytes(page))) == [(14, 400), (424, 440), (454, 480)]


@pytest.mark.parametrize(
    "page",
    [
        bytes(512),
        bytes([5]) + bytes(leaf(3, content=400))[1:],
        bytes(leaf(300, content=400)),
        bytes(leaf(3, content=600)),
    ],
    ids=["empty", "an inner page", "more pointers than fit", "rows behind the end"],
)
def test_what_is_no_leaf_is_left_alone(page: bytes) -> None:
    assert list(slack.slack(page)) == []


@pytest.mark.parametrize(("following", "size"), [(420, 20), (410, 20), (0, 3), (0, 200)])
def test_a_broken_chain_of_free_blocks_ends(following: int, size: int) -> None:
    ranges = list(slack.slack(bytes(block(leaf(3, content=400, free=420), 420, following, size))))
    assert len(ranges) <= 2
    assert all(start <= end <= 512 for start, end in ranges)


def test_an_empty_file_has_no_pages(file: int) -> None:
    assert slack.count_pages(file) == 0
