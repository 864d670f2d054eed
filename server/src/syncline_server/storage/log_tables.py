"""The log and the snapshots in their tables: appended, folded, read, cut.

On the data's way: `log → STORE`; `sqlite.py` hands over here. An update is first in `log_tail`, in the order it came,
with an image in memory (`Tail`). When that has `TAIL_BYTES_MAX` it is *folded*: in one transaction written to
`log_runs`, by document, and cleared. Invariants:

1. What is durable of a document's log behind its floor is its runs, then its tail, without a hole or an overlap.
2. `Tail` holds what `log_tail` holds and nothing else, and changes only after the commit.
3. A reading that a fold came in between is made again (`_folded` tells).
"""

from collections.abc import Sequence
from typing import Final

from syncline_server.storage import statements
from syncline_server.storage.connections import Connections, Parameters, Row, Statement
from syncline_server.storage.interface import LogEntry, LogRow, Snapshot, StoreCorrupt
from syncline_server.storage.log_layout import (
    SEQ_MAX,
    Run,
    Tail,
    checksum_of,
    decode_group,
    decode_run,
    encode_group,
    encode_run,
    position,
    verify,
)

TAIL_BYTES_MAX: Final = 1024 * 1024
"""Memory for the tail; what a fold writes at once, and what opening reads first."""

RUNS_PER_STATEMENT: Final = 1_000
"""Rows of one INSERT: five parameters each, far below the 32,766 that SQLite takes."""

DOCUMENTS_PER_READ: Final = 1_000
"""Documents whose heads one query reads."""

RUNS_PER_READ: Final = 256
"""Runs looked at in one range read."""

HEADS_KEPT_MAX: Final = 100_000
"""Heads of documents kept in memory, about 10 MB; beyond it they are forgotten, and read when they are needed."""


