"""The replica: this device's copy of its documents, with what it wrote and the server has not acknowledged.

On the device's way: `handle → REPLICA → outbox → sender → session → connection → transport`. This half answers the
program that runs on the device: it reads, follows and edits. `reception.py` is the other half: what the server says.

Invariants:

1. An edit is in the store, together with its outbox row, before anybody sees it; an update together with its cursor.
2. Memory follows the store: a failed commit leaves both as they were.
3. Confirmed content and own waiting edits are kept apart (records), or can be (pages, by building again from the
   store).
4. One change at a time, each carried to its end even when its caller is cancelled.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
import uuid_utils
from syncline_protocol.clock import HybridClock
from syncline_protocol.names import parse_name

from syncline_client.changes import Change, ChangeKind, Watchers
from syncline_client.cursor import Cursor
from syncline_client.errors import ContentBroken, EditNotAllowed, NeverConnected
from syncline_client.kept import ROLE, keep, read_kept
from syncline_client.local_document import LocalDocument
from syncline_client.outbox import Outbox
from syncline_client.page_content import Document, PageContent
from syncline_client.record_check import check_record
from syncline_client.record_content import RecordContent, scan
from syncline_client.store import (
    AppendUpdates,
    DropContent,
    EraseRow,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    Store,
    StoredDocument,
    StoredIdentity,
    StoreError,
)

T = TypeVar("T")

logger: Final = logging.getLogger("syncline_client")

encode_json: Final = msgspec.json.encode
decode_json: Final = msgspec.json.decode


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def new_record_id() -> str:
    """A UUIDv7, which sorts by its time."""
    return str(uuid_utils.uuid7())


class Replica:
    """See the module's text. `store` is open; `device` names a new device, and must be the name of an existing one."""

    def __init__(self, store: Store, *, device: str = "", clock_ms: Callable[[], int] = now_ms) -> None:
        self.store = store
        self.now_ms = clock_ms
        self.watchers = Watchers()
        self.documents: dict[str, LocalDocument] = {}
        self.outbox = Outbox(())
        self.identity = StoredIdentity(device)
        self.role = ""
        """What the device's user is to the tenant, by the server's last word; empty before the first."""
        self.on_edit: Callable[[str], None] = _nobody
        """Called with the name of a document that is newly followed, no longer followed, or edited."""
        self.mismatched: list[str] = []
        """Documents whose digest was found to differ from the server's, and which were loaded anew: each time one."""
        self._turn = asyncio.Lock()
        self._uses = 0

    async def __aenter__(self) -> Self:
        known = await self.store.read_identity()
        if known is None:
            self.identity = StoredIdentity(self.identity.device or f"device-{uuid_utils.uuid4()}")
            await self.store.commit([PutIdentity(self.identity)], durable=True)
        elif self.identity.device not in ("", known.device):
            raise StoreError(f"the store is of device {known.device}, not of {self.identity.device}: give each its own")
        else:
            self.identity = known
        self.role = (await read_kept(self.store, ROLE)).decode()
        self.documents = {row.name: LocalDocument(row) for row in await self.store.read_documents()}
        self.outbox = Outbox(await self.store.read_rows())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.watchers.close()
        async with self._turn:  # a change whose caller was cancelled is still carried to its end
            return

    # --- one change at a time

    async def alone(self, change: Coroutine[Any, Any, T]) -> T:
        """Run `change` when no other runs, to its end, even if the caller is cancelled meanwhile."""
        task = asyncio.create_task(self._in_turn(change))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _in_turn(self, change: Coroutine[Any, Any, T]) -> T:
        async with self._turn:
            return await change

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:
        """Store `operations` in one transaction, then let memory follow (all but a document's content). Raises
        `StoreError`.
        """
        await self.store.commit(operations, durable=durable)
        for operation in operations:
            self._follow_store(operation)

    def _follow_store(self, operation: Operation) -> None:
        match operation:
            case PutIdentity(identity):
                self.identity = identity
            case PutDocument(row):
                self.document(row.name).follow_store(row)
            case AppendUpdates(name, updates):
                document = self.document(name)
                document.tail += len(updates)
                for update in updates:
                    document.cursor.see(update.seq)
            case ReplaceState(name, _, seq):
                document = self.document(name)
                document.tail = len(document.cursor.ahead)
                document.cursor.jump(seq)
            case DropContent(name):
                document = self.document(name)
                document.cursor, document.content, document.tail = Cursor(0), None, 0
            case PutRow(row):
                self.outbox.put(row)
            case RemoveRow(id) | EraseRow(id):
                self.outbox.remove(id)

    @property
    def clock(self) -> HybridClock:
        """The device's hybrid clock, as it was last stored."""
        identity = self.identity
        return HybridClock(at=identity.at, seen=identity.seen, offset_ms=identity.offset_ms)

    def with_clock(self, clock: HybridClock) -> StoredIdentity:
        """The identity to store when `clock` becomes the device's."""
        return self.identity._replace(at=clock.at, seen=clock.seen, offset_ms=clock.offset_ms)

    def server_now_ms(self) -> int:
        """The server's time, as far as it is known."""
        return self.now_ms() + self.identity.offset_ms

    async def keep_role(self, role: str) -> None:
        """Remember what the user is, also for when there is no connection. Raises `StoreError`."""
        if role != self.role:
            await keep(self.store, ROLE, role.encode())
            self.role = role

    # --- reading

    def document(self, name: str) -> LocalDocument:
        """The document's entry, made when it is missing. Raises `RefusedUpdate` when `name` is no document's name."""
        document = self.documents.get(name)
        if document is None:
            document = self.documents[name] = LocalDocument(StoredDocument(parse_name(name).path, followed=False))
        return document

    def use(self, name: str) -> LocalDocument:
        """The document's entry, for a program that reads, follows or edits it now. Raises `RefusedUpdate`."""
        document = self.document(name)
        self._uses += 1
        document.last_use = self._uses
        return document

    async def load(self, name: str) -> LocalDocument:
        """The document with its content in memory. A stored copy that cannot be read is dropped, to be loaded anew
        from the server. Raises `StoreError`.
        """
        document = self.document(name)
        if document.content is None:
            try:
                await self.reload(document)
            except ContentBroken as broken:
                logger.warning("dropping the copy of %s: %s", name, broken)
                await self.drop(document)
        return document

    async def drop(self, document: LocalDocument) -> None:
        """Forget what was received of a document; its outbox stays. Raises `StoreError`."""
        await self.commit([DropContent(document.name), PutDocument(document.row()._replace(cursor=0))])
        await self.reload(document)

    async def reload(self, document: LocalDocument) -> None:
        """Build the content from the store again. Raises `StoreError`, `ContentBroken`."""
        stored = await self.store.read_content(document.name)
        payloads = [payload for payload in (stored.state, *(one.payload for one in stored.updates)) if payload]
        if document.is_page:
            own = [row.payload for row in self.outbox.waiting(document.name)]
            document.content = PageContent(self.identity.client, [*payloads, *own])
        else:
            content = RecordContent()
            for payload in payloads:
                content.take(scan(payload))
            document.content = content
        document.tail = len(stored.updates)
        for one in stored.updates:
            document.cursor.see(one.seq)

    def records(self, name: str, root: str) -> list[dict[str, Any]]:
        """The records of a loaded document: admitted ones, then this device's own waiting ones."""
        content = self.use(name).content
        admitted = content.values(root) if isinstance(content, RecordContent) else []
        return admitted + [decode_json(row.payload) for row in self.outbox.waiting(name) if row.root == root]

    # --- following

    def is_wanted(self, name: str) -> bool:
        """Whether the document is to be open: it is followed, or has edits to send."""
        document = self.documents.get(name)
        return (document is not None and document.followed) or self.outbox.is_waiting(name)

    async def follow(self, name: str) -> LocalDocument:
        """Keep the document in sync from now on, and load it."""
        return await self.alone(self._follow(name))

    async def _follow(self, name: str) -> LocalDocument:
        self.use(name)
        document = await self.load(name)
        await self._set_followed([document], followed=True)
        return document

    async def unfollow(self, name: str) -> None:
        """Keep what is there, and ask for more only to learn what was erased, once on each connection."""
        await self.alone(self._set_followed([self.document(name)], followed=False))

    async def unfollow_unused(self, names: Iterable[str], count: int) -> int:
        """Unfollow up to `count` of these documents that nobody watches and no edit waits in, those used longest ago
        first; returns how many there were. Raises `StoreError`.
        """
        return await self.alone(self._unfollow_unused(names, count))

    async def _unfollow_unused(self, names: Iterable[str], count: int) -> int:
        unused = [
            document
            for document in map(self.document, names)
            if document.followed
            and not self.outbox.is_waiting(document.name)
            and not self.watchers.is_used(document.name)
        ]
        chosen = heapq.nsmallest(count, unused, key=lambda document: document.last_use)
        await self._set_followed(chosen, followed=False)
        if chosen:
            logger.info("%d documents that nobody uses are no longer followed: too many are open", len(chosen))
        return len(chosen)

    async def _set_followed(self, documents: Iterable[LocalDocument], *, followed: bool) -> None:
        changed = [document for document in documents if document.followed != followed]
        if changed:
            await self.commit([PutDocument(document.row()._replace(followed=followed)) for document in changed])
        for document in changed:
            self.on_edit(document.name)

    # --- editing

    async def write(self, name: str, root: str, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Write records (their `type` and own fields given) in one transaction; returns them whole, once stored.

        A record that comes from elsewhere may bring its `id` and `at`: writing it twice then writes it once.

        Raises `NeverConnected`, `EditNotAllowed`, `StoreError`.
        """
        return await self.alone(self._write(name, root, records))

    async def _write(self, name: str, root: str, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if not self.identity.user:
            raise NeverConnected
        document = self.use(name)
        clock = self.clock
        whole: list[dict[str, Any]] = []
        rows: list[Row] = []
        for record in records:
            clock = clock.tick(self.now_ms())
            value = self._whole(record, clock)
            check_record(name, root, value)
            whole.append(value)
            id_ = self.outbox.next_id() + len(rows)
            rows.append(Row(id_, name, root, value["id"], encode_json(value), self.now_ms()))
        operations: list[Operation] = [PutIdentity(self.with_clock(clock)), *(PutRow(row) for row in rows)]
        await self._store_edits(document, operations)
        return whole

    def check(self, name: str, root: str, record: Mapping[str, Any]) -> None:
        """Raise `EditNotAllowed` for a record that `write` would not take."""
        check_record(name, root, self._whole(record, self.clock.tick(self.now_ms())))

    def _whole(self, record: Mapping[str, Any], clock: HybridClock) -> dict[str, Any]:
        author = {"by": self.identity.user, "device": self.identity.device}
        return {"id": new_record_id(), "at": clock.at, **record, **author}

    async def edit_page(self, name: str, change: Callable[[Document], None]) -> None:
        """Run `change` on a page's document and store what it did. Raises `NeverConnected`, `StoreError`, and what
        `change` raises; then the page is as it was.
        """
        await self.alone(self._edit_page(name, lambda content: content.edit(change)))

    async def record_local(self, name: str, update: bytes) -> None:
        """Store what an editor wrote on a page under this device's client id. Raises `EditNotAllowed` when the update
        does not continue the page as it is here, `NeverConnected`, `StoreError`.
        """
        await self.alone(self._edit_page(name, lambda content: content.take_local(update)))

    async def _edit_page(self, name: str, edit: Callable[[PageContent], bytes]) -> None:
        if not self.identity.client:
            raise NeverConnected
        self.use(name)
        document = await self.load(name)
        content = document.content
        if not isinstance(content, PageContent):
            raise EditNotAllowed(f"{name} is no page: it holds records")
        document.is_storing = True
        try:
            update = edit(content)
            if update:
                row = Row(self.outbox.next_id(), name, "", "", update, self.now_ms())
                await self._store_edits(document, [PutRow(row)])
        except BaseException:  # whatever it was, the document object may hold what is not stored
            await self.reload(document)
            raise
        finally:
            document.is_storing = False
            self.on_edit(name)

    async def _store_edits(self, document: LocalDocument, operations: Sequence[Operation]) -> None:
        await self.commit([PutDocument(document.row()), *operations], durable=True)
        ids = tuple(one.row.record for one in operations if isinstance(one, PutRow) and one.row.record)
        self.watchers.tell(Change(document.name, ChangeKind.WRITTEN, ids))
        self.on_edit(document.name)

    # --- refused edits

    async def retry(self, id: int) -> None:  # noqa: A002 - the store's word
        """Send a refused record again. Raises `EditNotAllowed` for a page's edit: what it was made on is gone."""
        await self.alone(self._retry(id))

    async def _retry(self, id: int) -> None:  # noqa: A002 - the store's word
        row = self.outbox.get(id)
        if row is None or not row.code:
            raise EditNotAllowed(f"there is no refused edit {id}")
        if not row.record:
            raise EditNotAllowed("an edit of a page cannot be sent again: write it anew")
        again = row._replace(id=self.outbox.next_id(), code="", reason="", created_ms=self.now_ms())
        await self._store_edits(self.document(row.document), [RemoveRow(id), PutRow(again)])

    async def discard(self, id: int) -> None:  # noqa: A002 - the store's word
        """Give a refused edit up. Raises `EditNotAllowed` for one that is not refused."""
        await self.alone(self._discard(id))

    async def _discard(self, id: int) -> None:  # noqa: A002 - the store's word
        row = self.outbox.get(id)
        if row is None or not row.code:
            raise EditNotAllowed(f"there is no refused edit {id}")
        await self.commit([RemoveRow(id)], durable=True)
        self.watchers.tell(Change(row.document, ChangeKind.REFUSED))


def _nobody(_: str) -> None:
    return
