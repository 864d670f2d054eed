"""A small server for the device's tests: it speaks the frames of `docs/protocol.md` and does what a test tells it to.

It is the protocol's other side without I/O: a `PeerSession` takes messages and leaves answers in `outgoing`.
`tests/support/link.py` joins it with a device's session step by step; `serve` puts it behind real WebSockets.
Admission is the real one (`RecordIndex`, `ContentIndex`); what a test adds is trouble: refusals, commits that wait,
lost history, another clock.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from syncline_protocol import codec, frames
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.errors import CloseCode, RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access, Frame
from syncline_protocol.limits import (
    CHANNELS_MAX,
    FRAME_BYTES_MAX,
    LEASE_CLIENT_ID_MIN,
    OPEN_DOCUMENTS_MAX,
    UPDATE_BYTES_MAX,
    UPDATES_IN_FLIGHT_MAX,
)
from syncline_protocol.names import Language, parse_name
from syncline_protocol.update import ContentIndex, RecordStruct, encode_records, scan_records, scan_update
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed

Rule = Callable[[str, bytes], RefusedUpdate | None]


class Entry(NamedTuple):
    """One admitted update on its way into the log."""

    session: "PeerSession | None"
    id: int
    payload: bytes


class PeerDocument:
    """A document: its log, and the real index of it."""

    def __init__(self, name: str, number: int, epoch: int) -> None:
        self.name = name
        self.number = number
        self.epoch = epoch
        self.log: list[bytes] = []
        self.snapshot_at = 0
        self.pending: list[Entry] = []
        self.is_page = parse_name(name).language is Language.CONTENT
        self.index: RecordIndex | ContentIndex = ContentIndex() if self.is_page else RecordIndex()

    def admit(self, payload: bytes, owns: Callable[[int], bool]) -> bool:
        """Whether `payload` brings anything new. Raises `RefusedUpdate`."""
        if isinstance(self.index, RecordIndex):
            return bool(self.index.admit(scan_records(payload), owns=owns))
        return self.index.admit(scan_update(payload), owns=owns)

    def structs(self) -> list[RecordStruct]:
        """All records of the log."""
        return [struct for payload in self.log for struct in scan_records(payload)]

    def records(self) -> list[dict[str, Any]]:
        """The records' values in the order of the log."""
        return [struct.value for struct in self.structs()]


class Peer:
    """The server: documents, leases, and the trouble that a test wants."""

    def __init__(self) -> None:
        self.documents: dict[str, PeerDocument] = {}
        self.sessions: list[PeerSession] = []
        self.holders: dict[int, tuple[str, str]] = {}
        self.rule: Rule = lambda _name, _payload: None
        self.missing: set[str] = set()
        self.forbidden: set[str] = set()
        self.channels_max = CHANNELS_MAX
        self.commits_wait = False
        self.now_ms = 1_700_000_000_000
        self.tokens_expire_ms = 10**15
        self.digests: list[tuple[str, bool]] = []
        self.received: list[Frame] = []
        self._next_number = 1
        self._next_epoch = 1

    def document(self, name: str) -> PeerDocument:
        """The document, made when it is missing."""
        if name not in self.documents:
            self.documents[name] = PeerDocument(name, self._next_number, self._next_epoch)
            self._next_number += 1
            self._next_epoch += 1
        return self.documents[name]

    def restore(self, name: str, length: int) -> None:
        """The server's store is replaced by an older one: the first `length` updates, under a new epoch."""
        old = self.document(name)
        new = PeerDocument(name, old.number, self._next_epoch)
        self._next_epoch += 1
        for payload in old.log[:length]:
            new.admit(payload, lambda _: True)
            new.log.append(payload)
        self.documents[name] = new

    def erase(self, name: str, *keys: str) -> None:
        """The document's history is written anew without the content of these records; whoever has it open is told."""
        old = self.document(name)
        new = self.documents[name] = PeerDocument(name, old.number, self._next_epoch)
        self._next_epoch += 1
        for payload in old.log:
            structs = [
                struct._replace(value=erased(struct.value)) if struct.key in keys else struct
                for struct in scan_records(payload)
            ]
            new.log.append(encode_records(structs))
            new.admit(new.log[-1], lambda _: True)
        new.snapshot_at = len(new.log)
        for session in self.sessions:
            if session.open.pop(name, None) is not None:
                session.send(frames.Evicted(new.number, "unavailable", "the document's history was replaced"))

    def lease(self, user: str, device: str, held: int) -> int:
        """The client id of a device: the one it holds if it is its own, else its newest, else a new one."""
        own = [client for client, holder in self.holders.items() if holder == (user, device)]
        return held if held in own else own[-1] if own else self.new_lease(user, device)

    def new_lease(self, user: str, device: str) -> int:
        """Another client id for the device."""
        client = LEASE_CLIENT_ID_MIN + len(self.holders)
        self.holders[client] = (user, device)
        return client

    def append(self, name: str, payload: bytes) -> None:
        """Write as somebody who has no session."""
        document = self.document(name)
        document.admit(payload, lambda _: True)
        document.pending.append(Entry(None, 0, payload))
        self.commit(document)

    def commit(self, document: PeerDocument) -> None:
        """Make what is pending durable: acknowledge it, also to who has closed the document since, then relay it (so an
        ack may overtake an update before it).
        """
        entries, document.pending = document.pending, []
        first = len(document.log) + 1
        document.log += [entry.payload for entry in entries]
        for session in self.sessions:
            acks = [
                number
                for place, entry in enumerate(entries)
                if entry.session is session
                for number in (document.number, entry.id, first + place)
            ]
            if acks:
                session.send(frames.Acks(acks))
            for place, entry in enumerate(entries):
                if entry.session is not session and document.name in session.open:
                    session.send(frames.Updates(document.number, first + place, [entry.payload]))

    def commit_all(self) -> None:
        """Commit every document."""
        for document in self.documents.values():
            self.commit(document)


