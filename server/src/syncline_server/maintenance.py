"""Looking after a store while no server runs on it."""

from pathlib import Path

from syncline_protocol.names import parse_name

from syncline_server.storage.compaction import Compactor
from syncline_server.storage.sqlite import SqliteStore
from syncline_server.storage.worker import Worker

PAGE = 500


async def compact(data: Path, tenant: str, document: str | None) -> list[str]:
    """Compact one document, or all of a tenant; returns a line about each. Raises `StoreError`."""
    lines = []
    async with SqliteStore(data) as store, Worker() as worker:
        compactor = Compactor(store, worker)
        async for row in _wanted(store, tenant, document):
            done = await compactor.compact(row, language=parse_name(row.key.name).language)
            lines.append(f"{row.key.name}: {'compacted' if done else 'nothing to do'} at {row.head}")
    return lines or [f"no document {document or ''} of tenant {tenant}"]
