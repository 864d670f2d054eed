"""Reading inboxes: a window by recency, and what changed since a position.

Either costs what it shows: windows are read off the lists that a conversation stands in (`lists.py`), changes off the
numbers that those have. Where somebody may see part of a list only, what is passed over counts, up to `PASSED_MAX`.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Any, Final

from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.labels import public_status
from syncline_protocol.listings import InboxChanges, InboxPage, InboxRow, InboxTicket, LastMessage

from syncline_server.projections import lists
from syncline_server.projections.lists import Window
from syncline_server.projections.model import Seen, UnknownPlace
from syncline_server.projections.settling import CHANGES_KEPT

LIMIT_MAX: Final = 200
"""Rows of one answer."""

PASSED_MAX: Final = 2_000
"""Conversations looked at for one answer."""

STEP: Final = 64
"""Rows read of a list at once, beyond what is asked for."""

TICKETS_MAX: Final = 20
"""Tickets shown in one row: those with the latest activity."""

NUMBER: Final = re.compile(r"[0-9]{1,18}")
CURSOR: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")

BEHIND_ALL: Final = (2**63 - 1, 2**63 - 1)

Place = tuple[int, int]
"""Stamp and row of a conversation: where it stands in a list."""

IN_A_LIST: Final = """
    SELECT stamp, conversation FROM lists
    WHERE tenant = ? AND list = ? AND gone = 0 AND (stamp, conversation) < (?, ?)
    ORDER BY stamp DESC, conversation DESC LIMIT ?
"""
CHANGED: Final = """
    SELECT change, conversation FROM lists WHERE tenant = ? AND list = ? AND change > ? ORDER BY change LIMIT ?
"""
CONVERSATION: Final = """
    SELECT id, stamp, subject, channel, language, customer, closed, messages, last_id, last_at, last_by, last_type,
        last_text, ifnull((SELECT unread FROM following WHERE conversation = ref AND user = ?), 0)
    FROM conversations WHERE ref = ?
"""
TICKETS: Final = """
    SELECT id, number, subject, status, priority, assignee, team, tickets.conversation, customer
    FROM ticket_links JOIN tickets ON ref = ticket WHERE ticket_links.conversation = ?
    ORDER BY updated_at DESC, id LIMIT ?
"""


def read_page(  # noqa: PLR0913 - what a page is of
    db: sqlite3.Connection, generation: str, identity: Identity, window: Window, limit: int, cursor: str | None
) -> InboxPage:
    """One page. Raises `InvalidQuery`."""
    limit = min(max(limit, 1), LIMIT_MAX)
    start = BEHIND_ALL if cursor is None else _place(cursor)
    rows: list[InboxRow] = []
    reached: Place | None = None
    for passed, place in enumerate(_places(db, identity.tenant, window.lists, start, limit)):
        if len(rows) == limit or passed == PASSED_MAX:
            break
        reached = place
        if _is_within(db, place[1], window.within):
            rows.append(_row(db, identity, place[1]))
    else:
        reached = None
    return InboxPage(
        rows=tuple(rows),
        next=None if reached is None else f"{reached[0]}.{reached[1]}",
        position=f"{generation}.{_change(db)}",
    )


def read_changes(  # noqa: PLR0913 - what the changes are of
    db: sqlite3.Connection, generation: str, identity: Identity, window: Window, since: str, limit: int
) -> InboxChanges:
    """What changed since a position. Raises `InvalidQuery`."""
    limit = min(max(limit, 1), LIMIT_MAX)
    latest = _change(db)
    current = f"{generation}.{latest}"
    known = change_of(generation, since)
    if known is None or known > latest or latest - known > CHANGES_KEPT:
        return InboxChanges(position=current, stale=True)
    found = [list(db.execute(CHANGED, (identity.tenant, one, known, limit + 1))) for one in window.lists]
    changed = dict.fromkeys(sorted(change for rows in found for change in rows))
    taken = list(changed)[:limit]
    is_more = len(changed) > limit
    rows: list[InboxRow] = []
    removed: list[str] = []
    for _, conversation in taken:
        if _is_within(db, conversation, window.lists) and _is_within(db, conversation, window.within):
            rows.append(_row(db, identity, conversation))
        elif _is_within(db, conversation, window.within, also_gone=True):
            ((name,),) = db.execute("SELECT id FROM conversations WHERE ref = ?", (conversation,))
            removed.append(name)
    position = f"{generation}.{taken[-1][0]}" if is_more else current
    return InboxChanges(rows=tuple(rows), removed=tuple(removed), position=position, more=is_more)


def read_seen(db: sqlite3.Connection, tenant: str, conversation: str) -> list[Seen]:
    """How far everybody has read, by user."""
    rows = db.execute(
        "SELECT user, up_to, message FROM conversations JOIN following ON conversation = ref"
        " WHERE tenant = ? AND id = ? AND up_to IS NOT NULL ORDER BY user",
        (tenant, conversation),
    )
    return [Seen(*row) for row in rows]


def latest_change(db: sqlite3.Connection, tenant: str) -> int:
    """The number of the last change of the tenant's inboxes."""
    everything = lists.name(lists.EVERYTHING)
    row = db.execute("SELECT max(change) FROM lists WHERE tenant = ? AND list = ?", (tenant, everything)).fetchone()
    return row[0] or 0


