"""The tables of the projections' database. There are no migrations: of another version, it is made anew from the log.

What is answered from is a function of the records alone, except for what only lives as long as the database does: row
ids (`ref`, `place`), numbers of changes, and what waits to be looked at (`dirty`).
"""

import functools
import sqlite3
from contextlib import closing
from typing import Final

from syncline_protocol.limits import PROTOCOL_VERSION

VERSION: Final = 5
"""Raised with every change of a table, of what stands in it, or of the terms under which texts are found."""

TERMS: Final = ("message_terms", "ticket_terms")
"""The tables of FTS5."""

USER_VERSION: Final = PROTOCOL_VERSION << 16 | VERSION

TABLES: Final = (
    # generation: drawn when the database is made; positions of another one are stale. purging: 1 while what was erased
    # is still to be merged out of the search index.
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # How far each document of the store is projected; records: of a segment, how many it has. name: tenant and path,
    # by which another store's positions are recognised.
    """
    CREATE TABLE positions (
        document INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        records INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    # opened_at: null until the head was seen. The last_… columns are of the newest message; stamp: what inboxes are
    # sorted by.
    """
    CREATE TABLE conversations (
        ref INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        subject TEXT,
        channel TEXT,
        language TEXT,
        customer TEXT,
        opened_at INTEGER,
        closed INTEGER NOT NULL DEFAULT 0,
        segments TEXT NOT NULL DEFAULT '',
        messages INTEGER NOT NULL DEFAULT 0,
        last_id TEXT,
        last_at INTEGER,
        last_by TEXT,
        last_type TEXT,
        last_text TEXT,
        stamp INTEGER NOT NULL DEFAULT 0,
        UNIQUE (tenant, id)
    ) STRICT
    """,
    """
    CREATE TABLE people (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (conversation, user)
    ) STRICT, WITHOUT ROWID
    """,
    # Everybody who takes part in a conversation or once did, in the last role they had: whose words are an answer.
    """
    CREATE TABLE roles (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (conversation, user)
    ) STRICT, WITHOUT ROWID
    """,
    # place: the row's id in the search index too; it grows with `at` (`search_index.place`). state: empty, `recalled`
    # or `redacted`, and then there is no text. text: the newest version, as one reads it. auto: 1 if a program says it
    # wrote it.
    """
    CREATE TABLE messages (
        place INTEGER PRIMARY KEY,
        conversation INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        id TEXT NOT NULL,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        type TEXT NOT NULL,
        auto INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT '',
        text TEXT
    ) STRICT
    """,
    "CREATE UNIQUE INDEX messages_by_id ON messages (conversation, segment, id)",
    "CREATE INDEX messages_by_time ON messages (conversation, at, id)",
    # What was erased, by whose it was: the drafts of it go too.
    "CREATE INDEX messages_redacted ON messages (by, conversation, at) WHERE state = 'redacted'",
    # Edits, recalls and redactions, by the message that they name, which may not be there yet.
    """
    CREATE TABLE records_about (
        conversation INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        message TEXT NOT NULL,
        id TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (conversation, segment, message, id)
    ) STRICT, WITHOUT ROWID
    """,
    # What customers said of tickets, in their conversations.
    """
    CREATE TABLE ratings (
        tenant TEXT NOT NULL,
        ticket TEXT NOT NULL,
        id TEXT NOT NULL,
        conversation INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        score INTEGER NOT NULL,
        text TEXT,
        PRIMARY KEY (tenant, ticket, id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX ratings_by_segment ON ratings (conversation, segment)",
    # watchers: their ids, one a line; programs: users whose events a program wrote, one a line. text: what the ticket
    # is found by, as it stands in the index.
    """
    CREATE TABLE tickets (
        ref INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        number INTEGER,
        conversation TEXT,
        customer TEXT,
        subject TEXT,
        issue_type TEXT,
        language TEXT,
        status TEXT NOT NULL,
        priority TEXT,
        team TEXT,
        assignee TEXT,
        watchers TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        opened_by TEXT NOT NULL,
        updated_at INTEGER NOT NULL,
        resolved_at INTEGER,
        satisfaction INTEGER,
        programs TEXT NOT NULL DEFAULT '',
        place INTEGER NOT NULL UNIQUE,
        text TEXT NOT NULL,
        UNIQUE (tenant, id)
    ) STRICT
    """,
    "CREATE INDEX tickets_by_number ON tickets (tenant, number)",
    """
    CREATE INDEX tickets_at_work ON tickets (tenant, assignee)
    WHERE assignee IS NOT NULL AND status NOT IN ('resolved', 'closed', 'cancelled', 'merged')
    """,
    "CREATE INDEX tickets_resolved ON tickets (resolved_at) WHERE status = 'resolved'",
    # What lists of tickets go by, and how much work everybody has.
    "CREATE INDEX tickets_by_assignee ON tickets (tenant, assignee, place)",
    "CREATE INDEX tickets_by_team ON tickets (tenant, team, place)",
    "CREATE INDEX tickets_by_status ON tickets (tenant, status, place)",
    "CREATE INDEX tickets_by_customer ON tickets (tenant, customer, place)",
    # The cycles of a ticket (`documents/ticket_times.py` of the protocol), in stamps and milliseconds. next_at: when
    # the next one began. last_at: when something last happened that ends it, 2^63 - 1 while it goes on. team, assignee:
    # who had the ticket at its end, or has it. answered_…: the first answer, and which group had the ticket then.
    """
    CREATE TABLE ticket_cycles (
        ticket INTEGER NOT NULL,
        cycle INTEGER NOT NULL,
        tenant TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        next_at INTEGER,
        last_at INTEGER NOT NULL,
        ended_at INTEGER,
        resolved_at INTEGER,
        closed_at INTEGER,
        team TEXT,
        assignee TEXT,
        work_ms INTEGER NOT NULL,
        waiting_ms INTEGER NOT NULL,
        hold_ms INTEGER NOT NULL,
        handovers INTEGER NOT NULL,
        score INTEGER,
        answered_at INTEGER,
        answered_by TEXT,
        answered_team TEXT,
        PRIMARY KEY (ticket, cycle)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX ticket_cycles_by_time ON ticket_cycles (tenant, last_at, started_at)",
    # Which group had a ticket from `at` on.
    """
    CREATE TABLE ticket_teams (
        ticket INTEGER NOT NULL,
        step INTEGER NOT NULL,
        at INTEGER NOT NULL,
        team TEXT,
        PRIMARY KEY (ticket, step)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE ticket_links (
        ticket INTEGER NOT NULL,
        conversation INTEGER NOT NULL,
        PRIMARY KEY (ticket, conversation)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX ticket_links_by_conversation ON ticket_links (conversation, ticket)",
    # Who follows a conversation: takes part, works on a ticket of it, or has read some of it (up to `message`, stamped
    # `up_to`). unread: messages behind that, by others, that are neither the server's nor taken back.
    """
    CREATE TABLE following (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        up_to INTEGER,
        message TEXT,
        unread INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (conversation, user)
    ) STRICT, WITHOUT ROWID
    """,
    # In which lists a conversation stands (`lists.py`). change: of the conversation, the newest. gone: it stood there.
    """
    CREATE TABLE lists (
        conversation INTEGER NOT NULL,
        list TEXT NOT NULL,
        tenant TEXT NOT NULL,
        stamp INTEGER NOT NULL,
        change INTEGER NOT NULL,
        gone INTEGER NOT NULL,
        PRIMARY KEY (conversation, list)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX lists_by_time ON lists (tenant, list, stamp, conversation) WHERE gone = 0",
    "CREATE INDEX lists_by_change ON lists (tenant, list, change, conversation, gone)",
    "CREATE INDEX lists_gone ON lists (change) WHERE gone = 1",
    """
    CREATE TABLE dirty (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        mark INTEGER NOT NULL,
        PRIMARY KEY (tenant, kind, id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX dirty_by_mark ON dirty (mark)",
    # scope: hashes of the tenant and of the conversation. terms: `search_terms.index_terms`, which are split at spaces
    # again; no text is kept (content='') besides what stands in the tables above.
    """
    CREATE VIRTUAL TABLE message_terms USING fts5 (scope, terms, content='', columnsize=0, tokenize='ascii')
    """,
    """
    CREATE VIRTUAL TABLE ticket_terms USING fts5 (scope, terms, content='', columnsize=0, tokenize='ascii')
    """,
)


def is_whole(db: sqlite3.Connection) -> bool:
    """Whether all tables and indices are there, and every table can be read. Raises `sqlite3.Error`, also of a table
    that is damaged.
    """
    if not _names() <= _named(db):
        return False
    for kind, name in sorted(_names()):
        if kind == "table":
            where = f"WHERE {name} MATCH 'x'" if name in TERMS else ""  # which cannot be read without a term
            db.execute(f"SELECT 1 FROM {name} {where} LIMIT 1").fetchall()  # noqa: S608 - our own names
    return True


@functools.cache
def _names() -> frozenset[tuple[str, str]]:
    """What `TABLES` make, with the tables that FTS5 keeps its own in."""
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in TABLES:
            db.execute(statement)
        return _named(db)


def _named(db: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    return frozenset(db.execute("SELECT type, name FROM sqlite_schema").fetchall())
