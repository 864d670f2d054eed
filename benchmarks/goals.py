"""What Syncline is to reach, and whether it does: each goal beside what was measured, with the ratio. No I/O here."""

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.collection import Collection
from benchmarks.scenarios.scenario import Bound, Metric, Scenario


class Verdict(NamedTuple):
    """One goal: `figure` is to be at most (or at least) `bound`. `used` is the share of the bound that it takes.

    For what is to be at least the bound it is the other way round, so that 1 and less is always met.
    """

    scenario: Scenario
    metric: Metric
    bound_of: Bound
    figure: float
    bound: float
    used: float

    @property
    def is_met(self) -> bool:
        """Whether it is reached."""
        return self.used <= 1


def verdicts(collection: Collection) -> Iterator[Verdict]:
    """Every goal for which all that it compares was measured."""
    for scenario in collection.scenarios:
        for metric in scenario.metrics:
            for one in metric.bounds:
                figure = _median(collection, scenario.key, one.of, metric.key)
                bound = _bound(collection, scenario, metric, one)
                if figure is not None and bound is not None:
                    yield Verdict(scenario, metric, one, figure, bound, _used(figure, bound, one))


def _bound(collection: Collection, scenario: Scenario, metric: Metric, bound: Bound) -> float | None:
    if not bound.than:
        return bound.plus
    other = _median(collection, bound.in_scenario or scenario.key, bound.than, bound.metric or metric.key)
    return None if other is None else bound.times * other + bound.plus


def _used(figure: float, bound: float, one: Bound) -> float:
    part, whole = (bound, figure) if one.at_least else (figure, bound)
    if whole > 0:
        return max(0.0, part) / whole
    return 0.0 if part <= 0 else float("inf")


def _median(collection: Collection, scenario: str, participant: str, metric: str) -> float | None:
    runs = collection.figures.get((scenario, participant), [])
    values = [run[metric] for run in runs if metric in run]
    return statistics.median(values) if values else None
