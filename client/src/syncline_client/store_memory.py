"""A store that ends with its process: for programs that keep nothing, and for tests."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from syncline_client.store import (
    AppendUpdates,
    Content,
    DropContent,
    EraseRow,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    StoredDocument,
    StoredIdentity,
    StoredUpdate,
)


class MemoryStore:
    """See `store.Store`. Closing keeps what is in it, so that a test may open it again as another start of the
    device.
    """

    def __init__(self) -> None:
        self._identity: StoredIdentity | None = None
        self._documents: dict[str, StoredDocument] = {}
        self._states: dict[str, bytes] = {}
        self._updates: dict[str, list[StoredUpdate]] = {}
        self._rows: dict[int, Row] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return

    def copy(self) -> "MemoryStore":
        """Another store with the same content: a backup."""
        other = MemoryStore()
        other._identity = self._identity
        other._documents = dict(self._documents)
        other._states = dict(self._states)
        other._updates = {name: list(updates) for name, updates in self._updates.items()}
        other._rows = dict(self._rows)
        return other

    async def read_identity(self) -> StoredIdentity | None:
        """See `Store`."""
        return self._identity

    async def read_documents(self) -> list[StoredDocument]:
        """See `Store`."""
        return [self._documents[name] for name in sorted(self._documents)]

    async def read_content(self, name: str) -> Content:
        """See `Store`."""
        return Content(self._states.get(name, b""), list(self._updates.get(name, [])))

    async def read_rows(self) -> list[Row]:
        """See `Store`."""
        return [self._rows[row] for row in sorted(self._rows)]

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:  # noqa: ARG002 - memory is not
        """See `Store`. No operation can fail."""
        for operation in operations:
            self._do(operation)

    def _do(self, operation: Operation) -> None:
        match operation:
            case PutIdentity(identity):
                self._identity = identity
            case PutDocument(document):
                self._documents[document.name] = document
            case AppendUpdates(name, updates):
                self._updates.setdefault(name, []).extend(updates)
            case ReplaceState(name, state, seq):
                self._states[name] = state
                self._updates[name] = [one for one in self._updates.get(name, []) if one.seq > seq]
            case DropContent(name):
                self._states.pop(name, None)
                self._updates.pop(name, None)
            case PutRow(row):
                self._rows[row.id] = row
            case RemoveRow(row_id) | EraseRow(row_id):
                self._rows.pop(row_id, None)
