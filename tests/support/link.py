"""A device's session and a peer's, joined by a pretend wire that a test moves step by step.

Everything of the device between its store and its socket is the real thing; what is left out is the socket. So a test
can stop at any frame: lose it, cut the connection, let the other side go first.
"""

from collections import deque

from support.peer import Peer, PeerSession
from syncline_client.answers import Answers
from syncline_client.presence import PresenceBoard
from syncline_client.replica import Replica
from syncline_client.session import Session
from syncline_client.store import Store
from syncline_protocol import codec


class LinkedDevice:
    """One device of `user`, and its connection to `peer` when it has one. `now_s` is its clock, moved by the test."""

    def __init__(self, peer: Peer, store: Store, *, user: str = "ann", device: str = "phone") -> None:
        self.peer = peer
        self.user = user
        self.now_s = 0.0
        self.now_ms = peer.now_ms
        self.presence = PresenceBoard()
        self.replica = Replica(store, device=device, clock_ms=lambda: self.now_ms)
        self.replica.on_edit = self._edited
        self.session: Session | None = None
        self._answers: Answers | None = None
        self._remote: PeerSession | None = None
        self.to_peer: deque[bytes] = deque()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self.session is not None

    @property
    def to_device(self) -> deque[bytes]:
        """What the peer has sent and the device has not taken in."""
        return self._remote.outgoing if self._remote is not None else deque()

    def connect(self) -> None:
        """Begin a connection; what was under way on the one before is lost."""
        self.cut()
        self.session = Session(self.replica, self.presence)
        self._answers = Answers(self.session)
        self._remote = PeerSession(self.peer)
        self.to_peer.extend(codec.messages(self.session.hello(self.user, "test")))

    def cut(self) -> None:
        """End the connection, without a word to either side."""
        if self._remote is not None:
            self._remote.lost()
        self.session = self._answers = self._remote = None
        self.to_peer.clear()
        self.presence.disconnected()

    def half_cut(self) -> PeerSession | None:
        """End the connection for the device only: the peer may still read what was sent."""
        remote = self._remote
        self._remote = None
        self.cut()
        return remote

    def decide(self) -> None:
        """Let the session put what it wants to send on the wire."""
        if self.session is not None:
            for frame in self.session.decide(self.now_s):
                self.to_peer.extend(codec.messages(frame))

    def deliver_to_peer(self) -> bool:
        """Move one message from the device to the peer; whether there was one."""
        if self._remote is None or not self.to_peer:
            return False
        self._remote.receive(self.to_peer.popleft())
        return True

    async def deliver_to_device(self) -> bool:
        """Move one message from the peer to the device; whether there was one."""
        if self._answers is None or not self.to_device:
            return False
        await self._answers.take(self.to_device.popleft(), self.now_s)
        return True

    async def run(self, *, later_s: float = 0.0) -> None:
        """Move everything until nothing more happens; `later_s` seconds from before."""
        self.now_s += later_s
        moved = True
        while moved:
            self.decide()
            if self.session is not None:
                await self.session.close_unused(self.now_s)
            moved = self.deliver_to_peer()
            while await self.deliver_to_device():
                moved = True
            self.decide()
            moved = moved or bool(self.to_peer)
            if self._remote is not None and self._remote.closed is not None and not self.to_device:
                self.cut()
                return

    def _edited(self, name: str) -> None:
        if self.session is not None:
            self.session.edited(name)
