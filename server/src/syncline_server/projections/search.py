"""Searching messages and tickets, the newest first, within what the one who asks may read.

Who may read all of a tenant reads the index within its scope, customers and technicians within the scopes of the
conversations that they may open. Of those who may open very many, and of a technician's tickets, what is found is
passed over until it may be read, `PASSED_MAX` matches in one reading and `READINGS_MAX` readings for an answer. So a
page is full as long as there is more, except behind that many matches of others; then it is short and has a cursor.
"""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.search_excerpt import excerpt
from syncline_protocol.documents.search_terms import Query, parse_query
from syncline_protocol.listings import Hit, SearchPage

from syncline_server.projections import lists, search_index, ticket_list
from syncline_server.projections.model import InvalidQuery, UnknownPlace
from syncline_server.projections.writing import TICKET

MESSAGE: Final = "message"
KINDS: Final = (MESSAGE, TICKET)

LIMIT_MAX: Final = 100
"""Hits of one answer."""

PASSED_MAX: Final = 4_000
"""Matches looked at in one reading: 20 ms of work, where none of them may be read."""

READINGS_MAX: Final = 25
"""Readings for one answer: 0.5 s of work, and others read in between."""

STEP: Final = 2 * LIMIT_MAX
"""Matches read from the index at once."""

SCOPES_MAX: Final = 1_000
"""Conversations that are searched by their scopes: 20 ms of work; three times as many take four times as long."""

BEHIND_ALL: Final = 2**63 - 1

FOUND: Final = """
    SELECT rowid, {readable} FROM {table} WHERE {table} MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?
"""
READABLE_MESSAGE: Final = """
    EXISTS (
        SELECT 1 FROM messages JOIN lists ON lists.conversation = messages.conversation
        WHERE place = {table}.rowid AND gone = 0 AND list IN ({lists})
    )
"""
READABLE_TICKET: Final = "EXISTS (SELECT 1 FROM tickets WHERE place = {table}.rowid AND {condition})"

OPENABLE: Final = """
    SELECT DISTINCT id FROM lists JOIN conversations ON ref = conversation
    WHERE lists.tenant = ? AND list IN ({lists}) AND gone = 0 LIMIT ?
"""
MESSAGE_ROW: Final = """
    SELECT conversations.id, segment, messages.id, at, by, text
    FROM messages JOIN conversations ON ref = conversation WHERE place = ?
"""
TICKET_ROW: Final = """
    SELECT id, number, conversation, opened_at, opened_by, text FROM tickets WHERE place = ?
"""


class Search(NamedTuple):
    """What is searched: by whom, for what, in what kinds, in which conversation (None: any)."""

    identity: Identity
    query: Query
    kinds: tuple[str, ...]
    conversation: str | None


def parse(identity: Identity, q: str, kind: str | None, conversation: str | None) -> Search:
    """The search for `q`. Raises `InvalidQuery`."""
    if kind is not None and kind not in KINDS:
        raise InvalidQuery(f"there is no kind {kind!r}: it is one of {', '.join(KINDS)}")
    wanted: tuple[str, ...] = KINDS if kind is None else (kind,)
    if identity.role is Role.CUSTOMER or conversation is not None:  # tickets are the staff's; and in no conversation
        wanted = tuple(one for one in wanted if one == MESSAGE)
    return Search(identity, parse_query(q), wanted, conversation)


def read(db: sqlite3.Connection, search: Search, limit: int, cursor: str | None) -> SearchPage:
    """One reading: at most a page, and short where it has passed over enough. Raises `InvalidQuery`."""
    start = BEHIND_ALL if cursor is None else _start(cursor)
    if not search.query:
        return SearchPage(hits=())
    hits: list[Hit] = []
    reached: int | None = None
    for passed, (place, is_readable, kind) in enumerate(_found(db, search, start)):
        if passed == PASSED_MAX or (is_readable and len(hits) == limit):
            break
        reached = place
        hit = _hit(db, search, kind, place) if is_readable else None
        if hit is not None:
            hits.append(hit)
    else:
        reached = None
    return SearchPage(hits=tuple(hits), next=None if reached is None else str(reached))


