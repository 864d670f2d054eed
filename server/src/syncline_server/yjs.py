"""Stock Yjs clients: one document on `/yjs/<document>?token=…`, in the y-websocket protocol (sync and awareness).

On the data's way: `socket → YJS → document (admission) → log → relay → outbox → socket`: the same admission and the
same log as `/v1/sync`. These clients know no cursor and no lease: they are served by state vector, and a client id is
bound to the first user who writes under it. A refused update closes the connection, with the reason, since the protocol
has no other word for it.

Messages (y-protocols): varint kind (0 sync, 1 awareness, 3 query awareness); sync: varint step (0 vector, 1 and 2
update), byte string.
"""

import asyncio
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import structlog
from syncline_protocol import limits
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_protocol.update import encode_vector, scan_vector

from syncline_server import awareness
from syncline_server.auth import Grant
from syncline_server.document import Document
from syncline_server.expiry import Expiry
from syncline_server.intake import Intake
from syncline_server.outbox import Outbox, Subscription
from syncline_server.presence import Attendant
from syncline_server.socket import Socket, message
from syncline_server.wire import (
    AWARENESS,
    EMPTY_UPDATE,
    QUERY_AWARENESS,
    SYNC,
    SYNC_STEP_1,
    SYNC_STEP_2,
    SYNC_UPDATE,
    VARINT_BITS,
    YJS,
    read_varint,
    yjs_message,
)

if TYPE_CHECKING:
    from syncline_server.hub import Hub

MESSAGES_WAITING_MAX: Final = 256


