"""`syncline`: start the server, issue tokens, look after a store. Other packages add their commands by entry point."""

import asyncio
import gc
import logging
import sys
import time
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Final, TextIO, cast

import structlog
import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from syncline_protocol.dialogues import Dialogue
from syncline_protocol.errors import ProtocolViolation

from syncline_server import app as server_app
from syncline_server import clock, maintenance, samples, settings
from syncline_server.auth import Authority, read_secret
from syncline_server.domain import configuration_file, summary
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.domain.problems import ConfigurationError
from syncline_server.maintenance import Outcome
from syncline_server.settings import Settings, SettingsError
from syncline_server.socket import HttpConnection, Socket
from syncline_server.storage.interface import StoreError

COMMANDS: Final = "syncline.commands"
"""Entry-point group of further commands (the device's come from `syncline_client`)."""

WS_MESSAGE_BYTES_MAX: Final = 1024 * 1024 + 64
"""One frame of the protocol (1 MiB)."""

GC_ALLOCATIONS: Final = 10_000
"""Objects made and kept before Python looks for cycles among the new ones; its default, 700, is passed by a few updates
and costs a quarter of admission's time (benchmarks/results)."""

SWITCH_INTERVAL_S: Final = 0.0005
"""How long the event loop may keep the interpreter to itself while the store's thread wants to go on with a commit. At
Python's default of 5 ms, a busy loop makes each commit that much later, several times over."""

GRACE_S: Final = 10
"""How long a stopping server waits for connections to say goodbye."""

PROGRESS_COLUMNS: Final = (
    *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()),
)

app = typer.Typer(help="Conversations and tickets, the same on every device.", no_args_is_help=True)
errors = Console(stderr=True)

Data = Annotated[Path, typer.Option("--data", help="Folder of the database and the token secret.")]


