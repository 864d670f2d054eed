"""The outbox: what this device wrote and the server has not acknowledged.

On the device's way: `handle → replica → OUTBOX → sender → session → transport`. It mirrors the outbox of the store, in
the order of writing; the replica changes both together. An edit is *waiting* until it is acknowledged, or *refused*:
then it is kept, with the reason, until its author retries or discards it (P5).
"""

from collections.abc import Iterable, Iterator

from syncline_client.store import Row


class Outbox:
    """All edits that are waiting or refused."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[int, Row] = {}
        self._waiting: dict[str, dict[int, Row]] = {}
        self._next_id = 1
        for row in rows:
            self.put(row)

    def next_id(self) -> int:
        """The place of the next edit in the order of writing."""
        return self._next_id

    def put(self, row: Row) -> None:
        """Add an edit, or replace the one with its id. Edits are added in the order of writing."""
        self._rows[row.id] = row
        self._next_id = max(self._next_id, row.id + 1)
        if row.code:
            self._forget_waiting(row)
        else:
            self._waiting.setdefault(row.document, {})[row.id] = row

    def remove(self, id: int) -> None:  # noqa: A002 - the store's word
        """Take an edit out; one that is not there is no matter."""
        row = self._rows.pop(id, None)
        if row is not None:
            self._forget_waiting(row)

    def get(self, id: int) -> Row | None:  # noqa: A002 - the store's word
        """The edit, if it is still there."""
        return self._rows.get(id)

    def waiting(self, document: str) -> list[Row]:
        """The waiting edits of a document, in the order of writing."""
        return list(self._waiting.get(document, {}).values())

    def is_waiting(self, document: str) -> bool:
        """Whether a document has waiting edits."""
        return document in self._waiting

    def waiting_count(self, document: str) -> int:
        """How many edits of a document wait."""
        return len(self._waiting.get(document, {}))

    def waiting_documents(self) -> list[str]:
        """The documents that have waiting edits."""
        return list(self._waiting)

    def waiting_after(self, document: str, id: int) -> Iterator[Row]:  # noqa: A002 - the store's word
        """The waiting edits of a document written after `id`. What is acknowledged leaves at the front, so few are
        passed over.
        """
        return (row for row in self._waiting.get(document, {}).values() if row.id > id)

    def refused(self) -> list[Row]:
        """The refused edits, in the order of writing."""
        return [row for row in self._rows.values() if row.code]

    def of(self, document: str) -> list[Row]:
        """All edits of a document, in the order of writing."""
        return [row for row in self._rows.values() if row.document == document]

    @property
    def count_waiting(self) -> int:
        """How many edits wait, in all documents."""
        return sum(len(rows) for rows in self._waiting.values())

    def _forget_waiting(self, row: Row) -> None:
        rows = self._waiting.get(row.document, {})
        rows.pop(row.id, None)
        if not rows:
            self._waiting.pop(row.document, None)
