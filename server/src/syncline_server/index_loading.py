"""Building a document's admission index: from the snapshot's, and the log after it."""

import asyncio
from typing import Final

from syncline_server import admission
from syncline_server.admission import ContentAdmission, RecordAdmission
from syncline_server.document import Document
from syncline_server.storage.interface import Store, StoreCorrupt

READ_BYTES: Final = 256 * 1024
ROWS_PER_TURN: Final = 64
"""Updates taken in before other sessions have their turn: under a millisecond."""


async def load(store: Store, document: Document) -> None:
    """Load the index up to what is committed. Nothing is admitted meanwhile, since that takes the index."""
    while document.admission is None:
        built = await _build(store, document)
        if built is not None and document.admission is None:
            document.admission = built


async def _build(store: Store, document: Document) -> RecordAdmission | ContentAdmission | None:
    """The index, or None when a compaction came in between."""
    snapshot = await store.read_snapshot(document.number)
    built = admission.empty(document.name) if snapshot is None else admission.restore(document.name, snapshot.index)
    cursor = 0 if snapshot is None else snapshot.seq
    tail_updates = tail_bytes = 0
    while cursor < document.committed:
        rows = await store.read_log(document.number, after=cursor, bytes_max=READ_BYTES)
        if not rows or rows[0].seq != cursor + 1:
            newer = await store.read_snapshot(document.number)
            if newer is None or newer.seq <= cursor:
                raise StoreCorrupt(f"the log of {document.key.name} has a hole after {cursor}")
            return None
        for count, row in enumerate(rows):
            built.replay(row.payload)
            tail_updates += 1
            tail_bytes += len(row.payload)
            if count % ROWS_PER_TURN == ROWS_PER_TURN - 1:
                await asyncio.sleep(0)
        cursor = rows[-1].seq
    document.tail_updates, document.tail_bytes = tail_updates, tail_bytes
    document.snapshot_bytes = 0 if snapshot is None else len(snapshot.payload)
    return built
