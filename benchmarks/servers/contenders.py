"""Who is measured: each server's command at its defaults, its protocol, and what it does with an update.

A contender is *served* for one scenario at a time, on data of its own: `async with served(contender) as server:`.
"""

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.load.dialects import Dialect, HocuspocusDialect, YWebsocketDialect
from benchmarks.load.records import USER
from benchmarks.load.syncline import SynclineDialect
from benchmarks.servers.process import Process, ServerFailed, free_port, running

PEERS: Final = Path(__file__).resolve().parents[1] / "peers"
Y_WEBSOCKET_SERVER: Final = PEERS / "node_modules" / "y-websocket" / "bin" / "server.cjs"
SCRIPTS: Final = Path(sys.executable).parent

UNLIMITED: Final = {
    "SYNCLINE_UPDATES_PER_SECOND_DEVICE": "1000000",
    "SYNCLINE_UPDATES_PER_SECOND_TENANT": "1000000",
}
"""Syncline's rate limits are out of the way: no peer has any, and the load is far above what one person types."""


@dataclass(frozen=True)
class Contender:
    """A server as it is measured. `promise` says what has happened to an update when another device sees it."""

    key: str
    title: str
    promise: str
    command: Callable[[int, Path], Sequence[str]]
    """Of a port and a folder for its data."""
    dialect: Callable[[int, Path], Dialect]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """A contender that runs. `folder` holds its data and its output."""

    contender: Contender
    process: Process
    dialect: Dialect
    folder: Path

    @property
    def pid(self) -> int:
        """Its main process."""
        return self.process.pid


@asynccontextmanager
async def served(
    contender: Contender, *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """Run `contender` on data in `folder` (default: none yet, removed afterwards). Raises `ServerFailed`."""
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as temporary:
        home = folder or Path(temporary)
        port = free_port()
        settings = dict(contender.environment) | dict(environment or {})
        async with running(contender.command(port, home), port=port, folder=home, environment=settings) as process:
            yield Server(contender, process, contender.dialect(port, home), home)


# --- Syncline ------------------------------------------------------------------------------------------------------


NO_PROJECTIONS: Final = {"SYNCLINE_PROJECTIONS": "false"}
"""What the peers do not do either: inboxes, full-text search, figures, the server's answers to tickets."""


def _syncline(durability: str, *, whole: bool = False) -> Contender:
    def command(port: int, folder: Path) -> Sequence[str]:
        serve = [str(SCRIPTS / "syncline"), "serve", "--data", str(folder / "data"), "--host", "127.0.0.1"]
        return [*serve, "--port", str(port), "--durability", durability]

    stored = "fsync" if durability == "full" else "write, fsync at checkpoints"
    return Contender(
        key="syncline-whole" if whole else f"syncline-{durability}",
        title=f"Syncline, {durability}{', with inboxes and search' if whole else ''}",
        promise=f"checked, logged ({stored}), acknowledged, relayed{', projected' if whole else ''}",
        command=command,
        dialect=lambda port, folder: SynclineDialect(port, issue_token(folder / "data")),
        environment=UNLIMITED if whole else UNLIMITED | NO_PROJECTIONS,
    )


def issue_token(data: Path) -> str:
    """A token of a staff member for the server on `data`. Raises `ServerFailed`."""
    command = [str(SCRIPTS / "syncline"), "token", "--data", str(data), "--user", USER, "--role", "agent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFailed(f"{command!r} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout.strip()


SYNCLINE_FULL: Final = _syncline("full")
SYNCLINE_NORMAL: Final = _syncline("normal")
SYNCLINE_WHOLE: Final = _syncline("full", whole=True)
"""As `syncline serve` runs by default; the others leave out what the peers leave out."""

# --- peers ---------------------------------------------------------------------------------------------------------

HOCUSPOCUS: Final = Contender(
    key="hocuspocus",
    title="Hocuspocus",
    promise="merged in memory, relayed, acknowledged by a boolean without id; nothing stored: no fsync, no durable ack",
    command=lambda port, _: ["node", str(PEERS / "hocuspocus.mjs"), str(port)],
    dialect=lambda port, _: HocuspocusDialect(port),
)

Y_WEBSOCKET: Final = Contender(
    key="y-websocket",
    title="y-websocket",
    promise="merged in memory, relayed; nothing stored: no fsync, no ack",
    command=lambda port, _: ["env", "HOST=127.0.0.1", f"PORT={port}", "node", str(Y_WEBSOCKET_SERVER)],
    dialect=lambda port, _: YWebsocketDialect(port),
)

PYCRDT_WEBSOCKET: Final = Contender(
    key="pycrdt-websocket",
    title="pycrdt-websocket",
    promise="merged in memory, relayed; nothing stored: no fsync, no ack",
    command=lambda port, _: [sys.executable, str(PEERS / "pycrdt_websocket.py"), str(port)],
    dialect=lambda port, _: YWebsocketDialect(port),
)
"""On uvicorn."""

ALL_PEERS: Final = (HOCUSPOCUS, Y_WEBSOCKET, PYCRDT_WEBSOCKET)
