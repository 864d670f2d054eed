"""`python -m benchmarks domain`: load a store of the size of a company through a running server, and ask it."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import machine
from benchmarks.domain.http import Http
from benchmarks.domain.loading import Loader, Plan
from benchmarks.domain.questions import Timing, greet, questions, time_all
from benchmarks.domain.report import Loaded, page
from benchmarks.servers.contenders import SCRIPTS, UNLIMITED
from benchmarks.servers.process import HOST, Process, free_port, running

RESULTS: Final = Path(__file__).parents[1] / "results/domain.md"
PEOPLE: Final = ("benchmark.lin", "benchmark.kim")
"""Who writes: both are staff, since a device is one person's."""

STATES_EVERY_S: Final = 10.0
"""Where there is no terminal for a bar, a line as often."""

console: Final = Console(stderr=True)


class Size(NamedTuple):
    """What to load, how often to ask."""

    plan: Plan
    questions: int


def measure(  # noqa: PLR0913 - one parameter per option
    *,
    conversations: Annotated[int, typer.Option(min=10, help="Conversations to load.")] = 100_000,
    messages: Annotated[int, typer.Option(min=20, help="Messages in them, altogether.")] = 1_000_000,
    tickets: Annotated[int, typer.Option(min=1, help="Tickets, opened out of the conversations.")] = 1_000,
    questions: Annotated[int, typer.Option(min=5, help="How often each kind of question is asked.")] = 300,
    data: Annotated[
        Path | None, typer.Option(help="Folder to load into, or that was loaded before. Default: a temporary one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = RESULTS,
) -> None:
    """Conversations and messages through a running server, then p50 and p99 of inbox, search and opening."""
    plan = Plan(conversations, messages, max(1, conversations // tickets))
    about = machine.describe()
    folder = data or Path(tempfile.mkdtemp(prefix="syncline-domain-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        loaded, timings = uvloop.run(_run(folder, Size(plan, questions)))
    finally:
        if data is None:
            shutil.rmtree(folder)
    text = page(about, plan, loaded, timings)
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


async def _run(folder: Path, size: Size) -> tuple[Loaded | None, list[Timing]]:
    loaded = None
    marker = folder / "loaded"
    if not marker.exists():
        async with _server(folder) as process:
            loaded = await _load(folder, process, size.plan)
        marker.touch()
    async with _server(folder) as process:  # nothing of the load is left in its memory
        return loaded, [timing async for timing in _ask(folder, process, size)]


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[Process]:
    port = free_port()
    serve = [str(SCRIPTS / "syncline"), "serve", "--data", str(folder / "data"), "--host", HOST, "--port", str(port)]
    async with running(serve, port=port, folder=folder, environment=UNLIMITED) as process:
        yield process


async def _load(folder: Path, process: Process, plan: Plan) -> Loaded:
    """Load, with a bar and the rate; then wait until the projections have everything."""
    tokens = [_token(folder, user, "agent") for user in PEOPLE]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    began = said = time.perf_counter()
    conversations = messages = 0
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("loading", total=plan.messages)

        def show(more_conversations: int, more_messages: int) -> None:
            nonlocal conversations, messages, said
            conversations += more_conversations
            messages += more_messages
            now = time.perf_counter()
            line = f"{conversations:,} conversations, {messages:,} messages, {messages / (now - began):,.0f} messages/s"
            bar.update(task, completed=messages, description=line)
            if not console.is_terminal and now - said >= STATES_EVERY_S:
                said = now
                console.print(line)

        await Loader(process.port, tokens, PEOPLE, plan, show).load()
    loaded_s = time.perf_counter() - began
    console.print(f"loaded {messages:,} messages in {loaded_s:.0f} s; the projections follow")
    projected_s = await _projected(process, tokens[0])
    size = sum(file.stat().st_size for file in (folder / "data").iterdir())
    projections = sum(file.stat().st_size for file in (folder / "data").glob("projections.db*"))
    return Loaded(conversations, messages, loaded_s, projected_s, size - projections, projections)


async def _projected(process: Process, token: str) -> float:
    """Seconds until lists are complete."""
    began = time.perf_counter()
    async with Http(process.port, token) as http:
        while not await http.is_answered("/v1/inbox?limit=1"):  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(0.2)
    return time.perf_counter() - began


async def _ask(folder: Path, process: Process, size: Size) -> AsyncIterator[Timing]:
    agent, customer = _token(folder, PEOPLE[0], "agent"), _token(folder, size.plan.customer(1), "customer")
    waited_s = await _projected(process, agent)
    console.print(f"started anew; complete after {waited_s:.1f} s")
    device = await greet(process.port, agent)
    async with Http(process.port, agent) as agents, Http(process.port, customer) as customers:
        async for timing in time_all(questions(agents, customers, device, size.plan), size.questions, process.pid):
            console.print(f"{timing.question}: p50 {timing.p50_ms:.1f} ms, p99 {timing.p99_ms:.1f} ms")
            yield timing
    await device.socket.close()


def _token(folder: Path, user: str, role: str) -> str:
    command = [str(SCRIPTS / "syncline"), "token", "--data", str(folder / "data"), "--user", user, "--role", role]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
