"""From one commit to every subscriber: encode once, write the same bytes to all.

On the data's way: `log → RELAY → outbox → socket`. What one commit brought for one document is one batch: one frame for
everybody who wrote none of it. An author is acknowledged instead, and sent only what others wrote in between.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import RefusedUpdate

from syncline_server.storage.interface import LogEntry
from syncline_server.wire import Wire


class Author(Protocol):
    """A session, as documents and the log see it."""

    identity: Identity

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002 - the wire's word
        """The update is durable."""

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002
        """The update is not taken."""


class Deliverable(Protocol):
    """A session's part in a document, as the relay sees it."""

    def deliver(self, batch: "Batch") -> None:
        """Pass on what was committed."""


class Batch:
    """What one commit brought for one document, and its encodings, each made once and only if needed."""

    def __init__(self, channel: int, entries: Sequence[tuple[Author, LogEntry]]) -> None:
        self.channel = channel
        self.entries = entries
        self.seq = entries[0][1].seq
        self.authors = {author for author, _ in entries}
        self._encoded: dict[Wire, bytes] = {}

    def encoded(self, wire: Wire) -> bytes:
        """All of it, as framed WebSocket messages."""
        encoded = self._encoded.get(wire)
        if encoded is None:
            payloads = [entry.payload for _, entry in self.entries]
            encoded = self._encoded[wire] = wire.updates(self.channel, self.seq, payloads)
        return encoded

    def encoded_for(self, author: Author, wire: Wire) -> bytes:
        """What others than `author` wrote of it, as framed WebSocket messages; runs of neighbours share a frame."""
        encoded: list[bytes] = []
        run: list[bytes] = []
        seq = 0
        for writer, entry in self.entries:
            if writer is not author:
                seq = seq if run else entry.seq
                run.append(entry.payload)
            elif run:
                encoded.append(wire.updates(self.channel, seq, run))
                run = []
        if run:
            encoded.append(wire.updates(self.channel, seq, run))
        return b"".join(encoded)


def relay(channel: int, entries: Sequence[tuple[Author, LogEntry]], subscriptions: Iterable[Deliverable]) -> None:
    """Deliver the updates of one commit to all subscriptions of their document."""
    batch = Batch(channel, entries)
    for subscription in subscriptions:
        subscription.deliver(batch)
