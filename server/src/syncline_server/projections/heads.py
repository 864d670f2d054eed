"""Heads of conversations: what they are about and who takes part, whenever one of their records is new."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncline_protocol.documents.conversation import reduce_conversation
from syncline_protocol.documents.head_records import ParticipantAdded
from syncline_protocol.documents.schema import CONVERSATION as ROOT
from syncline_protocol.documents.schema import read_record

from syncline_server.projections import times
from syncline_server.projections.writing import CONVERSATION, Writing

ADDED: Final = ParticipantAdded.__struct_config__.tag


def take(writing: Writing, tenant: str, conversation: str, values: Iterable[Mapping[str, Any]]) -> None:
    """Write what all records of a head come to."""
    sound = [value for value in values if _is_sound(value)]
    head = reduce_conversation(sound)
    ref = writing.conversation(tenant, conversation)
    writing.db.execute(
        "UPDATE conversations SET subject = ?, channel = ?, language = ?, customer = ?, opened_at = ?, closed = ?,"
        " segments = ? WHERE ref = ?",
        (
            head.subject,
            head.channel,
            head.language,
            head.customer,
            head.opened_at,
            int(head.closed),
            " ".join(map(str, head.segments)),
            ref,
        ),
    )
    people = {(user, participant.role.value) for user, participant in head.participants.items()}
    known = set(writing.db.execute("SELECT user, role FROM people WHERE conversation = ?", (ref,)).fetchall())
    writing.db.executemany(
        "DELETE FROM people WHERE conversation = ? AND user = ?", [(ref, user) for user, _ in known - people]
    )
    writing.db.executemany(
        "INSERT INTO people (conversation, user, role) VALUES (?, ?, ?)",
        [(ref, user, role) for user, role in sorted(people - known)],
    )
    times.take_roles(writing, ref, _roles(sound))
    touched = writing.touch(ref)
    touched.is_moved = True
    linked = writing.linked(ref)
    writing.tickets.update(ticket.ref for ticket in linked)
    if linked:
        writing.mark(tenant, CONVERSATION, conversation)


def _roles(values: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The last role of everybody who takes part or once did."""
    added = [value for value in values if value["type"] == ADDED]
    return {value["user"]: value["role"] for value in sorted(added, key=lambda one: (one["at"], one["id"]))}


def _is_sound(value: Mapping[str, Any]) -> bool:
    """Whether the record says nothing that admission would not let it say today."""
    try:
        read_record(ROOT, value)
    except ValueError:
        return False
    return True