class YjsSession:
    """One stock client on one document."""

    def __init__(self, hub: "Hub", socket: Socket, grant: Grant, name: str) -> None:
        self.hub = hub
        self.socket = socket
        self.id = uuid.uuid4().hex
        self.identity: Identity = grant.identity(f"yjs-{self.id[:8]}")
        self.token_groups = grant.token_groups
        self.issued_ms = grant.issued_ms
        self.connected = True
        self.subscriptions: dict[int, Subscription] = {}
        self.outbox = Outbox(self)
        self._name = name
        self._ended = False
        self._clients: set[int] = set()
        self._unbound = 0
        self.awareness_client = 0
        self._shown_at = 0
        self._waiting: deque[bytes | None] = deque()
        self._wake = asyncio.Event()
        self._intake = Intake(socket)
        self._answered = False
        """Whether the client has sent what we lack by our vector: all that it wrote before it was connected."""
        self._expiry = Expiry(hub.now_ms)
        self._expiry.at(grant.expires_ms, self._expired)
        self._logger = structlog.get_logger()

    # --- called by the socket

    def receive(self, payload: bytes) -> None:
        """One message; all wait in one queue, served in order."""
        if self._ended:
            return
        if len(self._waiting) >= MESSAGES_WAITING_MAX:
            self.socket.transport.pause_reading()
        self._waiting.append(payload)
        self._wake.set()

    def drained(self) -> None:
        """The outbox has room again."""
        self.outbox.drained()

    def lost(self) -> None:
        """The connection is gone."""
        self.connected = False
        self._ended = True
        self._expiry.cancel()
        self._wake.set()
        self.outbox.stop()
        self.hub.leave(self)

    def shut_down(self) -> None:
        """Finish what is in flight, then close."""
        self._waiting.append(None)
        self._wake.set()

    # --- called by documents and the log

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002, ARG002 - stock clients hear no acks
        """The update is durable; this protocol has no word for it."""
        self._intake.leave()

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002, ARG002
        """The update was not taken: all this protocol can do is close, so that the client shows itself unsynced."""
        self._intake.leave()
        self.hub.metrics.refused(refusal.code)
        self.end(_close_code(refusal, CloseCode.UPDATE_REFUSED), str(refusal))

    def flush_acks(self) -> None:
        """Nothing to tell."""

    def evict(self, subscription: Subscription, code: RefusalCode, reason: str) -> None:  # noqa: ARG002
        """The rights ended: there is only one document on this connection."""
        self.end(CloseCode.FORBIDDEN if code is RefusalCode.FORBIDDEN else CloseCode.STORAGE_UNAVAILABLE, reason)

    def show_presence(self, document: Document, of: Attendant, state: dict[str, Any] | None) -> None:  # noqa: ARG002
        """Pass on another session's state as awareness."""
        self._shown_at = max(self._shown_at + 1, self.hub.now_ms())  # a clock that only rises, whoever is shown
        entry = awareness.Entry(of.awareness_client, self._shown_at, awareness.with_identity(state, of.identity))
        self._send(AWARENESS, awareness.encode([entry]))

    # --- the session

    def end(self, code: CloseCode, reason: str) -> None:
        """Close the connection with a reason."""
        if not self._ended:
            self._ended = True
            self.hub.metrics.closed(code)
            self._logger.info("yjs.ended", user=self.identity.user, code=code.value, reason=reason)
            self.socket.close(code.value, reason)

    async def run(self) -> None:
        """Open the document, then serve messages until the connection is gone."""
        try:
            await self._open()
            while self.connected:
                await self._serve_all()
                await self._wake.wait()
                self._wake.clear()
        except ProtocolViolation as violation:
            self.end(violation.close_code, violation.reason)
        except RefusedUpdate as refusal:
            self.end(_close_code(refusal, CloseCode.FORBIDDEN), str(refusal))
        except Exception:  # the boundary of a session: what nobody foresaw closes it, without details, and is logged
            self._logger.exception("yjs.failed", user=self.identity.user)
            self.end(CloseCode.INTERNAL, "internal error")

    async def _open(self) -> None:
        document, access = await self.hub.open(self.identity, self._name)
        try:
            await self.hub.load_index(document)
            if not self.connected or document.admission is None:
                return
            subscription = Subscription(self, document, YJS, access, 0)
            subscription.live = False  # until it has told its vector and was sent what it lacks
            self.subscriptions[document.number] = subscription
            self.hub.followers.add(self)
            document.subscriptions[self] = subscription
            self._send(SYNC, SYNC_STEP_1, encode_vector(document.admission.vector))
            self.hub.presence.show(self, [document])
        finally:
            self.hub.unpin(document)

    async def _serve_all(self) -> None:
        while self._waiting and not self._ended:
            await self._serve(self._waiting.popleft())
        if not self._ended and not self.socket.transport.is_reading():
            self.socket.transport.resume_reading()

    async def _serve(self, payload: bytes | None) -> None:
        if payload is None:
            await self.hub.log.flushed()
            self.end(CloseCode.SHUTTING_DOWN, "the server is stopping")
            return
        subscription = next(iter(self.subscriptions.values()), None)
        if subscription is None:
            return
        kind, body = _split(payload)
        if kind == SYNC:
            step, body = _split(body)
            content = _byte_string(body)
            if step == SYNC_STEP_1:
                await self._answer_vector(subscription, content)
            elif step in (SYNC_STEP_2, SYNC_UPDATE):
                self._answered = self._answered or step == SYNC_STEP_2
                await self._admit(subscription, content)
            else:
                raise ProtocolViolation(CloseCode.MALFORMED_FRAME, f"no such sync step: {step}")
        elif kind == AWARENESS:
            await self._take_awareness(subscription, _byte_string(body))
        elif kind == QUERY_AWARENESS:
            self.hub.presence.show(self, [subscription.document])
        else:
            raise ProtocolViolation(CloseCode.MALFORMED_FRAME, f"no such message: {kind}")

    async def _answer_vector(self, subscription: Subscription, content: bytes) -> None:
        """Send what the client lacks by its vector, then whatever was committed meanwhile, then go live."""
        document = subscription.document
        vector = scan_vector(content)
        if vector and not subscription.live:
            upto, diff = await self.hub.diff(document, content)
            subscription.cursor = upto
            self._send(SYNC, SYNC_STEP_2, diff)
            await self.outbox.catch_up(subscription)
        else:
            await self.outbox.catch_up(subscription)
            self._send(SYNC, SYNC_STEP_2, EMPTY_UPDATE)

    async def _admit(self, subscription: Subscription, payload: bytes) -> None:
        if self._intake.count >= limits.UPDATES_IN_FLIGHT_MAX:
            await subscription.document.settled()
        self._intake.enter(len(payload))
        try:
            self._intake.hold(self.identity, self.hub.rates)
            if len(payload) > limits.UPDATE_BYTES_MAX:
                raise RefusedUpdate(RefusalCode.TOO_LARGE, f"an update is over {limits.UPDATE_BYTES_MAX} bytes")
            while not await self._try_to_admit(subscription, payload):
                pass  # a client id was bound: once for each that is new in the update
        except RefusedUpdate as refusal:
            if refusal.code is RefusalCode.GAP and not self._answered:
                self._intake.leave()  # typed while it connected: the answer to our vector brings it again
            else:
                self.refuse(subscription.document.number, 0, refusal)

    async def _try_to_admit(self, subscription: Subscription, payload: bytes) -> bool:
        """Whether it was admitted; if not, an id under which it writes was bound. Raises `RefusedUpdate`."""
        await self.hub.load_index(subscription.document)
        try:
            subscription.document.admit(payload, self, 0, subscription.access, 0, self._owns, self.hub.now_ms())
        except RefusedUpdate as refusal:
            if refusal.code is not RefusalCode.NOT_YOURS or not await self._bind():
                raise
            return False
        return True

    def _owns(self, client: int) -> bool:
        if client in self._clients:
            return True
        self._unbound = client
        return False

    async def _bind(self) -> bool:
        """Bind the id that was found not to be ours, if it is nobody's yet."""
        if not await self.hub.leases.bind(self.identity, self._unbound):
            return False
        self._clients.add(self._unbound)
        return True

    async def _take_awareness(self, subscription: Subscription, content: bytes) -> None:
        """Pass on the client's own state. Stock clients repeat what they heard of others: that is not listened to.

        The first thing a client says is its own state alone, which tells its id; the id is bound to its user like any
        other.
        """
        entries = awareness.decode(content)
        if not self.awareness_client and len(entries) == 1 and self._owns(entries[0].client):
            self.awareness_client = entries[0].client
        elif not self.awareness_client and len(entries) == 1 and await self._bind():
            self.awareness_client = self._unbound
        for entry in entries:
            if entry.client == self.awareness_client:
                self.hub.presence.set(subscription.document, self, entry.state)

    def _send(self, *parts: int | bytes) -> None:
        self.socket.write(message(yjs_message(*parts)))

    def _expired(self) -> None:
        self.end(CloseCode.TOKEN_EXPIRED, "the token has expired")


def _close_code(refusal: RefusedUpdate, usual: CloseCode) -> CloseCode:
    """The close code that says what a refusal says: come back later, never so, or `usual`."""
    if refusal.code in (RefusalCode.UNAVAILABLE, RefusalCode.RATE_LIMITED):
        return CloseCode.STORAGE_UNAVAILABLE
    return CloseCode.UPDATE_REFUSED if refusal.code is RefusalCode.MALFORMED else usual


def _split(data: bytes) -> tuple[int, bytes]:
    """A small number (all of this protocol's are below 128) and the rest."""
    if not data or data[0] > VARINT_BITS:
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "not a message of the y-websocket protocol")
    return data[0], data[1:]


def _byte_string(data: bytes) -> bytes:
    """The one byte string that ends every message."""
    size, position = read_varint(data, 0)
    if len(data) - position != size:
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "a length does not fit its message")
    return data[position:]
