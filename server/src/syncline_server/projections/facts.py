"""What the server's own actor has to know beyond the document it looks at: one query each.

Beside the data's way: `log → projections (FACTS) → automation → log`. What is said here is as new as the projections
are: the actor looks at a document only when what made it change is in them.
"""

import sqlite3
from typing import Final, NamedTuple

from syncline_server.projections.database import Database


class Written(NamedTuple):
    """A message: its id and stamp."""

    id: str
    at: int


class Rated(NamedTuple):
    """What somebody said of a ticket in a conversation: the record `id` there."""

    id: str
    by: str
    score: int
    text: str | None


class Facts:
    """See the module's text. All of it raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def loads(self, tenant: str) -> dict[str, int]:
        """Tickets that somebody is to work on, by who that is."""
        rows = await self._database.read(lambda db: db.execute(LOADS, (tenant,)).fetchall())
        return dict(rows)

    async def last_number(self, tenant: str) -> int:
        """The greatest number of a ticket; 0 if there is none."""
        ((number,),) = await self._database.read(lambda db: db.execute(LAST_NUMBER, (tenant,)).fetchall())
        return int(number)

    async def first_of_customer(self, tenant: str, conversation: str, *, after: Written) -> Written | None:
        """The first message by a customer of the conversation behind another one."""
        parameters = (tenant, conversation, after.at, after.at, after.id)
        rows = await self._database.read(lambda db: db.execute(FIRST_OF_CUSTOMER, parameters).fetchall())
        return Written(*rows[0]) if rows else None

    async def ratings(self, tenant: str, ticket: str) -> list[Rated]:
        """What was said of a ticket, in order."""
        rows = await self._database.read(lambda db: db.execute(RATINGS, (tenant, ticket)).fetchall())
        return [Rated(*row) for row in rows]

    async def has_message(self, tenant: str, conversation: str, message: str) -> bool:
        """Whether the conversation has this message, in whichever segment."""
        return await self._database.read(lambda db: _has_message(db, tenant, conversation, message))

    async def records_in(self, tenant: str, conversation: str, segment: int) -> int:
        """How many messages, and edits and the like, a segment has."""
        parameters = (tenant, conversation, segment) * 2
        ((count,),) = await self._database.read(lambda db: db.execute(RECORDS_IN, parameters).fetchall())
        return int(count)

    async def redacting_segments(self, tenant: str, conversation: str) -> list[int]:
        """The segments of a conversation in which something is to be erased, or was."""
        rows = await self._database.read(lambda db: db.execute(REDACTING, (tenant, conversation)).fetchall())
        return [segment for (segment,) in rows]

    async def erased_until(self, tenant: str, user: str) -> dict[str, int]:
        """By conversation, the stamp of the user's last message that was erased or is to be."""
        rows = await self._database.read(lambda db: db.execute(ERASED_UNTIL, (user, tenant)).fetchall())
        return dict(rows)

    async def resolved_before(self, at: int) -> list[tuple[str, str]]:
        """Tenant and id of tickets that were resolved before a stamp, and are."""
        return await self._database.read(lambda db: db.execute(RESOLVED_BEFORE, (at,)).fetchall())


def _has_message(db: sqlite3.Connection, tenant: str, conversation: str, message: str) -> bool:
    rows = db.execute("SELECT ref, segments FROM conversations WHERE tenant = ? AND id = ?", (tenant, conversation))
    for ref, segments in rows.fetchall():
        for segment in segments.split():
            key = (ref, int(segment), message)
            if db.execute("SELECT 1 FROM messages WHERE (conversation, segment, id) = (?, ?, ?)", key).fetchone():
                return True
    return False


_CONVERSATION: Final = "(SELECT ref FROM conversations WHERE tenant = ? AND id = ?)"

LOADS: Final = """
    SELECT assignee, count(*) FROM tickets
    WHERE tenant = ? AND assignee IS NOT NULL AND status NOT IN ('resolved', 'closed', 'cancelled', 'merged')
    GROUP BY assignee
"""
LAST_NUMBER: Final = "SELECT ifnull(max(number), 0) FROM tickets WHERE tenant = ?"
FIRST_OF_CUSTOMER: Final = f"""
    SELECT id, at FROM messages
    WHERE conversation = {_CONVERSATION} AND at >= ? AND (at, id) > (?, ?)
        AND EXISTS (
            SELECT 1 FROM people
            WHERE people.conversation = messages.conversation AND user = by AND role = 'customer'
        )
    ORDER BY at, id LIMIT 1
"""  # noqa: S608 - our own words
RATINGS: Final = "SELECT id, by, score, text FROM ratings WHERE tenant = ? AND ticket = ? ORDER BY at, id"
RECORDS_IN: Final = f"""
    SELECT (SELECT count(*) FROM messages WHERE conversation = {_CONVERSATION} AND segment = ?)
        + (SELECT count(*) FROM records_about WHERE conversation = {_CONVERSATION} AND segment = ?)
"""  # noqa: S608
REDACTING: Final = f"""
    SELECT DISTINCT segment FROM records_about
    WHERE conversation = {_CONVERSATION} AND json_extract(CAST(value AS TEXT), '$.type') = 'redaction'
    ORDER BY segment
"""  # noqa: S608
ERASED_UNTIL: Final = """
    SELECT conversations.id, max(at) FROM messages JOIN conversations ON ref = conversation
    WHERE by = ? AND state = 'redacted' AND tenant = ?
    GROUP BY conversation
"""
RESOLVED_BEFORE: Final = "SELECT tenant, id FROM tickets WHERE status = 'resolved' AND resolved_at < ? LIMIT 1000"
