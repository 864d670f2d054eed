"""The projections of one server: fed by the log, asked by REST and by the server's own actor.

Beside the data's way: `log → document → PROJECTIONS`; nothing on it waits for them. What was committed is noted in a
queue, and one task (`feed.py`) writes it into `DATA/projections.db`, batch by batch. Invariants:

1. The tables are a function of the log up to the positions that stand in them, in the same transaction.
2. Everything here can be lost: a database that is missing, damaged, of another version or of another store is made
   anew from the log, in the background, while questions are answered from what is there (`behind`).
3. Whatever fails here, nothing but answers suffers: it is said (`failure`), and tried again.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog
from syncline_protocol.documents.identity import Identity
from syncline_protocol.listings import Hit, InboxChanges, InboxPage, SearchPage, TicketPage
from syncline_protocol.names import parse_name

from syncline_server.projections import digest, dirt, inbox, lists, reports, search, ticket_list
from syncline_server.projections.database import NAME, Database, Work
from syncline_server.projections.facts import Facts
from syncline_server.projections.feed import Feed
from syncline_server.projections.model import Dirty, Projected, Seen, View
from syncline_server.projections.queue import PROJECTED, Job
from syncline_server.projections.reports import Report
from syncline_server.storage.interface import DocumentKey, Store

T = TypeVar("T")

OFF: Final = "they are switched off (setting `projections`)"


class Projections:
    """See the module's text. An async context manager; `DATA/projections.db` is made when it is not there."""

    def __init__(
        self,
        directory: Path,
        store: Store,
        *,
        on_projected: Callable[[Projected], None] = lambda _: None,
        file: str = NAME,
        is_on: bool = True,
    ) -> None:
        self.on_projected = on_projected
        """Told after each transaction that brought something for the server's own actor to look at."""
        self._database = Database(directory / file)
        self.facts = Facts(self._database)
        self._feed = Feed(self._database, store, self._projected)
        self._is_on = is_on
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        if not self._is_on:
            return self
        if await self._database.open():
            structlog.get_logger().warning("projections.made_anew", why="the file was no database of this version")
        self._task = asyncio.create_task(self._feed.run(), name="projections")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._is_on:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._database.close()

    @property
    def behind(self) -> int:
        """Not 0 while the documents of the store are being compared since the start: answers may lack something. Then
        one more than those known to lag.
        """
        return self._feed.behind

    @property
    def compared(self) -> int:
        """The number of the store's document up to which they are."""
        return self._feed.compared

    @property
    def failure(self) -> str | None:
        """Why the projections stand still, or None."""
        return self._feed.failure if self._is_on else OFF

    # --- told

    def committed(self, key: DocumentKey, number: int, epoch: int, updates: Sequence[tuple[int, bytes]]) -> None:
        """Updates (seq, payload) of a document are durable. Cheap: they are noted, and projected later."""
        name = parse_name(key.name)
        if name.kind in PROJECTED and self._is_on:
            self._feed.queue.put(Job(key, name, number, epoch), updates)
            self._feed.wake()

    def replaced(self, key: DocumentKey, number: int, epoch: int) -> None:
        """A document's history was replaced: what came of the old one goes."""
        name = parse_name(key.name)
        if name.kind in PROJECTED and self._is_on:
            job = Job(key, name, number, epoch)
            job.is_replaced = True
            self._feed.queue.put(job, None)
            self._feed.wake()

    async def caught_up(self, *, timeout_s: float = 5.0) -> bool:
        """Wait until what was committed before is projected; False when that is not so in time."""
        told = self._feed.queue.told
        return await self._until(lambda: self._feed.done >= told, timeout_s)

    async def complete(self, *, timeout_s: float = 600.0) -> bool:
        """Wait until nothing of the store is missing; False when that is not so in time."""
        told = self._feed.queue.told
        return await self._until(lambda: self._feed.done >= told and self.behind == 0, timeout_s)

    async def purged(self, *, timeout_s: float = 600.0) -> bool:
        """Wait until what was erased so far is out of the database's files, the search index included."""
        told = self._feed.queue.told
        return await self._until(lambda: self._feed.done >= told and self._feed.is_merging is False, timeout_s)

    # --- asked; raise `InvalidQuery`, or `StoreError` when the database cannot be read

    async def inbox(  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        *,
        view: View = View.ALL,
        group: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> InboxPage:
        """A window of the inbox of `identity`, the most recent first. `status`: a ticket's, or `open`."""
        window = lists.window(identity, view, group, status)
        generation = self._database.generation
        return await self._read(lambda db: inbox.read_page(db, generation, identity, window, limit, cursor))

    async def inbox_changes(  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        *,
        since: str,
        view: View = View.ALL,
        group: str | None = None,
        status: str | None = None,
        limit: int = 50,
    ) -> InboxChanges:
        """What changed in that inbox since the position `since`, the oldest change first."""
        window = lists.window(identity, view, group, status)
        generation = self._database.generation
        return await self._read(lambda db: inbox.read_changes(db, generation, identity, window, since, limit))

    async def wait_for_change(self, tenant: str, since: str, timeout_s: float) -> bool:
        """Wait until something of the tenant has changed since that position; False when nothing has in time."""
        known = inbox.change_of(self._database.generation, since)
        if known is None:
            return True
        latest = await self._read(lambda db: inbox.latest_change(db, tenant))
        if latest > known:
            return True
        return await self._feed.until(lambda: self._feed.changed(tenant, known), timeout_s, hurries=False)

    async def seen_by(self, tenant: str, conversation: str) -> list[Seen]:
        """How far everybody has read the conversation, by user."""
        return await self._read(lambda db: inbox.read_seen(db, tenant, conversation))

    async def search(  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        q: str,
        *,
        limit: int = 20,
        cursor: str | None = None,
        kind: str | None = None,
        conversation: str | None = None,
    ) -> SearchPage:
        """Messages and tickets (`kind`: only one of them) that hold all of `q` and that `identity` may read."""
        wanted = search.parse(identity, q, kind, conversation)
        limit = min(max(limit, 1), search.LIMIT_MAX)
        hits: list[Hit] = []
        for _ in range(search.READINGS_MAX):
            page = await self._read(partial(search.read, search=wanted, limit=limit - len(hits), cursor=cursor))
            hits += page.hits
            cursor = page.next
            if cursor is None or len(hits) == limit:
                break
        return SearchPage(hits=tuple(hits), next=cursor)

    async def tickets(  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        *,
        status: str | None = None,
        group: str | None = None,
        assignee: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> TicketPage:
        """Tickets that `identity` may read, the newest first. `status`: a ticket's, or `open`."""
        wanted = ticket_list.wanted(identity, status=status, group=group, assignee=assignee)
        return await self._read(lambda db: ticket_list.read(db, identity, wanted, limit, cursor))

    async def report(
        self, tenant: str, asked: reports.Asked, promises: Callable[[int, int], reports.Promises], now_ms: int
    ) -> Report:
        """Figures of a period. `promises`: working hours and promised times for a stretch of time."""
        return await self._read(lambda db: reports.read(db, tenant, asked, promises, now_ms), aside=True)

    async def digest(self) -> bytes:
        """What everything here comes to, in 32 bytes."""
        return await self._read(digest.read_digest)

    # --- for the server's own actor

    async def dirty(self, *, limit: int = 500) -> list[Dirty]:
        """What has changed and was not looked at since, the oldest change first."""
        return await self._read(lambda db: dirt.read(db, limit))

    async def clean(self, looked_at: Sequence[Dirty]) -> None:
        """These were looked at; what changed again meanwhile stays dirty."""
        await self._database.write(lambda db: dirt.clean(db, looked_at))

    async def _until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        return self._is_on and await self._feed.until(condition, timeout_s)

    def _projected(self, projected: Projected) -> None:
        self.on_projected(projected)

    async def _read(self, work: Work[T], *, aside: bool = False) -> T:
        return await (self._database.read_aside(work) if aside else self._database.read(work))
