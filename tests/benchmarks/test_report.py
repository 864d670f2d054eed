"""From runs to tables: medians, spreads, ratios, and what is said where nothing was measured."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import report
from benchmarks.catalogue import PEER_KEYS, SCENARIOS, UnknownName, choose
from benchmarks.cli import app, interleaved
from benchmarks.collection import Collection, Results
from benchmarks.scenarios.scenario import Figures, Metric, Participant, Scenario, Size, percentile


async def nothing(_: Size) -> Figures:
    return {}


COST = Metric("cost_us", "cost", "µs", "≤ 1/4", headline=True)
RATE = Metric("rate_per_s", "rate", "1/s")
OURS = Participant("syncline-full", "Syncline, full", "all of it", nothing)
PEER = Participant("peer", "Peer", "less", nothing)
SCENARIO = Scenario("work", "Work: some", "They work.", (COST, RATE), (OURS, PEER))


@pytest.fixture
def collection() -> Collection:
    collected = Collection([SCENARIO])
    for ours, theirs in ((2.0, 9.0), (4.0, 8.0), (1.0, 16.0)):
        collected.add(SCENARIO, OURS, {"cost_us": ours, "rate_per_s": 12_345.6})
        collected.add(SCENARIO, PEER, {"cost_us": theirs})
    return collected


def test_the_median_counts_and_the_ratio_is_to_syncline(collection: Collection) -> None:
    assert collection.summary(SCENARIO, OURS, COST) == (2.0, 1.0, 4.0, None)
    assert collection.summary(SCENARIO, PEER, COST) == (9.0, 8.0, 16.0, 4.5)
    assert collection.summary(SCENARIO, PEER, RATE) is None


def test_no_ratio_to_nothing() -> None:
    collected = Collection([SCENARIO])
    collected.add(SCENARIO, OURS, {"cost_us": 0.0})
    collected.add(SCENARIO, PEER, {"cost_us": 3.0})
    assert collected.summary(SCENARIO, PEER, COST) == (3.0, 3.0, 3.0, None)


def test_the_table_has_a_row_for_each_metric(collection: Collection) -> None:
    assert report.scenario_table(collection, SCENARIO).splitlines() == [
        "|  | goal | Syncline, full | Peer |",
        "| --- | --- | --- | --- |",
        "| cost, µs | ≤ 1/4 | 2 (1–4) | 9 (8–16) **×4.5** |",
        "| rate, 1/s |  | 12,346 | – |",
    ]


def test_the_report_says_what_each_does_and_what_failed(collection: Collection) -> None:
    collection.fail(SCENARIO, PEER, "it fell\nover")
    text = report.markdown(Results(collection, {"processor": "one"}, {"runs": "3"}))
    assert "- **Peer**: less." in text
    assert "**Not measured: Peer.** it fell over" in text
    assert "| **processor** | one |" in text


def test_all_forms_are_written(collection: Collection, tmp_path: Path) -> None:
    files = report.write(Results(collection, {}, {}), tmp_path)
    assert [path.name for path in files] == ["results.md", "results.csv", "results.json", "results.png"]
    lines = list(csv.reader(io.StringIO((tmp_path / "results.csv").read_text(encoding="utf-8"))))
    assert lines[2] == ["work", "cost_us", "µs", "peer", "9.0", "8.0", "16.0", "4.5"]
    runs = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"]
    assert runs[1]["figures"] == [{"cost_us": 9.0}, {"cost_us": 8.0}, {"cost_us": 16.0}]
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_have_three_figures() -> None:
    assert [report.number(value) for value in (0.01234, 3.14159, 99.94, 1234.5, 0)] == [
        "0.0123",
        "3.14",
        "99.9",
        "1,234",
        "0",
    ]


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50, 99, 100)
    assert percentile([7.0], 0.99) == 7.0


def test_scenarios_and_peers_are_chosen_by_name() -> None:
    (fan_out,) = choose(["fanout"], ["hocuspocus"], syncline=True)
    assert [one.key for one in fan_out.participants] == ["syncline-full", "syncline-whole", "hocuspocus"]
    alone = choose([], ["none"], syncline=True)
    assert len(alone) == len(SCENARIOS)
    assert not {one.key for scenario in alone for one in scenario.participants} & set(PEER_KEYS)
    with pytest.raises(UnknownName, match="fanout"):
        choose(["fan"], [], syncline=True)


def test_runs_are_interleaved_and_begin_with_another_each_time() -> None:
    order = [(run, one.key) for run, _, one in interleaved([SCENARIO], 3)]
    assert order == [
        (1, "syncline-full"),
        (1, "peer"),
        (2, "peer"),
        (2, "syncline-full"),
        (3, "syncline-full"),
        (3, "peer"),
    ]


def test_the_command_measures_and_writes(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["--only", "c-write", "--runs", "1", "--seconds", "0.2", "--scale", "0.1", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert "CPU per write at full speed" in done.output
    assert (tmp_path / "results.json").exists()


def test_the_command_names_what_there_is_instead_of_what_there_is_not() -> None:
    done = CliRunner().invoke(app, ["--only", "fanuot"])
    assert done.exit_code == 2
    assert "fanout" in done.output
