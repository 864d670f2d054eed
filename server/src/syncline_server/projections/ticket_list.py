"""Lists of tickets: the newest first, by status, group and who works on them, within what the one who asks may read."""

import sqlite3
from typing import Any, Final, NamedTuple

from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.labels import public_status
from syncline_protocol.listings import TicketPage, TicketRow

from syncline_server.projections import lists
from syncline_server.projections.model import OPEN, InvalidQuery, UnknownPlace
from syncline_server.projections.tickets import ENDED

LIMIT_MAX: Final = 200
"""Rows of one answer."""

BEHIND_ALL: Final = 2**63 - 1

FOUND: Final = """
    SELECT place, id, number, subject, issue_type, language, status, priority, team, assignee, conversation, customer,
        opened_at, updated_at
    FROM tickets WHERE tenant = ? AND place < ?{wanted} ORDER BY place DESC LIMIT ?
"""
OF_A_CUSTOMER: Final = """
    ref IN (
        SELECT ref FROM tickets WHERE tenant = ? AND customer = ?
        UNION
        SELECT tickets.ref
        FROM lists
            JOIN people ON people.conversation = lists.conversation AND user = ? AND role = 'customer'
            JOIN conversations ON conversations.ref = lists.conversation
            JOIN ticket_links ON ticket_links.conversation = lists.conversation
            JOIN tickets ON tickets.ref = ticket AND tickets.conversation = conversations.id
        WHERE lists.tenant = ? AND list = ? AND gone = 0
    )
"""


class Wanted(NamedTuple):
    """Conditions in SQL, and their parameters."""

    conditions: tuple[str, ...]
    parameters: tuple[Any, ...]


def wanted(identity: Identity, *, status: str | None, group: str | None, assignee: str | None) -> Wanted:
    """Which tickets are asked for. `status`: a ticket's, or `open`. Raises `InvalidQuery`."""
    if status is not None and status not in lists.STATUSES:
        raise InvalidQuery(f"there is no status {status!r}: it is one of {', '.join(sorted(lists.STATUSES))}")
    if identity.role is Role.CUSTOMER and (status, group, assignee) != (None, None, None):
        raise InvalidQuery("a customer's tickets are not narrowed by what the staff sees")
    conditions, parameters = visible(identity)
    if status == OPEN:
        conditions.append(f"status NOT IN ({_marks(len(ENDED))})")
        parameters += sorted(ENDED)
    for column, value in (("status", None if status == OPEN else status), ("team", group), ("assignee", assignee)):
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    return Wanted(tuple(conditions), tuple(parameters))


def visible(identity: Identity) -> tuple[list[str], list[Any]]:
    """Which tickets somebody may see at all, as conditions and parameters: what `documents/access.py` of the protocol
    says of one ticket, for all of them.
    """
    user, tenant = identity.user, identity.tenant
    if identity.role in lists.SEES_ALL:
        return [], []
    if identity.role is Role.CUSTOMER:
        return [OF_A_CUSTOMER], [tenant, user, user, tenant, lists.name(lists.PERSON, user)]
    groups = sorted(identity.groups)
    watches = "instr(char(10) || watchers || char(10), ?)"
    return [f"(team IN ({_marks(len(groups))}) OR assignee = ? OR {watches})"], [*groups, user, f"\n{user}\n"]


def read(db: sqlite3.Connection, identity: Identity, asked: Wanted, limit: int, cursor: str | None) -> TicketPage:
    """One page. Raises `InvalidQuery`."""
    limit = min(max(limit, 1), LIMIT_MAX)
    start = BEHIND_ALL if cursor is None else _start(cursor)
    conditions = "".join(f" AND {condition}" for condition in asked.conditions)
    parameters = (identity.tenant, start, *asked.parameters, limit + 1)
    rows = db.execute(FOUND.format(wanted=conditions), parameters).fetchall()
    shown = rows[:limit]
    return TicketPage(
        tickets=tuple(_row(identity, row) for row in shown), next=str(shown[-1][0]) if len(rows) > limit else None
    )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _row(identity: Identity, row: tuple[Any, ...]) -> TicketRow:
    _, id_, number, subject, issue_type, language, status, priority, team, assignee, conversation, *rest = row
    customer, opened_at, updated_at = rest
    common = {"id": id_, "number": number, "subject": subject, "conversation": conversation, "opened_at": opened_at}
    if identity.role is Role.CUSTOMER:
        return TicketRow(**common, status=public_status(status).value)
    return TicketRow(
        **common,
        status=status,
        updated_at=updated_at,
        issue_type=issue_type,
        language=language,
        priority=priority,
        group=team,
        assignee=assignee,
        customer=customer,
    )


def _start(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdecimal() or int(cursor) > BEHIND_ALL:
        raise UnknownPlace("the cursor is none that was given out here")
    return int(cursor)
