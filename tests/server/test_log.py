"""The log's promises, on a real store: group commit, order, and what a failing store does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from syncline_protocol.errors import RefusedUpdate
from syncline_server import actor
from syncline_server import log as log_module
from syncline_server.log import Log, Pending
from syncline_server.storage.interface import (
    DocumentKey,
    LogEntry,
    StoredDocument,
    StoreError,
    StoreFatal,
    StoreUnavailable,
)
from syncline_server.storage.sqlite import SqliteStore


class Silent:
    """An author who need not hear."""

    identity = actor.SERVER

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002 - the wire's word
        """See `relay.Author`."""

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002
        """See `relay.Author`."""


SERVER = Silent()


class Recorder:
    """A document that writes down what it hears."""

    def __init__(self, row: StoredDocument) -> None:
        self.row = row
        self.committed: list[Pending] = []
        self.rejected: list[tuple[Pending, StoreError]] = []
        self.calls = 0

    def item(self, seq: int) -> Pending:
        """The update with this number."""
        return Pending(SERVER, seq, LogEntry(self.row.number, seq, 1, 0, b"x"))

    def barrier(self) -> Pending:
        """Nothing to store."""
        return Pending(SERVER, 0, None)

    def committed_updates(self, pending: Sequence[Pending]) -> None:
        """See `log.Target`."""
        self.calls += 1
        self.committed.extend(pending)

    def rejected_updates(self, pending: Sequence[Pending], error: StoreError) -> None:
        """See `log.Target`."""
        self.rejected.extend((one, error) for one in pending)


class FailingStore(SqliteStore):
    """A real store whose next appends fail as told, before anything is written."""

    failures: list[StoreError]

    async def append(self, entries: Sequence[LogEntry]) -> None:
        """Fail, or append."""
        if self.failures:
            raise self.failures.pop(0)
        await super().append(entries)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FailingStore]:
    """An open store that does not fail yet."""
    async with FailingStore(tmp_path / "data") as opened:
        opened.failures = []
        yield opened


async def document(store: SqliteStore, name: str = "page/one") -> Recorder:
    """A document of the store that records."""
    return Recorder(await store.create_document(DocumentKey("t", name), 7))


def nothing() -> None:
    """Called after commits."""


def unexpected(error: StoreError) -> None:
    """No disk fails here."""
    raise AssertionError(error)


async def test_updates_of_one_turn_share_one_commit(store: FailingStore) -> None:
    one, two = await document(store, "page/one"), await document(store, "page/two")
    async with Log(store, on_commit=nothing, on_fatal=unexpected) as log:
        for seq in range(1, 51):
            log.append(one, one.item(seq))
            log.append(two, two.item(seq))
        await log.flushed()
        assert (log.commits, log.updates) == (1, 100)
    assert (len(one.committed), one.calls) == (50, 1)
    assert [row.seq for row in await store.read_log(two.row.number, after=0, bytes_max=10_000)] == list(range(1, 51))


async def test_a_document_hears_of_a_commit_only_when_the_update_is_in_the_store(store: FailingStore) -> None:
    recorder = await document(store)
    readings: list[int] = []

    class Reader(Recorder):
        def committed_updates(self, pending: Sequence[Pending]) -> None:
            super().committed_updates(pending)
            tasks.append(asyncio.create_task(self.count()))

        async def count(self) -> None:
            readings.append(len(await store.read_log(self.row.number, after=0, bytes_max=10_000)))

    tasks: list[asyncio.Task[None]] = []
    reader = Reader(recorder.row)
    async with Log(store, on_commit=nothing, on_fatal=unexpected) as log:
        for seq in range(1, 6):
            log.append(reader, reader.item(seq))
            await log.flushed()
        await asyncio.gather(*tasks)
    assert readings == sorted(readings)
    assert readings[-1] == len(reader.committed) == 5


async def test_a_barrier_waits_for_what_came_before_it_and_stores_nothing(store: FailingStore) -> None:
    recorder = await document(store)
    async with Log(store, on_commit=nothing, on_fatal=unexpected) as log:
        first, barrier = recorder.item(1), recorder.barrier()
        log.append(recorder, first)
        log.append(recorder, barrier)
        await log.flushed()
    assert recorder.committed == [first, barrier]
    assert len(await store.read_log(recorder.row.number, after=0, bytes_max=1_000)) == 1


async def test_a_failed_commit_rejects_all_that_gathered_and_service_resumes(store: FailingStore) -> None:
    recorder = await document(store)
    store.failures = [StoreUnavailable("the disk is full")]
    async with Log(store, on_commit=nothing, on_fatal=unexpected) as log:
        for seq in (1, 2):
            log.append(recorder, recorder.item(seq))
        await asyncio.sleep(0.05)
        assert isinstance(log.failure, StoreUnavailable)
        assert [str(error) for _, error in recorder.rejected] == ["the disk is full"] * 2
        assert not recorder.committed
        async with asyncio.timeout(5):
            while log.failure is not None:
                await asyncio.sleep(0.05)
        log.append(recorder, recorder.item(1))
        await log.flushed()
    assert len(recorder.committed) == 1


async def test_service_resumes_though_nobody_writes_meanwhile(
    store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readiness is off, so no traffic comes: the store is asked again all the same, however often it fails."""
    monkeypatch.setattr(log_module, "PROBE_INTERVAL_S", 0.01)
    probes = iter([StoreUnavailable("still full"), StoreUnavailable("still full"), None])

    async def probe() -> None:
        if (failure := next(probes)) is not None:
            raise failure

    monkeypatch.setattr(store, "probe", probe)
    recorder = await document(store)
    store.failures = [StoreUnavailable("the disk is full")]
    async with Log(store, on_commit=nothing, on_fatal=unexpected) as log:
        log.append(recorder, recorder.item(1))
        async with asyncio.timeout(5):
            while recorder.rejected == [] or log.failure is not None:
                await asyncio.sleep(0.01)


async def test_a_failed_fsync_stops_everything(store: FailingStore) -> None:
    recorder = await document(store)
    store.failures = [StoreFatal("fsync")]
    ended: list[StoreError] = []
    async with Log(store, on_commit=nothing, on_fatal=ended.append) as log:
        log.append(recorder, recorder.item(1))
        await asyncio.sleep(0.05)
        assert len(ended) == 1
        assert not recorder.committed


async def test_closing_commits_what_is_gathered(store: FailingStore) -> None:
    recorder = await document(store)
    async with Log(store, on_commit=nothing, on_fatal=unexpected) as log:
        log.append(recorder, recorder.item(1))
    assert len(recorder.committed) == 1
