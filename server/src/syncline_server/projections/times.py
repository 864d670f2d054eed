"""How long tickets took, in tables: what figures are added up from (`reports.py`).

Cycles, and who had the ticket when, are what `documents/ticket_times.py` of the protocol makes of the events, written
whenever an event of the ticket is new. The answer in each cycle is looked for among the messages, at the end of a
transaction (`settling.py`), by the same definition in SQL: a conversation may be long
(`tests/server/projections/test_times.py` holds the two together).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncline_protocol.documents.identity import SERVER_USER, Role
from syncline_protocol.documents.ticket_times import Phase, TicketTimes, read_times

from syncline_server.projections.writing import Touched, Writing

SYSTEM: Final = "system"

BEYOND: Final = 2**63 - 1
"""In place of a stamp: it has not happened."""

NO_ANSWER_BY: Final = (Role.CUSTOMER.value, Role.BOT.value, Role.INTEGRATION.value)
"""Roles whose messages are no answer by a person of the staff."""

COLUMNS: Final = (
    *("ticket", "cycle", "tenant", "started_at", "next_at", "last_at", "ended_at", "resolved_at", "closed_at"),
    *("team", "assignee", "work_ms", "waiting_ms", "hold_ms", "handovers", "score"),
)
"""Of a cycle, without its answer."""

CONVERSATION: Final = """
    SELECT conversations.ref, ifnull(tickets.customer, ''), ifnull(conversations.customer, ''), programs
    FROM tickets JOIN conversations
        ON conversations.tenant = tickets.tenant AND conversations.id = tickets.conversation
    WHERE tickets.ref = ?
"""
ANSWER: Final = f"""
    SELECT at, by FROM messages
    WHERE conversation = ?1 AND at > ?5 AND at <= ?6 AND type <> '{SYSTEM}' AND auto = 0
        AND by NOT IN (?2, ?3, '{SERVER_USER}')
        AND instr(char(10) || ?4 || char(10), char(10) || by || char(10)) = 0
        AND by NOT IN (SELECT user FROM roles WHERE conversation = ?1 AND role IN {NO_ANSWER_BY})
    ORDER BY at, id LIMIT 1
"""  # noqa: S608 - our own words
TEAM: Final = "SELECT team FROM ticket_teams WHERE ticket = ? AND at <= ? ORDER BY step DESC LIMIT 1"

AWAITED: Final = """
    SELECT 1 FROM ticket_links JOIN ticket_cycles ON ticket_cycles.ticket = ticket_links.ticket
    WHERE conversation = ? AND started_at < ? AND ifnull(next_at, ?) >= ? AND ifnull(answered_at, ?) > ? LIMIT 1
"""


def take(writing: Writing, tenant: str, ticket: int, values: Iterable[Mapping[str, Any]]) -> None:
    """Write what the events of a ticket come to; `ticket` is its row. Raises `ValueError` when one is malformed."""
    times = read_times(values)
    assert times is not None, "the ticket was reduced from the same events"
    db = writing.db
    rows = [_row(times, tenant, ticket, cycle) for cycle in range(len(times.cycles))]
    known = db.execute(
        f"SELECT {', '.join(COLUMNS)} FROM ticket_cycles WHERE ticket = ? ORDER BY cycle",  # noqa: S608 - our own names
        (ticket,),
    ).fetchall()
    if known != rows:
        db.execute("DELETE FROM ticket_cycles WHERE ticket = ?", (ticket,))
        marks = ", ".join("?" * len(COLUMNS))
        db.executemany(f"INSERT INTO ticket_cycles ({', '.join(COLUMNS)}) VALUES ({marks})", rows)  # noqa: S608
    teams = [(ticket, step, holding.at, holding.group) for step, holding in enumerate(times.holdings)]
    if db.execute("SELECT * FROM ticket_teams WHERE ticket = ? ORDER BY step", (ticket,)).fetchall() != teams:
        db.execute("DELETE FROM ticket_teams WHERE ticket = ?", (ticket,))
        db.executemany("INSERT INTO ticket_teams VALUES (?, ?, ?, ?)", teams)
    programs = "\n".join(sorted(times.programs))
    db.execute("UPDATE tickets SET programs = ? WHERE ref = ? AND programs <> ?", (programs, ticket, programs))


def drop(writing: Writing, ticket: int) -> None:
    """Forget the times of a ticket."""
    writing.db.execute("DELETE FROM ticket_cycles WHERE ticket = ?", (ticket,))
    writing.db.execute("DELETE FROM ticket_teams WHERE ticket = ?", (ticket,))


def take_roles(writing: Writing, conversation: int, roles: Mapping[str, str]) -> None:
    """Write in which role everybody takes or took part in a conversation."""
    db = writing.db
    known = dict(db.execute("SELECT user, role FROM roles WHERE conversation = ?", (conversation,)).fetchall())
    if known != roles:
        db.execute("DELETE FROM roles WHERE conversation = ?", (conversation,))
        rows = [(conversation, user, role) for user, role in sorted(roles.items())]
        db.executemany("INSERT INTO roles VALUES (?, ?, ?)", rows)


def may_answer(writing: Writing, conversation: int, touched: Touched) -> bool:
    """Whether new messages of the conversation may be an answer that a ticket waits for: no more than that is looked
    at, else.
    """
    if not touched.written or not writing.linked(conversation):
        return False
    roles = writing.db.execute("SELECT user, role FROM roles WHERE conversation = ?", (conversation,)).fetchall()
    others = {user for user, role in roles if role in NO_ANSWER_BY}
    answers = [at for at, by in touched.written if by not in others]
    if not answers:
        return False
    first, last = min(answers), max(answers)
    return writing.db.execute(AWAITED, (conversation, last, BEYOND, first, BEYOND, first)).fetchone() is not None


def write_answers(writing: Writing, ticket: int) -> None:
    """Look for the answer in each of a ticket's cycles, as `ticket_times.first_answers` does."""
    db = writing.db
    found = db.execute(CONVERSATION, (ticket,)).fetchone()
    cycles = db.execute(
        "SELECT cycle, started_at, next_at, answered_at, answered_by, answered_team FROM ticket_cycles"
        " WHERE ticket = ?",
        (ticket,),
    ).fetchall()
    for cycle, started_at, next_at, *known in cycles:
        end = BEYOND if next_at is None else next_at
        answer = None if found is None else db.execute(ANSWER, (*found, started_at, end)).fetchone()
        at, by = answer or (None, None)
        team = None if at is None else db.execute(TEAM, (ticket, at)).fetchone()
        new = [at, by, None if team is None else team[0]]
        if new != known:
            db.execute(
                "UPDATE ticket_cycles SET answered_at = ?, answered_by = ?, answered_team = ?"
                " WHERE ticket = ? AND cycle = ?",
                (*new, ticket, cycle),
            )


def _row(times: TicketTimes, tenant: str, ticket: int, place: int) -> tuple[Any, ...]:
    """In the order of `COLUMNS`."""
    cycle = times.cycles[place]
    happened = [at for at in (cycle.ended_at, cycle.resolved_at, cycle.closed_at) if at is not None]
    phases = times.in_phases(cycle)
    return (
        ticket,
        place,
        tenant,
        cycle.started_at,
        times.next_start(place),
        max(happened, default=BEYOND),
        cycle.ended_at,
        cycle.resolved_at,
        cycle.closed_at,
        cycle.group,
        cycle.user,
        phases[Phase.WORK],
        phases[Phase.WAITING],
        phases[Phase.HOLD],
        cycle.handovers,
        cycle.score,
    )
