"""Committed updates into tables: the part that runs in the writing connection's thread.

One transaction for each batch: what the records say, what follows from it, and how far each document is. So after any
crash the tables are as of some moment, and say of which. Heads and tickets are reduced from all their records, which
are kept in memory for those written of late; segments and read markers are taken record by record.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.names import DocumentKind
from syncline_protocol.update import scan_records

from syncline_server.projections import heads, markers, segments, tickets
from syncline_server.projections.model import Projected
from syncline_server.projections.queue import Job
from syncline_server.projections.settling import settle
from syncline_server.projections.writing import Known, Writing
from syncline_server.storage.interface import StoredDocument

KEPT_MAX: Final = 5_000
"""Heads and tickets whose records are kept, some 5 KB each."""

POSITIONS_KEPT_MAX: Final = 100_000
"""Positions of documents that are known by heart, about 20 MB."""

WHOLE: Final = frozenset({DocumentKind.CONVERSATION, DocumentKind.TICKET})
"""Kinds that are reduced from all their records."""

Records = dict[str, Mapping[str, Any]]


class Position(NamedTuple):
    """How far a document is projected. `records`: of a segment, how many it has."""

    epoch: int
    seq: int
    records: int


class Whole(NamedTuple):
    """A document as read from the store: everything up to `seq`."""

    seq: int
    payloads: Sequence[bytes]


NOTHING: Final = Position(0, 0, 0)


class Projector:
    """See the module's text. Only one thread uses it, the writing connection's."""

    def __init__(self) -> None:
        self._positions: OrderedDict[int, Position] = OrderedDict()
        self._kept: OrderedDict[int, tuple[int, Records]] = OrderedDict()
        self._change: int | None = None
        self._known = Known()

    def forget(self) -> None:
        """Know nothing by heart: a transaction was taken back, or the database is another one."""
        self._positions.clear()
        self._kept.clear()
        self._known.forget()
        self._change = None

    def lacking(self, db: sqlite3.Connection, jobs: Iterable[Job]) -> set[int]:
        """The documents that have to be read from the store, since what is new of them does not follow on."""
        return {job.number for job in jobs if not self._follows(db, job)}

    def project(self, db: sqlite3.Connection, jobs: Iterable[Job], whole: Mapping[int, Whole]) -> Projected:
        """Project `jobs`, inside a transaction; those in `whole` were read from the store."""
        writing = Writing(db, self._last_change(db), self._known)
        reached = [row for job in jobs if (row := self._project(writing, job, whole.get(job.number))) is not None]
        db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)", reached)
        projected = settle(writing)
        self._change = writing.change
        self._known.trim()
        _trim(self._positions, POSITIONS_KEPT_MAX)
        _trim(self._kept, KEPT_MAX)
        return projected

    def _follows(self, db: sqlite3.Connection, job: Job) -> bool:
        if job.updates is None or job.is_replaced:
            return False
        position = self._position(db, job.number)
        new = [seq for seq, _ in job.updates if seq > position.seq]
        if position == NOTHING:
            return new[:1] == [1]
        if position.epoch != job.epoch:
            return False
        if not new:
            return True
        if job.name.kind in WHOLE and self._kept.get(job.number, (-1,))[0] != position.seq:
            return False
        return new[0] == position.seq + 1

    def _project(self, writing: Writing, job: Job, whole: Whole | None) -> tuple[int | str, ...] | None:
        """Project what is new of a document; returns its row in `positions`, or None if nothing is."""
        before = self._position(writing.db, job.number)
        read = whole
        if read is None:
            new = [(seq, payload) for seq, payload in job.updates or () if seq > before.seq]
            if not new:
                return None
            read = Whole(new[-1][0], [payload for _, payload in new])
        elif job.is_replaced or before.epoch not in (0, job.epoch) or before.seq > read.seq:
            _drop(writing, job)
        values: Sequence[Mapping[str, Any]] = list(_values(job, read.payloads))
        if job.name.kind in WHOLE:
            values = self._all(job.number, read.seq, values, is_whole=whole is not None)
        records = _take(writing, job, values, before.records if whole is None else 0)
        position = self._positions[job.number] = Position(job.epoch, read.seq, records)
        self._positions.move_to_end(job.number)
        return (job.number, name_of(job.key), *position)

    def _all(
        self, number: int, seq: int, values: Sequence[Mapping[str, Any]], *, is_whole: bool
    ) -> list[Mapping[str, Any]]:
        """All records of a document, of which `values` are new (or all: `is_whole`)."""
        records = {} if is_whole else self._kept.get(number, (0, {}))[1]
        records.update((value["id"], value) for value in values if isinstance(value.get("id"), str))
        self._kept[number] = (seq, records)
        self._kept.move_to_end(number)
        return list(records.values())

    def _position(self, db: sqlite3.Connection, number: int) -> Position:
        position = self._positions.get(number)
        if position is None:
            row = db.execute("SELECT epoch, seq, records FROM positions WHERE document = ?", (number,)).fetchone()
            position = self._positions[number] = NOTHING if row is None else Position(*row)
        return position

    def _last_change(self, db: sqlite3.Connection) -> int:
        if self._change is None:
            row = db.execute("SELECT value FROM meta WHERE key = 'change'").fetchone()
            self._change = 0 if row is None else int(row[0])
        return self._change


def name_of(key: tuple[str, str]) -> str:
    """A document's tenant and path, as one text."""
    return "\n".join(key)


