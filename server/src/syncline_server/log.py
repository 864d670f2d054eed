"""The log's single writer: what gathered since the last commit goes into the next one (group commit).

On the data's way: `admission → LOG → ack + relay`. Invariants:

1. Entries of a document are committed in the order of their sequence numbers, each exactly once.
2. A document hears `committed` for an entry only after the store said it is durable (P1, P2).
3. When a commit fails, every entry not yet durable fails with it, and each document concerned hears `rejected` once:
   what it admitted since is undone. Nothing is retried here; devices send again.
4. After a failed fsync nothing more is written: `on_fatal` is called, and it ends the process (P11).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, Self

import structlog

from syncline_server.metrics import Durations
from syncline_server.storage.interface import LogEntry, Store, StoreError, StoreFatal

if TYPE_CHECKING:
    from syncline_server.relay import Author

PROBE_INTERVAL_S: Final = 1.0
"""How often a store that failed is asked whether it takes writes again."""


COMMIT_INTERVAL_S: Final = 0.005
"""Under steady load, commits begin this far apart at most often: each costs the same however much it carries, and so
does each write to a subscriber. What comes after a pause is committed at once."""

GATHER_PAUSE_S: Final = 0.002
"""When nothing more has come for so long, the commit does not wait for the interval to end: those who are there wait
for it."""


ADMISSION_TURN_S: Final = 0.005
"""How long admission may keep the event loop before a commit."""


class Pending:
    """An update from admission until it is durable or rejected: what to store, and how its answer is addressed.

    `entry` is None for a barrier, which stores nothing and waits for everything before it.
    """

    __slots__ = ("author", "entry", "id")

    def __init__(self, author: "Author", id: int, entry: LogEntry | None) -> None:  # noqa: A002 - the wire's word
        self.author = author
        self.id = id
        self.entry = entry


class Offering(Protocol):
    """Who has updates to be admitted: a session."""

    def admit_offered(self) -> None:
        """Admit them now: each calls `Log.append`, or is refused."""


class Target(Protocol):
    """Who wants to hear what became of its entries: a document."""

    def committed_updates(self, pending: Sequence[Pending]) -> None:
        """These are durable, in order."""

    def rejected_updates(self, pending: Sequence[Pending], error: StoreError) -> None:
        """These, and nothing after them, were not stored."""


class Log:
    """Gathers, commits, tells. Opened and closed as an async context manager; closing commits what is gathered."""

    def __init__(self, store: Store, *, on_commit: Callable[[], None], on_fatal: Callable[[StoreError], None]) -> None:
        self._store = store
        self._on_commit = on_commit
        self._on_fatal = on_fatal
        self._offering: list[Offering] = []
        self._gathered: list[tuple[Target, Pending]] = []
        self._loop = asyncio.get_running_loop()
        self._not_before = 0.0
        self._behind = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._logger = structlog.get_logger()
        self.failure: StoreError | None = None
        """Why the store does not take writes at the moment, or None (readiness)."""
        self.commits = 0
        self.durations = Durations()
        """Of commits, from the first statement to the word that it is durable."""
        self.updates = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="log")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def offer(self, session: Offering) -> None:
        """A session has updates to be admitted with the next commit."""
        self._offering.append(session)
        self._idle.clear()
        self._wake.set()

    def append(self, target: Target, pending: Pending) -> None:
        """Take an update into the next commit."""
        if not self._gathered:
            self._idle.clear()
            self._wake.set()
        self._gathered.append((target, pending))

    async def flushed(self) -> None:
        """Return when everything appended before is durable or rejected."""
        await self._idle.wait()

    async def _run(self) -> None:
        while True:
            if not self._gathered and not self._offering:
                self._idle.set()
                if self._closing:
                    return
                if self.failure is None:  # else asked again below, whether or not anybody writes
                    self._wake.clear()
                    await self._wake.wait()
            elif self.failure is None:
                if not self._behind:
                    await self._gather()
                self._admit()
                await self._commit()
            else:
                self._admit()
                self._reject(self._gathered, self.failure)
            if self.failure is not None:
                await self._probe()

    async def _gather(self) -> None:
        """Let more updates join the commit, if the last one was only just now and more are coming."""
        await asyncio.sleep(0)  # what the sockets have for us in this turn of the loop
        while (left_s := self._not_before - self._loop.time()) > 0 and not self._closing:
            before = len(self._gathered) + len(self._offering)
            await asyncio.sleep(min(GATHER_PAUSE_S, left_s))
            if len(self._gathered) + len(self._offering) == before:
                return

    def _admit(self) -> None:
        """Have the offered updates admitted, for as long as a turn may last; the rest comes with the next commit, at
        once.
        """
        until = self._loop.time() + ADMISSION_TURN_S
        offering, self._offering = self._offering, []
        for done, session in enumerate(offering, start=1):
            session.admit_offered()
            if self._loop.time() > until:
                self._offering[:0] = offering[done:]
                break
        self._behind = bool(self._offering)

    async def _commit(self) -> None:
        self._not_before = self._loop.time() + COMMIT_INTERVAL_S
        batch, self._gathered = self._gathered, []
        entries = [pending.entry for _, pending in batch if pending.entry is not None]
        began = self._loop.time()
        try:
            if entries:
                await self._store.append(entries)
                self.durations.note(self._loop.time() - began)
        except StoreError as error:
            self._fail(batch, error)
            return
        self.commits += bool(entries)
        self.updates += len(entries)
        for target, group in _by_target(batch):
            target.committed_updates(group)
        self._on_commit()

    def _fail(self, batch: list[tuple[Target, Pending]], error: StoreError) -> None:
        self._logger.error("log.commit_failed", error=str(error), updates=len(batch))
        if isinstance(error, StoreFatal):
            self._on_fatal(error)
        self.failure = error
        self._reject(batch + self._gathered, error)

    def _reject(self, batch: list[tuple[Target, Pending]], error: StoreError) -> None:
        self._gathered = []
        for target, group in _by_target(batch):
            target.rejected_updates(group, error)
        self._on_commit()

    async def _probe(self) -> None:
        """Wait a moment, then see whether the store takes writes again."""
        if self._closing and not self._gathered and not self._offering:
            return
        await asyncio.sleep(PROBE_INTERVAL_S)
        try:
            await self._store.probe()
        except StoreFatal as error:
            self._on_fatal(error)
        except StoreError as error:
            self.failure = error
        else:
            self.failure = None
            self._logger.info("log.recovered")


def _by_target(batch: list[tuple[Target, Pending]]) -> list[tuple[Target, list[Pending]]]:
    groups: dict[Target, list[Pending]] = {}
    for target, pending in batch:
        group = groups.get(target)
        if group is None:
            groups[target] = [pending]
        else:
            group.append(pending)
    return list(groups.items())
