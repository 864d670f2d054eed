"""What adds up on a ticket and never competes: notes, links, the checklist, texts of what was done.

All stand in the order of (`at`, `id`). What was erased keeps its place where somebody could miss it: a note or an item
of the checklist shows no text. A link is there until somebody takes it away; to take it away, one has to have seen it.
"""

from collections import defaultdict

import msgspec
from msgspec import UNSET

from syncline_protocol.documents.fields import Blob
from syncline_protocol.documents.history import History
from syncline_protocol.documents.registers import Candidate, register
from syncline_protocol.documents.ticket_records import ChecklistItem, ChecklistMark, Link, Note, StatusSet, Unlink


class NoteShown(msgspec.Struct, frozen=True, kw_only=True):
    """A note; of an erased one `text` is None."""

    id: str
    by: str
    at: int
    text: str | None


class LinkShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the ticket is joined to, and how."""

    id: str
    by: str
    at: int
    conversation: str | None = None
    message: str | None = None
    blob: Blob | None = None
    ticket: str | None = None
    relation: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be done. `marked_by`: who said last whether it is done. Of an erased one `text` is None."""

    id: str
    text: str | None
    done: bool
    by: str
    marked_by: str | None = None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did about it, in their words: the text of the status event `event`."""

    event: str
    by: str
    at: int
    text: str


NOTE = Note.__struct_config__.tag
CHECKLIST_ITEM = ChecklistItem.__struct_config__.tag


def reduce_notes(history: History) -> tuple[NoteShown, ...]:
    """The notes."""
    return tuple(
        NoteShown(
            id=event.id, by=event.by, at=event.at, text=event.record.text if isinstance(event.record, Note) else None
        )
        for event in history.events
        if event.type == NOTE
    )


def reduce_links(history: History) -> tuple[LinkShown, ...]:
    """The links that nobody took away."""
    gone = {record.link for _, record in history.said if isinstance(record, Unlink)}
    return tuple(
        LinkShown(
            id=event.id,
            by=event.by,
            at=event.at,
            conversation=None if record.conversation is UNSET else record.conversation,
            message=None if record.message is UNSET else record.message,
            blob=None if record.blob is UNSET else record.blob,
            ticket=None if record.ticket is UNSET else record.ticket,
            relation=None if record.relation is UNSET else record.relation,
        )
        for event, record in history.said
        if isinstance(record, Link) and event.id not in gone
    )


def reduce_checklist(history: History) -> tuple[Item, ...]:
    """The items, each with what was said last: a register (`registers.py`)."""
    marks: dict[str, list[Candidate]] = defaultdict(list)
    for event, record in history.said:
        if isinstance(record, ChecklistMark):
            marks[record.item].append(Candidate(event=event, value=record.done))
    items = []
    for event in history.events:
        if event.type == CHECKLIST_ITEM:
            mark = register(history, marks[event.id])
            items.append(
                Item(
                    id=event.id,
                    text=event.record.text if isinstance(event.record, ChecklistItem) else None,
                    done=mark is not None and mark.value is True,
                    by=event.by,
                    marked_by=mark.by if mark else None,
                )
            )
    return tuple(items)


def reduce_resolutions(history: History) -> tuple[Resolution, ...]:
    """All that was ever written about what was done, whatever became of the status."""
    return tuple(
        Resolution(event=event.id, by=event.by, at=event.at, text=record.resolution)
        for event, record in history.said
        if isinstance(record, StatusSet) and record.resolution is not UNSET
    )
