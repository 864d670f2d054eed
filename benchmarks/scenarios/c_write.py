"""The floor: what one `write` per delivery costs in C on this machine, at the rates of the fan-out."""

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.scenarios.relay import FAN_OUT_PER_SECOND, SUBSCRIBERS
from benchmarks.scenarios.scenario import Figures, Metric, NotMeasured, Participant, Scenario, Size

SOURCE: Final = Path(__file__).resolve().parents[1] / "native" / "write_cost.c"
COMPILERS: Final = ("cc", "gcc", "clang")
FRAME_BYTES: Final = 350
"""A message of the fan-out, framed."""

FULL_SPEED_ROUNDS_PER_SECOND: Final = 1_000
"""Rounds at full speed for each second of a steady load."""


async def c_write(size: Size) -> Figures:
    """Compile, run at both rates. Raises `NotMeasured` when there is no compiler."""
    compiler = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        raise NotMeasured(f"there is no C compiler on this machine (looked for {', '.join(COMPILERS)})")
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as folder:
        program = Path(folder) / "write_cost"
        await run(compiler, "-O2", "-o", str(program), str(SOURCE))
        steady_rounds = round(FAN_OUT_PER_SECOND * size.seconds)
        rounds = round(FULL_SPEED_ROUNDS_PER_SECOND * size.seconds)
        return {
            "steady_us": await write_us(program, size, rounds=steady_rounds, per_second=FAN_OUT_PER_SECOND),
            "full_speed_us": await write_us(program, size, rounds=rounds, per_second=0),
        }


async def write_us(program: Path, size: Size, *, rounds: int, per_second: int) -> float:
    """CPU time per write in microseconds."""
    connections = size.count(SUBSCRIBERS)
    return float(await run(str(program), str(connections), str(FRAME_BYTES), str(rounds), str(per_second)))


async def run(*command: str) -> str:
    """What a command prints. Raises `CalledProcessError`."""
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return done.stdout


C_WRITE: Final = Scenario(
    key="c-write",
    title="For comparison: one write per delivery in C",
    load=f"A C program writes a frame of {FRAME_BYTES} bytes to each of {SUBSCRIBERS} connections (TCP, loopback), "
    f"{FAN_OUT_PER_SECOND} rounds/s and as fast as goes; another process reads. No protocol, no log, no merge: a "
    "server that is below this gathers what it sends.",
    metrics=(
        Metric("steady_us", f"CPU per write at {FAN_OUT_PER_SECOND} rounds/s", "µs"),
        Metric("full_speed_us", "CPU per write at full speed", "µs"),
    ),
    participants=(Participant("c", "C", "one write(2) per delivery, nothing else", c_write),),
)
