"""What the projections say, in 32 bytes: to compare what was kept up live with what is made anew from the log.

The sum of the SHA-256 of all rows, as the digest of a document is the sum over its records: in which order rows were
written does not show. Row ids are replaced by the names they stand for; what is no function of the records (numbers of
changes, places in the search index) is left out, and so is the index, whose terms are a function of the texts.
"""

import hashlib
import sqlite3
from typing import Final

import msgspec
from syncline_protocol.documents.records import DIGEST_BYTES, DIGEST_MASK

CONVERSATION: Final = "(SELECT tenant || ' ' || id FROM conversations WHERE ref = {table}.conversation)"
TICKET: Final = "(SELECT tenant || ' ' || id FROM tickets WHERE ref = ticket)"

TABLES: Final = {
    "conversations": (
        "tenant, id, subject, channel, language, customer, opened_at, closed, segments, messages, last_id, last_at,"
        " last_by, last_type, last_text, stamp"
    ),
    "people": f"{CONVERSATION}, user, role",
    "roles": f"{CONVERSATION}, user, role",
    "messages": f"{CONVERSATION}, segment, id, at, by, type, auto, state, text",
    "records_about": f"{CONVERSATION}, segment, message, id, value",
    "ratings": f"tenant, ticket, id, {CONVERSATION}, segment, at, by, score, text",
    "tickets": (
        "tenant, id, number, conversation, customer, subject, issue_type, language, status, priority, team, assignee,"
        " watchers, opened_at, opened_by, updated_at, resolved_at, satisfaction, programs, text"
    ),
    "ticket_cycles": (
        f"{TICKET}, cycle, tenant, started_at, next_at, last_at, ended_at, resolved_at, closed_at, team, assignee,"
        " work_ms, waiting_ms, hold_ms, handovers, score, answered_at, answered_by, answered_team"
    ),
    "ticket_teams": f"{TICKET}, step, at, team",
    "ticket_links": f"{TICKET}, {CONVERSATION}",
    "following": f"{CONVERSATION}, user, up_to, message, unread",
    "lists": f"{CONVERSATION}, list, tenant, stamp",
}

WHERE: Final = {"lists": "gone = 0", "conversations": "opened_at IS NOT NULL OR messages > 0 OR last_id IS NOT NULL"}
"""Rows that count; others are left by what is there no more."""

_encode: Final = msgspec.msgpack.Encoder().encode


def read_digest(db: sqlite3.Connection) -> bytes:
    """The digest of all tables."""
    total = 0
    for table, columns in TABLES.items():
        listed = columns.format(table=table)
        for row in db.execute(f"SELECT {listed} FROM {table} WHERE {WHERE.get(table, 'TRUE')}"):  # noqa: S608
            total += int.from_bytes(hashlib.sha256(_encode((table, *row))).digest(), "little")
    return (total & DIGEST_MASK).to_bytes(DIGEST_BYTES, "little")
