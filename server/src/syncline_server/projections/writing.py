"""One transaction of the projections: what it has touched so far, and the rows that everything hangs on.

The appliers (`segments.py`, `heads.py`, `tickets.py`, `markers.py`) write what records say, and note here what that
touches; `settling.py` then writes, once for each conversation, what follows.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from syncline_server.projections.search_index import Terms

CONVERSATION: Final = "conversation"
TICKET: Final = "ticket"
USER: Final = "user"

LINKED: Final = """
    SELECT ref, id, status, team, assignee, watchers FROM ticket_links JOIN tickets ON ref = ticket
    WHERE ticket_links.conversation = ?
"""

KNOWN_MAX: Final = 100_000
"""Rows known by heart, some 20 MB; beyond it they are forgotten, and asked for when they are needed."""


class Known:
    """What no later transaction need ask the database again, as long as none is taken back."""

    __slots__ = ("refs", "unaltered")

    def __init__(self) -> None:
        self.refs: dict[tuple[str, str], int] = {}
        """The row of a conversation, by tenant and id."""
        self.unaltered: set[tuple[int, int]] = set()
        """Segments, by conversation and number, whose messages all show as they were written."""

    def forget(self) -> None:
        """Know nothing."""
        self.refs.clear()
        self.unaltered.clear()

    def trim(self) -> None:
        """Forget everything when it has become too much."""
        if len(self.refs) + len(self.unaltered) > KNOWN_MAX:
            self.forget()


class Linked(NamedTuple):
    """A ticket as the conversations that it is linked to know it; `ref` is its row."""

    ref: int
    id: str
    status: str
    team: str | None
    assignee: str | None
    watchers: tuple[str, ...]


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
        """Stamp and author of new messages that neither the server nor, as they say, another program wrote."""


class Writing:
    """See the module's text. `change` is the number of the last change before."""

    def __init__(self, db: sqlite3.Connection, change: int, known: Known | None = None) -> None:
        self.db = db
        self.known = Known() if known is None else known
        self.change = change
        self.touched: dict[int, Touched] = {}
        self.tickets: set[int] = set()
        """Tickets whose times are to be computed again."""
        self.dirty: dict[tuple[str, str, str], None] = {}
        """(tenant, kind, id) of what the server's own actor has to look at."""
        self.changes: dict[str, int] = {}
        """By tenant, the number of its last change."""
        self.terms = Terms()
        self.is_purging = False
        """Whether something was erased that is still in the search index."""
        self._linked: dict[int, Sequence[Linked]] = {}

    def conversation(self, tenant: str, conversation: str) -> int:
        """The row of a conversation, made if there is none: a segment may be read before its head."""
        ref = self.known.refs.get((tenant, conversation))
        if ref is None:
            ref = self._find(tenant, conversation)
            if ref is None:
                ref = self._insert("INSERT INTO conversations (tenant, id) VALUES (?, ?)", (tenant, conversation))
            self.known.refs[tenant, conversation] = ref
        return ref

    def touch(self, conversation: int) -> Touched:
        """Note that a conversation is touched."""
        touched = self.touched.get(conversation)
        if touched is None:
            touched = self.touched[conversation] = Touched()
        return touched

    def mark(self, tenant: str, kind: str, id: str) -> None:  # noqa: A002 - the records' word
        """Have the server's actor look at a conversation, a ticket or a user's document."""
        self.dirty[tenant, kind, id] = None

    def linked(self, conversation: int) -> Sequence[Linked]:
        """The tickets that are linked to a conversation."""
        linked = self._linked.get(conversation)
        if linked is None:
            rows = self.db.execute(LINKED, (conversation,))
            linked = self._linked[conversation] = [
                Linked(ref, id_, status, team, assignee, tuple(filter(None, watchers.split("\n"))))
                for ref, id_, status, team, assignee, watchers in rows
            ]
        return linked

    def tickets_changed(self) -> None:
        """Tickets, or what they are linked to, are about to change or have changed."""
        self._linked.clear()

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
