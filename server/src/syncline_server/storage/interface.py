"""The store: what the server needs of a database, and what it may count on.

Stands at the end of the data's way: `socket → session → admission → log → STORE`. One implementation is embedded
(`sqlite.py`); PostgreSQL is to follow behind the same interface and the same acceptance suite
(`tests/server/storage/acceptance.py`).

What every implementation promises:

1. `append` returns only when all its entries are durable (P1), and takes all of them or none.
2. Payloads come back byte for byte as they went in.
3. Sequence numbers of a document are given by the caller, start at 1 and have no holes; an entry out of order is an
   error (`StoreCorrupt`), never silently renumbered.
4. `write_snapshot` replaces the snapshot and drops log rows in one transaction: a crash leaves the old state or new.
5. No failure looks like an empty result: a failing read raises, and so does what comes back other than it was written.
6. A caller that is cancelled leaves a whole write behind or none, and nothing that hinders the next.
7. What `replace_history` dropped is in no file of the store any more when `wipe` has returned, or at the next start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self


class StoreError(Exception):
    """Root of what a store raises."""


class StoreUnavailable(StoreError):
    """The write or read was not done: disk full, I/O error, locked. Nothing of it is stored; it may work later."""


class StoreCorrupt(StoreError):
    """The database contradicts itself (corrupt page, a hole in a log). A person must look."""


class StoreFatal(StoreError):
    """A failed fsync: what is on the disk is unknown. The process must stop at once, without another write."""


class DocumentKey(NamedTuple):
    """A document in the store: its tenant and its path within it."""

    tenant: str
    name: str


class StoredDocument(NamedTuple):
    """A document's row.

    `number`: the store's own id of it. `epoch`: random, changed when the document's history was replaced.
    `head`: sequence number of the last update, 0 if none. `floor`: updates after this one are in the log; those up to
    it are only in the snapshot. `quarantined`: why nobody may write, or empty.
    """

    number: int
    key: DocumentKey
    epoch: int
    head: int
    floor: int
    quarantined: str


class LogEntry(NamedTuple):
    """One admitted update. `author` is the client id (lease) it came under; `received_ms` is Unix time."""

    document: int
    seq: int
    author: int
    received_ms: int
    payload: bytes


class LogRow(NamedTuple):
    """One update as read back."""

    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All updates up to and including `seq` as one update (`payload`), and the admission index at that point (`index`).

    No NamedTuple, whose `index` is a method.
    """

    seq: int
    payload: bytes
    index: bytes


class LeaseHolder(NamedTuple):
    """To whom a client id belongs. `device` is empty for an id bound by a stock Yjs client: any device of the user."""

    tenant: str
    user: str
    device: str


class Store(Protocol):
    """One database. Opened and closed as an async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    # documents

    async def read_document(self, key: DocumentKey) -> StoredDocument | None:
        """The document's row, or None if there is none."""

    async def read_documents_named(self, keys: Sequence[DocumentKey]) -> dict[DocumentKey, StoredDocument]:
        """The rows of those of `keys` that there are, in one reading: for a device that comes back to hundreds."""

    async def create_document(self, key: DocumentKey, epoch: int) -> StoredDocument:
        """Create it, durable on return. If another call created it first, that row comes back, with its epoch."""

    async def read_documents(
        self, tenant: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> list[StoredDocument]:
        """Rows whose name starts with `prefix`, by name, from behind `after`."""

    async def read_all_documents(self, after: int, *, limit: int = 500) -> list[StoredDocument]:
        """Rows of all tenants by number, from behind the number `after`."""

    async def renew_epoch(self, document: int, epoch: int) -> None:
        """Give the document another epoch (it was found to be older than a device knows it)."""

    async def quarantine(self, document: int, reason: str) -> None:
        """Forbid writes to the document, or allow them again with an empty reason."""

    # log

    async def append(self, entries: Sequence[LogEntry]) -> None:
        """Add `entries` in one transaction, durable on return.

        Raises `StoreUnavailable` or `StoreCorrupt`, and then none is stored; or `StoreFatal`.
        """

    async def read_log(self, document: int, *, after: int, bytes_max: int) -> list[LogRow]:
        """Updates with seq > `after` in order: at least one if there is one, and no more than fit into `bytes_max`.

        There may be more than come back: the end is where nothing does.

        If `after` is below the floor, the first row is the one after the floor, if there is one: the caller sees it by
        its seq, and takes the snapshot.
        """

    async def read_snapshot(self, document: int) -> Snapshot | None:
        """The document's snapshot, or None if it was never compacted."""

    async def write_snapshot(self, document: int, snapshot: Snapshot, *, keep_after: int) -> None:
        """Replace the snapshot, drop log rows with seq <= `keep_after`, set `floor` to it, and forget cursors below it.

        Raises `ValueError` unless floor <= `keep_after` <= `snapshot.seq` <= head, and the old snapshot is not newer.
        """

    async def replace_history(self, document: int, epoch: int, snapshot: Snapshot) -> None:
        """Put `snapshot`, at the head, in the place of everything the document had: under another epoch, with the floor
        at the head, without a log and without cursors. One transaction, durable on return.

        Raises `ValueError` when the snapshot is not at the head; and as `append` does.
        """

    async def wipe(self) -> None:
        """Return when no file holds a byte of what was dropped by `replace_history`. Called after it, since it takes
        time in which others may write; one that did not come to its end is taken up at the next start, or by the next
        call. At once if there is nothing to wipe. Raises as `append` does.
        """

    # client ids

    async def lease(self, holder: LeaseHolder, *, candidates: Sequence[int]) -> int:
        """A new client id for `holder`: the first of `candidates` that nobody has. It becomes the holder's current one.

        Raises `StoreUnavailable` if all are taken: draw others.
        """

    async def read_lease(self, holder: LeaseHolder) -> int | None:
        """The holder's current client id."""

    async def read_holder(self, client_id: int) -> LeaseHolder | None:
        """Who has this client id."""

    async def bind(self, client_id: int, holder: LeaseHolder) -> LeaseHolder:
        """Bind an id that a stock Yjs client chose to its user, if free; returns who has it now."""

    # cursors

    async def write_cursors(self, rows: Sequence[tuple[int, int, int, int]]) -> None:
        """Remember (document, client id, seq, at_ms): how far a device has come. A crash may forget the last ones."""

    async def read_oldest_cursor(self, document: int, *, seen_after_ms: int) -> int | None:
        """The smallest cursor of devices seen since then, or None if none."""

    # rights

    async def write_revocation(self, tenant: str, user: str, device: str, at_ms: int) -> None:
        """Tokens of this user (and device, or '' for all) issued up to `at_ms` are worthless from now on.

        A later `at_ms` replaces an earlier one, never the other way round.
        """

    async def read_revocations(self) -> list[tuple[str, str, str, int]]:
        """All of them: (tenant, user, device, at_ms)."""

    # health

    async def probe(self) -> None:
        """One small durable write: raises as `append` does. The way back to readiness after a failure."""
