"""Tickets as lists show them and searches find them, whenever one of their events is new.

All events are reduced again each time: what one of them comes to depends on what the others knew (`documents/ticket.py`
of the protocol).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncline_protocol.documents.schema import EVENTS, read_record
from syncline_protocol.documents.ticket import Ticket, reduce_ticket
from syncline_protocol.documents.ticket_records import TicketStatus

from syncline_server.projections import search_index, times
from syncline_server.projections.writing import CONVERSATION, TICKET, Writing

ENDED: Final = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED, TicketStatus.MERGED})
"""Statuses of tickets that nobody works on any more."""

TEXT_CHARACTERS_MAX: Final = 200_000
"""Of what is written in a ticket, the beginning is found: notes of a long life."""

COLUMNS: Final = (
    *("number", "conversation", "customer", "subject", "issue_type", "language", "status", "priority", "team"),
    *("assignee", "watchers", "opened_at", "opened_by", "updated_at", "resolved_at"),
    *("satisfaction", "text"),
)


def take(writing: Writing, tenant: str, id_: str, values: Iterable[Mapping[str, Any]]) -> None:
    """Write what all events of a ticket come to."""
    sound = [value for value in values if _is_sound(value)]
    try:
        ticket = reduce_ticket(sound)
    except ValueError:  # sound one by one, and not together: nobody can be shown it
        ticket = None
    if ticket is None:
        drop(writing, tenant, id_)
        return
    row = _row(ticket, sound)
    found = writing.db.execute(
        "SELECT ref, place, text FROM tickets WHERE tenant = ? AND id = ?", (tenant, id_)
    ).fetchone()
    if found is None:
        ref, place, old_text = _insert(writing, tenant, id_, row)
    else:
        ref, place, old_text = found
        assignments = ", ".join(f"{column} = ?" for column in COLUMNS)
        writing.db.execute(f"UPDATE tickets SET {assignments} WHERE ref = ?", (*row.values(), ref))  # noqa: S608
    if old_text != row["text"]:
        scope = search_index.tenant_scope(tenant)
        if old_text is not None:
            writing.terms.remove(search_index.TICKETS, place, scope, old_text)
        writing.terms.add(search_index.TICKETS, place, scope, row["text"])
    _link(writing, tenant, ref, ticket)
    times.take(writing, tenant, ref, sound)
    writing.tickets.add(ref)
    writing.mark(tenant, TICKET, id_)


def drop(writing: Writing, tenant: str, id_: str) -> None:
    """Forget a ticket: it is read anew."""
    found = writing.db.execute(
        "SELECT ref, place, text FROM tickets WHERE tenant = ? AND id = ?", (tenant, id_)
    ).fetchone()
    if found is None:
        return
    ref, place, text = found
    for (conversation,) in writing.db.execute(
        "SELECT conversation FROM ticket_links WHERE ticket = ?", (ref,)
    ).fetchall():
        writing.touch(conversation).is_moved = True
    writing.terms.remove(search_index.TICKETS, place, search_index.tenant_scope(tenant), text)
    writing.db.execute("DELETE FROM ticket_links WHERE ticket = ?", (ref,))
    times.drop(writing, ref)
    writing.db.execute("DELETE FROM tickets WHERE ref = ?", (ref,))
    writing.tickets_changed()
    writing.is_purging = True


def _insert(writing: Writing, tenant: str, id_: str, row: Mapping[str, Any]) -> tuple[int, int, None]:
    place = search_index.place(writing.db, "tickets", row["opened_at"], f"{tenant}/{id_}")
    columns = ("tenant", "id", "place", *COLUMNS)
    marks = ", ".join("?" * len(columns))
    inserted = writing.db.execute(
        f"INSERT INTO tickets ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - names of our own columns
        (tenant, id_, place, *row.values()),
    )
    assert inserted.lastrowid is not None
    return inserted.lastrowid, place, None


def _row(ticket: Ticket, values: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns, in the order of `COLUMNS`."""
    events = list(values)
    is_ended = ticket.status in ENDED
    resolved = [v["at"] for v in events if v["type"] == "status" and v.get("status") == TicketStatus.RESOLVED.value]
    row = {
        "number": ticket.number,
        "conversation": ticket.conversation,
        "customer": ticket.customer,
        "subject": _value(ticket.subject),
        "issue_type": _value(ticket.issue_type),
        "language": ticket.language,
        "status": str(ticket.status),
        "priority": _value(ticket.priority),
        "team": ticket.group,
        "assignee": ticket.assignee,
        "watchers": "\n".join(sorted(ticket.watchers)),
        "opened_at": ticket.opened_at,
        "opened_by": ticket.opened_by,
        "updated_at": max(value.get("at", 0) for value in events),
        "resolved_at": max(resolved, default=None) if is_ended else None,
        "satisfaction": None if ticket.satisfaction is None else ticket.satisfaction.score,
        "text": _text(ticket),
    }
    assert tuple(row) == COLUMNS
    return row


def _value(register: Any) -> str | None:
    return None if register is None or register.value is None else str(register.value)


def _text(ticket: Ticket) -> str:
    """Everything that a ticket is found by, a line each."""
    lines = [
        "" if ticket.number is None else str(ticket.number),
        _value(ticket.subject) or "",
        *(_value(register) or "" for _, register in sorted(ticket.fields.items())),
        *(note.text or "" for note in ticket.notes),
        *(item.text or "" for item in ticket.checklist),
        *(resolution.text or "" for resolution in ticket.resolutions),
    ]
    return "\n".join(line for line in lines if line)[:TEXT_CHARACTERS_MAX]


def _link(writing: Writing, tenant: str, ref: int, ticket: Ticket) -> None:
    names = {link.conversation for link in ticket.links} | {ticket.conversation}
    wanted = {writing.conversation(tenant, name): name for name in sorted(name for name in names if name)}
    known = {row[0] for row in writing.db.execute("SELECT conversation FROM ticket_links WHERE ticket = ?", (ref,))}
    writing.db.executemany(
        "DELETE FROM ticket_links WHERE ticket = ? AND conversation = ?",
        [(ref, gone) for gone in known - wanted.keys()],
    )
    writing.db.executemany(
        "INSERT INTO ticket_links (ticket, conversation) VALUES (?, ?)", [(ref, new) for new in wanted.keys() - known]
    )
    for conversation in known | wanted.keys():
        writing.touch(conversation).is_moved = True
    writing.tickets_changed()
    for new in wanted.keys() - known:
        writing.mark(tenant, CONVERSATION, wanted[new])


def _is_sound(value: Mapping[str, Any]) -> bool:
    """Whether the event says nothing that admission would not let it say today."""
    try:
        read_record(EVENTS, value)
    except ValueError:
        return False
    return True
