"""Compaction: a document's log, replayed into a snapshot.

Beside the data's way: `log → COMPACTION → snapshot`. The hot path counts what was appended; when `is_due` says so, the
`Compactor` reads snapshot and log in pieces, has the worker replay them, and has the store swap the snapshot and cut
the log in one transaction. Nothing else changes anything: a crash before that transaction leaves everything as it was.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final

from syncline_protocol.names import Language

from syncline_server.storage import jobs
from syncline_server.storage.interface import Snapshot, Store, StoreCorrupt, StoredDocument
from syncline_server.storage.worker import JobFailed, JobTimedOut, Worker

TAIL_UPDATES_DUE: Final = 500
"""Updates of a page behind its snapshot below which reading them costs an opening device nothing to speak of."""

TAIL_RECORDS_DUE: Final = 10_000
"""The same of a document of records, whatever their bytes: a snapshot of records is as large as the updates that
brought them, so all it saves is scanning them when somebody first writes, 0.15 s for so many. A segment of a
conversation never gets there."""

TAIL_BYTES_DUE: Final = 256 * 1024
"""The same in bytes."""

TAIL_UPDATES_MAX: Final = 20_000
"""Behind any snapshot, however large: what loading an admission index may have to scan, 0.3 s."""

LOG_TAIL_KEPT: Final = 500
"""Updates kept in the log behind a compaction, so that devices that were away for a moment are served by cursor."""

LOG_TAIL_KEPT_MAX: Final = 5_000
"""Updates kept for devices seen within `CURSOR_KEPT_MS`; one further back gets the snapshot, which is smaller."""

CURSOR_KEPT_MS: Final = 14 * 24 * 3600 * 1000
"""How long a device that stays away is counted: a holiday of two weeks."""

PIECE_BYTES: Final = 1024 * 1024
"""How much of a document is in the server's memory at once."""


def is_due(language: Language, *, tail_updates: int, tail_bytes: int, snapshot_bytes: int) -> bool:
    """Whether a document should be compacted, by the size of its snapshot and of the log behind it.

    A compaction costs as much as snapshot and tail have bytes. It waits for a tail half as large as the snapshot, so
    each byte ever appended pays for at most three: the cost of all compactions together is linear in the log.
    """
    if tail_updates >= TAIL_UPDATES_MAX:
        return True
    if language is Language.RECORDS:
        is_long = tail_updates >= TAIL_RECORDS_DUE
    else:
        is_long = tail_updates >= TAIL_UPDATES_DUE or tail_bytes >= TAIL_BYTES_DUE
    return is_long and 2 * tail_bytes >= snapshot_bytes


def cut(head: int, floor: int, oldest_cursor: int | None) -> int:
    """Up to which update a compaction at `head` drops the log."""
    wanted = LOG_TAIL_KEPT if oldest_cursor is None else head - oldest_cursor
    kept = min(max(wanted, LOG_TAIL_KEPT), LOG_TAIL_KEPT_MAX)
    return max(floor, head - kept)


class Compactor:
    """Compacts documents of `store` in `worker`. `now_ms` gives Unix time, for the age of cursors."""

    def __init__(self, store: Store, worker: Worker, *, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._worker = worker
        self._now_ms = now_ms

    async def compact(self, document: StoredDocument, *, language: Language) -> bool:
        """Replace the snapshot by one at the document's head; False if there is nothing new to take into it.

        If the document is at fault it is quarantined with the reason, and `JobFailed` or `JobTimedOut` goes on.
        It stays readable: snapshot and log are as they were. `WorkerUnavailable` and `StoreError` leave everything as
        it was, for another time.
        """
        current = await self._store.read_document(document.key)
        if current is None:
            raise StoreCorrupt(f"document {document.key.name} is not there any more")
        old = await self._store.read_snapshot(current.number)
        if current.head == (0 if old is None else old.seq):
            return False
        try:
            async with aclosing(read_updates(self._store, current, old)) as updates:
                result = await self._worker.run(jobs.Compact(language), updates)
        except (JobFailed, JobTimedOut) as error:
            await self._store.quarantine(current.number, f"it cannot be compacted: {error}")
            raise
        assert isinstance(result, jobs.Compacted)
        oldest = await self._store.read_oldest_cursor(current.number, seen_after_ms=self._now_ms() - CURSOR_KEPT_MS)
        snapshot = Snapshot(current.head, result.payload, result.index)
        await self._store.write_snapshot(current.number, snapshot, keep_after=cut(current.head, current.floor, oldest))
        return True


async def read_updates(
    store: Store, document: StoredDocument, snapshot: Snapshot | None
) -> AsyncGenerator[Sequence[bytes], None]:
    """The whole document up to its head, in pieces: `snapshot`, then the log behind it."""
    reached = 0
    if snapshot is not None:
        reached = snapshot.seq
        yield [snapshot.payload]
    while reached < document.head:
        rows = await store.read_log(document.number, after=reached, bytes_max=PIECE_BYTES)
        if not rows or rows[0].seq != reached + 1:
            raise StoreCorrupt(f"the log of {document.key.name} has a hole after {reached}")
        yield [row.payload for row in rows if row.seq <= document.head]
        reached = rows[-1].seq
