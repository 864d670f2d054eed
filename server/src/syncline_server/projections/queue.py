"""What was committed and is not projected yet, by document, in the order in which documents came.

Bounded: beyond `BYTES_MAX` payloads are dropped, and their documents are read from the store when their turn comes.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.storage.interface import DocumentKey

BYTES_MAX: Final = 16 * 1024 * 1024
"""Payloads kept: a few seconds of a server's full load."""

PROJECTED: Final = frozenset({DocumentKind.CONVERSATION, DocumentKind.SEGMENT, DocumentKind.TICKET, DocumentKind.USER})
"""Kinds of documents that something is made of."""

PRESSING: Final = frozenset({DocumentKind.CONVERSATION, DocumentKind.TICKET})
"""Kinds that rights and the server's own answers rest on."""


class Job:
    """A document, and what is new of it.

    `updates`: sequence numbers and payloads, one after the other, or None: read it whole. `is_replaced`: what came of
    it before goes first. `told`: the number of the first telling it answers to.
    """

    __slots__ = ("epoch", "is_replaced", "key", "name", "number", "told", "updates")

    def __init__(self, key: DocumentKey, name: DocumentName, number: int, epoch: int, *, told: int = 0) -> None:
        self.key = key
        self.name = name
        self.number = number
        self.epoch = epoch
        self.told = told
        self.updates: list[tuple[int, bytes]] | None = []
        self.is_replaced = False


class Queue:
    """See the module's text."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._bytes = 0
        self.told = 0
        """How often something was put in."""
        self.is_pressing = False
        """Whether some of it is of a kind in `PRESSING`."""

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def done(self) -> int:
        """Up to which telling everything has been taken out."""
        first = next(iter(self._jobs.values()), None)
        return self.told if first is None else first.told - 1

    def put(self, job: Job, updates: Sequence[tuple[int, bytes]] | None) -> None:
        """Add a document, or what is new of it (None: it is to be read whole)."""
        self.told += 1
        self.is_pressing = self.is_pressing or job.name.kind in PRESSING
        waiting = self._jobs.get(job.number)
        if waiting is None:
            job.told = self.told
            waiting = self._jobs[job.number] = job
        elif waiting.epoch != job.epoch:
            waiting.epoch = job.epoch
            updates = None
        waiting.is_replaced = waiting.is_replaced or job.is_replaced
        if updates is None or waiting.updates is None:
            self._drop(waiting)
        else:
            waiting.updates += updates
            self._bytes += sum(len(payload) for _, payload in updates)
        if self._bytes > BYTES_MAX:
            for one in self._jobs.values():
                self._drop(one)

    def take(self, updates_max: int) -> list[Job]:
        """The documents whose turn it is: at least one if there is one, and about so many updates."""
        taken: list[Job] = []
        updates = 0
        for number in list(self._jobs):
            if taken and updates >= updates_max:
                break
            job = self._jobs.pop(number)
            updates += 1 if job.updates is None else len(job.updates)
            self._bytes -= _bytes_of(job)
            taken.append(job)
        self._look_for_pressing()
        return taken

    def put_back(self, jobs: Iterable[Job]) -> None:
        """What could not be done: to be read from the store next time, before everything else."""
        later, self._jobs = self._jobs, {}
        for job in jobs:
            job.updates = None
            self._jobs[job.number] = job
        for number, job in later.items():
            first = self._jobs.get(number)
            if first is None:
                self._jobs[number] = job
            else:
                first.epoch = job.epoch
                first.is_replaced = first.is_replaced or job.is_replaced
                self._bytes -= _bytes_of(job)
        self._look_for_pressing()

    def _look_for_pressing(self) -> None:
        self.is_pressing = any(job.name.kind in PRESSING for job in self._jobs.values())

    def _drop(self, job: Job) -> None:
        self._bytes -= _bytes_of(job)
        job.updates = None


def _bytes_of(job: Job) -> int:
    return sum(len(payload) for _, payload in job.updates or ())
