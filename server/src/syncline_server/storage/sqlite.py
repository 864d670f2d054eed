"""The embedded store: SQLite in one directory, written by one connection.

On the data's way: `session → admission → log → STORE`. Implements `interface.Store`; its suite is
`tests/server/storage/acceptance.py`. Below it: `connections.py` (what a write promises), `log_layout.py` (how updates
lie), `schema.py` (the tables), `failures.py` (what an error means).
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from syncline_server.storage import statements
from syncline_server.storage.connections import Connect, Connections, Durability, Parameters, Row, connect_sqlite
from syncline_server.storage.interface import (
    DocumentKey,
    LeaseHolder,
    LogEntry,
    LogRow,
    Snapshot,
    StoreCorrupt,
    StoredDocument,
    StoreError,
    StoreUnavailable,
)
from syncline_server.storage.log_tables import LogTables
from syncline_server.storage.wiping import Wiping

CURSORS_GATHERED_MAX: Final = 1_000
"""Cursors kept in memory until they are written together: a commit for each would cost more than the updates do."""

DOCUMENTS_PER_READ: Final = 1_000
"""Documents read by name in one query: two parameters each, far below the 32,766 that SQLite takes."""

PREFIX_END: Final = "\U0010ffff"


class SqliteStore:
    """The store in `directory`, which is created if it is not there. One process has it at a time.

    `wal_bytes_at_start`: for a process that goes on writing, the size of SQLite's write-ahead log to begin with.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durability: Durability = Durability.FULL,
        connect: Connect = connect_sqlite,
        wal_bytes_at_start: int = 0,
    ) -> None:
        self._connections = Connections(directory, durability, connect, wal_bytes_at_start=wal_bytes_at_start)
        self._log = LogTables(self._connections)
        self._wiping = Wiping(self._connections)
        self._cursors: dict[tuple[int, int], tuple[int, int]] = {}

    async def __aenter__(self) -> Self:
        await self._connections.open()
        try:
            await self._log.load()
            await self._wiping.finish()
        except BaseException:
            await self._connections.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if not self._connections.failed:
                await self._connections.alone(self._write_cursors())
        finally:
            await self._connections.close()

    # documents

    async def read_document(self, key: DocumentKey) -> StoredDocument | None:
        rows = await self._log.read_steady(statements.READ_DOCUMENT, key, doing=f"read document {key.name}")
        return self._document(rows[0]) if rows else None

    async def read_documents_named(self, keys: Sequence[DocumentKey]) -> dict[DocumentKey, StoredDocument]:
        found: dict[DocumentKey, StoredDocument] = {}
        for start in range(0, len(keys), DOCUMENTS_PER_READ):
            some = keys[start : start + DOCUMENTS_PER_READ]
            sql = statements.read_documents_named(len(some))
            names = [part for key in some for part in key]
            for row in await self._log.read_steady(sql, names, doing=f"read {len(some)} documents"):
                document = self._document(row)
                found[document.key] = document
        return found

    async def create_document(self, key: DocumentKey, epoch: int) -> StoredDocument:
        created = await self._write(statements.CREATE_DOCUMENT, (*key, epoch), doing=f"create document {key.name}")
        for (number,) in created:
            return StoredDocument(number, key, epoch, 0, 0, "")
        document = await self.read_document(key)
        if document is None:
            raise StoreCorrupt(f"document {key.name} was created and is not there")
        return document

    async def read_documents(
        self, tenant: str, prefix: str, *, after: str = "", limit: int = 500
    ) -> list[StoredDocument]:
        parameters = (tenant, prefix, _end_of(prefix), after, limit)
        rows = await self._log.read_steady(statements.READ_DOCUMENTS, parameters, doing=f"list documents {prefix}…")
        return [self._document(row) for row in rows]

    async def read_all_documents(self, after: int, *, limit: int = 500) -> list[StoredDocument]:
        rows = await self._log.read_steady(statements.READ_ALL_DOCUMENTS, (after, limit), doing="list all documents")
        return [self._document(row) for row in rows]

    async def renew_epoch(self, document: int, epoch: int) -> None:
        await self._update_document(
            statements.RENEW_EPOCH, document, epoch, doing=f"renew the epoch of document {document}"
        )

    async def quarantine(self, document: int, reason: str) -> None:
        await self._update_document(statements.QUARANTINE, document, reason, doing=f"quarantine document {document}")

    # log

    async def append(self, entries: Sequence[LogEntry]) -> None:
        if entries:
            await self._connections.alone(self._log.append(entries))

    async def read_log(self, document: int, *, after: int, bytes_max: int) -> list[LogRow]:
        return await self._log.read(document, after=after, bytes_max=bytes_max)

    async def read_snapshot(self, document: int) -> Snapshot | None:
        return await self._log.read_snapshot(document)

    async def write_snapshot(self, document: int, snapshot: Snapshot, *, keep_after: int) -> None:
        await self._connections.alone(self._log.write_snapshot(document, snapshot, keep_after))

    async def replace_history(self, document: int, epoch: int, snapshot: Snapshot) -> None:
        await self._connections.alone(self._replace_history(document, epoch, snapshot))

    async def wipe(self) -> None:
        await self._wiping.finish()

    # client ids

    async def lease(self, holder: LeaseHolder, *, candidates: Sequence[int]) -> int:
        rows = await self._write(statements.lease(len(candidates)), (*holder, *candidates), doing="lease a client id")
        for (client_id,) in rows:
            return int(client_id)
        raise StoreUnavailable(f"lease a client id: all {len(candidates)} candidates are taken; draw others")

    async def read_lease(self, holder: LeaseHolder) -> int | None:
        for (client_id,) in await self._read(statements.READ_LEASE, holder, doing="read a lease"):
            return int(client_id)
        return None

    async def read_holder(self, client_id: int) -> LeaseHolder | None:
        for row in await self._read(statements.READ_HOLDER, (client_id,), doing="read a lease"):
            return LeaseHolder(*row)
        return None

    async def bind(self, client_id: int, holder: LeaseHolder) -> LeaseHolder:
        bound = await self.read_holder(client_id)
        if bound is None:
            await self._write(statements.BIND, (client_id, *holder), doing="bind a client id")
            bound = await self.read_holder(client_id)
        if bound is None:
            raise StoreCorrupt(f"client id {client_id} was bound and nobody has it")
        return bound

    # cursors

    async def write_cursors(self, rows: Sequence[tuple[int, int, int, int]]) -> None:
        for document, client_id, seq, at_ms in rows:
            self._cursors[document, client_id] = (seq, at_ms)
        if len(self._cursors) >= CURSORS_GATHERED_MAX:
            await self._connections.alone(self._write_cursors())

    async def read_oldest_cursor(self, document: int, *, seen_after_ms: int) -> int | None:
        await self._connections.alone(self._write_cursors())
        ((oldest,),) = await self._read(statements.READ_OLDEST_CURSOR, (document, seen_after_ms), doing="read cursors")
        return None if oldest is None else int(oldest)

    # rights

    async def write_revocation(self, tenant: str, user: str, device: str, at_ms: int) -> None:
        await self._write(statements.WRITE_REVOCATION, (tenant, user, device, at_ms), doing="write a revocation")

    async def read_revocations(self) -> list[tuple[str, str, str, int]]:
        rows = await self._read(statements.READ_REVOCATIONS, (), doing="read revocations")
        return [(tenant, user, device, at_ms) for tenant, user, device, at_ms in rows]

    # health

    async def probe(self) -> None:
        await self._write(statements.PROBE, (), doing="probe the store")

    # the rest is how

    async def _read(self, sql: str, parameters: Parameters, *, doing: str) -> list[Row]:
        return await self._connections.read(sql, parameters, doing=doing)

    async def _write(self, sql: str, parameters: Parameters, *, doing: str) -> list[Row]:
        return await self._connections.alone(self._connections.write(sql, parameters, doing=doing))

    async def _update_document(self, sql: str, document: int, value: int | str, *, doing: str) -> None:
        if not await self._write(sql, (value, document), doing=doing):
            raise StoreCorrupt(f"{doing}: it does not exist")

    async def _write_cursors(self) -> None:
        gathered, self._cursors = self._cursors, {}
        if not gathered:
            return
        parameters = [value for key, cursor in gathered.items() for value in (*key, *cursor)]
        try:
            await self._connections.write(statements.write_cursors(len(gathered)), parameters, doing="write cursors")
        except StoreError:
            self._cursors = gathered | self._cursors
            raise

    async def _replace_history(self, document: int, epoch: int, snapshot: Snapshot) -> None:
        await self._log.replace_history(document, epoch, snapshot)
        self._wiping.dropped()
        self._cursors = {key: cursor for key, cursor in self._cursors.items() if key[0] != document}

    def _document(self, row: Row) -> StoredDocument:
        number, tenant, name, epoch, floor, quarantined, stored_head = row
        head = self._log.head(number, stored_head)
        return StoredDocument(number, DocumentKey(tenant, name), epoch, head, floor, quarantined)


def _end_of(prefix: str) -> str:
    """A text behind all names that start with `prefix`, in the order of code points."""
    return prefix + PREFIX_END
