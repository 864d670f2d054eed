"""The task that keeps the tables up with the log: what was committed lately first, then what lags since the start.

Between `queue.py` (what is new), the store (what is older), `projector.py` (what it means) and `database.py`. One
decision, `_step`, made again and again: project a batch; else compare another page of documents with the store; else
merge erased terms out of the search index; else wait.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar

import structlog
from syncline_protocol.names import parse_name

from syncline_server.projections import search_index
from syncline_server.projections.database import Database, Work
from syncline_server.projections.model import Projected
from syncline_server.projections.projector import Projector, Whole, has_more, lagging
from syncline_server.projections.queue import PROJECTED, Job, Queue
from syncline_server.storage.interface import Store, StoreCorrupt, StoredDocument, StoreError
from syncline_server.storage.record_reading import read_payloads

BATCH_UPDATES: Final = 500
"""Of one transaction: some 100 ms of work in the writing thread."""

BATCH_BYTES: Final = 1024 * 1024
"""Of documents read whole, in one transaction."""

INTERVAL_S: Final = 0.05
"""Between two batches under steady load, unless somebody waits: what comes together costs less."""

MESSAGES_INTERVAL_S: Final = 0.2
"""The same as long as there are only messages and read markers: an inbox is a fifth of a second late, at most."""

RETRY_S: Final = 1.0
"""Until the next attempt after a failure."""

PAGE_DOCUMENTS: Final = 500
"""Documents compared at once with the store."""

PROGRESS_S: Final = 5.0
"""Between two lines in the log while catching up."""

T = TypeVar("T")


class Damaged(Exception):
    """The database has to be made anew; the text says why."""


class Feed:
    """See the module's text. `run` is the task; everything else is for `projections.py`."""

    def __init__(self, database: Database, store: Store, on_projected: Callable[[Projected], None]) -> None:
        self.queue = Queue()
        self.behind = 1
        self.compared = 0
        """Up to which document of the store everything is there."""
        self.failure: str | None = None
        self.is_merging: bool | None = None
        """Whether erased terms are still in the search index; None: not known yet."""
        self._database = database
        database.on_damage = self.wake
        self._store = store
        self._on_projected = on_projected
        self._projector = Projector()
        self._changes: dict[str, int] = {}
        self._is_first_merge = True
        self._is_busy = False
        self._taken = 0
        self._awake = asyncio.Event()
        self._moved = asyncio.Event()
        self._nudged = asyncio.Event()
        self._waiting = 0
        """How many wait for what is projected next."""
        self._batch_s = self._said_s = 0.0
        self._logger = structlog.get_logger()

    @property
    def done(self) -> int:
        """Up to which telling (`queue.told`) everything is projected."""
        return self._taken if self._is_busy else self.queue.done

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()
        if self.queue.is_pressing:
            self._nudged.set()

    def changed(self, tenant: str, known: int) -> bool:
        """Whether the tenant's inboxes have changed since the change `known`, as far as this process knows."""
        return self._changes.get(tenant, 0) > known

    async def until(self, condition: Callable[[], bool], timeout_s: float, *, hurries: bool = True) -> bool:
        """Wait until `condition` holds, looked at after each step; False if it does not in time.

        `hurries`: the next step comes at once, because of this.
        """
        if condition():
            return True
        self._waiting += hurries
        if hurries:
            self._nudged.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    while not condition():
                        await self._moved.wait()
        finally:
            self._waiting -= hurries
        return condition()

    async def run(self) -> None:
        """Keep up, for ever."""
        while True:
            try:
                await self._step()
            except Damaged as error:
                await self._start_anew(str(error))
            except StoreError as error:
                self._fail(str(error))
                await asyncio.sleep(RETRY_S)
            except Exception as error:  # the task's boundary: nothing but answers depends on it, and it goes on
                self._logger.exception("projections.step_failed")
                self._fail(f"{type(error).__name__}: {error}")
                await asyncio.sleep(RETRY_S)
            self._tell()

    async def _step(self) -> None:
        if self._database.damage is not None:
            raise Damaged(self._database.damage)
        if self.is_merging is None:
            self.is_merging = await self._write(_is_purging)
        if self.queue:
            await self._gather()
            await self._project(self.queue.take(BATCH_UPDATES))
        if self.behind:
            await self._catch_up()
        elif self.is_merging and not self.queue:
            await self._merge()
        self.failure = None
        self._tell()
        if not (self.queue or self.behind or self.is_merging or self._database.damage):
            self._awake.clear()
            await self._awake.wait()

    async def _gather(self) -> None:
        """Under steady load, let more come together, as long as nobody waits for it."""
        loop = asyncio.get_running_loop()
        while (due_s := self._due_s()) > loop.time():
            self._nudged.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due_s):
                    await self._nudged.wait()
        self._batch_s = loop.time()

    def _due_s(self) -> float:
        """When the next batch is to begin."""
        if self._waiting:
            return 0.0
        return self._batch_s + (INTERVAL_S if self.queue.is_pressing else MESSAGES_INTERVAL_S)

    # --- projecting

    async def _project(self, jobs: list[Job]) -> None:
        self._taken = min((job.told for job in jobs), default=1) - 1
        self._is_busy = True
        try:
            lacking = await self._commit_ready(jobs)
            await self._read_and_commit([job for job in jobs if job.number in lacking])
        except BaseException:
            self._projector.forget()
            self.queue.put_back(jobs)
            raise
        finally:
            self._is_busy = False

    async def _commit_ready(self, jobs: list[Job]) -> set[int]:
        """Project what follows on what is there; returns the documents that do not."""

        def work(db: sqlite3.Connection) -> tuple[set[int], Projected | None]:
            lacking = self._projector.lacking(db, jobs)
            ready = [job for job in jobs if job.number not in lacking]
            return lacking, self._projector.project(db, ready, {}) if ready else None

        lacking, projected = await self._write(work)
        if projected is not None:
            self._committed(projected)
        return lacking

    async def _read_and_commit(self, jobs: Iterable[Job]) -> None:
        """Documents that are read whole, a few at a time."""
        gathered: list[Job] = []
        whole: dict[int, Whole] = {}
        size = 0
        for job in jobs:
            try:
                seq, payloads = await read_payloads(self._store, job.number)
            except StoreCorrupt as error:
                self._logger.error("projections.unreadable_document", document=job.key.name, error=str(error))  # noqa: TRY400
                continue
            gathered.append(job)
            whole[job.number] = Whole(seq, payloads)
            size += sum(map(len, payloads))
            if size >= BATCH_BYTES or len(gathered) >= BATCH_UPDATES:
                await self._commit(gathered, whole)
                gathered, whole, size = [], {}, 0
        if gathered:
            await self._commit(gathered, whole)

    async def _commit(self, jobs: list[Job], whole: dict[int, Whole]) -> None:
        self._committed(await self._write(lambda db: self._projector.project(db, jobs, whole)))

    def _committed(self, projected: Projected) -> None:
        if projected.erased:
            self.is_merging = self._is_first_merge = True
        self._changes.update(projected.changes)
        if projected.is_to_be_looked_at:
            self._on_projected(projected)
        self._tell()

    # --- catching up

    async def _catch_up(self) -> None:
        """Compare one page of documents with the store, and project those that lag."""
        after = self.compared
        documents = await self._store.read_all_documents(after, limit=PAGE_DOCUMENTS)
        if not documents:
            if await self._write(lambda db: has_more(db, after)):
                raise Damaged("there are positions of documents that the store does not have")
            self._logger.info("projections.caught_up", documents=after)
            self.behind = 0
            return
        lag = await self._write(lambda db: lagging(db, after, documents))
        if lag is None:
            raise Damaged("the positions are of another store")
        jobs = [job for document in lag if (job := _job(document)) is not None]
        self.behind = 1 + len(jobs)
        if jobs:
            await self._read_lagging(jobs)
        self.compared = documents[-1].number
        self._say_progress()

    async def _read_lagging(self, jobs: list[Job]) -> None:
        try:
            await self._read_and_commit(jobs)
        except BaseException:
            self._projector.forget()
            raise

    def _say_progress(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._said_s >= PROGRESS_S and self.behind > 1:
            self._logger.info("projections.catching_up", document=self.compared)
            self._said_s = now_s

    # --- forgetting for good, failing

    async def _merge(self) -> None:
        """One step of merging what was erased out of the search index; at the end, out of the WAL too."""
        is_first, self._is_first_merge = self._is_first_merge, False
        if await self._write(lambda db: search_index.merge_step(db, is_first=is_first)):
            await asyncio.sleep(0)
            return
        await self._write(lambda db: db.execute("DELETE FROM meta WHERE key = 'purging'"))
        await self._database.checkpoint()
        self.is_merging = self._is_first_merge
        self._is_first_merge = True

    async def _start_anew(self, why: str) -> None:
        self._logger.error("projections.made_anew", why=why)
        self._database.damage = why  # until it is open again: this may take more than one attempt
        try:
            await self._database.close()
            self._database.delete()
            await self._database.open()
        except (StoreError, OSError) as error:
            self._fail(str(error))
            await asyncio.sleep(RETRY_S)
            return
        self._projector.forget()
        self.behind, self.compared = 1, 0
        self.is_merging, self._is_first_merge = None, True
        await asyncio.sleep(RETRY_S)  # should it be found damaged again and again, nothing else suffers

    def _fail(self, why: str) -> None:
        if self.failure is None:
            self._logger.error("projections.failed", error=why)
        self.failure = why

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _write(self, work: Work[T]) -> T:
        try:
            return await self._database.write(work)
        except StoreCorrupt as error:
            raise Damaged(str(error)) from error


def _job(document: StoredDocument) -> Job | None:
    name = parse_name(document.key.name)
    if name.kind not in PROJECTED:
        return None
    job = Job(document.key, name, document.number, document.epoch)
    job.updates = None
    return job


def _is_purging(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM meta WHERE key = 'purging'").fetchone() is not None
