"""From sampled stacks to parts of the server; and the command, short, on a real server."""

from pathlib import Path

from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.profiling import stacks
from benchmarks.profiling.loads import LOADS

RUN = "run (asyncio/runners.py:1);Log._run (server/src/syncline_server/log.py:120)"
ADMIT = f"{RUN};Session._admit (syncline_server/session.py:9);RecordAdmission.admit (syncline_server/admission.py:3)"
RAW = f"""\
thread (1): MainThread;{RUN} 3
thread (1): MainThread;{ADMIT};_scan_one (protocol/src/syncline_protocol/update/record_scanner.py:80) 4
thread (1): MainThread;{ADMIT};RecordIndex.check (syncline_protocol/documents/record_index.py:80) 1
thread (1): MainThread;run (asyncio/runners.py:1) 2
thread (2): Thread-1;run (threading.py:1);_execute_fetchall (site-packages/aiosqlite/core.py:5) 6
thread (3): worker;run (threading.py:1);_add (syncline_server/projections/segments.py:5);f (json/x.py:1) 3
thread (4): other;main (elsewhere.py:1) 1
not a stack
"""


def test_a_stack_counts_for_the_innermost_part_of_ours() -> None:
    profile = stacks.read(RAW.splitlines())
    assert profile.total == 20
    assert profile.parts == {
        "log": 3,
        "admission: scan": 4,
        "admission: index, rules, digest": 1,
        "event loop": 2,
        "store: its thread": 6,
        "projections and automation": 3,
        stacks.REST: 1,
    }
    assert profile.share(profile.parts, "store: its thread") == 0.3


def test_functions_have_their_own_time_and_what_they_call() -> None:
    profile = stacks.read(RAW.splitlines())
    assert profile.own["_scan_one (update/record_scanner.py)"] == 4
    assert profile.own["Log._run (syncline_server/log.py)"] == 3
    assert profile.within["Log._run (syncline_server/log.py)"] == 8


def test_nothing_sampled_is_no_share() -> None:
    profile = stacks.read([])
    assert profile.share(profile.parts, "log") == 0.0


def test_an_unknown_load_is_said() -> None:
    result = CliRunner().invoke(app, ["profile", "--only", "nonsense"])
    assert result.exit_code == 2
    assert "there is no load nonsense" in result.output


def test_the_command_writes_where_the_time_goes_or_what_it_lacks(tmp_path: Path) -> None:
    out = tmp_path / "profile.md"
    result = CliRunner().invoke(app, ["profile", "--only", LOADS[-1].key, "--seconds", "1", "--out", str(out)])
    if result.exit_code != 0:
        assert "needs the right to trace other processes" in result.output
        return
    text = out.read_text(encoding="utf-8")
    assert "| part | share | µs per update |" in text
    assert "µs of CPU per update" in text
