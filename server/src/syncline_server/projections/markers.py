"""Users' own documents: how far they have read each conversation. Drafts and settings are nobody else's business."""

from collections.abc import Iterable, Mapping
from typing import Any

from syncline_protocol.documents.schema import READ_MARKERS, read_scanned
from syncline_protocol.documents.user_records import ReadMarker

from syncline_server.projections.writing import Writing


def take(writing: Writing, tenant: str, user: str, values: Iterable[Mapping[str, Any]]) -> None:
    """Move read markers forward: the greatest (`up_to`, `message`) counts, whenever it comes."""
    newest: dict[str, tuple[int, str]] = {}
    for value in values:
        marker = _read(value)
        if marker is not None:
            position = (marker.up_to, marker.message)
            newest[marker.conversation] = max(position, newest.get(marker.conversation, position))
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


def _read(value: Mapping[str, Any]) -> ReadMarker | None:
    try:
        record = read_scanned(READ_MARKERS, value) if value.get("type") == "read_marker" else None
    except ValueError:
        return None
    return record if isinstance(record, ReadMarker) else None
