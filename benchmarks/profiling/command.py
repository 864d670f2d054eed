"""`python -m benchmarks profile`: the loads that miss a goal, and where the server's CPU time goes in each.

Each load runs twice on a fresh server: by itself, for what a unit of it costs (user and system time of the process
tree), and under py-spy, which looks at all threads that compute, 200 times a second. Shares come from the second run,
costs from the first: being looked at makes a process slower.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
import uvloop

from benchmarks import machine
from benchmarks.profiling import stacks
from benchmarks.profiling.loads import LOADS, Load
from benchmarks.profiling.stacks import Profile
from benchmarks.readings import CpuTime, cpu_time, system_share
from benchmarks.scenarios.scenario import MICROSECONDS
from benchmarks.servers.contenders import SYNCLINE_FULL, served
from benchmarks.servers.process import ServerFailed

PY_SPY: Final = Path(sys.executable).parent / "py-spy"
SAMPLES_PER_SECOND: Final = 200
FUNCTIONS_SHOWN: Final = 14
WARM_UP_SECONDS: Final = 1.0
ATTACH_SECONDS: Final = 1.0
"""What py-spy needs to find its way in a process; its first samples are of an idle server."""

INTRODUCTION: Final = """Made by `python -m benchmarks profile`; how: `../profiling/command.py`. Microseconds are a
part's share of the samples times what one unit costs. A function's *own* time is what it takes with the C code that it
calls directly (SQLite, system calls); *within* counts what it calls as well. A thread that waits for the disk counts
as computing, so the store's shares are upper bounds; and stacks are read without stopping the server, so a few are
torn."""

RESULT: Final = Path(__file__).parents[1] / "results" / "profile.md"


class Measured(NamedTuple):
    """One load: `units` cost `cpu`, of which `in_system` (0 to 1) in the kernel."""

    load: Load
    units: int
    cpu: CpuTime
    in_system: float
    profile: Profile


def profile(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"A load; may be given several times. {', '.join(load.key for load in LOADS)}"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="Length of each run.")] = 8.0,
    out: Annotated[Path, typer.Option(help="The file to write.")] = RESULT,
) -> None:
    """Where the server's CPU time goes, by part of the server and by function; needs the right to trace processes."""
    unknown = set(only or ()) - {load.key for load in LOADS}
    if unknown:
        raise typer.BadParameter(f"there is no load {', '.join(sorted(unknown))}")
    try:
        measured = [uvloop.run(measure(load, seconds)) for load in LOADS if not only or load.key in only]
    except ServerFailed as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from error
    text = markdown(measured, machine.describe(), seconds)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


async def measure(load: Load, seconds: float) -> Measured:
    """Run the load by itself and under the profiler. Raises `ServerFailed`."""
    async with served(SYNCLINE_FULL) as server:
        run = await load.prepare(server)
        await run(WARM_UP_SECONDS)
        before, before_system = cpu_time(server.pid), system_share(server.pid)
        units = await run(seconds)
        spent = cpu_time(server.pid).since(before)
        in_system = system_share(server.pid).since(before_system)
    async with served(SYNCLINE_FULL) as server:
        run = await load.prepare(server)
        await run(WARM_UP_SECONDS)
        with tempfile.TemporaryDirectory(prefix="syncline-profile-") as folder:
            raw = Path(folder) / "stacks"
            spy = _started(server.pid, raw, seconds)
            await asyncio.sleep(ATTACH_SECONDS)
            await run(seconds)
            await asyncio.to_thread(_finish, spy)
            profiled = stacks.read(raw.read_text(encoding="utf-8").splitlines())
    return Measured(load, units, spent, in_system, profiled)


def _started(pid: int, raw: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [str(PY_SPY), "record", "--pid", str(pid), "--duration", str(round(seconds + ATTACH_SECONDS))]
    options = ["--rate", str(SAMPLES_PER_SECOND), "--format", "raw", "--threads"]
    output = ["--nonblocking", "--output", str(raw)]  # a process that is stopped to be looked at seems to compute
    return subprocess.Popen([*command, *options, *output], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _finish(spy: subprocess.Popen[bytes]) -> None:
    _, errors = spy.communicate(timeout=60)
    if spy.returncode != 0:
        said = errors.decode(errors="replace").strip()
        raise ServerFailed(
            f"py-spy ended with {spy.returncode}: {said}\n"
            "It needs the right to trace other processes: be root, or set kernel.yama.ptrace_scope to 0."
        )


def markdown(measured: Sequence[Measured], about: dict[str, str], seconds: float) -> str:
    """The report."""
    head = [
        "# Where the server's CPU time goes",
        INTRODUCTION,
        "\n".join(
            f"- **{what}**: {value}"
            for what, value in {
                "measured on": time.strftime("%Y-%m-%d %H:%M %Z"),
                "seconds of each run": f"{seconds:g}",
                "load average": " ".join(f"{one:.2f}" for one in os.getloadavg()),
                **about,
            }.items()
        ),
    ]
    return "\n\n".join([*head, *(section(one) for one in measured)]) + "\n"


def section(measured: Measured) -> str:
    """One load."""
    load, profiled = measured.load, measured.profile
    each_us = measured.cpu.exact / measured.units * MICROSECONDS
    shares = [(part, profiled.share(profiled.parts, part)) for part, _ in profiled.parts.most_common()]
    parts = [f"| {part} | {share:.0%} | {share * each_us:.1f} |" for part, share in shares]
    functions = [
        f"| `{name}` | {profiled.share(profiled.own, name):.1%} | {profiled.share(profiled.within, name):.1%} |"
        for name, _ in profiled.own.most_common(FUNCTIONS_SHOWN)
    ]
    cost = f"{each_us:.1f} µs of CPU per {load.unit}, {measured.in_system:.0%} of it in the kernel"
    return "\n\n".join(
        [
            f"## {load.title}",
            f"{cost}; {profiled.total} samples.",
            "\n".join([f"| part | share | µs per {load.unit} |", "| --- | --- | --- |", *parts]),
            "\n".join(["| function | own | within |", "| --- | --- | --- |", *functions]),
        ]
    )
