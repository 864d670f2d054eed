"""The documents in memory and the sessions that are there: where they find each other.

Beside the data's way: a session asks the hub to open a document, and the hub loads it, once, however many ask at the
same time. It knows who may open what, and withdraws what was opened when the rights end (P9). Invariants:

1. At most one `Document` object exists for a document; it stays while it is in use, and for a while after.
2. At most one session exists for a device of a user: a second one replaces the first, since both would write under one
   client id.
3. Nothing is subscribed without a check of its rights, and the check is repeated when something it rests on has
   changed.
4. While a document's history is being replaced nothing is admitted into it: every update is in the old history and so
   in what the new one is made of, or comes behind the new one.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName, parse_name

from syncline_server import clock, index_loading
from syncline_server.actor import Actors
from syncline_server.auth import Authority
from syncline_server.conversations import Conversations
from syncline_server.document import Document, unavailable
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.engine import Engine
from syncline_server.histories import Histories, new_epoch
from syncline_server.leases import Leases
from syncline_server.log import Log
from syncline_server.metrics import Metrics
from syncline_server.presence import PresenceBoard
from syncline_server.projections.projections import Projections
from syncline_server.projections.queue import PROJECTED
from syncline_server.rates import Rates
from syncline_server.rights import Rights
from syncline_server.settings import Settings
from syncline_server.states import ROOT_OF, States
from syncline_server.storage.interface import (
    DocumentKey,
    LogEntry,
    Store,
    StoreCorrupt,
    StoredDocument,
    StoreError,
)
from syncline_server.tickets import Tickets

if TYPE_CHECKING:
    from syncline_server.outbox import Follower, Subscription
    from syncline_server.session import Session

MADE_BY_OPENING: Final = frozenset(
    {DocumentKind.PAGE, DocumentKind.USER, DocumentKind.TICKET, DocumentKind.TICKET_TEXT}
)
"""Kinds that come into being when somebody who may write them opens them: a device makes tickets without asking."""


class Hub:
    """See the module's text. One per server; built by `app`."""

    def __init__(  # noqa: PLR0913 - the parts of a server, put together in `app`
        self,
        *,
        settings: Settings,
        configuration: LiveConfiguration,
        store: Store,
        log: Log,
        authority: Authority,
        metrics: Metrics,
        engine: Engine,
        projections: Projections,
    ) -> None:
        self.settings = settings
        self.configuration = configuration
        self.store = store
        self.log = log
        self.projections = projections
        self.authority = authority
        self.metrics = metrics
        self.presence = PresenceBoard(settings.presence_ttl_seconds)
        self.rates = Rates(settings.updates_per_second_device, settings.updates_per_second_tenant)
        self.leases = Leases(store)
        self.states = States(self)
        self.rights = Rights(self)
        self.actors = Actors(self)
        self.conversations = Conversations(self)
        self.tickets = Tickets(self)
        self.documents: dict[DocumentKey, Document] = {}
        self.followers: set[Follower] = set()
        self.devices: dict[tuple[str, str, str], Session] = {}
        self.acking: list[Session] = []
        self.cursors: dict[tuple[int, int], int] = {}
        self.indexing: dict[DocumentKey, asyncio.Future[None]] = {}
        """Documents whose index is being loaded, or waits for another history."""
        self.histories = Histories(self)
        self._engine = engine
        self._loading: dict[DocumentKey, asyncio.Future[Document | None]] = {}
        self._loop = asyncio.get_running_loop()
        self._logger = structlog.get_logger()

    def now_ms(self) -> int:
        """The server's clock: Unix time in milliseconds."""
        return clock.now_ms()

    # --- sessions

    def join(self, session: "Session") -> None:
        """Take a device's greeted session in; an older one of the same device ends."""
        key = _device_key(session.identity)
        older = self.devices.get(key)
        if older is not None:
            older.end(CloseCode.REPLACED, "this device has connected again")
            self.leave(older)
        self.devices[key] = session
        self.followers.add(session)

    def leave(self, session: "Follower") -> None:
        """Forget a session and everything it followed."""
        self._withdraw(session)
        if session in self.followers:
            self.followers.discard(session)
            self.rates.forget(session.identity, time.monotonic())
        key = _device_key(session.identity)
        if self.devices.get(key) is session:
            del self.devices[key]

    def _withdraw(self, session: "Follower") -> None:
        for subscription in list(session.subscriptions.values()):
            self.unsubscribe(subscription)
        session.subscriptions.clear()

    def flush_acks(self) -> None:
        """After a commit: one `Acks` for each session concerned."""
        acking, self.acking = self.acking, []
        for session in acking:
            session.flush_acks()

    async def revoke(self, tenant: str, user: str, device: str) -> None:
        """Log a user out, on one device or ('') on all: durable, and live sessions end at once."""
        now_ms = self.now_ms()
        await self.store.write_revocation(tenant, user, device, now_ms)
        self.authority.revoke(tenant, user, device, now_ms)
        for session in list(self.followers):
            identity = session.identity
            if (identity.tenant, identity.user) == (tenant, user) and device in ("", identity.device):
                session.end(CloseCode.SESSION_REVOKED, "logged out")

    # --- documents

    async def open(self, identity: Identity, name: str) -> tuple[Document, Access]:
        """The document called `name`, pinned in memory (`unpin` it), and what `identity` may do with it.

        Documents of `MADE_BY_OPENING` come into being on first opening. Raises `RefusedUpdate`
        (not_found, forbidden, invalid, unavailable).
        """
        parsed = parse_name(name)
        allowed = await self.rights.access(identity, parsed)
        if allowed is Access.NONE:
            raise RefusedUpdate(RefusalCode.FORBIDDEN, f"{identity.user} may not open {name}")
        create = parsed.kind in MADE_BY_OPENING and allowed >= Access.APPEND
        return await self.find(DocumentKey(identity.tenant, name), parsed, create=create), allowed

    async def find(self, key: DocumentKey, name: DocumentName, *, create: bool) -> Document:
        """The document, pinned in memory. Raises `RefusedUpdate` (not_found, unavailable)."""
        document = self.documents.get(key)
        if document is None:
            document = await self._load(key, name, create=create)
        if document is None:
            raise RefusedUpdate(RefusalCode.NOT_FOUND, f"there is no document {key.name}")
        document.pins += 1
        return document

    async def find_named(self, tenant: str, name: str, *, create: bool = False) -> Document:
        """The same by a name that is known to be one."""
        return await self.find(DocumentKey(tenant, name), parse_name(name), create=create)

    async def prefetch(self, tenant: str, names: Sequence[str]) -> None:
        """Take those of many documents into memory that are there, in one read; each goes again unless it is opened.

        What fails here fails again, and is told, when they are opened one by one.
        """
        wanted = {DocumentKey(tenant, name) for name in names}
        missing = [key for key in wanted if key not in self.documents and key not in self._loading]
        if len(missing) <= 1:
            return
        try:
            rows = await self.store.read_documents_named(missing)
        except StoreError as error:
            self._logger.warning("documents.not_prefetched", error=str(error))
            return
        for key, row in rows.items():
            if key not in self.documents:
                self._let_go(self.adopt(parse_name(key.name), row))

    async def _load(self, key: DocumentKey, name: DocumentName, *, create: bool) -> Document | None:
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.ensure_future(self._read(key, name, create=create))
            self._loading[key] = loading
            loading.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(loading)

    async def _read(self, key: DocumentKey, name: DocumentName, *, create: bool) -> Document | None:
        try:
            row = await self.store.read_document(key)
            if row is None and create:
                row = await self.store.create_document(key, new_epoch())
        except StoreError as error:
            raise unavailable(error) from error
        return self.documents.get(key) or (None if row is None else self.adopt(name, row))

    def adopt(self, name: DocumentName, row: StoredDocument) -> Document:
        """Take a document that the store knows into memory."""
        document = Document(name, row, self.log, self._failed, on_commit=self._committed)
        self.documents[row.key] = document
        return document

    def _committed(self, document: Document, entries: Sequence[LogEntry]) -> None:
        if document.name.kind in ROOT_OF:
            self.states.committed(document, entries)
            self.rights.committed(document)
        if document.name.kind in PROJECTED:
            updates = [(entry.seq, entry.payload) for entry in entries]
            self.projections.committed(document.key, document.number, document.epoch, updates)

    def unpin(self, document: Document) -> None:
        """Undo one `open` or `find`."""
        document.pins -= 1
        self._let_go(document)

    def unsubscribe(self, subscription: "Subscription") -> None:
        """End one subscription."""
        document = subscription.document
        if document.subscriptions.get(subscription.session) is subscription:
            del document.subscriptions[subscription.session]
            self.presence.withdraw(document, subscription.session)
            self._let_go(document)

    def _let_go(self, document: Document) -> None:
        if not document.in_use:
            self._loop.call_later(self.settings.document_linger_seconds, self._unload, document)

    def _unload(self, document: Document) -> None:
        if not document.in_use and self.documents.get(document.key) is document:
            del self.documents[document.key]

    def _failed(self, document: Document) -> None:
        """A commit of the document failed: it is loaded anew when somebody needs it."""
        self._let_go(document)

    async def load_index(self, document: Document) -> None:
        """See to it that the document's admission index is there. Raises `RefusedUpdate` (unavailable)."""
        document.pins += 1
        try:
            while document.admission is None:
                indexing = self.indexing.get(document.key)
                if indexing is None:
                    indexing = asyncio.ensure_future(index_loading.load(self.store, document))
                    self.indexing[document.key] = indexing
                    indexing.add_done_callback(lambda _: self.indexing.pop(document.key, None))
                await asyncio.shield(indexing)
        except StoreError as error:
            raise unavailable(error) from error
        finally:
            self.unpin(document)

    async def refresh(self, document: Document) -> None:
        """Read the row again: its log starts later than thought. Raises `StoreCorrupt` when it does not."""
        row = await self.store.read_document(document.key)
        if row is None or row.floor <= document.floor:
            raise StoreCorrupt(f"the log of {document.key.name} has a hole after {document.floor}")
        document.floor = row.floor

    # --- what sessions ask

    async def lease(self, identity: Identity, held: int) -> int:
        """The client id under which a device writes: the one it holds if that is its own, else a new one."""
        return await self.leases.current(identity, held)

    async def new_lease(self, identity: Identity) -> int:
        """A new client id for a device that must not use its old one again."""
        return await self.leases.new(identity)

    def note_cursor(self, document: Document, client: int, cursor: int) -> None:
        """Remember how far a device is; stored now and then."""
        self.cursors[document.number, client] = min(cursor, document.committed)

    async def digest(self, document: Document, *, at: int) -> bytes | None:
        """The digest of the document's content at sequence number `at`, or None when it is not at that number."""
        if at != document.committed or at != document.head:
            return None
        await self.load_index(document)
        admission = document.admission
        if admission is None or at != document.head or at != document.committed:
            return None
        if admission.digest is not None:
            return admission.digest
        digest = await self._engine.digest(document)
        return digest if at == document.committed else None

    async def diff(self, document: Document, vector: bytes) -> tuple[int, bytes]:
        """What a stock Yjs client lacks by its state vector, and the sequence number up to which that is."""
        return await self._engine.diff(document, vector)


def _device_key(identity: Identity) -> tuple[str, str, str]:
    return identity.tenant, identity.user, identity.device
