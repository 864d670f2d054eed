"""A disk for the store that loses power and fails on demand: SQLite's files through a VFS written in Python (apsw).

`Disk.connect` is given to `SqliteStore(connect=…)`: the store's own code runs, statement for statement, and all that it
writes and syncs passes here. What has been written is recorded, so that the files can be laid out as a power cut at any
moment would leave them: everything synced is there; of what came after the last sync of its file, anything may be,
in any order, in part.

Not modelled: directory entries (a deleted file is gone at once), and disks that lie about a sync. The shared memory
file is not recorded: SQLite builds it anew.
"""

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import apsw
from typing_extensions import override

SECTOR_BYTES = 512
"""What a disk writes whole."""

_numbers = count()


class Fault(Enum):
    """How a write or a sync may fail, as SQLite's VFS says it."""

    DISK_FULL = "disk full"
    WRITE_ERROR = "write error"
    SYNC_ERROR = "sync error"


class Write(NamedTuple):
    """Bytes written to a file; what is there at the moment."""

    file: str
    offset: int
    data: bytes


class Truncate(NamedTuple):
    file: str
    size: int


class Sync(NamedTuple):
    file: str


class Delete(NamedTuple):
    file: str


class Mark(NamedTuple):
    """Something that the test noted down between two operations."""

    what: object


Change = Write | Truncate | Sync
Operation = Change | Delete | Mark


class Cut(Enum):
    """What a power cut leaves of the operations that were not synced."""

    NONE = "none"
    ALL = "all"
    PREFIX = "prefix"
    SUBSET = "subset"
    TORN = "torn"


@dataclass
class Disk:
    """Records what happens to the files opened through it; fails as `fault` says, `fault_after` operations later."""

    operations: list[Operation] = field(default_factory=list)
    fault: Fault | None = None
    fault_after: int = 0
    writes: int = 0
    syncs: int = 0

    def __post_init__(self) -> None:
        self.name = f"simulated-{next(_numbers)}"
        self._vfs = _Vfs(self)

    def close(self) -> None:
        """Take the VFS away. All connections must be closed."""
        self._vfs.unregister()

    async def connect(self, uri: str) -> "SimulatedConnection":
        """As `connections.connect_sqlite`, on this disk."""
        return SimulatedConnection(uri, self.name)

    def mark(self, what: object) -> None:
        """Note that something happened now: an ack, say."""
        self.operations.append(Mark(what))

    def fail(self, fault: Fault | None, *, after: int = 0) -> None:
        """From now on fail, `after` more writes or syncs of the kind concerned; None: work again."""
        self.fault, self.fault_after = fault, after

    def write(self, file: str, data: bytes, offset: int) -> None:
        """Called before each write."""
        if self.fault in {Fault.DISK_FULL, Fault.WRITE_ERROR}:
            if self.fault_after == 0:
                raise _failure(self.fault)
            self.fault_after -= 1
        self.writes += 1
        self.operations.append(Write(file, offset, data))

    def sync(self, file: str) -> None:
        """Called before each sync."""
        if self.fault is Fault.SYNC_ERROR:
            if self.fault_after == 0:
                raise _failure(self.fault)
            self.fault_after -= 1
        self.syncs += 1
        self.operations.append(Sync(file))

    def truncate(self, file: str, size: int) -> None:
        """Called before each truncation."""
        self.operations.append(Truncate(file, size))

    def delete(self, file: str) -> None:
        """Called before each deletion."""
        self.operations.append(Delete(file))

    def after_cut(self, at: int, cut: Cut, randomness: random.Random) -> dict[str, bytes]:
        """The files, by name, as a power cut before operation `at` may leave them."""
        changes: dict[str, list[Change]] = {}
        for operation in self.operations[:at]:
            if isinstance(operation, Delete):
                changes.pop(operation.file, None)
            elif not isinstance(operation, Mark):
                changes.setdefault(operation.file, []).append(operation)
        files: dict[str, bytearray] = {}
        for name, own in changes.items():
            synced = max((place for place, change in enumerate(own) if isinstance(change, Sync)), default=0)
            content = files[name] = bytearray()
            for operation in own[:synced]:
                _apply(content, operation)
            for operation in _surviving(own[synced:], cut, randomness):
                _apply(content, operation)
        return {name: bytes(content) for name, content in files.items()}


