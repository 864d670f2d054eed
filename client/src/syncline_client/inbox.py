"""An inbox on a device: a window of a list that lives at the server, kept up to date by what changes in it.

Beside the handles. There is no document of an inbox: it is different for everybody who may see other conversations.
The first page is read once, from then on only changes come, each as soon as there is one. Invariants:

1. `rows` are in the server's order, most recent first, each conversation once.
2. A conversation that is older than the window's end is not taken in, unless the window reaches to the end of the list.
3. Without a connection the rows are those of last time, and `is_live` says so.
4. What is kept for that has none of the words in it, which may have to be erased (P10): they come from the documents
   that are on the device, where erasing reaches them.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from random import Random
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec
from msgspec.structs import replace
from syncline_protocol.documents.conversation import reduce_conversation
from syncline_protocol.documents.messages import reduce_messages
from syncline_protocol.documents.schema import CONVERSATION, EVENTS, MESSAGES
from syncline_protocol.documents.ticket import reduce_ticket
from syncline_protocol.listings import InboxChanges, InboxPage, InboxRow, LastMessage
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_client.backoff import Backoff
from syncline_client.errors import RequestRefused, ServerOutOfReach
from syncline_client.kept import INBOX, keep, read_kept
from syncline_client.replica import Replica
from syncline_client.rest import Rest

PATH: Final = "/v1/inbox"
CHANGES_PATH: Final = "/v1/inbox/changes"

WAIT_S: Final = 25
"""How long the server may hold back the answer that nothing has changed: shorter than what proxies bear."""

ROWS_MAX: Final = 1_000
"""Rows that are kept up to date; beyond, changes of older ones only cost."""

KEEP_INTERVAL_S: Final = 5.0
"""Between two writes of the rows to the store."""


class InboxChange(NamedTuple):
    """What changed: rows that are new or different, conversations that are gone; `is_anew`: look at all of them."""

    rows: tuple[InboxRow, ...]
    removed: tuple[str, ...]
    is_anew: bool


class Kept(msgspec.Struct):
    """The rows as they are kept, and which list they are of."""

    question: dict[str, str | None]
    rows: tuple[InboxRow, ...]
    as_of_ms: int


class Inbox:
    """See the module's text. Made by `Device.inbox`, opened as a context manager.

    `view` (`all`, `mine`, `unread`, `group`), `group` and `status` say which conversations; `limit`: how many a page
    has.
    """

    def __init__(  # noqa: PLR0913 - what may be asked for
        self,
        replica: Replica,
        rest: Rest,
        random: Random,
        *,
        view: str = "all",
        group: str | None = None,
        status: str | None = None,
        limit: int = 50,
    ) -> None:
        self._replica = replica
        self._rest = rest
        self._backoff = Backoff(random)
        self._question: Mapping[str, str | None] = {"view": view, "group": group, "status": status}
        self._limit = limit
        self._rows: dict[str, InboxRow] = {}
        self._position = ""
        self._next: str | None = None
        self._kept_s = float("-inf")
        self.is_live = False
        """Whether the rows are the server's of just now."""
        self.as_of_ms = 0
        """When they were, the last time (Unix time of this device); 0: never."""
        self.reason = ""
        """Why they are not live."""

    async def __aenter__(self) -> Self:
        """Read the first page, or show what there was last time. Raises `RequestRefused`, `StoreError`."""
        try:
            await self._load()
        except ServerOutOfReach as away:
            self.reason = str(away)
            await self._recall()
        else:
            await self._live()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_live:
            await self._keep()

    # --- reading

    @property
    def rows(self) -> tuple[InboxRow, ...]:
        """The conversations of the window, the most recent first."""
        return tuple(sorted(self._rows.values(), key=lambda row: (row.at, row.conversation), reverse=True))

    @property
    def has_more(self) -> bool:
        """Whether there are older ones behind the window."""
        return self._next is not None

    async def more(self) -> bool:
        """Let the window reach one page further; whether there was one. Raises `RequestRefused`, `ServerOutOfReach`."""
        if self._next is None:
            return False
        page = await self._rest.read(PATH, InboxPage, {**self._question, "limit": self._limit, "cursor": self._next})
        for row in page.rows:
            self._rows.setdefault(row.conversation, row)  # what is here already has moved up meanwhile, and is newer
        self._next = page.next
        return True

    async def changes(self) -> AsyncGenerator[InboxChange, None]:
        """What changes, as it does, for ever. Without a connection it waits for one. Raises `RequestRefused`,
        `StoreError`.
        """
        while True:
            try:
                change = await self._changed()
            except ServerOutOfReach as away:
                self.is_live, self.reason = False, str(away)
                await asyncio.sleep(self._backoff.wait_s())
                continue
            self._backoff.succeeded()
            await self._live()
            if change is not None:
                yield change

    # --- from the server

    async def _load(self) -> None:
        page = await self._rest.read(PATH, InboxPage, {**self._question, "limit": self._limit})
        self._rows = {row.conversation: row for row in page.rows}
        self._position, self._next = page.position, page.next

    async def _changed(self) -> InboxChange | None:
        """What has changed since the position, waited for; None if nothing has."""
        if not self._position or len(self._rows) > ROWS_MAX:
            return await self._anew()
        try:
            changes = await self._rest.read(
                CHANGES_PATH,
                InboxChanges,
                {**self._question, "since": self._position, "wait": WAIT_S},
                wait_s=WAIT_S,
            )
        except RequestRefused as refused:
            if refused.status != HTTPStatus.GONE:
                raise
            return await self._anew()
        return await self._anew() if changes.stale else self._take(changes)

    async def _anew(self) -> InboxChange:
        await self._load()
        return InboxChange(self.rows, (), is_anew=True)

    def _take(self, changes: InboxChanges) -> InboxChange | None:
        end = min(((row.at, row.conversation) for row in self._rows.values()), default=(0, ""))
        shown = tuple(
            row
            for row in changes.rows
            if row.conversation in self._rows or self._next is None or (row.at, row.conversation) > end
        )
        removed = tuple(conversation for conversation in changes.removed if conversation in self._rows)
        self._position = changes.position
        for row in shown:
            self._rows[row.conversation] = row
        for conversation in removed:
            del self._rows[conversation]
        return InboxChange(shown, removed, is_anew=False) if shown or removed else None

    # --- kept for when there is no server

    async def _live(self) -> None:
        was_live, self.is_live, self.reason = self.is_live, True, ""
        self.as_of_ms = self._replica.now_ms()
        if not was_live or asyncio.get_running_loop().time() > self._kept_s + KEEP_INTERVAL_S:
            await self._keep()

    async def _keep(self) -> None:
        self._kept_s = asyncio.get_running_loop().time()
        kept = Kept(dict(self._question), tuple(map(without_words, self.rows[: self._limit])), self.as_of_ms)
        await keep(self._replica.store, INBOX, msgspec.json.encode(kept))

    async def _recall(self) -> None:
        payload = await read_kept(self._replica.store, INBOX)
        kept = msgspec.json.decode(payload, type=Kept) if payload else None
        if kept is not None and kept.question == self._question:
            rows = [await with_words(self._replica, row) for row in kept.rows]
            self._rows = {row.conversation: row for row in rows}
            self.as_of_ms = kept.as_of_ms


