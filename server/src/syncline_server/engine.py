"""The work that reads documents as a whole: compaction, state-vector diffs, content digests.

Beside the data's way. All of it runs the CRDT engine in the worker process, on bytes that admission has understood,
with limits of memory and time. A document on which the engine fails is quarantined and goes on being readable.
"""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from syncline_protocol.errors import RefusalCode, RefusedUpdate

from syncline_server.document import Document, unavailable
from syncline_server.metrics import Metrics
from syncline_server.storage import jobs
from syncline_server.storage.compaction import Compactor, is_due, read_updates
from syncline_server.storage.interface import Store, StoreCorrupt, StoredDocument, StoreError
from syncline_server.storage.worker import JobError, Worker, WorkerUnavailable

if TYPE_CHECKING:
    from syncline_server.hub import Hub

UPKEEP_INTERVAL_S: Final = 1.0
"""How often documents in memory are looked at for compaction, and cursors are stored."""

DIGESTS_KEPT: Final = 1_000
"""Digests of pages in memory, by document and sequence number: many devices ask for the same one."""


class Engine:
    """The worker's jobs, for documents in memory."""

    def __init__(self, store: Store, worker: Worker, compactor: Compactor, metrics: Metrics) -> None:
        self._store = store
        self._worker = worker
        self._compactor = compactor
        self._metrics = metrics
        self._digests: dict[tuple[int, int, int], bytes] = {}
        self._logger = structlog.get_logger()

    async def digest(self, document: Document) -> bytes | None:
        """The digest of a page's content as it is stored now; None when it cannot be had."""
        key = (document.number, document.epoch, document.committed)
        known = self._digests.get(key)
        if known is not None:
            return known
        try:
            row = await self._row(document)
            result = await self._run(jobs.Digest(document.name.language), row)
        except (JobError, StoreError) as error:
            self._logger.warning("digest.failed", document=document.key.name, error=str(error))
            return None
        if not isinstance(result, jobs.Digested) or row.head != key[2]:
            return None
        if len(self._digests) >= DIGESTS_KEPT:
            del self._digests[next(iter(self._digests))]
        self._digests[key] = result.digest
        return result.digest

    async def diff(self, document: Document, vector: bytes) -> tuple[int, bytes]:
        """What a stock Yjs client with this state vector lacks, and the sequence number up to which that is.

        Raises `RefusedUpdate` (unavailable, quarantined).
        """
        try:
            row = await self._row(document)
            result = await self._run(jobs.Diff(vector), row)
        except StoreError as error:
            raise unavailable(error) from error
        except WorkerUnavailable as error:
            raise RefusedUpdate(RefusalCode.UNAVAILABLE, str(error)) from error
        except JobError as error:
            raise RefusedUpdate(RefusalCode.QUARANTINED, f"the document cannot be read as a whole: {error}") from error
        assert isinstance(result, jobs.Diffed)
        return row.head, result.update

    async def upkeep(self, hub: "Hub") -> None:
        """Compact what is due and store cursors, until cancelled."""
        while True:
            await asyncio.sleep(UPKEEP_INTERVAL_S)
            await self.store_cursors(hub)
            await self._wipe()
            if hub.settings.compaction and hub.log.failure is None:
                for document in [one for one in hub.documents.values() if _is_due(one)]:
                    if hub.documents.get(document.key) is document:  # still: the one before took its time
                        await self._compact(hub, document)

    async def store_cursors(self, hub: "Hub") -> None:
        """Store how far devices are, as noted since the last time."""
        cursors, hub.cursors = hub.cursors, {}
        now_ms = hub.now_ms()
        try:
            await self._store.write_cursors([(*key, seq, now_ms) for key, seq in cursors.items()])
        except StoreError as error:  # a cursor only spares a device the snapshot: the next one will do
            self._logger.warning("cursors.not_stored", error=str(error))

    async def _wipe(self) -> None:
        """Take up a wipe that an erasure did not bring to its end."""
        try:
            await self._store.wipe()
        except StoreError as error:
            self._logger.warning("wipe.waits", error=str(error))

    async def _compact(self, hub: "Hub", document: Document) -> None:
        document.pins += 1
        try:
            async with document.rewriting:
                await self._compact_alone(document)
        finally:
            hub.unpin(document)

    async def _compact_alone(self, document: Document) -> None:
        try:
            row = await self._row(document)
            if await self._compactor.compact(row, language=document.name.language):
                self._metrics.compactions += 1
                await self._compacted(document)
        except (JobError, StoreError) as error:
            self._metrics.compactions_failed += 1
            document.compact_after = document.head + document.tail_updates
            self._logger.warning("compaction.failed", document=document.key.name, error=str(error))
            document.quarantined = (await self._row(document)).quarantined

    async def _compacted(self, document: Document) -> None:
        snapshot = await self._store.read_snapshot(document.number)
        row = await self._row(document)
        if snapshot is not None:
            document.floor = row.floor
            document.snapshot_bytes = len(snapshot.payload)
            document.tail_updates = max(0, document.committed - snapshot.seq)
            document.tail_bytes = 0

    async def _row(self, document: Document) -> StoredDocument:
        row = await self._store.read_document(document.key)
        if row is None:
            raise StoreCorrupt(f"document {document.key.name} is not there any more")
        return row

    async def _run(self, job: jobs.Job, row: StoredDocument) -> jobs.Result:
        snapshot = await self._store.read_snapshot(row.number)
        return await self._worker.run(job, read_updates(self._store, row, snapshot))


def _is_due(document: Document) -> bool:
    due = is_due(
        document.name.language,
        tail_updates=document.tail_updates,
        tail_bytes=document.tail_bytes,
        snapshot_bytes=document.snapshot_bytes,
    )
    return due and document.head >= document.compact_after and not document.quarantined
