"""One document in memory: who follows it, how far it is, and the way of an update through it.

On the data's way: `session → admission → DOCUMENT → log → relay`. A document in memory is small: its row, its
subscriptions, and (once somebody writes) its admission index. Its content is on the disk. Invariants:

1. `committed <= head`; equal when nothing is on its way into the log.
2. The index reflects exactly the updates up to `head`, or is None (to be loaded when needed).
3. Sequence numbers are given here, at admission, one after the other.
4. When a commit fails, `head` falls back to `committed` and the index is dropped: nothing admitted and not stored is
   remembered.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentName

from syncline_server import relay
from syncline_server.admission import ContentAdmission, Owns, RecordAdmission
from syncline_server.log import Log, Pending
from syncline_server.storage.interface import DocumentKey, LogEntry, StoredDocument, StoreError

if TYPE_CHECKING:
    from syncline_server.outbox import Follower, Subscription
    from syncline_server.relay import Author

UNAVAILABLE_RETRY_MS: Final = 1_000
"""When a device may try again after the store failed."""

OnCommit = Callable[["Document", Sequence[LogEntry]], None]
"""Who wants to know what was committed of a document, after everybody who follows it was told."""


class Document:
    """See the module's text. `number` is the channel under which every connection knows it."""

    def __init__(
        self,
        name: DocumentName,
        row: StoredDocument,
        log: Log,
        on_failure: Callable[["Document"], None],
        *,
        on_commit: "OnCommit | None" = None,
    ) -> None:
        self.name = name
        self.key: DocumentKey = row.key
        self.number = row.number
        self.epoch = row.epoch
        self.floor = row.floor
        self.quarantined = row.quarantined
        self.head = row.head
        self.committed = row.head
        self.admission: RecordAdmission | ContentAdmission | None = None
        self.subscriptions: dict[Follower, Subscription] = {}
        self.pins = 0
        """How many openings, loads or jobs need it in memory just now, besides its subscriptions."""
        self.tail_updates = 0
        self.tail_bytes = 0
        self.snapshot_bytes = 0
        """With the tail, what compaction goes by; known once the index is loaded, without which nobody writes."""
        self.compact_after = 0
        """Not before this sequence number, since an attempt failed."""
        self.rewriting = asyncio.Lock()
        """Held by whoever makes another history or snapshot of the document: a compaction, an erasure."""
        self._settling: list[asyncio.Future[None]] = []
        self._log = log
        self._on_failure = on_failure
        self._on_commit = on_commit

    @property
    def in_use(self) -> bool:
        """Whether it must stay in memory."""
        return bool(self.subscriptions) or self.pins > 0 or self.head != self.committed

    def admit(  # noqa: PLR0913 - an update and everything known of its writer
        self,
        payload: bytes,
        author: "Author",
        id: int,  # noqa: A002 - the wire's word
        access: Access,
        client: int,
        owns: Owns,
        now_ms: int,
    ) -> bool:
        """Admit `payload` into the next commit; returns whether it brings anything new.

        What is already known waits for the commits before it and is then acknowledged again. Raises `RefusedUpdate`.
        The caller has seen to it that the index is loaded.
        """
        if self.quarantined:
            raise RefusedUpdate(RefusalCode.QUARANTINED, f"the document is read-only: {self.quarantined}")
        if self._log.failure is not None:
            raise unavailable(self._log.failure)
        admission = self.admission
        if admission is None:
            raise RuntimeError(f"the index of {self.key} is not loaded")
        if not admission.admit(payload, author.identity, access, owns, now_ms):
            self._log.append(self, Pending(author, id, None))
            return False
        self.head += 1
        self._log.append(self, Pending(author, id, LogEntry(self.number, self.head, client, now_ms, payload)))
        return True

    async def settled(self) -> None:
        """Return when everything that was admitted before is durable or rejected."""
        admitted = self.head
        while self.committed < admitted <= self.head:  # the head falls back when a commit fails
            settling = asyncio.get_running_loop().create_future()
            self._settling.append(settling)
            await settling

    def _settle(self) -> None:
        settling, self._settling = self._settling, []
        for one in settling:
            if not one.done():
                one.set_result(None)

    def committed_updates(self, pending: Sequence[Pending]) -> None:
        """The log says that these are durable: acknowledge and relay."""
        new: list[tuple[Author, LogEntry]] = []
        for one in pending:
            entry = one.entry
            if entry is None:
                one.author.acknowledge(self.number, one.id, 0)
                continue
            self.tail_bytes += len(entry.payload)
            one.author.acknowledge(self.number, one.id, entry.seq)
            new.append((one.author, entry))
        if new:
            self.tail_updates += len(new)
            self.committed = new[-1][1].seq
            self._settle()
            relay.relay(self.number, new, list(self.subscriptions.values()))
            if self._on_commit is not None:
                self._on_commit(self, [entry for _, entry in new])

    def rejected_updates(self, pending: Sequence[Pending], error: StoreError) -> None:
        """The log says that these were not stored: forget them and say so to their authors."""
        self.head = self.committed
        self.admission = None
        self._settle()
        refusal = unavailable(error)
        for one in pending:
            one.author.refuse(self.number, one.id, refusal)
        self._on_failure(self)


def unavailable(error: StoreError) -> RefusedUpdate:
    """The refusal that stands for a store that does not take writes."""
    return RefusedUpdate(
        RefusalCode.UNAVAILABLE,
        f"the server cannot store updates at the moment: {error}",
        detail={"retry_after_ms": UNAVAILABLE_RETRY_MS},
    )