class LogTables:
    """The log and the snapshots of one database. The only one to write them, so it may know the heads by heart."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._tail = Tail()
        self._groups = 0  # committed ever: the number of the last
        self._folded = 0  # of these, how many are in runs
        self._heads: dict[int, int] = {}

    async def load(self) -> None:
        """Read the tail that the last process left. Raises `StoreCorrupt` if it does not follow the runs."""
        ((self._folded,),) = await self._connections.read(statements.READ_FOLDED, (), doing="read the log's tail")
        self._groups = self._folded
        for number, checksum, encoded in await self._connections.read(
            statements.READ_TAIL, (self._folded,), doing="read the log's tail"
        ):
            if number != self._groups + 1:
                raise StoreCorrupt(
                    f"the log's tail goes from group {self._groups} to {number}; restore it from a backup"
                )
            self._tail.add(decode_group(encoded, checksum))
            self._groups = number
        stored = await self._read_stored_heads(self._tail.documents())
        for document, head in stored.items():
            _refuse_holes(document, head, self._tail.rows(document, after=0))

    def head(self, document: int, stored: int) -> int:
        """The document's head, given what a steady reading found stored."""
        return max(stored, self._tail.head(document))

    async def read_steady(self, sql: str, parameters: Parameters, *, doing: str) -> list[Row]:
        """Rows that, together with the tail as it is on return, leave nothing out."""
        while True:
            folded = self._folded
            rows = await self._connections.read(sql, parameters, doing=doing)
            if folded == self._folded:
                return rows

    async def append(self, entries: Sequence[LogEntry]) -> None:
        """Commit a group. Only inside `Connections.alone`."""
        if self._tail.bytes >= TAIL_BYTES_MAX:
            await self._fold()
        elif self._connections.checkpoint_is_due:
            await self._connections.checkpoint()
        heads = await self._following_heads(entries)
        encoded, checksum = encode_group(entries)
        number = self._groups + 1
        parameters = (number - self._folded, number, checksum, encoded)
        await self._connections.write(statements.ADD_GROUP, parameters, doing="append to the log")
        self._groups = number
        self._tail.add(entries)
        self._heads.update(heads)

    async def read(self, document: int, *, after: int, bytes_max: int) -> list[LogRow]:
        """As `Store.read_log`."""
        if after < 0:
            raise ValueError(f"updates after {after}: sequence numbers start at 1")
        first = self._tail.first(document)
        if first is not None and after + 1 >= first:
            return _fitting(self._tail.rows(document, after=after), bytes_max)
        bounds = (position(document, after), position(document, SEQ_MAX))
        parameters = (*bounds, RUNS_PER_READ, max(1, bytes_max))
        stored = await self.read_steady(statements.READ_RUNS, parameters, doing="read the log")
        rows: list[LogRow] = []
        for *columns, _ in stored:
            rows += _rows_of(Run(*columns), after=rows[-1].seq if rows else after)
        if not stored or stored[-1][-1]:
            rows += self._tail.rows(document, after=rows[-1].seq if rows else after)
        _refuse_holes(document, rows[0].seq - 1 if rows else after, rows)
        return _fitting(rows, bytes_max)

    async def read_snapshot(self, document: int) -> Snapshot | None:
        """As `Store.read_snapshot`."""
        rows = await self._connections.read(statements.READ_SNAPSHOT, (document,), doing="read a snapshot")
        for seq, checksum, payload, index in rows:
            verify(checksum_of(payload, index), checksum, f"the snapshot of document {document}")
            return Snapshot(seq, payload, index)
        return None

    async def write_snapshot(self, document: int, snapshot: Snapshot, keep_after: int) -> None:
        """As `Store.write_snapshot`. Only inside `Connections.alone`."""
        first = self._tail.first(document)
        if first is not None and first <= keep_after:
            await self._fold()
        await self._verify_cut(document, snapshot, keep_after)
        payload, index = snapshot.payload, snapshot.index
        below = (position(document, 0), position(document, keep_after))
        changes: list[Statement] = [
            (statements.REPLACE_SNAPSHOT, (document, snapshot.seq, checksum_of(payload, index), payload, index)),
            (statements.DROP_RUNS, below),
            *await self._shortening(document, keep_after),
            (statements.RAISE_FLOOR, (keep_after, document)),
            (statements.DROP_CURSORS, (document, keep_after)),  # their devices will be served the snapshot
        ]
        await self._connections.write_together(changes, doing="write a snapshot")

    async def replace_history(self, document: int, epoch: int, snapshot: Snapshot) -> None:
        """As `Store.replace_history`. Only inside `Connections.alone`.

        The tail is folded without the document, in the same transaction, and its slots are deleted: those that wait
        for being overwritten hold updates of long ago.
        """
        stored = (await self._read_stored_heads([document]))[document]
        if snapshot.seq != self.head(document, stored):
            raise ValueError(
                f"a snapshot at {snapshot.seq} does not fit document {document}, whose log ends at "
                f"{self.head(document, stored)}"
            )
        payload, index = snapshot.payload, snapshot.index
        changes: list[Statement] = [
            *self._folding(without=document),
            (statements.EMPTY_TAIL, ()),
            (statements.DROP_RUNS, (position(document, 0), position(document, SEQ_MAX))),
            (statements.REPLACE_SNAPSHOT, (document, snapshot.seq, checksum_of(payload, index), payload, index)),
            (statements.BEGIN_HISTORY, (epoch, snapshot.seq, document)),
            (statements.FORGET_CURSORS, (document,)),
            (statements.MARK_WIPE_DUE, ()),
        ]
        await self._connections.write_together(changes, doing="replace a history")
        self._tail_folded()

    async def _fold(self) -> None:
        """Move the tail to the runs."""
        await self._connections.write_together(self._folding(), doing="sort the log by document")
        self._tail_folded()

    def _folding(self, *, without: int = 0) -> list[Statement]:
        """What moves the tail to the runs, all but what it has of the document `without`."""
        runs = list(self._tail.runs(without=without))
        changes: list[Statement] = []
        for start in range(0, len(runs), RUNS_PER_STATEMENT):
            part = runs[start : start + RUNS_PER_STATEMENT]
            changes.append((statements.add_runs(len(part)), [column for run in part for column in run]))
        changes.append((statements.CLEAR_TAIL, (self._groups,)))
        return changes

    def _tail_folded(self) -> None:
        self._tail.clear()
        self._folded = self._groups
        if len(self._heads) > HEADS_KEPT_MAX:
            self._heads.clear()

    async def _following_heads(self, entries: Sequence[LogEntry]) -> dict[int, int]:
        """The heads after `entries`. Raises `StoreCorrupt` if one of them does not follow its document's head."""
        unknown = {entry.document for entry in entries}.difference(self._heads)
        if unknown:
            stored = await self._read_stored_heads(sorted(unknown))
            self._heads.update((document, self.head(document, head)) for document, head in stored.items())
        heads: dict[int, int] = {}
        for entry in entries:
            head = heads.get(entry.document, self._heads[entry.document])
            if entry.seq != head + 1 or entry.seq > SEQ_MAX:
                raise StoreCorrupt(f"update {entry.seq} of document {entry.document} does not follow its head, {head}")
            heads[entry.document] = entry.seq
        return heads

    async def _read_stored_heads(self, documents: Sequence[int]) -> dict[int, int]:
        """Where the runs of each document end. Raises `StoreCorrupt` for a document that does not exist."""
        heads: dict[int, int] = {}
        for start in range(0, len(documents), DOCUMENTS_PER_READ):
            part = documents[start : start + DOCUMENTS_PER_READ]
            sql = statements.read_stored_heads(len(part))
            heads.update(await self._connections.read(sql, part, doing="read heads of documents"))
        for document in documents:
            if document not in heads:
                raise StoreCorrupt(f"the log has updates of document {document}, which does not exist")
        return heads

    async def _verify_cut(self, document: int, snapshot: Snapshot, keep_after: int) -> None:
        """Raise unless the snapshot is not older than the one there, and nothing is dropped that is not in it."""
        head = (await self._read_stored_heads([document]))[document]
        ((floor, stored_seq),) = await self._connections.read(
            statements.READ_FLOOR, (document,), doing="read the floor"
        )
        if not (floor <= keep_after <= snapshot.seq and stored_seq <= snapshot.seq <= self.head(document, head)):
            raise ValueError(
                f"a snapshot at {snapshot.seq} that keeps updates after {keep_after} does not fit document {document}: "
                f"its snapshot ends at {stored_seq}, its log goes from {floor + 1} to {self.head(document, head)}"
            )

    async def _shortening(self, document: int, keep_after: int) -> list[Statement]:
        """The statement that takes the updates up to `keep_after` out of a run with later ones, if there is one."""
        bounds = (position(document, keep_after), position(document, SEQ_MAX))
        for *columns, _ in await self._connections.read(statements.READ_RUNS, (*bounds, 1, 1), doing="read the log"):
            run = Run(*columns)
            if run.first_seq <= keep_after:
                kept = decode_run(run)[keep_after + 1 - run.first_seq :]
                short = encode_run(document, keep_after + 1, kept)
                return [
                    (statements.SHORTEN_RUN, (short.first_seq, short.size, short.checksum, short.entries, run.position))
                ]
        return []


def _rows_of(run: Run, *, after: int) -> list[LogRow]:
    """The updates of a run with seq > `after`."""
    rows = [LogRow(seq, entry.payload) for seq, entry in enumerate(decode_run(run), start=run.first_seq)]
    return rows[max(0, after + 1 - run.first_seq) :]


def _refuse_holes(document: int, head: int, rows: Sequence[LogRow]) -> None:
    """Raise `StoreCorrupt` unless `rows` go on after `head`, one by one."""
    for row in rows:
        if row.seq != head + 1:
            raise StoreCorrupt(
                f"the log of document {document} goes from {head} to {row.seq}: updates are missing; restore a backup"
            )
        head = row.seq


def _fitting(rows: list[LogRow], bytes_max: int) -> list[LogRow]:
    """The first rows, as many as fit into `bytes_max`, and at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row.payload)
        if count and size > bytes_max:
            return rows[:count]
    return rows
