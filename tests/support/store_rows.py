"""Documents and updates for tests of the store: an update's payload follows from its document and number."""

from syncline_server.storage.interface import DocumentKey, LogEntry, LogRow, Store


def entry(document: int, seq: int, payload: bytes = b"") -> LogEntry:
    """An update with a payload of its own."""
    return LogEntry(document, seq, 2**41 + seq, 1_700_000_000_000 + seq, payload or payload_of(document, seq))


def payload_of(document: int, seq: int) -> bytes:
    """Bytes that no other update has, of varying length."""
    return f"{document}/{seq}:".encode() + bytes(seq * 37 % 401)


async def read_all(store: Store, document: int, *, after: int = 0, bytes_max: int = 10_000) -> list[LogRow]:
    """The whole log behind `after`, piece by piece."""
    rows: list[LogRow] = []
    while piece := await store.read_log(document, after=rows[-1].seq if rows else after, bytes_max=bytes_max):
        rows += piece
    return rows


def expected_rows(document: int, first: int, last: int) -> list[LogRow]:
    """What `read_log` should give of updates made by `entry`."""
    return [LogRow(seq, payload_of(document, seq)) for seq in range(first, last + 1)]


async def new_document(store: Store, name: str = "page/1") -> int:
    """The number of a fresh document."""
    return (await store.create_document(DocumentKey("acme", name), 7)).number


async def append_many(store: Store, document: int, first: int, last: int, *, at_once: int = 50) -> None:
    """Append the updates from `first` to `last`, in groups."""
    for start in range(first, last + 1, at_once):
        await store.append([entry(document, seq) for seq in range(start, min(start + at_once, last + 1))])
