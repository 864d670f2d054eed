"""The device's store: what a replica needs of a database, and what it may count on.

Stands at the near end of the device's way: `handle → replica → STORE`, and beside it `replica → outbox → session →
connection → transport`. Two implementations, `store_sqlite.py` for devices and `store_memory.py` for programs that keep
nothing, stand behind this interface and pass one suite (`tests/client/store_acceptance.py`).

What every implementation promises:

1. `commit` takes all operations or none, in their order.
2. With `durable=True` it returns only when they survive loss of power.
3. Payloads come back byte for byte, updates of a document in the order in which they were appended.
4. No failure looks like an empty result: a failing read raises.
5. What `DropContent` dropped and `EraseRow` took out is in none of the store's files any more when `commit` returns,
   but for edits that are in the outbox still (P10). A process that reads the files may be in the way: then a later
   commit or the next start makes up for it.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self


class StoreError(Exception):
    """What a store raises: the text says what happened and what to do."""


class StoreInUse(StoreError):
    """Another process has the store open: two devices with one identity would overwrite each other."""


class StoredIdentity(NamedTuple):
    """Who the device is. `tenant`, `user` and `client` (its leased client id) are empty and 0 until its first Welcome.

    `at`, `seen` and `offset_ms` are the state of its hybrid clock.
    """

    device: str
    tenant: str = ""
    user: str = ""
    client: int = 0
    at: int = 0
    seen: int = 0
    offset_ms: int = 0


class StoredDocument(NamedTuple):
    """One document of the replica.

    `epoch`: the history that the content belongs to, 0 if the device has nothing of it. `cursor`: all updates up to
    this sequence number are in. `clock`: the next clock of the device's client id, as far as the log is known.
    `followed`: whether it is opened with every connection.
    """

    name: str
    epoch: int = 0
    cursor: int = 0
    clock: int = 0
    followed: bool = True


class StoredUpdate(NamedTuple):
    """One admitted update. `seq` is 0 for an own update that is durable at a position not yet known."""

    seq: int
    payload: bytes


class Content(NamedTuple):
    """What was received of a document: a compacted state (one update, empty if none), then the updates after it."""

    state: bytes
    updates: list[StoredUpdate]


class Row(NamedTuple):
    """One edit in the outbox.

    `id`: its place in the order of writing. For a record, `root` and `record` (its id) are set and `payload` is its
    JSON; for an edit of a page both are empty and `payload` is the update. `code` is empty while the edit waits, else
    why it was refused, with a `reason` for a person.
    """

    id: int
    document: str
    root: str
    record: str
    payload: bytes
    created_ms: int
    code: str = ""
    reason: str = ""


class PutIdentity(NamedTuple):
    """Replace the device's identity."""

    identity: StoredIdentity


class PutDocument(NamedTuple):
    """Add or replace a document's row; its content stays."""

    document: StoredDocument


class AppendUpdates(NamedTuple):
    """Add updates behind a document's others."""

    name: str
    updates: Sequence[StoredUpdate]


class ReplaceState(NamedTuple):
    """Replace a document's state and drop its updates up to `seq` (those at unknown positions included)."""

    name: str
    state: bytes
    seq: int


class DropContent(NamedTuple):
    """Forget a document's state and updates, down to the last byte. Its row and its outbox stay."""

    name: str


class PutRow(NamedTuple):
    """Add or replace an edit in the outbox."""

    row: Row


class RemoveRow(NamedTuple):
    """Take an edit out of the outbox."""

    id: int


class EraseRow(NamedTuple):
    """Take an edit out of the outbox, down to the last byte."""

    id: int


Operation = PutIdentity | PutDocument | AppendUpdates | ReplaceState | DropContent | PutRow | RemoveRow | EraseRow
"""What a transaction is made of."""


class Store(Protocol):
    """One device's database. Opened and closed as an async context manager."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def read_identity(self) -> StoredIdentity | None:
        """Who the device is, or None in a new store."""

    async def read_documents(self) -> list[StoredDocument]:
        """All documents, by name."""

    async def read_content(self, name: str) -> Content:
        """What was received of a document; empty for one that the store does not have."""

    async def read_rows(self) -> list[Row]:
        """The whole outbox, in the order of writing."""

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:
        """Do all of `operations` in one transaction. Raises `StoreError`; then none was done."""
