"""The device: everything of `syncline_client` put together, and the only thing that a program has to make.

    async with Device("http://127.0.0.1:8700", token=token, store=Path("phone.db")) as device:
        conversation = await device.conversation("c-1")
        await conversation.say("my tablet no longer finds the wifi")
        async for change in conversation.changes():
            show(conversation.messages())

It works whether or not there is a connection: what is written is stored, shown and sent when it can be.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, Final, Self

from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.opening import Opening, opening_events
from syncline_protocol.documents.suggestion import said_in, suggested_opening
from syncline_protocol.extraction import Extraction, Rules, extract, missing_fields
from syncline_protocol.listings import SearchPage, SeenBy, SeenList, TicketPage
from syncline_protocol.names import Language, parse_name

from syncline_client.changes import Changes
from syncline_client.comparison import Comparison, compare
from syncline_client.connection import Connection, Standing, TokenSource
from syncline_client.conversation import Conversation
from syncline_client.errors import DeviceStopped, EditNotAllowed, NeverConnected
from syncline_client.inbox import Inbox
from syncline_client.own_state import OwnState
from syncline_client.page import Page
from syncline_client.presence import PresenceBoard
from syncline_client.replica import Replica, logger, new_record_id, now_ms
from syncline_client.rest import Rest
from syncline_client.status import Status
from syncline_client.store import Row, Store, StoredDocument, StoreError
from syncline_client.store_memory import MemoryStore
from syncline_client.store_sqlite import SqliteStore
from syncline_client.tenant_rules import TenantRules
from syncline_client.ticket import VIA, Ticket
from syncline_client.transport import Connect, connect_websocket, sync_url

STOP_WAIT_S: Final = 5.0
"""How long leaving waits for the connection to close."""


STORE_RETRY_S: Final = 5.0
"""Before a segment that the store could not take in is followed after all."""

SEARCH_PATH: Final = "/v1/search"
CONVERSATIONS_PATH: Final = "/v1/conversations"
TICKETS_PATH: Final = "/v1/tickets"


class Device:
    """See the module's text.

    `url`: the server's address. `token`: one, or a function that gives a fresh one each time. `store`: a file, a
    `Store`, or None to keep nothing. `device`: the name of a new device (made up if empty); a store that has one keeps
    it. The others differ in tests only.
    """

    def __init__(  # noqa: PLR0913 - a composition root takes what it composes
        self,
        url: str,
        *,
        token: TokenSource,
        store: Store | Path | None = None,
        device: str = "",
        connect: Connect = connect_websocket,
        random: Random | None = None,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._address = url
        self._url = sync_url(url)
        self._token = token
        self._store: Store = (
            SqliteStore(store) if isinstance(store, Path) else MemoryStore() if store is None else store
        )
        self._connect = connect
        self._random = random or SystemRandom()
        self._tasks: set[asyncio.Task[None]] = set()
        self._conversations: dict[str, Conversation] = {}
        self._tickets: dict[str, Ticket] = {}
        self._presence = PresenceBoard()
        self.replica = Replica(self._store, device=device, clock_ms=clock_ms)

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        try:
            await self.replica.__aenter__()
        except BaseException:  # a store that nobody will close must be closed, whatever happened
            await self._store.__aexit__(None, None, None)
            raise
        self.connection = Connection(
            self.replica, self._presence, self._url, self._token, connect=self._connect, random=self._random
        )
        self.own = OwnState(self.replica, self.connection)
        """The user's own document: read markers, drafts, settings. Followed once it is asked for."""
        self._start(self.connection.run(), "connection")
        self._start(self.own.run(), "own state")
        self.rest = Rest(self._address, self.connection.ask_token)
        self._rules = TenantRules(self.replica, self.connection, self.rest)
        self._start(self._rules.run(), "tenant's rules")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        async with AsyncExitStack() as closing:  # from below: the store is closed last, whatever fails before it
            closing.push_async_exit(self._store)
            closing.callback(self._warn)
            closing.push_async_exit(self.replica)
            closing.push_async_exit(self.rest)
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_WAIT_S)
            try:
                await self.own.flush()
            except StoreError as failed:
                logger.error("read markers and drafts are not stored: %s", failed)

    def _warn(self) -> None:
        if isinstance(self._store, MemoryStore) and self.status.waiting:
            logger.warning(
                "%d edits were not accepted, and nothing keeps them: give the device a store", self.status.waiting
            )

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("the device's %s failed", task.get_name(), exc_info=task.exception())

    # --- handles

    async def conversation(self, id: str) -> Conversation:  # noqa: A002 - a conversation's id
        """The conversation, followed from now on: until another needs its place, where very many are open and this one
        is not used (see `Changes`). Raises `RefusedUpdate` when `id` cannot be one, `StoreError`.
        """
        conversation = self._conversations.get(id)
        if conversation is None:
            conversation = Conversation(id, self.replica, self.connection, self._presence, self.own)
        await conversation.open()
        if id not in self._conversations:
            self._conversations[id] = conversation
            head = self.replica.watchers.watch(conversation.name, uses=False)
            self._start(_follow_segments(conversation, head), "conversation")
        self._rules.wanted()
        return self._conversations[id]

    async def ticket(self, id: str) -> Ticket:  # noqa: A002 - a ticket's id
        """The ticket, followed from now on: a customer's device follows its public side. Raises `NeverConnected` on a
        device that does not know yet whose it is, `RefusedUpdate` when `id` cannot be one, `StoreError`.
        """
        if not self.replica.role:
            raise NeverConnected
        ticket = self._ticket(id)
        await ticket.open()
        return ticket

    async def open_ticket(  # noqa: PLR0913 - what one may know better than what was extracted
        self,
        conversation: str | None = None,
        *,
        subject: str | None = None,
        issue_type: str | None = None,
        priority: str | None = None,
        customer: str | None = None,
        fields: Mapping[str, Scalar] | None = None,
    ) -> Ticket:
        """Open a ticket, also without a connection, in one write. What it is about is taken out of the conversation,
        each value with the message it came from; what is given goes before that. Without a conversation a `subject` is
        needed.

        Raises `NeverConnected`, `EditNotAllowed`, `RefusedUpdate` when `conversation` cannot be one, `StoreError`.
        """
        if self.replica.role == Role.CUSTOMER:
            raise EditNotAllowed("tickets are opened by the staff")
        opening = Opening(subject="", via=VIA)
        if conversation is not None:
            handle = await self.conversation(conversation)
            extraction = await self.extraction(conversation)
            opening = suggested_opening(conversation, handle.head, handle.messages(), extraction, via=VIA)
        if issue_type is not None:
            opening = opening._replace(issue_confidence=None)  # a person's word, not a guess
        better: dict[str, Any] = {
            "subject": subject,
            "issue_type": issue_type,
            "priority": priority,
            "customer": customer,
        }
        opening = opening._replace(**{name: value for name, value in better.items() if value is not None})
        ticket = self._ticket(new_record_id())
        read = tuple(one for one in opening.fields if one.name not in (fields or {}))
        opening = opening._replace(fields=read, values=fields or {})
        await ticket.begin(opening_events(opening, new_record_id))
        return ticket

    async def extraction(self, conversation: str) -> Extraction:
        """What can be taken out of the messages of a conversation that are here, by the tenant's rules. Raises
        `RefusedUpdate` when `conversation` cannot be one, `StoreError`.
        """
        handle = await self.conversation(conversation)
        if self.connection.state.standing is Standing.ONLINE:
            await self._rules.refresh()
        return extract(said_in(handle.head, handle.messages()), await self.rules())

    async def missing_fields(self, ticket: Ticket) -> tuple[str, ...]:
        """The names of the fields that a ticket of this issue type needs and that this one does not have, by the
        tenant's rules. Raises `StoreError`.
        """
        state = ticket.state
        if state is None or state.issue_type is None:
            return ()
        there = {name for name, register in state.fields.items() if register.value not in (None, "")}
        return missing_fields(str(state.issue_type.value), there, await self.rules())

    async def rules(self) -> Rules:
        """The tenant's rules: what kinds of problems there are, and what belongs to each. Raises `StoreError`."""
        return await self._rules.rules()

    def _ticket(self, id: str) -> Ticket:  # noqa: A002 - a ticket's id
        """One handle for everybody, because what is written by way of it is written in turn."""
        if id not in self._tickets:
            self._tickets[id] = Ticket(id, self.replica, self.connection, self._presence)
        return self._tickets[id]

    def inbox(
        self, *, view: str = "all", group: str | None = None, status: str | None = None, limit: int = 50
    ) -> Inbox:
        """The conversations that this user sees, as a live list: `async with device.inbox(view="mine") as inbox: …`.

        `view`: `all`, `mine`, `unread` or `group` (with `group`: that one, else all of one's own). `status`: only with
        a ticket that stands so, or `open`.
        """
        return Inbox(self.replica, self.rest, self._random, view=view, group=group, status=status, limit=limit)

    async def tickets(  # noqa: PLR0913 - what may be asked for
        self,
        *,
        status: str | None = None,
        group: str | None = None,
        assignee: str | None = None,
        mine: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> TicketPage:
        """Tickets that this user may see, the newest first. `status`: one, or `open`. Raises `RequestRefused`,
        `ServerOutOfReach`.
        """
        asked = {"status": status, "group": group, "assignee": assignee, "mine": "true" if mine else None}
        return await self.rest.read(TICKETS_PATH, TicketPage, {**asked, "limit": limit, "cursor": cursor})

    async def seen_by(self, conversation: str) -> tuple[SeenBy, ...]:
        """How far everybody has read a conversation, those too who are not there just now (who is: see
        `Conversation.seen`). Raises `RequestRefused`, `ServerOutOfReach`.
        """
        return (await self.rest.read(f"{CONVERSATIONS_PATH}/{conversation}/seen", SeenList)).seen

    async def search(
        self, words: str, *, kind: str | None = None, conversation: str | None = None, limit: int = 20, cursor: str = ""
    ) -> SearchPage:
        """Messages and tickets (`kind`: `message` or `ticket`) that hold all of these words, the newest first.
        `cursor`: the `next` of the page before. Raises `RequestRefused`, `ServerOutOfReach`.
        """
        asked = {"q": words, "kind": kind, "conversation": conversation, "limit": limit, "cursor": cursor or None}
        return await self.rest.read(SEARCH_PATH, SearchPage, asked)

    async def page(self, name: str) -> Page:
        """The page (`page/<id>`), or a ticket's texts (`ticket/<id>/text`), followed from now on. Raises
        `RefusedUpdate` when there can be no such page, `StoreError`.
        """
        if parse_name(name).language is not Language.CONTENT:
            raise ValueError(f"{name} holds records: it is no page")
        await self.replica.follow(name)
        return Page(name, self.replica, self.connection, self._presence)

    # --- documents of any kind

    async def follow(self, name: str) -> None:
        """Keep a document in sync from now on. Raises `RefusedUpdate` when `name` is none, `StoreError`."""
        await self.replica.follow(name)

    async def unfollow(self, name: str) -> None:
        """Keep what is there, and ask for more only to learn what was erased, once on each connection."""
        await self.replica.unfollow(name)

    def records(self, name: str, root: str) -> list[dict[str, Any]]:
        """The records of a followed document, own unaccepted ones last."""
        return self.replica.records(name, root)

    async def write(self, name: str, root: str, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Write records in one transaction; returns them whole. Raises `NeverConnected`, `EditNotAllowed`,
        `StoreError`.
        """
        return await self.replica.write(name, root, records)

    def changes(self, *names: str) -> Changes:
        """Iterates over the changes of these documents from now on, until closed."""
        return self.replica.watchers.watch(*names)

    def documents(self) -> list[StoredDocument]:
        """What this device has, and how far it is in each."""
        return [document.row() for document in self.replica.documents.values()]

    # --- how it stands

    @property
    def status(self) -> Status:
        """How the device stands, for a person (`status.text`) and for a program."""
        outbox = self.replica.outbox
        connection, refused = self.connection, tuple(outbox.refused())
        return Status(connection.state, connection.is_settled, outbox.count_waiting, refused, connection.unopened)

    @property
    def refused(self) -> list[Row]:
        """The edits that the server refused, each with its code and reason."""
        return self.replica.outbox.refused()

    async def retry(self, id: int) -> None:  # noqa: A002 - the store's word
        """Send a refused record again. Raises `EditNotAllowed` for a page's edit."""
        await self.replica.retry(id)

    async def discard(self, id: int) -> None:  # noqa: A002 - the store's word
        """Give a refused edit up."""
        await self.replica.discard(id)

    async def connected(self) -> None:
        """Wait until the server has told who this device is: from then on it can write, also offline.

        Raises `DeviceStopped` when that will not happen by itself. Returns at once on a device that has been connected
        before.
        """
        while not self.replica.identity.user:
            if self.connection.state.standing is Standing.STOPPED:
                raise DeviceStopped(self.connection.state.reason)
            await self.connection.changed()

    async def settled(self) -> None:
        """Wait until every followed document has all there is, and every edit is accepted or refused.

        Raises `DeviceStopped` when that will not happen by itself. Waits for ever while there is no server.
        """
        while not self.connection.is_settled:
            if self.connection.state.standing is Standing.STOPPED:
                raise DeviceStopped(self.connection.state.reason)
            await self.connection.changed()

    async def compare(self, name: str) -> Comparison:
        """Bring a document up to date and compare its digest with the server's. A copy that differs is loaded anew.

        Raises `DeviceStopped`, `StoreError`.
        """
        return await compare(self.replica, self.connection, name)

    def reconnect(self) -> None:
        """The network is back: try at once instead of when the backoff ends."""
        self.connection.retry_now()


async def _follow_segments(conversation: Conversation, head: Changes) -> None:
    with head:
        async for _ in head:
            await _follow_newest(conversation)


async def _follow_newest(conversation: Conversation) -> None:
    while True:
        try:
            return await conversation.follow_newest()
        except StoreError as error:
            logger.error("the newest segment of %s is not followed yet: %s", conversation.name, error)
        await asyncio.sleep(STORE_RETRY_S)
