"""Keeps the device connected: one session after the other, until it is told to stop or must.

On the device's way: `session → CONNECTION → transport`. Invariants:

1. At most one transport at a time; nothing of a session outlives it but what is in the replica.
2. A lost connection is tried again with backoff and full jitter, not before the server said (`Busy`).
3. What only a person or a program can change (44xx) stops it, with the reason; what the device itself has changed does
   not.
4. A token is asked for anew for each connection, and before it expires within one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from inspect import isawaitable
from random import Random
from typing import Final, NamedTuple, TypeVar

from syncline_protocol import codec
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.frames import Frame, Welcome
from syncline_protocol.limits import TOKEN_RENEWAL_LEAD_MS
from syncline_protocol.session import State

from syncline_client.answers import Answers
from syncline_client.backoff import Backoff
from syncline_client.errors import OtherUser
from syncline_client.presence import PresenceBoard
from syncline_client.replica import Replica, logger
from syncline_client.session import NEVER, Session
from syncline_client.store import StoreError
from syncline_client.transport import ABNORMAL_CLOSURE, Connect, Transport, TransportClosed

AGENT: Final = "syncline-python/0.1.0"

STOPPING_CODES: Final = range(4400, 4500)
"""Close codes after which coming back makes no sense by itself."""

NORMAL_CLOSURE: Final = 1000

STABLE_AFTER_S: Final = 10.0
"""A session that lasted so long makes the next failure a first one."""

TOKEN_RETRY_S: Final = 5.0
"""Before the program is asked for a token again while the old one still counts."""

RENEWAL_PAUSE_S: Final = 0.25
"""Between two renewals at least: what gives tokens may have none that counts longer, and is not asked in a circle."""

WELCOME_WAIT_S: Final = 10.0
"""From `Hello` to `Welcome`: the server waits for the one half as long, and pings alone would keep a dead one alive."""

ARRIVAL_WAIT_S: Final = 5.0
"""How long to wait for a document that this device has never seen, while connected."""

MALFORMED_IN_A_ROW_MAX: Final = 3
"""Connections closed for a malformed update, one after the other, each time with the update set aside."""

E = TypeVar("E", bound=BaseException)

TokenSource = str | Callable[[], str | Awaitable[str]]
"""A token, or what gives a fresh one each time it is called."""


class Standing(StrEnum):
    """Where the connection stands."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    """Trying again by and by."""
    STOPPED = "stopped"
    """Not trying any more: somebody must change something."""


class ConnectionState(NamedTuple):
    """`since_ms`: since when it is not online (Unix time), or online. `reason`: why it is not, for a person;
    `store_failed`: because of the device's own store, and not of network or server.
    """

    standing: Standing
    since_ms: int
    reason: str = ""
    code: int = 0
    store_failed: bool = False


class Connection:
    """See the module's text."""

    def __init__(  # noqa: PLR0913 - a composition root composes; everything that differs between a test and a device is here
        self,
        replica: Replica,
        presence: PresenceBoard,
        url: str,
        token: TokenSource,
        *,
        connect: Connect,
        random: Random,
    ) -> None:
        self._replica = replica
        self._presence = presence
        self._url = url
        self._token = token
        self._connect = connect
        self._backoff = Backoff(random)
        self._malformed = 0
        self._kick = asyncio.Event()
        self._wake = asyncio.Event()
        self._session: Session | None = None
        self._changed: set[asyncio.Event] = set()
        self.state = ConnectionState(Standing.OFFLINE, replica.now_ms(), "not connected yet")
        replica.on_edit = self._edited

    # --- what others ask

    @property
    def is_settled(self) -> bool:
        """Whether the server and this device have the same, as far as either knows."""
        return self._session is not None and self._session.is_settled()

    @property
    def unopened(self) -> int:
        """How many documents wait to be opened because too many are open."""
        return len(self._session.unopened) if self._session is not None else 0

    def digest_is_equal(self, name: str) -> bool:
        """Whether the digests of a document were found equal, for what this device has of it now."""
        subscription = self._session.subscriptions.get(name) if self._session is not None else None
        document = self._replica.document(name)
        if subscription is None or not subscription.is_caught_up(document):
            return False
        return subscription.digest_equal_at == document.cursor.position

    def is_caught_up(self, name: str) -> bool:
        """Whether this device has all there is of a document, or is not let have it."""
        session = self._session
        return session is not None and session.is_document_settled(name)

    async def arrival(self, name: str) -> None:
        """Wait until this device has all there is of a document, if there is a connection: not for ever, because what
        comes later shows when it comes.
        """
        try:
            async with asyncio.timeout(ARRIVAL_WAIT_S):
                while not self.is_caught_up(name):
                    if self.state.standing in (Standing.OFFLINE, Standing.STOPPED):
                        return
                    await self.changed()
        except TimeoutError:
            logger.info("%s has not come within %g s", name, ARRIVAL_WAIT_S)

    def reason_of(self, name: str) -> str:
        """Why the server does not let this device have (or write) a document; empty if it does, or nobody knows."""
        subscription = self._session.subscriptions.get(name) if self._session is not None else None
        return "" if subscription is None else subscription.reason

    def retry_now(self) -> None:
        """The program knows that the network is back: do not wait any longer. Said during an attempt, it holds for the
        wait after it, unless the server has said how long that is.
        """
        self._kick.set()

    def wake(self) -> None:
        """Let the session decide again."""
        self._wake.set()

    def touch(self, name: str) -> None:
        """Let the session look at a document again."""
        if self._session is not None:
            self._session.touch(name)
        self._wake.set()

    def compare(self, name: str) -> None:
        """Let the session compare a document's digest now; `digest_is_equal` says when it was found equal."""
        if self._session is not None:
            self._session.compare(name)
        self._wake.set()

    async def changed(self) -> None:
        """Wait until something happens: a frame, an edit, the connection."""
        event = asyncio.Event()
        self._changed.add(event)
        try:
            await event.wait()
        finally:
            self._changed.discard(event)

    def _edited(self, name: str) -> None:
        if self._session is not None:
            self._session.edited(name)
        self._wake.set()
        self._tell()

    def _tell(self) -> None:
        for event in self._changed:
            event.set()

    def _stand(self, standing: Standing, *, reason: str = "", code: int = 0, store_failed: bool = False) -> None:
        since_ms = self.state.since_ms
        if (standing is Standing.ONLINE) != (self.state.standing is Standing.ONLINE):
            since_ms = self._replica.now_ms()
        self.state = ConnectionState(standing, since_ms, reason, code, store_failed)
        self._tell()

    # --- one connection after the other

    async def run(self) -> None:
        """Stay connected. Returns when it must stop (see `state`)."""
        try:
            await self._run()
        except Exception as error:  # noqa: BLE001 - the boundary of a task: what nobody foresaw is shown, not repeated
            logger.exception("the connection failed")
            cause = _leaves(error)[0] if isinstance(error, ExceptionGroup) else error
            self._stand(Standing.STOPPED, reason=f"internal error: {cause}")

    async def _run(self) -> None:
        while True:
            self._kick.clear()
            retry_after_ms = await self._attempt()
            if self.state.standing is Standing.STOPPED:
                logger.error("stopped: %s", self.state.reason)
                return
            wait_s = self._backoff.wait_s(retry_after_ms=retry_after_ms)
            logger.info("offline: %s; trying again in %.1f s", self.state.reason, wait_s)
            if retry_after_ms:
                self._kick.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._kick.wait()
            except TimeoutError:
                continue

    async def _attempt(self) -> int:
        """One connection, to its end; returns when the server said to come back, in ms."""
        self._stand(Standing.CONNECTING, reason=self.state.reason)
        try:
            token = await self.ask_token()
            transport = await self._connect(self._url)
        except TransportClosed as closed:
            self._stand(Standing.OFFLINE, reason=closed.reason, code=closed.code)
            return 0
        session = self._session = Session(self._replica, self._presence)
        begun_s = time.monotonic()
        try:
            await self._serve(session, transport, token)
        except* TransportClosed as ended:
            self._ended(max(_leaves(ended), key=lambda closed: closed.code))  # the server's word over a broken pipe's
        except* (ProtocolViolation, StoreError) as failed:
            self._failed(_leaves(failed)[0])
        except* OtherUser as other:
            self._stand(Standing.STOPPED, reason=str(_leaves(other)[0]))
        finally:
            self._session = None
            self._presence.disconnected()
            await transport.close(NORMAL_CLOSURE, "")
            self._tell()
        if time.monotonic() > begun_s + STABLE_AFTER_S:
            self._backoff.succeeded()
        return session.retry_after_ms

    async def ask_token(self) -> str:
        """A token that counts now. Raises `TransportClosed` when the program gives none."""
        if isinstance(self._token, str):
            return self._token
        try:
            token = self._token()
            return await token if isawaitable(token) else token
        except Exception as error:  # the program's own function: whatever it raises, there is no token
            logger.warning("no token: %s", error)
            raise TransportClosed(0, f"no token: {error}") from error

    def _ended(self, closed: TransportClosed) -> None:
        self._malformed = self._malformed + 1 if closed.code == CloseCode.UPDATE_REFUSED else 0
        stopped = closed.code in STOPPING_CODES and not self._is_mended(closed.code)
        self._stand(Standing.STOPPED if stopped else Standing.OFFLINE, reason=closed.reason, code=closed.code)

    def _is_mended(self, code: int) -> bool:
        """Whether the device itself has changed, or will, what the server closed the connection for."""
        if code == CloseCode.UPDATE_REFUSED:
            return self._malformed <= MALFORMED_IN_A_ROW_MAX  # the update is set aside
        if code == CloseCode.TOKEN_EXPIRED:
            return not isinstance(self._token, str)  # the next attempt has a fresh one
        return code == CloseCode.HELLO_TIMEOUT  # the network was slow

    def _failed(self, error: BaseException) -> None:
        logger.error("the connection failed: %s", error)
        self._stand(Standing.OFFLINE, reason=str(error), store_failed=isinstance(error, StoreError))

    # --- one session

    async def _serve(self, session: Session, transport: Transport, token: str) -> None:
        await _send(transport, session.hello(token, AGENT))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(session, transport), name="receive")
            tasks.create_task(self._decide(session, transport), name="decide")
            tasks.create_task(self._renew(session), name="renew")
            tasks.create_task(self._expect_welcome(session), name="expect welcome")

    async def _receive(self, session: Session, transport: Transport) -> None:
        answers = Answers(session)
        while True:
            message = await transport.receive()
            await answers.take(message, time.monotonic())
            if session.state is State.READY and self.state.standing is not Standing.ONLINE:
                self._stand(Standing.ONLINE)
            self._wake.set()
            self._tell()

    async def _decide(self, session: Session, transport: Transport) -> None:
        while True:
            self._wake.clear()
            for frame in session.decide(time.monotonic()):
                await _send(transport, frame)
            await session.close_unused(time.monotonic())
            wake_at_s = session.wake_at_s()
            try:
                async with asyncio.timeout(None if wake_at_s == NEVER else max(0.0, wake_at_s - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _expect_welcome(self, session: Session) -> None:
        try:
            async with asyncio.timeout(WELCOME_WAIT_S):
                await self._welcome(session)
        except TimeoutError as error:
            reason = f"the server did not greet this device within {WELCOME_WAIT_S:g} s"
            raise TransportClosed(ABNORMAL_CLOSURE, reason) from error
        self._kick.clear()  # the network is back, and has shown it

    async def _welcome(self, session: Session) -> Welcome:
        while session.welcome is None:
            await self.changed()
        return session.welcome

    async def _renew(self, session: Session) -> None:
        """Show the server a newer token before the old one expires; a token that is all there is runs out."""
        if isinstance(self._token, str):
            return
        welcome = await self._welcome(session)
        offset_s = welcome.server_time_ms / 1000 - time.monotonic()  # the device's own clock may jump
        while True:
            left_s = session.token_expires_ms / 1000 - (time.monotonic() + offset_s)
            await asyncio.sleep(max(left_s - TOKEN_RENEWAL_LEAD_MS / 1000, left_s / 2, RENEWAL_PAUSE_S))
            try:
                session.renew(await self.ask_token())
            except TransportClosed:
                await asyncio.sleep(TOKEN_RETRY_S)
                continue
            self._wake.set()
            while session.is_renewing:
                await self.changed()


async def _send(transport: Transport, frame: Frame) -> None:
    for message in codec.messages(frame):
        await transport.send(message)


def _leaves(group: BaseExceptionGroup[E]) -> list[E]:
    return [
        leaf for one in group.exceptions for leaf in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    ]
