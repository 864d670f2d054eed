"""One transaction of the projections: what it has touched so far, and the rows that everything hangs on.

The appliers (`segments.py`, `heads.py`, `tickets.py`, `markers.py`) write what records say, and note here what that
touches; `settling.py` then writes, once for each conversation, what follows.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

CONVERSATION: Final = "conversation"
TICKET: Final = "ticket"

NOTHING_YET: Final = ("", "")


class Counted(NamedTuple):
    """A message that counts as unread for others than `by` from now on (`by_one` is 1), or no longer (-1)."""

    at: int
    id: str
    by: str
    by_one: int


class Touched:
    """A conversation that this transaction has touched."""

    __slots__ = ("counted", "is_moved", "is_recounted", "messages", "moved", "written")

    def __init__(self) -> None:
        self.messages = 0
        """How many messages it has more."""
        self.counted: list[Counted] = []
        self.moved: set[str] = set()
        """Users whose read marker has moved."""
        self.is_moved = False
        """Whether who follows it, or its tickets, may have changed."""
        self.is_recounted = False
        """Whether everything is to be counted again: messages are gone."""
        self.written: list[tuple[int, str]] = []
        """Stamp and author of new messages that are no system messages."""


class Writing:
    """See the module's text. `change` is the number of the last change before."""

    def __init__(self, db: sqlite3.Connection, change: int) -> None:
        self.db = db
        self.change = change
        self.touched: dict[int, Touched] = {}
        self.tickets: set[int] = set()
        """Tickets whose times are to be computed again."""
        self.dirty: dict[tuple[str, str, str], None] = {}
        """(tenant, kind, id) of what the server's own actor has to look at."""
        self.changes: dict[str, int] = {}
        """By tenant, the number of its last change."""
        self.is_purging = False
        """Whether something was erased that is still in the search index."""
        self._refs: dict[tuple[str, str], int] = {}

    def conversation(self, tenant: str, conversation: str) -> int:
        """The row of a conversation, made if there is none: a segment may be read before its head."""
        ref = self._refs.get((tenant, conversation))
        if ref is None:
            ref = self._find(tenant, conversation)
            if ref is None:
                ref = self._insert("INSERT INTO conversations (tenant, id) VALUES (?, ?)", (tenant, conversation))
            self._refs[tenant, conversation] = ref
        return ref

    def touch(self, conversation: int) -> Touched:
        """Note that a conversation is touched."""
        touched = self.touched.get(conversation)
        if touched is None:
            touched = self.touched[conversation] = Touched()
        return touched

    def mark(self, tenant: str, kind: str, id: str) -> None:  # noqa: A002 - the records' word
        """Have the server's actor look at a conversation or ticket."""
        self.dirty[tenant, kind, id] = None

    def linked(self, conversation: int) -> list[tuple[int, str]]:
        """Row and id of the tickets that are linked to a conversation."""
        return self.db.execute(
            "SELECT ref, id FROM ticket_links JOIN tickets ON ref = ticket WHERE ticket_links.conversation = ?",
            (conversation,),
        ).fetchall()

    def next_change(self) -> int:
        """The number of the next change."""
        self.change += 1
        return self.change

    def _find(self, tenant: str, conversation: str) -> int | None:
        row = self.db.execute("SELECT ref FROM conversations WHERE tenant = ? AND id = ?", (tenant, conversation))
        found = row.fetchone()
        return None if found is None else int(found[0])

    def _insert(self, sql: str, parameters: Iterable[Any]) -> int:
        ref = self.db.execute(sql, tuple(parameters)).lastrowid
        assert ref is not None
        return ref
