"""Segments of conversations, record by record: messages as they show, and what is said about them.

Into the tables goes what `reduce_messages` makes of the same records (`tests/server/projections/test_segments.py` holds
the two together), as far as a list or a search shows it: who wrote what kind of message when, its newest text, and
whether it was taken back or erased. In whatever order records come, the rows end up the same.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from syncline_protocol.documents.fields import Record, Redacted
from syncline_protocol.documents.message_records import (
    BlobMessage,
    Edit,
    PersonMessage,
    Rating,
    Recall,
    Redaction,
    RichTextMessage,
    SystemMessage,
    TextMessage,
)
from syncline_protocol.documents.schema import MESSAGE_TYPES, MESSAGES, read_scanned
from syncline_protocol.limits import RECORDS_PER_SEGMENT

from syncline_server.projections import search_index
from syncline_server.projections.writing import CONVERSATION, TICKET, USER, Counted, Writing

SHOWN: Final = ""
RECALLED: Final = "recalled"
REDACTED: Final = "redacted"

SYSTEM: Final = "system"

ABOUT: Final = (Edit, Recall, Redaction)
"""Records that change how a message shows here."""

ADD: Final = """
    INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (conversation, segment, id) DO NOTHING
"""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class Segment:
    """A segment while records are written into the tables."""

    def __init__(self, writing: Writing, tenant: str, conversation: str, segment: int) -> None:
        self._writing = writing
        self._db = writing.db
        self._tenant = tenant
        self._conversation = conversation
        self._segment = segment
        self._ref = writing.conversation(tenant, conversation)
        self._touched = writing.touch(self._ref)
        self._has_about = self._find_about()
        """Whether any message may show otherwise than it was written."""
        self._scope = f"{search_index.tenant_scope(tenant)} {search_index.conversation_scope(tenant, conversation)}"

    def take(self, values: Iterable[Mapping[str, Any]], *, records_before: int) -> int:
        """Write new records; returns how many there are now. What is there already is passed over."""
        records = records_before
        for value in values:
            records += 1
            record = _read(value)
            if isinstance(record, ABOUT):
                self._take_about(record, value)
            elif isinstance(record, Rating):
                self._take_rating(record)
            elif isinstance(record, Redacted):
                self._take_redacted(record)
            elif record is not None and value["type"] in MESSAGE_TYPES:
                self._add(record, value["type"], SHOWN, _text(record))
        self._mark(is_full=records >= RECORDS_PER_SEGMENT)
        return records

    def drop(self) -> None:
        """Forget everything of the segment: it is read anew."""
        key = (self._ref, self._segment)
        rows = self._db.execute(
            "SELECT place, text FROM messages WHERE conversation = ? AND segment = ?", key
        ).fetchall()
        for place, text in rows:
            self._unindex(place, text)
        self._db.execute("DELETE FROM messages WHERE conversation = ? AND segment = ?", key)
        self._db.execute("DELETE FROM records_about WHERE conversation = ? AND segment = ?", key)
        self._db.execute("DELETE FROM ratings WHERE conversation = ? AND segment = ?", key)
        self._touched.messages -= len(rows)
        self._touched.is_recounted = True
        self._writing.is_purging = True

    def _find_about(self) -> bool:
        unaltered = self._writing.known.unaltered
        key = (self._ref, self._segment)
        if key in unaltered:
            return False
        about = self._db.execute("SELECT 1 FROM records_about WHERE conversation = ? AND segment = ? LIMIT 1", key)
        if about.fetchone() is not None:
            return True
        unaltered.add(key)
        return False

    def _mark(self, *, is_full: bool) -> None:
        linked = self._writing.linked(self._ref)
        for ticket in linked:
            self._writing.mark(self._tenant, TICKET, ticket.id)
        if linked or is_full:
            self._writing.mark(self._tenant, CONVERSATION, self._conversation)

    def _take_about(self, record: Edit | Recall | Redaction, value: Mapping[str, Any]) -> None:
        key = (self._ref, self._segment, record.message)
        self._db.execute(
            "INSERT OR IGNORE INTO records_about VALUES (?, ?, ?, ?, ?)", (*key, record.id, _encode(value))
        )
        self._has_about = True
        self._writing.known.unaltered.discard((self._ref, self._segment))
        if isinstance(record, Redaction):
            self._writing.mark(self._tenant, CONVERSATION, self._conversation)
        row = self._db.execute(
            "SELECT place, id, at, by, type, state, text FROM messages"
            " WHERE conversation = ? AND segment = ? AND id = ?",
            key,
        ).fetchone()
        if row is None:
            return
        place, id_, at, by, type_, state, text = row
        new_state, new_text = self._shown(record.message, by, state, text)
        if (new_state, new_text) == (state, text):
            return
        self._db.execute("UPDATE messages SET state = ?, text = ? WHERE place = ?", (new_state, new_text, place))
        self._unindex(place, text)
        self._index(place, new_text)
        if new_state == REDACTED:
            self._writing.mark(self._tenant, USER, by)
        if state == SHOWN and new_state != SHOWN:
            self._count(at, id_, by, type_, -1)

    def _take_rating(self, record: Rating) -> None:
        text = record.text if isinstance(record.text, str) else None
        key = (self._tenant, record.ticket, record.id, self._ref, self._segment)
        row = (*key, record.at, record.by, record.score, text)
        self._db.execute("INSERT OR IGNORE INTO ratings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._writing.mark(self._tenant, TICKET, record.ticket)

    def _take_redacted(self, record: Redacted) -> None:
        if record.of in MESSAGE_TYPES:
            self._add(record, record.of, REDACTED, None)

    def _add(self, record: Record, type_: str, state: str, text: str | None) -> None:
        id_, at, by = record.id, record.at, record.by
        is_auto = isinstance(record, PersonMessage | Redacted) and record.auto is True
        key = (self._ref, self._segment, id_)
        if self._has_about:
            state, text = self._shown(id_, by, state, text)
        name = f"{self._tenant}/{self._conversation}/{id_}"
        place = search_index.wanted_place(at, name)
        row = (*key, at, by, type_, int(is_auto), state, text)
        try:
            inserted = self._db.execute(ADD, (place, *row))
        except sqlite3.IntegrityError:  # another message has the place
            place = search_index.place(self._db, "messages", at, name)
            inserted = self._db.execute(ADD, (place, *row))
        if inserted.rowcount == 0:
            return
        self._index(place, text)
        self._touched.messages += 1
        if type_ != SYSTEM and not is_auto:
            self._touched.written.append((at, by))
        if state == SHOWN:
            self._count(at, id_, by, type_, 1)
        elif state == REDACTED:
            self._writing.mark(self._tenant, USER, by)

    def _count(self, at: int, id_: str, by: str, type_: str, by_one: int) -> None:
        if type_ != SYSTEM:
            self._touched.counted.append(Counted(at, id_, by, by_one))

    def _shown(self, message: str, by: str, state: str, text: str | None) -> tuple[str, str | None]:
        """How the message shows, given how it would without the records about it."""
        newest: tuple[int, str] = (-1, "")
        rows = self._db.execute(
            "SELECT value FROM records_about WHERE conversation = ? AND segment = ? AND message = ?",
            (self._ref, self._segment, message),
        ).fetchall()
        for (encoded,) in rows:
            record = _read(_decode(encoded))
            if isinstance(record, Redaction):
                state, text = REDACTED, None
            elif isinstance(record, Recall) and state == SHOWN:
                state, text = RECALLED, None
            elif isinstance(record, Edit) and record.by == by and (record.at, record.id) > newest and state == SHOWN:
                newest = (record.at, record.id)
                text = _text(record)
        return state, text

    def _index(self, place: int, text: str | None) -> None:
        if text is not None:
            self._writing.terms.add(search_index.MESSAGES, place, self._scope, text)

    def _unindex(self, place: int, text: str | None) -> None:
        if text is not None:
            self._writing.terms.remove(search_index.MESSAGES, place, self._scope, text)


def _read(value: Mapping[str, Any]) -> Record | None:
    """The record, or None if it is of an unknown type, or says what admission would not let it say today."""
    try:
        return read_scanned(MESSAGES, value)
    except ValueError:
        return None


def _text(record: Record) -> str | None:
    """What a message or an edit says: its text, its markup as source, the caption of its file."""
    text: Any = None
    match record:
        case TextMessage() | SystemMessage():
            text = record.text
        case RichTextMessage():
            text = record.markup
        case BlobMessage():
            text = record.caption
        case Edit():
            text = record.text if isinstance(record.text, str) else record.markup
    return text if isinstance(text, str) else None
