"""One device's connection to `/v1/sync`.

On the data's way: `socket → codec → SESSION → document (admission) → log → relay → outbox → socket`. Updates wait for
the log to begin its next commit and are then admitted one after the other (ten together cost far less than ten at ten
times). What else can be answered at once is answered in `receive`, on the socket's own call: updates above all. What
has to ask the store first (hello, open, digest, lease, an update of a document whose index is not loaded or that names
another document) waits in one queue that `run` serves in order.

Invariants:

1. Nothing but one `Hello` is read before the user is known, and nothing is kept for somebody unknown.
2. Updates of this session are admitted in the order in which they came; none overtakes one that waits.
3. Every update is answered once, by `Acks` or `Refused`, unless the connection ends first (P5).
4. What waits here is bounded: updates by `Intake`, other requests by `REQUESTS_WAITING_MAX`.
5. The session writes under client ids leased to its user and device, and no others.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from syncline_protocol import codec, frames, limits
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_protocol.frames import Frame
from syncline_protocol.session import FROM_DEVICE, State, next_state

from syncline_server.auth import NO_GROUPS, Grant
from syncline_server.document import Document
from syncline_server.expiry import Expiry
from syncline_server.greeting import greet
from syncline_server.intake import Intake
from syncline_server.opening import open_documents
from syncline_server.outbox import Outbox, Subscription
from syncline_server.presence import Attendant
from syncline_server.rights import may_let_in
from syncline_server.socket import Socket, message

if TYPE_CHECKING:
    from syncline_server.hub import Hub

REQUESTS_WAITING_MAX: Final = 64
"""Requests other than updates that may wait for the store."""

UPDATE_HEAD: Final = codec.encode(frames.Update(0, 0, b""))[:2]
"""How an `Update` begins: an array of four, and its number."""

UPDATE_FRAME_BYTES: Final = 1024
"""What an `Update` has around its payload is at most 25 bytes: one over the limit is refused by name, far over it ends
the session before it is put together."""

T = TypeVar("T")

NOBODY: Final = Identity(tenant="", user="", device="", role=Role.CUSTOMER, groups=frozenset())


class _ShutDown(Frame, frozen=True):
    """The server's own request to itself: finish and close."""


