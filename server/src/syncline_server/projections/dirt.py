"""What has changed and was not looked at since by the server's own actor: durable, so that no effect is forgotten.

Marks are written in the transaction that projects the cause, and taken away when the effects are there. Looking twice
does no harm: an effect's id follows from its cause.
"""

import sqlite3
from collections.abc import Sequence

from syncline_server.projections.model import Dirty


def read(db: sqlite3.Connection, limit: int) -> list[Dirty]:
    """The oldest marks."""
    return [
        Dirty(*row) for row in db.execute("SELECT tenant, kind, id, mark FROM dirty ORDER BY mark LIMIT ?", (limit,))
    ]


def clean(db: sqlite3.Connection, looked_at: Sequence[Dirty]) -> None:
    """Take these marks away, unless they were made again meanwhile."""
    db.executemany("DELETE FROM dirty WHERE tenant = ? AND kind = ? AND id = ? AND mark = ?", looked_at)
