"""The results as a reader wants them: Markdown tables, and CSV and JSON for programs."""

import csv
import io
import json
from pathlib import Path
from typing import Final

from benchmarks.collection import Collection, Results, Summary
from benchmarks.goals import verdicts
from benchmarks.plot import draw
from benchmarks.scenarios.scenario import Participant, Scenario

NAME: Final = "results"
INTRODUCTION: Final = """How to read this, and how it was measured: `../README.md`. Each cell: the median of the runs
(least–most), then how many times Syncline's (full) median it is. CPU: user and system time of the process tree."""

GOALS_ARE: Final = """Medians of this run against the goals that the project has set itself. A goal against a peer
counts what the peer's server costs in the same run, although it does less."""

PLAIN_FROM: Final = 100
"""From here on numbers are written without a fraction."""


def write(results: Results, folder: Path) -> list[Path]:
    """Write all forms into `folder`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {".md": markdown(results), ".csv": as_csv(results.collection), ".json": as_json(results)}
    for ending, text in texts.items():
        (folder / f"{NAME}{ending}").write_text(text, encoding="utf-8")
    draw(results.collection, folder / f"{NAME}.png")
    return [folder / f"{NAME}{ending}" for ending in (*texts, ".png")]


# --- Markdown


def markdown(results: Results) -> str:
    """One table for each scenario, with how it was measured above and what failed below."""
    parts = [
        "# Results",
        INTRODUCTION,
        _table(("", ""), [[f"**{what}**", value] for what, value in {**results.settings, **results.machine}.items()]),
    ]
    parts += goals_table(results.collection)
    for scenario in results.collection.scenarios:
        parts += [f"## {scenario.title}", scenario.load, scenario_table(results.collection, scenario)]
        parts.append("\n".join(f"- **{one.title}**: {one.promise}." for one in present(results.collection, scenario)))
        parts += failures(results.collection, scenario)
    return "\n\n".join(part for part in parts if part) + "\n"


def goals_table(collection: Collection) -> list[str]:
    """Each goal, and whether it is reached: what was allowed, and the share of it that is used."""
    rows = [
        [
            f"{one.scenario.title.partition(':')[0]}: {one.metric.title}",
            one.bound_of.words,
            number(one.figure),
            f"{number(one.bound)} {one.metric.unit}".rstrip(),
            f"×{number(one.used)}",
            "met" if one.is_met else "**not met**",
        ]
        for one in verdicts(collection)
    ]
    head = ("", "goal", "Syncline", "allowed or asked", "used of it (≤ 1: met)", "")
    return ["## The goals", GOALS_ARE, _table(head, rows)] if rows else []


def present(collection: Collection, scenario: Scenario) -> list[Participant]:
    """The participants of which something was measured."""
    return [one for one in scenario.participants if (scenario.key, one.key) in collection.figures]


def scenario_table(collection: Collection, scenario: Scenario) -> str:
    """Metrics down, participants across."""
    columns = present(collection, scenario)
    rows = []
    for metric in scenario.metrics:
        cells = [cell(collection.summary(scenario, one, metric)) for one in columns]
        rows.append([f"{metric.title}{', ' + metric.unit if metric.unit else ''}", metric.goal, *cells])
    return _table(("", "goal", *(one.title for one in columns)), rows) if columns else ""


def failures(collection: Collection, scenario: Scenario) -> list[str]:
    """Why figures are missing, one paragraph each."""
    titles = {one.key: one.title for one in scenario.participants}
    return [
        f"**Not measured: {titles[participant]}.** {' '.join(reason.split())}"
        for (key, participant), reason in collection.failures.items()
        if key == scenario.key
    ]


def cell(summary: Summary | None) -> str:
    """One cell of a table."""
    if summary is None:
        return "–"
    spread = f" ({number(summary.least)}–{number(summary.most)})" if summary.most > summary.least else ""
    ratio = "" if summary.ratio is None else f" **×{number(summary.ratio)}**"
    return f"{number(summary.median)}{spread}{ratio}"


def number(value: float) -> str:
    """Three figures, and thousands apart."""
    if abs(value) >= PLAIN_FROM:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# --- for programs


def as_csv(collection: Collection) -> str:
    """One line for each cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["scenario", "metric", "unit", "participant", "median", "least", "most", "ratio_to_syncline"])
    for scenario in collection.scenarios:
        for metric in scenario.metrics:
            for one in scenario.participants:
                summary = collection.summary(scenario, one, metric)
                if summary is not None:
                    writer.writerow([scenario.key, metric.key, metric.unit, one.key, *summary])
    return text.getvalue()


def as_json(results: Results) -> str:
    """Everything, with every run's figures."""
    collection = results.collection
    whole = {
        "settings": dict(results.settings),
        "machine": dict(results.machine),
        "runs": [
            {"scenario": scenario, "participant": participant, "figures": runs}
            for (scenario, participant), runs in collection.figures.items()
        ],
        "failures": [
            {"scenario": scenario, "participant": participant, "reason": reason}
            for (scenario, participant), reason in collection.failures.items()
        ],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
