"""The command: measure what is asked for, run by run, and write the report."""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import machine, report
from benchmarks.catalogue import NO_PEERS, PEER_KEYS, SCENARIOS, UnknownName, choose
from benchmarks.collection import Collection, Results
from benchmarks.domain import command as domain
from benchmarks.extraction import command as extraction
from benchmarks.load.socket import ConnectionLost
from benchmarks.profiling import command as profiling
from benchmarks.scenarios.scenario import NotMeasured, Participant, Scenario, Size
from benchmarks.scenarios.window import DeliveryFailed
from benchmarks.servers.process import ServerFailed

RESULTS: Final = Path(__file__).parent / "results"
OPEN_FILES_WANTED: Final = 16_384
"""Thousands of connections, on both sides of them."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("domain")(domain.measure)
app.command("extraction")(extraction.measure)
app.command("profile")(profiling.profile)
console = Console(stderr=True)


@app.callback(invoke_without_command=True)
def main(  # noqa: PLR0913 - one parameter per option
    context: typer.Context,
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"A scenario; may be given several times. {', '.join(one.key for one in SCENARIOS)}"),
    ] = None,
    peers: Annotated[
        list[str] | None,
        typer.Option(help=f"A peer; may be given several times. {', '.join((*PEER_KEYS, NO_PEERS))}. Default: all."),
    ] = None,
    syncline: Annotated[bool, typer.Option(help="Whether Syncline takes part.")] = True,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of each steady load.")] = 3.0,
    runs: Annotated[int, typer.Option(min=1, help="How often everything is measured; the median counts.")] = 3,
    scale: Annotated[
        float,
        typer.Option(min=0.01, max=1.0, help="Share of connections, documents and updates: below 1 for a try only."),
    ] = 1.0,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Syncline and its peers on the same work, side by side; the table lands in benchmarks/results/."""
    if context.invoked_subcommand is not None:
        return
    try:
        scenarios = choose(only or (), peers or (), syncline=syncline)
    except UnknownName as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error
    allow_open_files()
    settings = {
        "measured on": time.strftime("%Y-%m-%d %H:%M %Z"),
        "runs, seconds, scale": f"{runs}, {seconds:g}, {scale:g}",
    }
    about = machine.describe()
    collection = Collection(scenarios)
    measure_all(collection, runs, Size(seconds, scale))
    results = Results(collection, about, settings)
    for path in report.write(results, out):
        console.print(f"wrote {path}")
    sys.stdout.write(report.markdown(results))
    if collection.failures:
        raise typer.Exit(1)


def measure_all(collection: Collection, runs: int, size: Size) -> None:
    """Measure everything `runs` times, one participant after the other. A failure is noted, and the rest goes on."""
    steps = list(interleaved(collection.scenarios, runs))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, auto_refresh=False
    ) as progress:  # no thread of its own: it would be measured
        task = progress.add_task("", total=len(steps))
        for number, scenario, participant in steps:
            progress.update(task, description=f"run {number}: {scenario.key}, {participant.title}", refresh=True)
            try:
                collection.add(scenario, participant, uvloop.run(participant.measure(size)))
            except (ConnectionLost, DeliveryFailed, NotMeasured, ServerFailed) as error:
                collection.fail(scenario, participant, str(error))
                console.print(f"[red]{scenario.key}, {participant.title}: {error}[/red]")
            progress.update(task, advance=1, refresh=True)


def interleaved(scenarios: Sequence[Scenario], runs: int) -> Iterator[tuple[int, Scenario, Participant]]:
    """Every measurement of every run: what disturbs the machine for a while hits all, nobody always comes first."""
    for run in range(runs):
        for scenario in scenarios:
            first = run % len(scenario.participants)
            for participant in (*scenario.participants[first:], *scenario.participants[:first]):
                yield run + 1, scenario, participant


def allow_open_files() -> None:
    """Let this process, and the servers that it starts, have thousands of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(OPEN_FILES_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