def without_words(row: InboxRow) -> InboxRow:
    """A row without anything that somebody wrote."""
    tickets = tuple(replace(ticket, subject=None) for ticket in row.tickets)
    return replace(row, subject=None, last=None, tickets=tickets)


async def with_words(replica: Replica, row: InboxRow) -> InboxRow:
    """A row with the words that the documents on this device have for it. Raises `StoreError`."""
    records = await _records(replica, DocumentName(DocumentKind.CONVERSATION, row.conversation), CONVERSATION)
    head = reduce_conversation(records)
    segment = DocumentName(DocumentKind.SEGMENT, row.conversation, segment=max(head.segments, default=1))
    messages = reduce_messages(await _records(replica, segment, MESSAGES))
    tickets = []
    for ticket in row.tickets:
        state = reduce_ticket(await _records(replica, DocumentName(DocumentKind.TICKET, ticket.id), EVENTS))
        subject = None if state is None or state.subject is None else str(state.subject.value)
        tickets.append(replace(ticket, subject=subject))
    last = None
    if messages:
        newest = messages[-1]
        text = newest.text or newest.markup
        last = LastMessage(id=newest.id, at=newest.at, by=newest.by, type=newest.type, text=text)
    return replace(row, subject=head.subject, last=last, tickets=tuple(tickets))


async def _records(replica: Replica, name: DocumentName, root: str) -> list[dict[str, Any]]:
    if name.path not in replica.documents:
        return []
    await replica.alone(replica.load(name.path))
    return replica.records(name.path, root)
