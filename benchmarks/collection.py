"""Every run's figures, and what is made of them: median, spread, and the ratio to Syncline. No I/O here."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from benchmarks.scenarios.scenario import Figures, Metric, Participant, Scenario

SYNCLINE: Final = "syncline-full"
"""The participant that ratios refer to."""


class Summary(NamedTuple):
    """One cell: the median of the runs, how far they lie apart, and the median divided by Syncline's, if it has one."""

    median: float
    least: float
    most: float
    ratio: float | None


@dataclass
class Collection:
    """What was measured, by scenario and participant. `failures` says why something is missing."""

    scenarios: Sequence[Scenario]
    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, scenario: Scenario, participant: Participant, figures: Figures) -> None:
        """Take in one run."""
        self.figures.setdefault((scenario.key, participant.key), []).append(figures)

    def fail(self, scenario: Scenario, participant: Participant, reason: str) -> None:
        """Note why a run gave no figures; the first reason is kept."""
        self.failures.setdefault((scenario.key, participant.key), reason)

    def summary(self, scenario: Scenario, participant: Participant, metric: Metric) -> Summary | None:
        """The cell of a table, or None when nothing was measured for it."""
        values = self.values(scenario, participant.key, metric)
        if not values:
            return None
        median = statistics.median(values)
        ours = self.values(scenario, SYNCLINE, metric)
        comparable = ours and participant.key != SYNCLINE and statistics.median(ours) > 0
        return Summary(median, min(values), max(values), median / statistics.median(ours) if comparable else None)

    def values(self, scenario: Scenario, participant: str, metric: Metric) -> list[float]:
        """A metric's value in each run."""
        return [run[metric.key] for run in self.figures.get((scenario.key, participant), []) if metric.key in run]


@dataclass(frozen=True)
class Results:
    """All that a report is made of."""

    collection: Collection
    machine: Mapping[str, str]
    settings: Mapping[str, str]