def expression(query: Query, scopes: list[str]) -> str:
    """The query in FTS5's language: terms in quotes, which no term holds."""
    scope = " OR ".join(f'"{one}"' for one in scopes)
    clauses = (" OR ".join(f'"{" ".join(phrase)}"' for phrase in clause) for clause in query)
    return f"scope : ({scope}) AND " + " AND ".join(f"terms : ({clause})" for clause in clauses)


Match = tuple[int, bool, str]
"""What matches: its place, whether it may be read, and of what kind it is."""


def _found(db: sqlite3.Connection, search: Search, start: int) -> Iterator[Match]:
    """What matches, the newest first."""
    tenant = search_index.tenant_scope(search.identity.tenant)
    streams: list[Iterator[Match]] = []
    for kind in search.kinds:
        scopes = [tenant] if kind == TICKET else _scopes(db, search, tenant)
        if scopes:
            matched = expression(search.query, scopes)
            streams.append(_matches(db, search.identity, kind, matched, start))
    yield from heapq.merge(*streams, reverse=True)


def _matches(db: sqlite3.Connection, identity: Identity, kind: str, matched: str, start: int) -> Iterator[Match]:
    table = {MESSAGE: search_index.MESSAGES, TICKET: search_index.TICKETS}[kind]
    readable, parameters = _readable(identity, kind, table)
    sql = FOUND.format(readable=readable, table=table)
    while True:
        rows = db.execute(sql, (*parameters, matched, start, STEP)).fetchall()
        yield from ((place, bool(is_readable), kind) for place, is_readable in rows)
        if len(rows) < STEP:
            return
        start = rows[-1][0]


def _readable(identity: Identity, kind: str, table: str) -> tuple[str, Sequence[str]]:
    """In SQL, whether what stands at a row of the index may be read, and its parameters."""
    if kind == TICKET:
        conditions, parameters = ticket_list.visible(identity)
        return (READABLE_TICKET.format(table=table, condition=conditions[0]) if conditions else "1"), parameters
    visible = lists.visible_lists(identity)
    if visible is None:
        return "1", ()
    return READABLE_MESSAGE.format(table=table, lists=_marks(visible)), visible


def _scopes(db: sqlite3.Connection, search: Search, tenant: str) -> list[str]:
    """The terms of which a message has one if it is to be found at all."""
    identity = search.identity
    if search.conversation is not None:
        return [search_index.conversation_scope(identity.tenant, search.conversation)]
    visible = lists.visible_lists(identity)
    if visible is None:
        return [tenant]
    sql = OPENABLE.format(lists=_marks(visible))
    openable = db.execute(sql, (identity.tenant, *visible, SCOPES_MAX + 1)).fetchall()
    if len(openable) > SCOPES_MAX:
        return [tenant]
    return [search_index.conversation_scope(identity.tenant, row[0]) for row in openable]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _hit(db: sqlite3.Connection, search: Search, kind: str, place: int) -> Hit | None:
    """What stands at a place."""
    row = db.execute(MESSAGE_ROW if kind == MESSAGE else TICKET_ROW, (place,)).fetchone()
    if row is None or row[-1] is None:
        return None
    shown, spans = excerpt(row[-1], search.query)
    if kind == MESSAGE:
        conversation, segment, id_, at, by, _ = row
        return Hit(
            kind=kind, id=id_, at=at, by=by, excerpt=shown, spans=spans, conversation=conversation, segment=segment
        )
    id_, number, conversation, at, by, _ = row
    return Hit(kind=kind, id=id_, at=at, by=by, excerpt=shown, spans=spans, conversation=conversation, number=number)


def _start(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdecimal() or int(cursor) > BEHIND_ALL:
        raise UnknownPlace("the cursor is none that was given out here")
    return int(cursor)
