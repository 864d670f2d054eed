"""One server process: started on a free port, awaited until it answers, stopped in the end whatever happens."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

START_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 10.0
LOOK_EVERY_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 20

HOST: Final = "127.0.0.1"


class ServerFailed(Exception):
    """A server did not start, or ended while it was measured; the text has the end of its output."""


class Process(NamedTuple):
    """A running server."""

    pid: int
    port: int


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(
    command: Sequence[str], *, port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run `command`, which serves on `port`, with its output in `folder`. Raises `ServerFailed`."""
    log = folder / "output.log"
    process = _started(command, log, os.environ | dict(environment or {}))
    try:
        await asyncio.to_thread(_wait_until_listening, process, port, log)
        yield Process(process.pid, port)
        if process.poll() is not None:
            raise ServerFailed(f"the server ended with {process.returncode} while it was measured:\n{_tail(log)}")
    finally:
        await asyncio.to_thread(_stop, process)  # our side of the connections has to answer meanwhile


def _started(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start it in a process group of its own, so that no child of it stays when it is ended."""
    environment = {**environment, "PYTHONDONTWRITEBYTECODE": ""}  # or each start, and each worker's, compiles anew
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not _listens(port):
        if process.poll() is not None:
            raise ServerFailed(f"{process.args!r} ended with {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"{process.args!r} does not listen after {START_SECONDS_MAX:.0f} s:\n{_tail(log)}")
        time.sleep(LOOK_EVERY_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, and make it end when it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:])
