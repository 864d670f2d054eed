"""The worker does one job after the other, and whatever happens to its process happens to one job only."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import psutil
import pycrdt
import pytest
from support.updates import UpdateMaker
from syncline_protocol.names import Language
from syncline_server.storage import jobs, replay, worker
from syncline_server.storage.worker import JobError, JobFailed, JobTimedOut, Worker, WorkerUnavailable

HOSTILE = 10
"""Jobs with hostile updates: most cost a new process."""

DIGEST = jobs.Digest(Language.CONTENT)


def text_update(text: str) -> bytes:
    """A page with this text in it."""
    document = pycrdt.Doc[pycrdt.Text](client_id=1)
    document["t"] = pycrdt.Text(text)
    return document.get_update()


async def pieces(*updates: bytes) -> AsyncIterator[Sequence[bytes]]:
    for update in updates:
        yield [update]


async def digest(opened: Worker, text: str = "hello") -> bytes:
    """A job that succeeds."""
    result = await opened.run(DIGEST, pieces(text_update(text)))
    assert isinstance(result, jobs.Digested)
    return result.digest


def process_of(opened: Worker) -> psutil.Process:
    assert opened._process is not None
    return psutil.Process(opened._process.pid)


@pytest.fixture
async def opened() -> AsyncIterator[Worker]:
    async with Worker(job_s_max=10) as opened:
        yield opened


async def test_the_process_is_started_with_the_first_job_and_kept(opened: Worker) -> None:
    assert opened._process is None
    first = await digest(opened)
    process = process_of(opened)
    assert await digest(opened) == first != await digest(opened, "other")
    assert process_of(opened) == process


async def test_closing_ends_the_process() -> None:
    async with Worker() as opened:
        await digest(opened)
        process = process_of(opened)
    assert not process.is_running()
    async with Worker():
        pass


async def test_the_process_ends_with_the_server(opened: Worker) -> None:
    await digest(opened)
    process = opened._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


async def test_the_process_is_limited_and_polite(opened: Worker) -> None:
    await digest(opened)
    process = process_of(opened)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert f"Max address space         {replay.MEMORY_BYTES_MAX} " in limits
    assert "Max core file size        0 " in limits
    processor = next(line for line in limits.splitlines() if line.startswith("Max cpu time")).split()[3]
    assert replay.PROCESSOR_S_MAX <= int(processor) <= replay.PROCESSOR_S_MAX + 10
    assert process.nice() == min(19, os.nice(0) + replay.NICENESS)
    assert os.getsid(process.pid) != os.getsid(0)


async def test_jobs_asked_for_at_once_are_done_in_turn(opened: Worker) -> None:
    texts = [f"text {n}" for n in range(20)]
    digests = await asyncio.gather(*(digest(opened, text) for text in texts))
    assert digests == [await digest(opened, text) for text in texts]
    assert len(set(digests)) == len(texts)


async def test_a_large_document_goes_through_in_pieces(opened: Worker) -> None:
    document = pycrdt.Doc[pycrdt.Array[str]](client_id=1)
    document["a"] = pycrdt.Array()
    updates = []
    for number in range(12):
        state = document.get_state()
        document["a"].append(f"{number}" * 300_000)
        updates.append(document.get_update(state))
    result = await opened.run(jobs.Compact(Language.CONTENT), pieces(*updates))
    assert isinstance(result, jobs.Compacted)
    assert len(result.payload) > 3_600_000


async def test_a_document_at_fault_fails_its_job_only(opened: Worker) -> None:
    with pytest.raises(JobFailed, match="ValueError"):
        await opened.run(DIGEST, pieces(b"nonsense", text_update("x")))
    await digest(opened)


async def test_hostile_updates_fail_their_jobs_only() -> None:
    """Admission lets none of these in. If it did, this is what stands behind it."""
    maker = UpdateMaker(random.Random(1), client=4_300_000_000)
    outcomes: dict[str, int] = {}
    async with Worker(job_s_max=2) as opened:
        for _ in range(HOSTILE):
            try:
                await opened.run(DIGEST, pieces(maker.hostile(), maker.hostile()))
                outcome = "done"
            except (JobFailed, JobTimedOut) as error:
                outcome = type(error).__name__
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        await digest(opened)
    assert sum(outcomes.values()) == HOSTILE
    assert outcomes["JobFailed"] > 2


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGSEGV, JobFailed),
        (signal.SIGABRT, JobFailed),
        (signal.SIGXCPU, JobFailed),
        (signal.SIGKILL, WorkerUnavailable),
        (signal.SIGTERM, WorkerUnavailable),
    ],
)
async def test_a_process_that_ends_in_a_job_says_whose_fault_it_was(
    opened: Worker, number: signal.Signals, error: type[JobError]
) -> None:
    async def ending() -> AsyncIterator[Sequence[bytes]]:
        yield [text_update("hello")]
        process_of(opened).send_signal(number)
        await asyncio.sleep(0.1)
        yield [text_update("hello")]

    await digest(opened)
    with pytest.raises(error):
        await opened.run(DIGEST, ending())
    await digest(opened)


async def test_a_process_that_ended_between_jobs_is_started_again(opened: Worker) -> None:
    await digest(opened)
    process_of(opened).kill()
    await asyncio.sleep(0.1)
    await digest(opened)


async def test_a_job_that_takes_too_long_is_given_up() -> None:
    async with Worker(job_s_max=1.5) as opened:
        await digest(opened)
        stopped = process_of(opened)
        stopped.suspend()
        with pytest.raises(JobTimedOut, match=r"more than 1\.5 s"):
            await opened.run(DIGEST, pieces(text_update("hello")))
        assert not stopped.is_running()
        await digest(opened)


@pytest.mark.parametrize("raised", [OSError("the log cannot be read"), TimeoutError("of the log")])
async def test_an_error_of_the_log_is_not_the_document_s(opened: Worker, raised: OSError) -> None:
    async def failing() -> AsyncIterator[Sequence[bytes]]:
        yield [text_update("hello")]
        raise raised

    with pytest.raises(type(raised), match=r"of the log|the log cannot"):
        await opened.run(DIGEST, failing())
    await digest(opened)


@pytest.mark.parametrize("turns", [0, 1, 3, 10])
async def test_a_cancelled_job_leaves_the_worker_usable(opened: Worker, turns: int) -> None:
    await digest(opened)
    task = asyncio.create_task(digest(opened))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await digest(opened)


async def test_a_process_that_took_much_memory_is_not_kept(opened: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    await digest(opened)
    before = process_of(opened)
    monkeypatch.setattr(worker, "MEMORY_KEPT_BYTES_MAX", 1024 * 1024)
    await digest(opened)
    assert not before.is_running()
    assert opened._process is None


@pytest.mark.parametrize(
    ("interpreter", "said"),
    [(lambda _: "/nowhere/python", "cannot be started"), (lambda there: str(there / "python"), "ended .3.")],
)
async def test_a_process_that_cannot_work_is_said(
    opened: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, interpreter: Callable[[Path], str], said: str
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o700)
    working = sys.executable
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path))
    with pytest.raises(WorkerUnavailable, match=said):
        await opened.run(DIGEST, pieces(text_update("hello")))
    monkeypatch.setattr(sys, "executable", working)
    await digest(opened)
