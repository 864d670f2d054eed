"""What is on its way to one connection: live updates, and catching up from the log by cursor.

Last on the data's way: `relay → OUTBOX → socket`. The queue itself is the transport's write buffer, bounded by the
socket. A subscription is *live*, or *behind* with a cursor; nothing is ever queued twice or kept in memory for a slow
device. Invariants:

1. A live subscription was sent every committed update of its document, or its author was acknowledged.
2. A subscription that is behind was sent everything up to its cursor and is sent nothing by the relay.
3. A full outbox puts a live subscription behind at the next commit; a drained one is served from the log until it is
   live again.
"""

import asyncio
import weakref
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, RefusalCode
from syncline_protocol.frames import Access

from syncline_server.document import Document
from syncline_server.presence import Attendant
from syncline_server.relay import Author, Batch
from syncline_server.socket import Socket
from syncline_server.storage.interface import StoreError
from syncline_server.wire import Wire

if TYPE_CHECKING:
    from syncline_server.hub import Hub

CATCH_UP_BYTES: Final = 256 * 1024
"""What is read from the log at once for one device: the memory that a catching-up device costs."""


class Follower(Author, Attendant, Protocol):
    """A session of either kind, as its subscriptions and its outbox see it."""

    hub: "Hub"
    socket: Socket
    identity: Identity
    token_groups: frozenset[str]
    connected: bool
    subscriptions: "dict[int, Subscription]"

    def end(self, code: CloseCode, reason: str) -> None:
        """Close the connection."""

    def evict(self, subscription: "Subscription", code: RefusalCode, reason: str) -> None:
        """Close one document because the rights to it ended."""


class Subscription:
    """One session's part in one document."""

    __slots__ = ("access", "cursor", "document", "live", "session", "wire")

    def __init__(self, session: Follower, document: Document, wire: Wire, access: Access, cursor: int) -> None:
        self.session = session
        self.document = document
        self.wire = wire
        self.access = access
        self.cursor = cursor
        self.live = cursor == document.committed

    def deliver(self, batch: Batch) -> None:
        """Pass on one commit, or fall behind when the outbox is full."""
        if not self.live:
            return
        session = self.session
        if session.socket.full:
            self.live = False
            self.cursor = batch.seq - 1
            session.hub.metrics.fell_behind += 1
        elif session in batch.authors:
            rest = batch.encoded_for(session, self.wire)
            if rest:
                session.socket.write(rest)
        else:
            session.socket.write(batch.encoded(self.wire))


class Outbox:
    """Catches one session's subscriptions up. It does not hold its session, which holds it: a session that is gone is
    to be free at once, and not when Python next looks for cycles.
    """

    def __init__(self, session: Follower) -> None:
        self._session = weakref.ref(session)
        self._feeding: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._logger = structlog.get_logger()

    def feed(self) -> None:
        """Catch up whatever is behind, unless that is going on already."""
        session = self._session()
        if session is None or self._feeding is not None:
            return
        if any(not one.live for one in session.subscriptions.values()):
            self._feeding = asyncio.create_task(self._feed(session), name="feed")

    def drained(self) -> None:
        """There is room again."""
        self._drained.set()
        self.feed()

    def stop(self) -> None:
        """The connection is gone."""
        if self._feeding is not None:
            self._feeding.cancel()
        self._drained.set()

    async def _feed(self, session: Follower) -> None:
        try:
            while behind := [one for one in session.subscriptions.values() if not one.live]:
                for subscription in behind:
                    await self.catch_up(subscription)
        except StoreError as error:
            self._logger.warning("outbox.catch_up_failed", user=session.identity.user, error=str(error))
            session.end(CloseCode.STORAGE_UNAVAILABLE, "the store cannot be read")
        except Exception:  # the boundary of a task: the device comes back and is served anew
            self._logger.exception("outbox.failed", user=session.identity.user)
            session.end(CloseCode.INTERNAL, "internal error")
        finally:
            self._feeding = None

    async def catch_up(self, subscription: Subscription) -> None:
        """Send the snapshot if the log no longer reaches back to the cursor, then the log, until the relay can take
        over.

        Raises `StoreError`.
        """
        while not subscription.live and _follows(subscription):
            await self._wait_until_drained(subscription.session)
            if subscription.cursor < subscription.document.floor:
                await self._send_snapshot(subscription)
            await self._send_log(subscription)

    async def _send_snapshot(self, subscription: Subscription) -> None:
        document = subscription.document
        snapshot = await subscription.session.hub.store.read_snapshot(document.number)
        if snapshot is not None and snapshot.seq > subscription.cursor and _follows(subscription):
            subscription.session.socket.write(
                subscription.wire.snapshot(document.number, snapshot.seq, snapshot.payload)
            )
            subscription.cursor = snapshot.seq

    async def _send_log(self, subscription: Subscription) -> None:
        session, document = subscription.session, subscription.document
        cursor = subscription.cursor
        rows = await session.hub.store.read_log(document.number, after=cursor, bytes_max=CATCH_UP_BYTES)
        if not _follows(subscription):
            return  # closed while this was read, perhaps since another history has begun
        if (rows and rows[0].seq != cursor + 1) or (not rows and cursor < document.committed):
            await session.hub.refresh(document)  # compacted meanwhile: the log starts later than we thought
            return
        payloads = [row.payload for row in rows if row.seq <= document.committed]
        if payloads and _follows(subscription):
            session.socket.write(subscription.wire.updates(document.number, cursor + 1, payloads))
            subscription.cursor += len(payloads)
        subscription.live = subscription.cursor >= document.committed

    async def _wait_until_drained(self, session: Follower) -> None:
        while session.socket.full and session.connected:
            self._drained.clear()
            await self._drained.wait()


def _follows(subscription: Subscription) -> bool:
    """Whether the session has not closed the document meanwhile."""
    return subscription.session.subscriptions.get(subscription.document.number) is subscription
