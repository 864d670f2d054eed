"""Messages as people see them: the read model of a segment, a pure function of its set of records.

A device shows this; the server makes it for search and export. In which order records come, and how often, does not
matter. The rules:

1. Messages stand in the order of (`at`, `id`).
2. A message shows the version with the greatest (`at`, `id`) among its author's edits; all versions are kept. Edits by
   somebody else count for nothing (admission refuses them).
3. A recalled message shows nothing but that it was recalled, whatever edits or reactions there are. The recall with the
   smallest (`at`, `id`) is the one that is named.
4. A redacted message shows nothing but that it was: it is named by a `redaction`, or all that is left of it is
   `redacted`. That wins over recalls too. The redaction with the smallest (`at`, `id`) is the one that is named. It
   shows the same before the server has rewritten the history and afterwards.
5. Of each user's reactions with one emoji to one message the one with the greatest (`at`, `id`) counts.
6. What names a message that is not there waits for it. What names anything else, or is of an unknown type, counts for
   nothing.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from syncline_protocol.documents.fields import Blob, Record, Redacted, Scalar
from syncline_protocol.documents.message_records import (
    BlobMessage,
    Edit,
    PersonMessage,
    Rating,
    Reaction,
    Recall,
    Redaction,
    RichTextMessage,
    SystemMessage,
    TextMessage,
)
from syncline_protocol.documents.schema import MESSAGE_TYPES, MESSAGES, read_record


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message said from `at` on: `text` (of a message with a file: its caption) or `markup`."""

    id: str
    at: int
    text: str | None = None
    markup: str | None = None


class Reacted(msgspec.Struct, frozen=True, kw_only=True):
    """Who reacted with `emoji`, in the order of their names."""

    emoji: str
    users: tuple[str, ...]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as it is shown.

    `text` or `markup` is its newest version; `versions` has all of them, the original first, and is empty if there is
    only that. A recalled message (`recalled_by` is set) has none of its content, nor has a redacted one; by whom it was
    redacted is known as long as the `redaction` is there.
    """

    id: str
    by: str
    device: str
    at: int
    type: str
    text: str | None = None
    markup: str | None = None
    blob: Blob | None = None
    event: str | None = None
    data: Mapping[str, Scalar] | None = None
    reply_to: str | None = None
    lang: str | None = None
    versions: tuple[Version, ...] = ()
    reactions: tuple[Reacted, ...] = ()
    recalled_by: str | None = None
    recalled_at: int | None = None
    redacted: bool = False
    redacted_by: str | None = None
    redacted_at: int | None = None


class RatingShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a customer said of what became of a ticket: no message, and shown with the ticket."""

    id: str
    by: str
    at: int
    ticket: str
    score: int
    text: str | None = None


Value = TypeVar("Value")

About = Edit | Recall | Reaction | Redaction
"""A record about a message."""

Original = PersonMessage | SystemMessage | Redacted
"""A message, or what is left of one."""


def reduce_messages(values: Iterable[Mapping[str, Any]]) -> tuple[Message, ...]:
    """The messages that these records of a root `messages` make. Raises `ValueError` when one of them is malformed."""
    records = {record.id: record for record in map(_read, values) if record is not None}
    about: dict[str, list[About]] = defaultdict(list)
    originals: list[Original] = []
    for record in sorted(records.values(), key=_order):
        if isinstance(record, About):
            about[record.message].append(record)
        elif _is_original(record):
            originals.append(record)
    return tuple(_message(original, about.get(original.id, ())) for original in originals)


def reduce_ratings(values: Iterable[Mapping[str, Any]]) -> tuple[RatingShown, ...]:
    """What customers said of tickets in this root `messages`, in order; without what a redaction names.

    Raises `ValueError` when one of the records is malformed.
    """
    records = {record.id: record for record in map(_read, values) if record is not None}
    redacted = {record.message for record in records.values() if isinstance(record, Redaction)}
    return tuple(
        RatingShown(
            id=record.id,
            by=record.by,
            at=record.at,
            ticket=record.ticket,
            score=record.score,
            text=_or_none(record.text),
        )
        for record in sorted(records.values(), key=_order)
        if isinstance(record, Rating) and record.id not in redacted
    )