class PeerSession:
    """The server's side of one connection, without I/O. A token is a user's name, or `USER:ROLE`."""

    def __init__(self, peer: Peer, user: str = "ann") -> None:
        self.peer = peer
        self.user = user
        self.device = ""
        self.client = 0
        self.owned: set[int] = set()
        self.open: dict[str, PeerDocument] = {}
        self.outgoing: deque[bytes] = deque()
        self.closed: tuple[int, str] | None = None
        self.on_send: Callable[[], None] = lambda: None
        self._assembler = codec.Assembler(UPDATE_BYTES_MAX)

    def send(self, frame: Frame) -> None:
        """Leave a frame for the device."""
        self.outgoing.extend(codec.messages(frame))
        self.on_send()

    def end(self, code: CloseCode, reason: str) -> None:
        """Close the connection."""
        self.closed = (code.value, reason)
        self.lost()
        self.on_send()

    def lost(self) -> None:
        """The connection is gone."""
        self.open.clear()
        if self in self.peer.sessions:
            self.peer.sessions.remove(self)

    def receive(self, message: bytes) -> None:
        """Take one message of the device."""
        frame = codec.decode_device_frame(message)
        self.peer.received.append(frame)
        match frame:
            case frames.Hello():
                self._hello(frame)
            case frames.Open():
                self._open(frame)
            case frames.Update():
                self._update(frame)
            case frames.Close(channel):
                self.open = {name: one for name, one in self.open.items() if one.number != channel}
            case frames.Digest():
                self._digest(frame)
            case frames.RequestLease():
                self.client = self.peer.new_lease(self.user, self.device)
                self.owned.add(self.client)
                self.send(frames.Leased(self.client))
            case frames.SetPresence():
                self._presence(frame)
            case frames.Renew():
                self.send(frames.Renewed(self.peer.tokens_expire_ms))
            case frames.Fragment():
                whole = self._assembler.add(frame)
                if whole is not None:
                    self.receive(whole)

    def _hello(self, hello: frames.Hello) -> None:
        peer = self.peer
        if hello.token.startswith("bad"):
            self.end(CloseCode.UNAUTHENTICATED, "the token is not valid")
            return
        self.user, _, role = hello.token.partition(":")
        self.device = hello.device
        for other in [one for one in peer.sessions if (one.user, one.device) == (self.user, self.device)]:
            other.end(CloseCode.REPLACED, "this device has connected again")
        peer.sessions.append(self)
        self.client = peer.lease(self.user, self.device, hello.client)
        self.owned.add(self.client)
        limits = frames.Limits(FRAME_BYTES_MAX, UPDATE_BYTES_MAX, UPDATES_IN_FLIGHT_MAX, OPEN_DOCUMENTS_MAX)
        self.send(
            frames.Welcome(
                f"s{id(self)}", "t", self.user, role or "agent", self.client, peer.now_ms, peer.tokens_expire_ms, limits
            )
        )

    def _open(self, request: frames.Open) -> None:
        answers, refused, catching_up = [], [], []
        for index, wanted in enumerate(request.documents):
            refusal = self._refusal(wanted.name)
            if refusal is not None:
                answers.append(frames.OpenedDocument(0, 0, 0, 0, 0))
                refused.append(frames.OpenRefusal(index, refusal.code.value, refusal.reason))
                continue
            document = self.peer.document(wanted.name)
            known = wanted.epoch == document.epoch
            self.open[wanted.name] = document
            clock = document.index.vector.get(self.client, 0) if wanted.pending else 0
            head = len(document.log)
            answers.append(
                frames.OpenedDocument(document.number, Access.WRITE.value, head, clock, 0 if known else document.epoch)
            )
            catching_up.append((document, wanted.cursor if known else 0))
        self.send(frames.Opened(request.request, answers, refused))
        for document, cursor in catching_up:
            self._catch_up(document, cursor)

    def _refusal(self, name: str) -> RefusedUpdate | None:
        if len(self.open) >= self.peer.channels_max:
            return RefusedUpdate(RefusalCode.TOO_LARGE, f"over {self.peer.channels_max} documents are open")
        if name in self.peer.missing:
            return RefusedUpdate(RefusalCode.NOT_FOUND, "there is no such document")
        if name in self.peer.forbidden:
            return RefusedUpdate(RefusalCode.FORBIDDEN, "you may not open this document")
        return None

    def _catch_up(self, document: PeerDocument, cursor: int) -> None:
        if cursor < document.snapshot_at and not document.is_page:
            structs = [struct for payload in document.log[: document.snapshot_at] for struct in scan_records(payload)]
            self.send(frames.Snapshot(document.number, document.snapshot_at, encode_records(structs)))
            cursor = document.snapshot_at
        if document.log[cursor:]:
            self.send(frames.Updates(document.number, cursor + 1, document.log[cursor:]))

    def _update(self, update: frames.Update) -> None:
        document = next((one for one in self.open.values() if one.number == update.channel), None)
        try:
            if document is None:
                raise RefusedUpdate(RefusalCode.NOT_OPEN, "not open")
            refusal = self.peer.rule(document.name, update.payload)
            if refusal is not None:
                raise refusal
            new = document.admit(update.payload, lambda client: client in self.owned)
        except RefusedUpdate as refusal:
            detail = dict(refusal.detail)
            self.send(frames.Refused(update.channel, update.id, refusal.code.value, refusal.reason, detail))
            return
        if not new:
            self.send(frames.Acks([update.channel, update.id, 0]))
            return
        document.pending.append(Entry(self, update.id, update.payload))
        if not self.peer.commits_wait:
            self.peer.commit(document)

    def _digest(self, frame: frames.Digest) -> None:
        document = next((one for one in self.open.values() if one.number == frame.channel), None)
        if document is None or not isinstance(document.index, RecordIndex):
            return
        known = frame.cursor == len(document.log) and not document.pending
        digest = document.index.digest if known else b""
        if known:
            self.peer.digests.append((document.name, digest == frame.digest))
        self.send(frames.DigestChecked(frame.channel, frame.cursor, digest == frame.digest, digest))

    def _presence(self, frame: frames.SetPresence) -> None:
        for name, document in self.open.items():
            if document.number == frame.channel:
                for other in self.peer.sessions:
                    if other is not self and name in other.open:
                        state = frame.state
                        other.send(frames.Presence(frame.channel, f"s{id(self)}", self.user, self.device, state))


@asynccontextmanager
async def serve(peer: Peer) -> AsyncIterator[str]:
    """Put `peer` behind WebSockets on the loopback interface; gives its address."""

    async def connected(connection: ServerConnection) -> None:
        session = PeerSession(peer)
        wake = asyncio.Event()
        session.on_send = wake.set
        sending = asyncio.create_task(_send(session, connection, wake))
        try:
            async for message in connection:
                assert isinstance(message, bytes)
                session.receive(message)
        except ConnectionClosed:
            return  # a device that is gone
        finally:
            session.lost()
            sending.cancel()

    async with serve_websockets(connected, "127.0.0.1", 0, compression=None, max_size=FRAME_BYTES_MAX) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def _send(session: PeerSession, connection: ServerConnection, wake: asyncio.Event) -> None:
    while True:
        await wake.wait()
        wake.clear()
        while session.outgoing:
            await connection.send(session.outgoing.popleft())
        if session.closed is not None:
            await connection.close(*session.closed)
            return
