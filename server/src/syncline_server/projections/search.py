"""Searching messages and tickets, the newest first, within what the one who asks may read.

Who may read all of a tenant reads the index within its scope. A customer reads within the scopes of their own
conversations. For everybody else, and for a customer with very many, what is found is looked at one by one, up to
`PASSED_MAX` for an answer; then the page is short and has a cursor.
"""

import sqlite3
from collections.abc import Iterator
from itertools import repeat
from typing import Final, NamedTuple

from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.search_excerpt import excerpt
from syncline_protocol.documents.search_terms import Query, parse_query
from syncline_protocol.listings import Hit, SearchPage

from syncline_server.projections import lists, search_index
from syncline_server.projections.model import InvalidQuery, UnknownPlace
from syncline_server.projections.writing import TICKET

MESSAGE: Final = "message"
KINDS: Final = (MESSAGE, TICKET)

LIMIT_MAX: Final = 100
"""Hits of one answer."""

PASSED_MAX: Final = 600
"""Matches looked at for one answer: 20 ms of work, where none of them may be read."""

STEP: Final = 100
"""Matches read from the index at once, beyond what is asked for."""

SCOPES_MAX: Final = 100
"""A customer's conversations that are searched by their scopes."""

BEHIND_ALL: Final = 2**63 - 1

FOUND: Final = """
    SELECT rowid FROM {table} WHERE {table} MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?
"""
MESSAGE_ROW: Final = """
    SELECT conversation, conversations.id, segment, messages.id, at, by, text
    FROM messages JOIN conversations ON ref = conversation WHERE place = ?
"""
TICKET_ROW: Final = """
    SELECT id, number, conversation, opened_at, opened_by, team, assignee, watchers, text FROM tickets WHERE place = ?
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
    """One page. Raises `InvalidQuery`."""
    limit = min(max(limit, 1), LIMIT_MAX)
    start = BEHIND_ALL if cursor is None else _start(cursor)
    if not search.query:
        return SearchPage(hits=())
    hits: list[Hit] = []
    reached: int | None = None
    for passed, (place, kind) in enumerate(_found(db, search, start, limit)):
        if len(hits) == limit or passed == PASSED_MAX:
            break
        reached = place
        hit = _message(db, search, place) if kind == MESSAGE else _ticket(db, search, place)
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


def _found(db: sqlite3.Connection, search: Search, start: int, limit: int) -> Iterator[tuple[int, str]]:
    """Places and kinds of what matches, the newest first."""
    tables = {MESSAGE: search_index.MESSAGES, TICKET: search_index.TICKETS}
    tenant = search_index.tenant_scope(search.identity.tenant)
    streams: list[Iterator[tuple[int, str]]] = []
    for kind in search.kinds:
        scopes = [tenant] if kind == TICKET else _scopes(db, search, tenant)
        if scopes:
            matched = expression(search.query, scopes)
            places = _matches(db, tables[kind], matched, start, limit + STEP)
            streams.append(zip(places, repeat(kind)))
    yield from _newest_first(streams)


def _newest_first(streams: list[Iterator[tuple[int, str]]]) -> Iterator[tuple[int, str]]:
    heads = [(head, stream) for stream in streams if (head := next(stream, None)) is not None]
    while heads:
        heads.sort(key=lambda one: one[0])
        head, stream = heads.pop()
        yield head
        following = next(stream, None)
        if following is not None:
            heads.append((following, stream))


def _matches(db: sqlite3.Connection, table: str, matched: str, start: int, step: int) -> Iterator[int]:
    while True:
        rows = db.execute(FOUND.format(table=table), (matched, start, step)).fetchall()
        yield from (row[0] for row in rows)
        if len(rows) < step:
            return
        start = rows[-1][0]


def _scopes(db: sqlite3.Connection, search: Search, tenant: str) -> list[str]:
    """The terms of which a message has one if it is to be found at all."""
    identity = search.identity
    if search.conversation is not None:
        return [search_index.conversation_scope(identity.tenant, search.conversation)]
    if identity.role is not Role.CUSTOMER:
        return [tenant]
    own = db.execute(
        "SELECT id FROM lists JOIN conversations ON ref = conversation"
        " WHERE lists.tenant = ? AND list = ? AND gone = 0 LIMIT ?",
        (identity.tenant, lists.name(lists.PERSON, identity.user), SCOPES_MAX + 1),
    ).fetchall()
    if len(own) > SCOPES_MAX:
        return [tenant]
    return [search_index.conversation_scope(identity.tenant, row[0]) for row in own]


def _message(db: sqlite3.Connection, search: Search, place: int) -> Hit | None:
    """The message at a place, unless whoever asks may not read it."""
    row = db.execute(MESSAGE_ROW, (place,)).fetchone()
    if row is None:
        return None
    ref, conversation, segment, id_, at, by, text = row
    if text is None or not _may_read(db, search.identity, ref):
        return None
    shown, spans = excerpt(text, search.query)
    return Hit(
        kind=MESSAGE, id=id_, at=at, by=by, excerpt=shown, spans=spans, conversation=conversation, segment=segment
    )


def _ticket(db: sqlite3.Connection, search: Search, place: int) -> Hit | None:
    row = db.execute(TICKET_ROW, (place,)).fetchone()
    if row is None:
        return None
    id_, number, conversation, opened_at, opened_by, team, assignee, watchers, text = row
    identity = search.identity
    if identity.role not in lists.SEES_ALL:
        works_there = team in identity.groups or assignee == identity.user or identity.user in watchers.split("\n")
        if identity.role is not Role.TECHNICIAN or not works_there:
            return None
    shown, spans = excerpt(text, search.query)
    return Hit(
        kind=TICKET,
        id=id_,
        at=opened_at,
        by=opened_by,
        excerpt=shown,
        spans=spans,
        conversation=conversation,
        number=number,
    )


def _may_read(db: sqlite3.Connection, identity: Identity, conversation: int) -> bool:
    visible = lists.visible_lists(identity)
    if visible is None:
        return True
    marks = ", ".join("?" * len(visible))
    found = db.execute(
        f"SELECT 1 FROM lists WHERE conversation = ? AND gone = 0 AND list IN ({marks}) LIMIT 1",  # noqa: S608
        (conversation, *visible),
    )
    return found.fetchone() is not None


def _start(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdecimal() or int(cursor) > BEHIND_ALL:
        raise UnknownPlace("the cursor is none that was given out here")
    return int(cursor)
