"""What small documents of records say: heads of conversations, tickets, their public sides; kept in memory, as long as
there is room.

Beside the data's way: `log → document → STATES`. Whoever decides something by a document's content (rights, the
server's own answers, REST) asks here. Invariants:

1. What is kept of a document is exactly what was committed, up to `seq`.
2. A state is computed at most once for each `seq`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from syncline_protocol.documents.conversation import ConversationHead, reduce_conversation
from syncline_protocol.documents.schema import CONVERSATION, EVENTS, PUBLIC
from syncline_protocol.documents.ticket import Ticket, reduce_ticket
from syncline_protocol.documents.ticket_public import PublicTicket, reduce_public
from syncline_protocol.names import DocumentKind, DocumentName
from syncline_protocol.update import scan_records

from syncline_server.storage.interface import DocumentKey, LogEntry
from syncline_server.storage.record_reading import read_records

if TYPE_CHECKING:
    from syncline_server.document import Document
    from syncline_server.hub import Hub

KEPT_MAX: Final = 20_000
"""Documents kept: at some 5 KB each 100 MB at the very most."""

Values = Iterable[Mapping[str, Any]]
State = TypeVar("State")

ROOT_OF: Final = {
    DocumentKind.CONVERSATION: CONVERSATION,
    DocumentKind.TICKET: EVENTS,
    DocumentKind.TICKET_PUBLIC: PUBLIC,
}
"""The kinds that are kept, and the one root that each has."""


class Kept:
    """The records of one document, by id in the order of admission, up to `seq`."""

    __slots__ = ("_state", "records", "seq")

    def __init__(self, records: dict[str, dict[str, Any]], seq: int) -> None:
        self.records = records
        self.seq = seq
        self._state: Any = None

    def take(self, entries: Sequence[LogEntry]) -> bool:
        """Take in what was committed; whether it follows on what is here."""
        for entry in entries:
            if entry.seq != self.seq + 1:
                return False
            self.seq = entry.seq
            for struct in scan_records(entry.payload, trusted=True):
                self.records[struct.key] = struct.value
        self._state = None
        return True

    def state(self, reduce: Callable[[Values], State]) -> State:
        """What the records come to."""
        if self._state is None:
            self._state = (reduce(self.records.values()),)
        return self._state[0]  # type: ignore[no-any-return]


class States:
    """See the module's text."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._kept: OrderedDict[DocumentKey, Kept] = OrderedDict()
        self._reading: dict[DocumentKey, asyncio.Future[Kept | None]] = {}

    # --- asked

    async def head(self, tenant: str, conversation: str) -> ConversationHead | None:
        """The head of a conversation, or None if there is no such conversation. Raises `StoreError`."""
        kept = await self.records(tenant, DocumentName(DocumentKind.CONVERSATION, conversation))
        head = None if kept is None else kept.state(reduce_conversation)
        # A document without records is what a failed creation left behind: the next one writes into it.
        return None if head is None or head.opened_at is None else head

    async def ticket(self, tenant: str, ticket: str) -> Ticket | None:
        """How a ticket stands, or None if there is no such ticket. Raises `StoreError`."""
        kept = await self.records(tenant, DocumentName(DocumentKind.TICKET, ticket))
        return None if kept is None else kept.state(reduce_ticket)

    async def public(self, tenant: str, ticket: str) -> PublicTicket | None:
        """What its customer sees of a ticket; None if nothing yet. Raises `StoreError`."""
        kept = await self.records(tenant, DocumentName(DocumentKind.TICKET_PUBLIC, ticket))
        return None if kept is None else kept.state(reduce_public)

    async def records(self, tenant: str, name: DocumentName) -> Kept | None:
        """The records of a document of a kind in `ROOT_OF`, or None if there is none. Raises `StoreError`."""
        key = DocumentKey(tenant, name.path)
        kept = self._kept.get(key)
        if kept is None:
            reading = self._reading.get(key)
            if reading is None:
                reading = self._reading[key] = asyncio.ensure_future(self._read(key))
                reading.add_done_callback(lambda _: self._reading.pop(key, None))
            return await asyncio.shield(reading)
        self._kept.move_to_end(key)
        return kept

    async def _read(self, key: DocumentKey) -> Kept | None:
        while True:
            row = await self._hub.store.read_document(key)
            if row is None:
                return None
            seq, records = await read_records(self._hub.store, row.number)
            document = self._hub.documents.get(key)
            if document is None or (document.committed == seq and document.epoch == row.epoch):
                break  # else something was committed, or replaced, while this was read
        kept = self._kept[key] = Kept({name[1]: value for name, value in records.items()}, seq)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return kept

    # --- told

    def committed(self, document: "Document", entries: Sequence[LogEntry]) -> None:
        """A document's updates are durable."""
        kept = self._kept.get(document.key)
        if kept is not None and not kept.take(entries):
            del self._kept[document.key]

    def replaced(self, document: "Document") -> None:
        """A document's history was replaced."""
        self._kept.pop(document.key, None)
