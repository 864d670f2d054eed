"""Looking after a store while no server runs on it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

from syncline_protocol.names import parse_name

from syncline_server import clock
from syncline_server.projections import rebuild as projections
from syncline_server.projections.rebuild import Progress, Rebuilt
from syncline_server.storage.compaction import Compactor
from syncline_server.storage.interface import DocumentKey, Store, StoredDocument
from syncline_server.storage.sqlite import SqliteStore
from syncline_server.storage.worker import JobError, Worker

PAGE_ROWS: Final = 500


class Outcome(NamedTuple):
    """What became of one document: a line for a person, and whether it failed."""

    line: str
    failed: bool


async def compact(data: Path, tenant: str, name: str | None) -> AsyncIterator[Outcome]:
    """Compact one document, or all of a tenant. Raises `StoreError`."""
    async with SqliteStore(data) as store, Worker() as worker:
        compactor = Compactor(store, worker, now_ms=clock.now_ms)
        async for document in _wanted(store, tenant, name):
            began = time.perf_counter()
            try:
                done = await compactor.compact(document, language=parse_name(document.key.name).language)
            except JobError as error:
                yield Outcome(f"{document.key.name}: failed: {error}", failed=True)
                continue
            took = f"compacted in {(time.perf_counter() - began) * 1000:.0f} ms" if done else "nothing to do"
            yield Outcome(f"{document.key.name}: {took}, at {document.head}", failed=False)


async def rebuild(data: Path, on_progress: Progress) -> Rebuilt:
    """Make the projections of a store anew from its log. Raises `StoreError`."""
    async with SqliteStore(data) as store:
        return await projections.rebuild(data, store, on_progress=on_progress)


async def _wanted(store: Store, tenant: str, name: str | None) -> AsyncIterator[StoredDocument]:
    if name is not None:
        document = await store.read_document(DocumentKey(tenant, name))
        if document is not None:
            yield document
        return
    after = ""
    while rows := await store.read_documents(tenant, "", after=after, limit=PAGE_ROWS):
        for row in rows:
            yield row
        after = rows[-1].key.name