def change_of(generation: str, position: str) -> int | None:
    """The number of the change that a position stands for; None if the database was made anew since. Raises
    `InvalidQuery`.
    """
    of, _, number = position.partition(".")
    if NUMBER.fullmatch(number) is None:
        raise UnknownPlace("the position is none that was given out here")
    return int(number) if of == generation else None


def _places(db: sqlite3.Connection, tenant: str, names: Iterable[str], start: Place, limit: int) -> Iterator[Place]:
    """The conversations of all these lists, each once, the most recent first."""
    before: Place | None = None
    for place in merge(*(_in_list(db, tenant, one, start, limit + STEP) for one in names), reverse=True):
        if place != before:
            yield place
        before = place


def _in_list(db: sqlite3.Connection, tenant: str, list_: str, start: Place, step: int) -> Iterator[Place]:
    while True:
        rows = db.execute(IN_A_LIST, (tenant, list_, *start, step)).fetchall()
        yield from rows
        if len(rows) < step:
            return
        start = rows[-1]


def _is_within(
    db: sqlite3.Connection, conversation: int, names: tuple[str, ...] | None, *, also_gone: bool = False
) -> bool:
    """Whether the conversation stands in one of these lists, or (`also_gone`) ever stood there."""
    if names is None:
        return True
    marks = ", ".join("?" * len(names))
    found = db.execute(
        f"SELECT 1 FROM lists WHERE conversation = ? AND gone <= ? AND list IN ({marks}) LIMIT 1",  # noqa: S608
        (conversation, int(also_gone), *names),
    )
    return found.fetchone() is not None


def _row(db: sqlite3.Connection, identity: Identity, conversation: int) -> InboxRow:
    ((id_, stamp, subject, channel, language, customer, closed, messages, *last, unread),) = db.execute(
        CONVERSATION, (identity.user, conversation)
    )
    last_id, last_at, last_by, last_type, last_text = last
    return InboxRow(
        conversation=id_,
        at=stamp,
        subject=subject,
        channel=channel,
        language=language,
        customer=customer,
        closed=bool(closed),
        messages=messages,
        last=None
        if last_id is None
        else LastMessage(id=last_id, at=last_at, by=last_by, type=last_type, text=last_text),
        unread=unread,
        tickets=tuple(_tickets(db, identity, conversation, id_)),
    )


def _tickets(db: sqlite3.Connection, identity: Identity, conversation: int, name: str) -> Iterator[InboxTicket]:
    for row in db.execute(TICKETS, (conversation, TICKETS_MAX)).fetchall():
        id_, number, subject, status, priority, assignee, team, of, customer = row
        if identity.role is not Role.CUSTOMER:
            yield InboxTicket(
                id=id_, number=number, subject=subject, status=status, priority=priority, assignee=assignee, group=team
            )
        elif of == name or customer == identity.user:
            yield InboxTicket(id=id_, number=number, status=public_status(status).value)


def _change(db: sqlite3.Connection) -> int:
    row: Any = db.execute("SELECT value FROM meta WHERE key = 'change'").fetchone()
    return 0 if row is None else int(row[0])


def _place(cursor: str) -> Place:
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise UnknownPlace("the cursor is none that was given out here")
    return int(match[1]), int(match[2])
