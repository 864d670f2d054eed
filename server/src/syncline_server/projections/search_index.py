"""The search index: what goes into it, what leaves it, and how it forgets for good.

Two tables of FTS5, for messages and for tickets, each row under the id (`place`) of the row that it finds. A place is
the time's stamp, with room for many of the same time, so that the newest stand at the end, where reading begins.

FTS5 takes a row out by adding that it is gone. What was erased is out of the file when the index has been merged whole
(`merge_step`, again and again): secure_delete blanks what the merge leaves behind.
"""

import hashlib
import sqlite3
import zlib
from typing import Final

from syncline_protocol.documents.search_terms import index_terms

PLACE_BITS: Final = 10
"""Places for messages of one stamp; beyond, they stand among those of the next stamps."""

NEAR: Final = 64
"""Neighbouring places looked at before a jump."""

PLACE_MAX: Final = 2**63 - 1

MERGE_PAGES: Final = 400
"""What one step of merging writes: some 1.6 MB, a few tens of milliseconds."""

MESSAGES: Final = "message_terms"
TICKETS: Final = "ticket_terms"


def wanted_place(at: int, name: str) -> int:
    """The place for what is stamped `at`, as nearly always it is free."""
    return at << PLACE_BITS | zlib.crc32(name.encode()) & ((1 << PLACE_BITS) - 1)


def place(db: sqlite3.Connection, table: str, at: int, name: str) -> int:
    """A free place in `table` (`messages` or `tickets`) for what is stamped `at`."""
    wanted = wanted_place(at, name)
    if db.execute(f"SELECT 1 FROM {table} WHERE place = ?", (wanted,)).fetchone() is None:  # noqa: S608 - our own table
        return wanted
    step = NEAR
    while True:
        rows = db.execute(
            f"SELECT place FROM {table} WHERE place >= ? ORDER BY place LIMIT ?",  # noqa: S608
            (wanted, NEAR),
        )
        taken = {row[0] for row in rows}
        for free in range(wanted, min(wanted + NEAR, PLACE_MAX + 1)):
            if free not in taken:
                return free
        wanted = (wanted + step) & PLACE_MAX
        step *= 2


def tenant_scope(tenant: str) -> str:
    """The term that all rows of a tenant have."""
    return "t" + hashlib.sha256(tenant.encode()).hexdigest()[:16]


def conversation_scope(tenant: str, conversation: str) -> str:
    """The term that all messages of a conversation have."""
    return "c" + hashlib.sha256(f"{tenant}\0{conversation}".encode()).hexdigest()[:16]


class Terms:
    """What one transaction lets be found, and be found no more: written at its end, in the order of places.

    FTS5 gathers what is new in memory, and writes it as a piece of its own, to be merged with others later, at the end
    of the transaction and whenever a row comes out of order.
    """

    def __init__(self) -> None:
        self._changes: dict[str, list[tuple[str | None, int, str, str]]] = {MESSAGES: [], TICKETS: []}

    def add(self, table: str, row: int, scope: str, text: str) -> None:
        """Let `text` be found."""
        self._changes[table].append((None, row, scope, text))

    def remove(self, table: str, row: int, scope: str, text: str) -> None:
        """Let it be found no more; scope and text have to be what they were when it was added."""
        self._changes[table].append(("delete", row, scope, text))

    def write(self, db: sqlite3.Connection) -> None:
        """Write it. What concerns one row stays in its order."""
        for table, changes in self._changes.items():
            changes.sort(key=lambda change: change[1])
            db.executemany(
                f"INSERT INTO {table} ({table}, rowid, scope, terms) VALUES (?, ?, ?, ?)",  # noqa: S608 - our own table
                [(command, row, scope, " ".join(index_terms(text))) for command, row, scope, text in changes],
            )
            changes.clear()


def merge_step(db: sqlite3.Connection, *, is_first: bool) -> bool:
    """One step of merging both tables whole; whether there is more to do."""
    is_more = False
    for table in (MESSAGES, TICKETS):
        before = db.total_changes
        pages = -MERGE_PAGES if is_first else MERGE_PAGES
        db.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608
        is_more = is_more or db.total_changes - before >= 2  # noqa: PLR2004 - fewer: nothing was done (FTS5's manual)
    return is_more