class Messages:
    """The same, record by record: a device adds what comes and shows again only what changed."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._originals: dict[str, Original] = {}
        self._about: dict[str, list[About]] = defaultdict(list)  # by message, in order
        self._order: list[tuple[int, str]] = []
        self._shown: dict[str, Message] = {}

    def add(self, value: Mapping[str, Any]) -> Message | None:
        """Take in one record; returns the message that shows differently now, if any.

        Raises `ValueError` when the record is malformed.
        """
        record = _read(value)
        if record is None or record.id in self._known:
            return None
        self._known.add(record.id)
        if isinstance(record, About):
            insort(self._about[record.message], record, key=_order)
            return self._show(record.message)
        if _is_original(record):
            self._originals[record.id] = record
            insort(self._order, _order(record))
            return self._show(record.id)
        return None

    def message(self, message_id: str) -> Message | None:
        """The message of this id, or None."""
        return self._shown.get(message_id)

    def ordered(self) -> tuple[Message, ...]:
        """All messages: what `reduce_messages` makes of the same records."""
        return tuple(self._shown[message_id] for _, message_id in self._order)

    def _show(self, message_id: str) -> Message | None:
        original = self._originals.get(message_id)
        if original is None:
            return None
        before = self._shown.get(message_id)
        message = self._shown[message_id] = _message(original, self._about.get(message_id, ()))
        return None if message == before else message


def _read(value: Mapping[str, Any]) -> Record | None:
    return read_record(MESSAGES, value)


def _is_original(record: Record) -> TypeGuard[Original]:
    """Whether it is a message, and none of the records about one."""
    return isinstance(record, PersonMessage | SystemMessage) or (
        isinstance(record, Redacted) and record.of in MESSAGE_TYPES
    )


def _order(record: Record) -> tuple[int, str]:
    return (record.at, record.id)


def _message(original: Original, about: Sequence[About]) -> Message:
    """What `original` shows, with the records about it in order."""
    redaction = next((record for record in about if isinstance(record, Redaction)), None)
    if isinstance(original, Redacted) or redaction is not None:
        return _redacted(original, redaction)
    recall = next((record for record in about if isinstance(record, Recall)), None)
    if recall is not None:
        return _recalled(original, recall)
    body = _body(original)
    versions = [body, *(_edited(one) for one in about if isinstance(one, Edit) and one.by == original.by)]
    person = original if isinstance(original, PersonMessage) else None
    system = original if isinstance(original, SystemMessage) else None
    return Message(
        id=original.id,
        by=original.by,
        device=original.device,
        at=original.at,
        type=_type(original),
        text=versions[-1].text,
        markup=versions[-1].markup,
        blob=original.blob if isinstance(original, BlobMessage) else None,
        event=system.event if system else None,
        data=_or_none(system.data) if system else None,
        reply_to=_or_none(person.reply_to) if person else None,
        lang=_or_none(person.lang) if person else None,
        versions=tuple(versions) if len(versions) > 1 else (),
        reactions=_reactions([one for one in about if isinstance(one, Reaction)]),
    )


def _redacted(original: Original, redaction: Redaction | None) -> Message:
    return Message(
        id=original.id,
        by=original.by,
        device=original.device,
        at=original.at,
        type=_type(original),
        redacted=True,
        redacted_by=redaction.by if redaction else None,
        redacted_at=redaction.at if redaction else None,
    )


def _recalled(original: Original, recall: Recall) -> Message:
    return Message(
        id=original.id,
        by=original.by,
        device=original.device,
        at=original.at,
        type=_type(original),
        reply_to=_or_none(original.reply_to) if isinstance(original, PersonMessage) else None,
        recalled_by=recall.by,
        recalled_at=recall.at,
    )


def _body(original: Original) -> Version:
    text: str | UnsetType | None = None
    markup: str | None = None
    if isinstance(original, RichTextMessage):
        markup = original.markup
    elif isinstance(original, BlobMessage):
        text = original.caption
    elif isinstance(original, TextMessage | SystemMessage):
        text = original.text
    return Version(id=original.id, at=original.at, text=_or_none(text), markup=markup)


def _edited(edit: Edit) -> Version:
    return Version(id=edit.id, at=edit.at, text=_or_none(edit.text), markup=_or_none(edit.markup))


def _reactions(reactions: Sequence[Reaction]) -> tuple[Reacted, ...]:
    latest = {(one.emoji, one.by): one.on for one in reactions}
    users: dict[str, list[str]] = defaultdict(list)
    for emoji, user in sorted(name for name, on in latest.items() if on):
        users[emoji].append(user)
    return tuple(Reacted(emoji=emoji, users=tuple(names)) for emoji, names in users.items())


def _type(original: Original) -> str:
    return original.of if isinstance(original, Redacted) else str(original.__struct_config__.tag)


def _or_none(value: Value | UnsetType) -> Value | None:
    return None if value is UNSET else value
