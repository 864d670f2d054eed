"""One document as the replica has it in memory: its row, its cursor and, once somebody needs it, its content."""

from collections.abc import Iterable

from syncline_protocol.names import Language, parse_name

from syncline_client.cursor import Cursor
from syncline_client.page_content import PageContent
from syncline_client.record_content import RecordContent
from syncline_client.store import StoredDocument, StoredUpdate


class LocalDocument:
    """`content` is None until it is loaded. `tail` counts the updates stored behind the compacted state."""

    def __init__(self, row: StoredDocument) -> None:
        self.name = row.name
        self.is_page = parse_name(row.name).language is Language.CONTENT
        self.epoch = row.epoch
        self.clock = row.clock
        self.followed = row.followed
        self.cursor = Cursor(row.cursor)
        self.content: RecordContent | PageContent | None = None
        self.tail = 0
        self.last_use = 0
        """When the program last read, followed or edited it, counted over all documents; 0 if not since the start."""
        self.is_storing = False
        """Whether the content shows an edit that is not stored yet, and so not in the outbox: no time for a digest."""

    def row(self) -> StoredDocument:
        """The row as it is to be stored."""
        return StoredDocument(self.name, self.epoch, self.cursor.position, self.clock, self.followed)

    def row_with(self, updates: Iterable[StoredUpdate], *, clock: int) -> StoredDocument:
        """The row once `updates` are in and the device's next clock is known to be at least `clock`."""
        cursor = Cursor(self.cursor.position, self.cursor.ahead)
        for update in updates:
            cursor.see(update.seq)
        return self.row()._replace(cursor=cursor.position, clock=max(self.clock, clock))

    def follow_store(self, row: StoredDocument) -> None:
        """`row` was stored. (The cursor moves with the updates themselves.)"""
        self.epoch, self.clock, self.followed = row.epoch, row.clock, row.followed
