"""Users' own documents: how far they have read each conversation. Settings are nobody else's business, and of drafts
only whether one came late: it may say what was erased before it came.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncline_protocol.documents.fields import Record
from syncline_protocol.documents.schema import DRAFTS, READ_MARKERS, read_scanned
from syncline_protocol.documents.user import DRAFT
from syncline_protocol.documents.user_records import Draft, ReadMarker

from syncline_server.projections.writing import USER, Writing

ROOTS: Final = {"read_marker": READ_MARKERS, DRAFT: DRAFTS}
"""By type of record, those that are read."""

ERASED_SINCE: Final = """
    SELECT 1 FROM messages
    WHERE by = ? AND state = 'redacted' AND at >= ?
        AND conversation = (SELECT ref FROM conversations WHERE tenant = ? AND id = ?)
    LIMIT 1
"""


def take(writing: Writing, tenant: str, user: str, values: Iterable[Mapping[str, Any]]) -> None:
    """Move read markers forward: the greatest (`up_to`, `message`) counts, whenever it comes. Have the user looked at
    when a draft is no newer than an erased message of theirs.
    """
    newest: dict[str, tuple[int, str]] = {}
    oldest: dict[str, int] = {}  # drafts
    for value in values:
        match _read(value):
            case ReadMarker() as marker:
                position = (marker.up_to, marker.message)
                newest[marker.conversation] = max(position, newest.get(marker.conversation, position))
            case Draft() as draft:
                oldest[draft.conversation] = min(draft.at, oldest.get(draft.conversation, draft.at))
    for conversation, at in oldest.items():
        if writing.db.execute(ERASED_SINCE, (user, at, tenant, conversation)).fetchone() is not None:
            writing.mark(tenant, USER, user)
    for conversation, (up_to, message) in newest.items():
        _move(writing, writing.conversation(tenant, conversation), user, up_to, message)


def drop(writing: Writing, tenant: str, user: str) -> None:
    """Forget a user's markers: they are read anew."""
    rows = writing.db.execute(
        "SELECT ref FROM following JOIN conversations ON ref = conversation"
        " WHERE tenant = ? AND user = ? AND up_to IS NOT NULL",
        (tenant, user),
    ).fetchall()
    for (ref,) in rows:
        writing.db.execute(
            "UPDATE following SET up_to = NULL, message = NULL WHERE conversation = ? AND user = ?", (ref, user)
        )
        touched = writing.touch(ref)
        touched.moved.add(user)
        touched.is_moved = True


def _move(writing: Writing, conversation: int, user: str, up_to: int, message: str) -> None:
    row = writing.db.execute(
        "SELECT up_to, message FROM following WHERE conversation = ? AND user = ?", (conversation, user)
    ).fetchone()
    if row is not None and row[0] is not None and (row[0], row[1]) >= (up_to, message):
        return
    writing.db.execute(
        "INSERT INTO following (conversation, user, up_to, message) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET up_to = excluded.up_to, message = excluded.message",
        (conversation, user, up_to, message),
    )
    touched = writing.touch(conversation)
    touched.moved.add(user)
    touched.is_moved = touched.is_moved or row is None


def _read(value: Mapping[str, Any]) -> Record | None:
    try:
        root = ROOTS.get(value.get("type", ""))
        return None if root is None else read_scanned(root, value)
    except ValueError:
        return None