class SimulatedConnection:
    """An apsw connection that looks like the part of aiosqlite's that the store uses, errors included."""

    def __init__(self, uri: str, vfs: str) -> None:
        parts = urlsplit(uri)
        flags = (
            apsw.SQLITE_OPEN_READONLY
            if "mode=ro" in parts.query
            else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        )
        with _as_sqlite3():
            self._connection = apsw.Connection(unquote(parts.path), flags=flags, vfs=vfs)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    async def execute_fetchall(self, sql: str, parameters: Sequence[object] = ()) -> Iterable[Any]:
        with _as_sqlite3():
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    async def close(self) -> None:
        with _as_sqlite3():
            self._connection.close()


class _Vfs(apsw.VFS):
    """The system's own VFS, with every file opened through it recorded."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(disk.name, "")

    @override
    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self._disk, name, flags)

    @override
    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.delete(Path(filename).name)
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    """A real file that tells the disk what is done to it."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._file = Path(path or "").name
        super().__init__("", name, flags)

    @override
    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._file, bytes(data), offset)
        super().xWrite(data, offset)

    @override
    def xSync(self, flags: int) -> None:
        self._disk.sync(self._file)
        super().xSync(flags)

    @override
    def xTruncate(self, size: int) -> None:
        self._disk.truncate(self._file, size)
        super().xTruncate(size)

    @override
    def excepthook(self, *_: object) -> bool:
        """The failures raised here are meant; SQLite reports them to its caller."""
        return True


class _as_sqlite3:  # noqa: N801 # reads as what it does
    """Raises apsw's errors as the `sqlite3.Error` that the standard library would raise."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, apsw.Error):
            raised = sqlite3.OperationalError(str(error))
            raised.sqlite_errorcode = getattr(error, "extendedresult")  # noqa: B009 # missing in apsw's stubs
            names = apsw.mapping_extended_result_codes
            raised.sqlite_errorname = str(names.get(raised.sqlite_errorcode, type(error).__name__))
            raise raised from error


def _failure(fault: Fault) -> Exception:
    codes = {
        Fault.DISK_FULL: apsw.SQLITE_FULL,
        Fault.WRITE_ERROR: apsw.SQLITE_IOERR_WRITE,
        Fault.SYNC_ERROR: apsw.SQLITE_IOERR_FSYNC,
    }
    return apsw.exception_for(codes[fault])


def _apply(content: bytearray, operation: Change) -> None:
    match operation:
        case Write(_, offset, data):
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
        case Truncate(_, size):
            del content[size:]
            content.extend(bytes(max(0, size - len(content))))
        case Sync():
            pass


def _surviving(unsynced: list[Change], cut: Cut, randomness: random.Random) -> Iterator[Change]:
    """Which of the operations behind the last sync reached the disk all the same."""
    match cut:
        case Cut.NONE:
            pass
        case Cut.ALL:
            yield from unsynced
        case Cut.PREFIX:
            yield from unsynced[: randomness.randint(0, len(unsynced))]
        case Cut.SUBSET:
            yield from (operation for operation in unsynced if randomness.random() < 0.5)
        case Cut.TORN:
            for operation in unsynced:
                yield from _sectors(operation, randomness)


def _sectors(operation: Change, randomness: random.Random) -> Iterator[Change]:
    """Each sector of a write for itself, or not at all."""
    if not isinstance(operation, Write):
        yield operation
        return
    for start in range(0, len(operation.data), SECTOR_BYTES):
        if randomness.random() < 0.5:
            yield Write(operation.file, operation.offset + start, operation.data[start : start + SECTOR_BYTES])