class Session:
    """See the module's text."""

    def __init__(self, hub: "Hub", socket: Socket) -> None:
        self.hub = hub
        self.socket = socket
        self.id = uuid.uuid4().hex
        self.identity = NOBODY
        self.token_groups = NO_GROUPS
        self.client = 0
        self.issued_ms = 0
        self.state = State.GREETING
        self.subscriptions: dict[int, Subscription] = {}
        self.outbox = Outbox(self)
        self.intake = Intake(socket)
        self._offered: list[bytes] = []
        self.connected = True
        self._clients: set[int] = set()
        self._owns = self._clients.__contains__
        self._acks: list[int] = []
        self._requests: deque[Frame] = deque()
        self._deferred_updates = 0
        self._wake = asyncio.Event()
        self._assembler = codec.Assembler(limits.UPDATE_BYTES_MAX + UPDATE_FRAME_BYTES)
        self._greeting = asyncio.get_running_loop().call_later(limits.HELLO_WAIT_MS_MAX / 1000, self._hello_missing)
        self._expiry = Expiry(hub.now_ms)
        self._digesting = False
        self._logger = structlog.get_logger()

    # --- called by the socket

    def receive(self, payload: bytes) -> None:
        """One message: an update is kept for the log's next turn, anything else is taken at once, behind what is
        kept.
        """
        if payload.startswith(UPDATE_HEAD) and self.state is State.READY:
            self._guarded(self._keep, payload)
        else:
            self.admit_offered()
            self._guarded(self._take, payload)

    def admit_offered(self) -> None:
        """Admit the updates that were kept, in their order. Called by the log when it begins a commit."""
        if self._offered:
            offered, self._offered = self._offered, []
            self._guarded(self._take_updates, offered)

    def _guarded(self, take: Callable[[T], None], what: T) -> None:
        """Whatever goes wrong in a message ends this session and no other."""
        try:
            take(what)
        except ProtocolViolation as violation:
            self.end(violation.close_code, violation.reason)
        except Exception:  # the boundary of a session: what nobody foresaw closes it, without details, and is logged
            self._logger.exception("session.failed", session=self.id)
            self.end(CloseCode.INTERNAL, "internal error")

    def drained(self) -> None:
        """The outbox has room again: catch up what was left out."""
        self.outbox.drained()

    def lost(self) -> None:
        """The connection is gone."""
        self.connected = False
        self.state = State.CLOSED
        self._greeting.cancel()
        self._expiry.cancel()
        self._wake.set()
        self.outbox.stop()
        self.hub.leave(self)

    def shut_down(self) -> None:
        """Finish what is in flight, say when to come back, close."""
        self._requests.append(_ShutDown())
        self._wake.set()

    # --- called by documents and the log

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002 - the wire's word
        """Note that an update is durable; told with the others of the same commit."""
        self.intake.leave()
        if not self._acks:
            self.hub.acking.append(self)
        self._acks += (channel, id, seq)

    def flush_acks(self) -> None:
        """Tell what `acknowledge` noted."""
        acks, self._acks = self._acks, []
        self.send(frames.Acks(acks))

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002 - the wire's word
        """Tell that an update was not taken, and why."""
        self.intake.leave()
        self.hub.metrics.refused(refusal.code)
        self.send(frames.Refused(channel, id, refusal.code.value, refusal.reason, dict(refusal.detail)))
        if refusal.code is RefusalCode.MALFORMED:
            self.end(CloseCode.UPDATE_REFUSED, f"malformed update: {refusal.reason}")

    @property
    def awareness_client(self) -> int:
        """See `Attendant`."""
        return self.client

    def show_presence(self, document: Document, of: Attendant, state: dict[str, Any] | None) -> None:
        """Pass on what another session in the document is doing."""
        identity = of.identity
        self.send(frames.Presence(document.number, of.id, identity.user, identity.device, state))

    # --- called by the greeting

    def known(self, identity: Identity, grant: Grant, client: int) -> None:
        """It is `identity`'s, until the grant ends, and writes under `client`."""
        self.identity, self.token_groups, self.client = identity, grant.token_groups, client
        self._clients.add(client)
        self.issued_ms = grant.issued_ms
        self._expiry.at(grant.expires_ms, self._expired)

    # --- sending

    def send(self, frame: Frame) -> None:
        """Write `frame`, in fragments if it is large."""
        for part in codec.messages(frame):
            self.socket.write(message(part))

    def end(self, code: CloseCode, reason: str) -> None:
        """Close the connection with a reason; nothing more is read."""
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self.hub.metrics.closed(code)
            self._logger.info("session.ended", session=self.id, user=self.identity.user, code=code.value, reason=reason)
            self.socket.close(code.value, reason)

    def evict(self, subscription: Subscription, code: RefusalCode, reason: str) -> None:
        """Close one document because the rights to it ended."""
        if self._forget(subscription.document.number):
            self.send(frames.Evicted(subscription.document.number, code.value, reason))

    # --- frames that are answered at once

    def _keep(self, payload: bytes) -> None:
        self.intake.enter(len(payload))
        if not self._offered:
            self.hub.log.offer(self)
        self._offered.append(payload)

    def _take(self, payload: bytes) -> None:
        if self.state is State.GREETING and len(payload) > limits.HELLO_BYTES_MAX:
            raise ProtocolViolation(CloseCode.TOO_LARGE, f"Hello is over {limits.HELLO_BYTES_MAX} bytes")
        frame = codec.decode_device_frame(payload)
        if self.state is State.CLOSED:
            return
        self.state = next_state(FROM_DEVICE, self.state, frame)
        if isinstance(frame, frames.Update):  # one that came in fragments: others are kept
            self.intake.enter(len(payload))
            self._take_update(frame)
        elif isinstance(frame, frames.Fragment):
            whole = self._assembler.add(frame)
            if whole is not None:
                self._take(whole)
        elif isinstance(frame, frames.Close):
            self._forget(frame.channel)
        elif isinstance(frame, frames.SetPresence):
            self._set_presence(frame)
        elif isinstance(frame, frames.Renew):
            self._renew(frame.token)
        else:
            self._defer(frame)

    def _take_updates(self, offered: Sequence[bytes]) -> None:
        for payload in offered:
            if self.state is not State.READY:
                return
            frame = codec.decode_device_frame(payload)
            if not isinstance(frame, frames.Update):
                raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "not an update")
            self._take_update(frame)

    def _take_update(self, frame: frames.Update) -> None:
        subscription = self.subscriptions.get(frame.channel)
        document = None if subscription is None else subscription.document
        asks = document is not None and (document.admission is None or may_let_in(self.identity, document.name))
        if self._deferred_updates or asks:
            self._deferred_updates += 1
            self._defer(frame)
            return
        self._admit(subscription, frame)

    def _admit(self, subscription: Subscription | None, frame: frames.Update) -> None:
        try:
            if subscription is None:
                raise RefusedUpdate(RefusalCode.NOT_OPEN, f"channel {frame.channel} is not open")
            self.intake.hold(self.identity, self.hub.rates)
            if len(frame.payload) > limits.UPDATE_BYTES_MAX:
                raise RefusedUpdate(RefusalCode.TOO_LARGE, f"an update is over {limits.UPDATE_BYTES_MAX} bytes")
            subscription.document.admit(
                frame.payload, self, frame.id, subscription.access, self.client, self._owns, self.hub.now_ms()
            )
        except RefusedUpdate as refusal:
            self.refuse(frame.channel, frame.id, refusal)

    def _forget(self, channel: int) -> bool:
        subscription = self.subscriptions.pop(channel, None)
        if subscription is None:
            return False
        self.hub.unsubscribe(subscription)
        return True

    def _set_presence(self, frame: frames.SetPresence) -> None:
        subscription = self.subscriptions.get(frame.channel)
        if subscription is not None:
            self.hub.presence.set(subscription.document, self, frame.state)

    def _renew(self, token: str) -> None:
        grant = self.hub.authority.check(token, now_ms=self.hub.now_ms())
        identity = grant.identity(self.identity.device)
        if (identity.tenant, identity.user) != (self.identity.tenant, self.identity.user):
            raise ProtocolViolation(CloseCode.UNAUTHENTICATED, "the new token is another user's")
        changed = identity != self.identity
        self.known(identity, grant, self.client)
        self.send(frames.Renewed(grant.expires_ms))
        if changed:
            self.hub.rights.of_session_changed(self)

    # --- requests that ask the store

    def _defer(self, frame: Frame) -> None:
        if len(self._requests) - self._deferred_updates >= REQUESTS_WAITING_MAX:
            raise ProtocolViolation(CloseCode.TOO_MANY, f"over {REQUESTS_WAITING_MAX} requests wait")
        self._requests.append(frame)
        self._wake.set()

    async def run(self) -> None:
        """Serve requests until the connection is gone."""
        while self.connected:
            while self._requests and self.connected:
                await self._serve_guarded(self._requests.popleft())
            await self._wake.wait()
            self._wake.clear()

    async def _serve_guarded(self, frame: Frame) -> None:
        try:
            await self._serve(frame)
        except ProtocolViolation as violation:
            self.end(violation.close_code, violation.reason)
        except Exception:  # the boundary of a session: what nobody foresaw closes it, without details, and is logged
            self._logger.exception("session.failed", session=self.id)
            self.end(CloseCode.INTERNAL, "internal error")

    async def _serve(self, frame: Frame) -> None:
        if isinstance(frame, frames.Update):
            await self._serve_update(frame)
        elif self.state is State.CLOSED and not isinstance(frame, _ShutDown):
            return
        elif isinstance(frame, frames.Hello):
            self._greeting.cancel()
            await greet(self, frame)
        elif isinstance(frame, frames.Open):
            await open_documents(self, frame)
        elif isinstance(frame, frames.Digest):
            await self._check_digest(frame)
        elif isinstance(frame, frames.RequestLease):
            self.client = await self.hub.new_lease(self.identity)
            self._clients.add(self.client)
            self.send(frames.Leased(self.client))
        elif isinstance(frame, _ShutDown):
            await self._finish()

    async def _serve_update(self, frame: frames.Update) -> None:
        subscription = self.subscriptions.get(frame.channel)
        try:
            if subscription is not None and self.state is State.READY:
                await self.hub.rights.check_named_in(self.identity, subscription.document, frame.payload)
                await self.hub.load_index(subscription.document)
        except RefusedUpdate as refusal:
            self.refuse(frame.channel, frame.id, refusal)
            return
        finally:
            self._deferred_updates -= 1
        if self.state is State.READY:
            self._admit(self.subscriptions.get(frame.channel), frame)

    async def _check_digest(self, frame: frames.Digest) -> None:
        subscription = self.subscriptions.get(frame.channel)
        if subscription is None:
            return
        document = subscription.document
        self.hub.note_cursor(document, self.client, frame.cursor)
        digest = await self.hub.digest(document, at=frame.cursor)
        equal = digest == frame.digest
        if digest is not None and not equal:
            self.hub.metrics.digest_mismatches += 1
            self._logger.error(
                "digest.mismatch", document=document.key.name, device=self.identity.device, cursor=frame.cursor
            )
        self.send(frames.DigestChecked(frame.channel, frame.cursor, equal, digest or b""))

    async def _finish(self) -> None:
        await self.hub.log.flushed()
        settings = self.hub.settings
        retry_after_ms = settings.shutdown_retry_after_ms + hash(self.id) % max(1, settings.shutdown_retry_after_ms)
        self.send(frames.Busy(retry_after_ms, "the server is stopping"))
        self.end(CloseCode.SHUTTING_DOWN, "the server is stopping")

    def _hello_missing(self) -> None:
        self.end(CloseCode.HELLO_TIMEOUT, f"no Hello within {limits.HELLO_WAIT_MS_MAX} ms")

    def _expired(self) -> None:
        self.end(CloseCode.TOKEN_EXPIRED, "the token has expired")
