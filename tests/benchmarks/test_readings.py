"""The readings agree with what a process says of itself."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.commits import measure_commits
from benchmarks.readings import CpuTime, cpu_time, resident_bytes, tree

MIB = 1024 * 1024

BURN = """
import sys, time
while time.process_time() < 0.5: pass
print(time.process_time(), flush=True)
sys.stdin.readline()
"""

HOLD = """
import sys
held = bytearray(b"x") * (64 * 1024 * 1024)
print(len(held), flush=True)
sys.stdin.readline()
"""

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
print(child.stdout.readline(), flush=True)
sys.stdin.readline()
child.communicate("\\n")
print("reaped", flush=True)
sys.stdin.readline()
"""


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_cpu_time_is_what_the_process_used() -> None:
    with start(BURN) as process:
        used = float(said(process))
        reading = cpu_time(process.pid)
        time.sleep(0.2)
        idle = cpu_time(process.pid).since(reading)
        go_on(process)
    assert reading.exact == pytest.approx(used, abs=0.05)
    assert reading.ticks == pytest.approx(reading.exact, abs=0.05)
    assert idle.exact < 0.05


def test_children_count_while_they_live_and_after() -> None:
    with start(PARENT, BURN) as process:
        said(process)
        living = cpu_time(process.pid)
        assert len(tree(process.pid)) == 2
        go_on(process)
        while said(process).strip() != "reaped":
            pass
        reaped = cpu_time(process.pid)
        assert len(tree(process.pid)) == 1
        go_on(process)
    assert living.exact > 0.5
    assert reaped.exact == pytest.approx(living.exact, abs=0.05)


def test_resident_memory_is_what_the_process_holds() -> None:
    with start("import sys; print(1, flush=True); sys.stdin.readline()") as empty, start(HOLD) as full:
        said(empty)
        said(full)
        difference = resident_bytes(full.pid) - resident_bytes(empty.pid)
        go_on(empty)
        go_on(full)
    assert difference == pytest.approx(64 * MIB, rel=0.1)


def test_times_are_subtracted() -> None:
    assert CpuTime(3.0, 2.5).since(CpuTime(1.0, 0.5)) == CpuTime(2.0, 2.0)


def test_commits_are_timed_one_by_one(tmp_path: Path) -> None:
    times = measure_commits(tmp_path, count=5)
    assert len(times.sqlite) == len(times.fsync) == 5
    assert all(seconds > 0 for seconds in (*times.sqlite, *times.fsync))
