"""Reading a document of records whole: what its snapshot and the log behind it hold, in the order they were admitted.

Beside the data's way, for those who need a record document's state: conversations, tickets, projections. No CRDT engine
takes part. (A snapshot has its records by client; the order of admission begins behind it.)
"""

from typing import Any, Final

from syncline_protocol.update import scan_records

from syncline_server.storage.interface import Store, StoreCorrupt

READ_BYTES: Final = 1024 * 1024
"""How much of a log is in memory at once."""

Name = tuple[str, str]
"""A record's root and key."""


async def read_payloads(store: Store, document: int) -> tuple[int, list[bytes]]:
    """The updates of the document numbered `document`, its snapshot first, and the sequence number up to which these
    are. Raises `StoreError`.
    """
    snapshot = await store.read_snapshot(document)
    cursor = 0 if snapshot is None else snapshot.seq
    payloads = [] if snapshot is None else [snapshot.payload]
    while rows := await store.read_log(document, after=cursor, bytes_max=READ_BYTES):
        if rows[0].seq != cursor + 1:
            newer = await store.read_snapshot(document)
            if newer is None or newer.seq <= cursor:
                raise StoreCorrupt(f"the log of document {document} has a hole after {cursor}")
            return await read_payloads(store, document)  # a compaction came in between
        payloads += [row.payload for row in rows]
        cursor = rows[-1].seq
    return cursor, payloads


async def read_records(store: Store, document: int) -> tuple[int, dict[Name, dict[str, Any]]]:
    """All records of the document numbered `document`, and the sequence number up to which these are. Raises
    `StoreError`.
    """
    cursor, payloads = await read_payloads(store, document)
    records: dict[Name, dict[str, Any]] = {}
    for payload in payloads:
        records.update(((struct.root, struct.key), struct.value) for struct in scan_records(payload, trusted=True))
    return cursor, records
