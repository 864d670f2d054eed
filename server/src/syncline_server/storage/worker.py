"""The server's end of the worker process: one job at a time, with a limit of time.

Used by compaction, state-vector diffs and content digests. The process (`replay.py`) is started with the first job and
stays; it is ended and started anew after a job that timed out, crashed it, was given up, or left it large.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterable, Sequence
from types import TracebackType
from typing import Final, Self

import structlog

from syncline_server.storage import jobs

JOB_S_MAX: Final = 60.0
"""From a job's start to its answer. The longest honest one, a page of 64 MiB, takes about 5 s."""

MEMORY_KEPT_BYTES_MAX: Final = 256 * 1024 * 1024
"""A process that has taken more is not kept for the next job."""

CONTENT_SIGNALS: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGXCPU}
)
"""How a process ends that its document has ended. Any other signal came from outside."""


class JobError(Exception):
    """A job was not done."""


class JobFailed(JobError):
    """The document is at fault: the engine or the scanner refused it, or it crashed the process."""


class JobTimedOut(JobError):
    """The document is at fault: it took longer than a job may."""


class WorkerUnavailable(JobError):
    """The document is not at fault: the process could not be started, or was ended from outside. Try again later."""


class Worker:
    """The worker process. Opened and closed as an async context manager."""

    def __init__(self, *, job_s_max: float = JOB_S_MAX) -> None:
        self._job_s_max = job_s_max
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._logger = structlog.get_logger()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        async with self._turn:
            await self._end()

    async def run(self, job: jobs.Job, updates: AsyncIterable[Sequence[bytes]]) -> jobs.Result:
        """Do `job` on the document that `updates` make: its snapshot, if it has one, and its log, in pieces.

        Raises `JobFailed`, `JobTimedOut`, `WorkerUnavailable`, and what `updates` raises.
        """
        async with self._turn:
            try:
                process = await self._started()
                async with asyncio.timeout(self._job_s_max) as deadline:
                    response = await _exchange(process, job, updates)
            except TimeoutError as error:
                await self._end()
                if deadline.expired():
                    raise JobTimedOut(f"a job of {type(job).__name__} took more than {self._job_s_max:g} s") from error
                raise
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise await self._lost() from error
            except BaseException:  # given up in the middle: the process waits for the rest of it
                await self._end()
                raise
            return await self._result(response)

    async def _started(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            command = (sys.executable, "-P", "-m", "syncline_server.storage.replay")
            try:
                # A session of its own: an interrupt from the keyboard is for the server to act upon.
                self._process = await asyncio.create_subprocess_exec(
                    *command, stdin=PIPE, stdout=PIPE, start_new_session=True
                )
            except OSError as error:
                raise WorkerUnavailable(f"the worker process cannot be started: {error}") from error
            self._logger.info("worker.started", process=self._process.pid)
        return self._process

    async def _result(self, response: jobs.Response) -> jobs.Result:
        if isinstance(response, jobs.Failed):
            await self._end()
            raise JobFailed(response.reason)
        if response.memory_bytes > MEMORY_KEPT_BYTES_MAX:
            await self._end()
        return response.result

    async def _lost(self) -> JobError:
        """Why the process is gone."""
        process = self._process
        if process is None:
            return WorkerUnavailable("the worker process is not there")
        code = await process.wait()
        self._process = None
        self._logger.error("worker.lost", process=process.pid, code=code)
        if code < 0 and -code in CONTENT_SIGNALS:
            return JobFailed(f"the document ended the worker process ({signal.Signals(-code).name})")
        return WorkerUnavailable(f"the worker process ended ({code})")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _exchange(process: Process, job: jobs.Job, updates: AsyncIterable[Sequence[bytes]]) -> jobs.Response:
    requests, responses = process.stdin, process.stdout
    assert requests is not None
    assert responses is not None
    requests.write(jobs.encode_frame(jobs.Start(job)))
    async for piece in updates:
        requests.write(jobs.encode_frame(jobs.Piece(list(piece))))
        await requests.drain()
    requests.write(jobs.encode_frame(jobs.End()))
    await requests.drain()
    (length,) = jobs.LENGTH.unpack(await responses.readexactly(jobs.LENGTH.size))
    return jobs.decode_response(await responses.readexactly(length))