@app.command()
def serve(  # noqa: PLR0913 - one parameter per option
    *,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the database and the token secret. Default: ./data")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on. Default: 8700")] = None,
    durability: Annotated[
        str | None,
        typer.Option(
            help="full: an ack survives loss of power. normal: it survives a crash, not always loss of power."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file: the table [server] has the settings' names, the others are the domain's."),
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json")] = None,
    sample_file: Annotated[
        Path | None, typer.Option("--samples", help="Dialogues to load when the store is empty.")
    ] = None,
) -> None:
    """Run the server until it is told to stop.

    Every setting can also stand in --config, or in the environment as SYNCLINE_<NAME>.
    """
    given: dict[str, Any] = {
        "data": data,
        "host": host,
        "port": port,
        "durability": durability,
        "log_format": log_format,
    }
    try:
        chosen = settings.load(given, file=config)
    except SettingsError as error:
        raise _failed(error, 2) from error
    try:
        dialogues = None if sample_file is None else samples.read(sample_file)
    except (OSError, ValueError) as error:
        raise _failed(error, 2) from error
    try:
        configuration = LiveConfiguration(config)
    except ConfigurationError as error:
        raise _failed(error, 2) from error
    _log_to(sys.stderr.isatty(), json=chosen.log_format == "json")
    _run(chosen, configuration, dialogues)


def _failed(error: object, code: int) -> typer.Exit:
    """Say in one line what is in the way; the exit to raise. Brackets in the text are no markup."""
    errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def _run(chosen: Settings, configuration: LiveConfiguration, dialogues: list[Dialogue] | None) -> None:
    on_start = None if dialogues is None else samples.loader(dialogues, chosen)
    config = uvicorn.Config(
        server_app.build(chosen, configuration=configuration, on_start=on_start),
        host=chosen.host,
        port=chosen.port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=HttpConnection,
        ws=Socket,
        ws_max_size=WS_MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        lifespan="on",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    server = uvicorn.Server(config)
    gc.set_threshold(GC_ALLOCATIONS, *gc.get_threshold()[1:])
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        asyncio.run(server_app.check_store(chosen))
    except StoreError as error:
        raise _failed(error, 1) from error
    server.run()
    if not server.started:
        raise typer.Exit(1)


@app.command()
def token(  # noqa: PLR0913 - one parameter per option
    user: Annotated[str, typer.Option(help="Whose token.")],
    role: Annotated[
        str, typer.Option(help="customer, agent, technician, supervisor, admin, auditor, bot or integration.")
    ],
    *,
    data: Data = Path("data"),
    tenant: Annotated[str, typer.Option(help="The company whose data it opens.")] = "default",
    group: Annotated[list[str] | None, typer.Option(help="A group of the user; may be given several times.")] = None,
    ttl: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = 86_400,
) -> None:
    """Print a token that the server on DATA accepts."""
    try:
        authority = Authority(read_secret(data))
        text = authority.issue(
            tenant=tenant, user=user, role=role, groups=group or (), now_ms=clock.now_ms(), ttl_s=ttl
        )
    except OSError as error:
        raise _failed(f"cannot use {error.filename}: {error.strerror}", 2) from error
    except ProtocolViolation as violation:
        raise _failed(violation.reason, 2) from violation
    sys.stdout.write(text + "\n")


@app.command()
def compact(
    document: Annotated[str | None, typer.Argument(help="Its name, such as page/handbook. Default: all.")] = None,
    *,
    data: Data = Path("data"),
    tenant: Annotated[str, typer.Option(help="The company it belongs to.")] = "default",
) -> None:
    """Fold logs into snapshots, with the server stopped. (A running server does it by itself.)"""
    _log_to(sys.stderr.isatty(), json=False)
    if not data.is_dir():
        raise _failed(f"there is no folder {data}", 1)
    try:
        outcomes = asyncio.run(_compact(data, tenant, document))
    except StoreError as error:
        raise _failed(error, 1) from error
    if not outcomes:
        raise _failed(f"tenant {tenant} has no document {document or 'at all'} in {data}", 1)
    failed = sum(outcome.failed for outcome in outcomes)
    if failed:
        raise _failed(
            f"{failed} of {len(outcomes)} documents could not be compacted; they stay readable as they were", 1
        )


async def _compact(data: Path, tenant: str, document: str | None) -> list[Outcome]:
    outcomes = []
    async for outcome in maintenance.compact(data, tenant, document):
        sys.stdout.write(outcome.line + "\n")
        sys.stdout.flush()
        outcomes.append(outcome)
    return outcomes


@app.command()
def rebuild(*, data: Data = Path("data")) -> None:
    """Make inboxes, lists and the search index anew from the log, with the server stopped."""
    _log_to(sys.stderr.isatty(), json=False)
    if not data.is_dir():
        raise _failed(f"there is no folder {data}", 1)
    began = time.perf_counter()
    try:
        with Progress(*PROGRESS_COLUMNS, console=errors, disable=not sys.stderr.isatty()) as bars:
            tasks: dict[str, TaskID] = {}

            def show(part: str, done: int, total: int) -> None:
                if part not in tasks:
                    tasks[part] = bars.add_task(part, total=total)
                bars.update(tasks[part], completed=done)

            rebuilt = asyncio.run(maintenance.rebuild(data, show))
    except StoreError as error:
        raise _failed(error, 1) from error
    took_s = time.perf_counter() - began
    before = "nothing" if rebuilt.before is None else rebuilt.before.hex()
    same = ", the same content" if rebuilt.before == rebuilt.after else ""
    sys.stdout.write(f"before: {before}\nafter:  {rebuilt.after.hex()}{same}\n")
    sys.stdout.write(f"{rebuilt.documents} documents in {took_s:.1f} s\n")


@app.command("check-config")
def check_config(
    file: Annotated[Path, typer.Argument(help="The file, such as syncline.toml.")],
) -> None:
    """Tell everything that is wrong with a syncline.toml, or show what the server makes of it."""
    try:
        configuration = configuration_file.read_file(file)
    except ConfigurationError as error:
        raise _failed(error, 1) from error
    table = Table("what", "name", "", box=None, title=f"{file}: ok", title_justify="left")
    for row in summary.rows(configuration):
        table.add_row(*map(escape, row))
    Console().print(table)


def _log_to(terminal: bool, *, json: bool) -> None:  # noqa: FBT001 - what the terminal is
    """Structured logs on standard error. Nothing logged holds a token: uvicorn's own lines name URLs, and pretty
    tracebacks show variables, so neither is used.
    """
    plain = structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)
    renderer = structlog.processors.JSONRenderer() if json else plain
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if json else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _Lines(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True


class _Lines:
    """A text stream that loses what it cannot write: the log may lie on the disk that is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write `text`, or nothing."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written, or nothing."""
        with suppress(OSError):
            self._stream.flush()


def main() -> None:
    """The console script."""
    for entry in entry_points(group=COMMANDS):
        app.add_typer(entry.load())
    app()
