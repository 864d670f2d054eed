"""What follows for a conversation from what a transaction has written: done once, at its end, for each one touched.

Its newest message, who follows it with how much unread, its tickets' answers, the lists it stands in. Each is a
function of the other tables; where counting anew would cost what the conversation is long, it is kept up by
differences, and `syncline rebuild` shows the same.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from syncline_server.projections import lists, times
from syncline_server.projections.model import Projected
from syncline_server.projections.segments import SHOWN, SYSTEM
from syncline_server.projections.writing import CONVERSATION, TICKET, USER, Counted, Touched, Writing

EXCERPT_CHARACTERS: Final = 120
"""Of the newest message, in a list of conversations."""

CHANGES_KEPT: Final = 1_000_000
"""Changes after which a position is too old to go on from."""

BEFORE_ALL: Final = (-1, "")
"""A read position before every message."""

UNREAD: Final = f"""
    SELECT count(*) FROM messages
    WHERE conversation = ? AND (at, id) > (?, ?) AND by <> ? AND type <> '{SYSTEM}' AND state = '{SHOWN}'
"""  # noqa: S608 - constants


def settle(writing: Writing) -> Projected:
    """Write what follows, and what the server's actor has to look at."""
    for conversation, touched in writing.touched.items():
        if touched.is_recounted or times.may_answer(writing, conversation, touched):
            writing.tickets.update(ticket.ref for ticket in writing.linked(conversation))
    for ticket in writing.tickets:
        times.write_answers(writing, ticket)
    for conversation, touched in writing.touched.items():
        row = _show_newest(writing, conversation, touched)
        is_read = _follow(writing, conversation, touched)
        if row.opened_at is not None or touched.is_moved:
            _list(writing, conversation, row, stands_elsewhere=touched.is_moved or is_read)
    db = writing.db
    writing.terms.write(db)
    for tenant, kind, id_ in writing.dirty:
        db.execute("INSERT OR REPLACE INTO dirty VALUES (?, ?, ?, ?)", (tenant, kind, id_, writing.next_change()))
    db.execute("DELETE FROM lists WHERE gone = 1 AND change < ?", (writing.change - CHANGES_KEPT,))
    db.execute("INSERT OR REPLACE INTO meta VALUES ('change', ?)", (str(writing.change),))
    if writing.is_purging:
        db.execute("INSERT OR REPLACE INTO meta VALUES ('purging', '1')")
    return Projected(
        [(tenant, id_) for tenant, kind, id_ in writing.dirty if kind == TICKET],
        [(tenant, id_) for tenant, kind, id_ in writing.dirty if kind == CONVERSATION],
        [(tenant, id_) for tenant, kind, id_ in writing.dirty if kind == USER],
        writing.changes,
        writing.is_purging,
    )


class Row(NamedTuple):
    """What lists need of a conversation's row; `stamp` is what it is sorted by."""

    tenant: str
    stamp: int
    opened_at: int | None


def _show_newest(writing: Writing, conversation: int, touched: Touched) -> Row:
    """The newest message into the conversation's row; returns what that is then."""
    db = writing.db
    newest = db.execute(
        "SELECT id, at, by, type, text FROM messages WHERE conversation = ? ORDER BY at DESC, id DESC LIMIT 1",
        (conversation,),
    ).fetchone()
    id_, at, by, type_, text = newest or (None, None, None, None, None)
    shown = None if text is None else " ".join(text[: 4 * EXCERPT_CHARACTERS].split())[:EXCERPT_CHARACTERS]
    (row,) = db.execute(
        "UPDATE conversations SET messages = messages + ?, last_id = ?, last_at = ?, last_by = ?, last_type = ?,"
        " last_text = ?, stamp = max(ifnull(?, 0), ifnull(opened_at, 0)) WHERE ref = ?"
        " RETURNING tenant, stamp, opened_at",
        (touched.messages, id_, at, by, type_, shown, at, conversation),
    ).fetchall()
    return Row(*row)


def _follow(writing: Writing, conversation: int, touched: Touched) -> bool:
    """Who follows the conversation, and how much each has not read; returns whether that went to or from nothing for
    anybody.
    """
    db = writing.db
    known = {
        user: (BEFORE_ALL if up_to is None else (up_to, message), unread)
        for user, up_to, message, unread in db.execute(
            "SELECT user, up_to, message, unread FROM following WHERE conversation = ?", (conversation,)
        )
    }
    new: set[str] = set()
    if touched.is_moved:
        wanted = _followers(writing, conversation)
        gone = [user for user, (position, _) in known.items() if user not in wanted and position == BEFORE_ALL]
        db.executemany("DELETE FROM following WHERE conversation = ? AND user = ?", [(conversation, u) for u in gone])
        new = wanted - known.keys()
        db.executemany("INSERT INTO following (conversation, user) VALUES (?, ?)", [(conversation, u) for u in new])
        for user in gone:
            del known[user]
        known.update((user, (BEFORE_ALL, 0)) for user in new)
    crossed = False
    for user, (position, unread) in known.items():
        if touched.is_recounted or user in touched.moved or user in new:
            ((now,),) = db.execute(UNREAD, (conversation, *position, user))
        else:
            now = unread + _difference(user, position, touched.counted)
        if now != unread:
            db.execute("UPDATE following SET unread = ? WHERE conversation = ? AND user = ?", (now, conversation, user))
            crossed = crossed or not now or not unread
    return crossed


def _difference(user: str, position: tuple[int, str], counted: Iterable[Counted]) -> int:
    return sum(one.by_one for one in counted if one.by != user and (one.at, one.id) > position)


def _followers(writing: Writing, conversation: int) -> set[str]:
    """Who follows it whether they have read any of it or not."""
    users = {row[0] for row in writing.db.execute("SELECT user FROM people WHERE conversation = ?", (conversation,))}
    for ticket in writing.linked(conversation):
        users.update(ticket.watchers)
        if ticket.assignee is not None:
            users.add(ticket.assignee)
    return users


def _list(writing: Writing, conversation: int, row: Row, *, stands_elsewhere: bool) -> None:
    """The lists that it stands in, each with the number of this change; they are other ones only if
    `stands_elsewhere`.
    """
    db = writing.db
    change = writing.changes[row.tenant] = writing.next_change()
    if not stands_elsewhere:
        db.execute(
            "UPDATE lists SET stamp = ?, change = ? WHERE conversation = ? AND gone = 0",
            (row.stamp, change, conversation),
        )
        return
    wanted: set[str] = set()
    if row.opened_at is not None:
        people = db.execute("SELECT user FROM people WHERE conversation = ?", (conversation,)).fetchall()
        unread = db.execute(
            "SELECT user FROM following WHERE conversation = ? AND unread > 0", (conversation,)
        ).fetchall()
        wanted = lists.standing((one[0] for one in people), (one[0] for one in unread), writing.linked(conversation))
    known = db.execute("SELECT list FROM lists WHERE conversation = ? AND gone = 0", (conversation,)).fetchall()
    db.executemany(
        "INSERT OR REPLACE INTO lists VALUES (?, ?, ?, ?, ?, 0)",
        [(conversation, one, row.tenant, row.stamp, change) for one in sorted(wanted)],
    )
    db.executemany(
        "UPDATE lists SET gone = 1, change = ? WHERE conversation = ? AND list = ?",
        [(change, conversation, one) for (one,) in known if one not in wanted],
    )
