"""The worker process: the only place on the server where the CRDT engine runs.

Started by `worker.py` as `python -m syncline_server.storage.replay`; talks frames (`jobs.py`) over standard input and
output. It replays a document's updates in one transaction into a fresh engine document, and answers about it. Promises:

1. An answer is about all the updates: a job in which the engine held something back fails. (The engine leaves out what
   waits for something missing when it encodes a document, and says nothing.)
2. Memory and processor time are limited by the operating system: no job outlives the server for long.
3. A snapshot was read again before it is given away: by the scanner, and by the engine if the document is free-form.
4. After a job that failed the process ends: nobody knows what state the engine is in.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import pycrdt
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.names import Language
from syncline_protocol.update import ContentIndex, root_kinds, scan_vector

from syncline_server.storage import content, jobs

MEMORY_BYTES_MAX: Final = 4 * 1024**3
"""Address space of the process. The largest snapshot (64 MiB) takes about ten times its size in the engine."""

PROCESSOR_S_MAX: Final = 90
"""Processor time of one job, then the system ends the process. More than `worker.JOB_S_MAX`, which comes first."""

NICENESS: Final = 10
"""Compaction can wait; the server's event loop cannot."""

REASON_CHARACTERS_MAX: Final = 500

_SEVEN_BITS: Final = 0x7F

NOTHING: Final = b"\0\0"
"""An update without structs and without deletes."""


class Replayed:
    """A document after its updates, in the engine."""

    def __init__(self, pieces: Iterator[list[bytes]]) -> None:
        self.document: pycrdt.Doc[Any] = pycrdt.Doc()
        updates: list[bytes] = []
        with self.document.transaction():
            for piece in pieces:
                for update in piece:
                    self.document.apply_update(update)
                updates += piece
        self.vector: bytes = self.document.get_state()
        _refuse_pending(updates, self.vector)

    def compacted(self, language: Language) -> jobs.Compacted:
        """All of it as one update, read again: what the scanner and the engine then see must be what is here."""
        payload = self.document.get_update()
        index = _index(payload, language)
        if index.vector != scan_vector(self.vector):
            raise ValueError("the engine and the scanner disagree about the document's state vector")
        digest = self.digest(index)
        if language is Language.CONTENT and Replayed(iter([[payload]])).digest(index) != digest:
            raise ValueError("the engine makes another document of the snapshot than of the updates")
        return jobs.Compacted(payload, index.encode(), digest)

    def digested(self, language: Language) -> jobs.Digested:
        """The document's digest."""
        return jobs.Digested(self.digest(_index(self.document.get_update(), language)))

    def diffed(self, vector: bytes) -> jobs.Diffed:
        """What a replica with `vector` lacks."""
        return jobs.Diffed(self.document.get_update(vector))

    def digest(self, index: RecordIndex | ContentIndex) -> bytes:
        """The digest of the document, whose index is `index`."""
        return index.digest if isinstance(index, RecordIndex) else content.digest_of(self.document, root_kinds(index))


def answer(job: jobs.Job, pieces: Iterator[list[bytes]]) -> jobs.Result:
    """Do the job on the document that `pieces` make. Raises what the engine and the scanner raise, and `ValueError`."""
    replayed = Replayed(pieces)
    match job:
        case jobs.Compact(language):
            return replayed.compacted(language)
        case jobs.Digest(language):
            return replayed.digested(language)
        case jobs.Diff(vector):
            return replayed.diffed(vector)


def _index(payload: bytes, language: Language) -> RecordIndex | ContentIndex:
    return RecordIndex.from_update(payload) if language is Language.RECORDS else ContentIndex.from_update(payload)


def _refuse_pending(updates: list[bytes], vector: bytes) -> None:
    """Raise `ValueError` if the engine holds something back: a struct behind `vector`, or a delete of one."""
    known: dict[int, int] | None = None
    for number, update in enumerate(updates, 1):
        rest = pycrdt.get_update(update, vector)  # what is not in the document, and all deletes
        if rest == NOTHING:
            continue
        if rest[0] != 0:
            raise ValueError(f"update {number} of {len(updates)} waits for something that is missing")
        if known is None:
            known = scan_vector(vector)
        for client, end in _deleted(rest):
            if end > known.get(client, 0):
                raise ValueError(f"update {number} of {len(updates)} deletes something that is missing")


def _deleted(update: bytes) -> Iterator[tuple[int, int]]:
    """Of an update without structs: client and end of each deleted range."""
    numbers = _varints(update)
    next(numbers)  # no structs
    for _ in range(next(numbers)):
        client = next(numbers)
        for _ in range(next(numbers)):
            start = next(numbers)
            yield client, start + next(numbers)


def _varints(encoded: bytes) -> Iterator[int]:
    """Unsigned numbers, 7 bits a byte, least significant first (lib0). The engine wrote them: no limits are needed."""
    value = shift = 0
    for byte in encoded:
        value |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if byte <= _SEVEN_BITS:
            yield value
            value = shift = 0


class _ServerGone(Exception):
    """The input ended in the middle of a job."""


def serve(requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer jobs until there are no more, or one fails: then the engine may be in any state, and the process ends."""
    while (request := _read(requests)) is not None:
        if not isinstance(request, jobs.Start):
            raise TypeError(f"a job begins with {type(request).__name__}")
        _limit_processor_time()
        pieces = _pieces(requests)
        try:
            response: jobs.Response = jobs.Done(answer(request.job, pieces), _memory_bytes())
        except _ServerGone:
            return
        except BaseException as error:  # noqa: BLE001 # whatever a document brings about, panics too, is its job's answer
            response = jobs.Failed(f"{type(error).__name__}: {error}"[:REASON_CHARACTERS_MAX])
            for _ in pieces:
                pass  # the answer comes after the job's end, if that was not read yet
        responses.write(jobs.encode_frame(response))
        responses.flush()
        if isinstance(response, jobs.Failed):
            return


def _read(requests: BinaryIO) -> jobs.Request | None:
    length = requests.read(jobs.LENGTH.size)
    if not length:
        return None
    return jobs.decode_request(requests.read(*jobs.LENGTH.unpack(length)))


def _pieces(requests: BinaryIO) -> Iterator[list[bytes]]:
    """The updates up to the job's end."""
    while isinstance(request := _read(requests), jobs.Piece):
        yield request.updates
    if request is None:
        raise _ServerGone


def _limit_processor_time() -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + PROCESSOR_S_MAX, hard))


def _memory_bytes() -> int:
    """The most this process had resident. (`ru_maxrss` would begin with what the server had when it started us.)"""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:  # a system without it
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # given in KiB
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


def main() -> None:
    """Set the limits, then serve standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as responses:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever prints does not print into the answers
        serve(sys.stdin.buffer, responses)


if __name__ == "__main__":
    main()