def lagging(db: sqlite3.Connection, after: int, documents: Sequence[StoredDocument]) -> list[StoredDocument] | None:
    """Those of `documents` (all of the store from behind `after`) that are not projected up to their heads.

    None if the tables are of another store.
    """
    last = documents[-1].number
    known = {
        number: rest
        for number, *rest in db.execute(
            "SELECT document, name, epoch, seq FROM positions WHERE document > ? AND document <= ?", (after, last)
        )
    }
    lag: list[StoredDocument] = []
    for document in documents:
        name, epoch, seq = known.pop(document.number, (name_of(document.key), 0, 0))
        if name != name_of(document.key) or seq > document.head:
            return None
        if seq < document.head or (seq > 0 and epoch != document.epoch):
            lag.append(document)
    return None if known else lag


def has_more(db: sqlite3.Connection, after: int) -> bool:
    """Whether there are positions of documents behind the last of the store."""
    return db.execute("SELECT 1 FROM positions WHERE document > ?", (after,)).fetchone() is not None


def _take(writing: Writing, job: Job, values: Sequence[Mapping[str, Any]], records_before: int) -> int:
    tenant, name = job.key.tenant, job.name
    match name.kind:
        case DocumentKind.SEGMENT:
            segment = segments.Segment(writing, tenant, name.id, name.segment)
            return segment.take(values, records_before=records_before)
        case DocumentKind.CONVERSATION:
            heads.take(writing, tenant, name.id, values)
        case DocumentKind.TICKET:
            tickets.take(writing, tenant, name.id, values)
        case DocumentKind.USER:
            markers.take(writing, tenant, name.id, values)
        case _:
            raise AssertionError(f"{name.kind} is not projected")
    return 0


def _drop(writing: Writing, job: Job) -> None:
    tenant, name = job.key.tenant, job.name
    match name.kind:
        case DocumentKind.SEGMENT:
            segments.Segment(writing, tenant, name.id, name.segment).drop()
        case DocumentKind.TICKET:
            tickets.drop(writing, tenant, name.id)
        case DocumentKind.USER:
            markers.drop(writing, tenant, name.id)
        case _:
            pass  # a head overwrites its row, whatever it was


def _values(job: Job, payloads: Iterable[bytes]) -> Iterable[Mapping[str, Any]]:
    """The records of these updates, of all roots: their types tell which is which."""
    for payload in payloads:
        try:
            structs = scan_records(payload, trusted=True)
        except RefusedUpdate as refusal:
            structlog.get_logger().error("projections.unreadable_update", document=job.key.name, reason=refusal.reason)
            continue
        for struct in structs:
            yield struct.value


def _trim(kept: OrderedDict[int, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
