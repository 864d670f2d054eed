"""Goals: what is allowed, what is used of it, and what cannot be said."""

import pytest

from benchmarks import report
from benchmarks.catalogue import SCENARIOS
from benchmarks.collection import Collection
from benchmarks.goals import verdicts
from benchmarks.scenarios.scenario import Bound, Figures, Metric, Participant, Scenario, Size, share_of


async def nothing(_: Size) -> Figures:
    return {}


OURS = Participant("syncline-full", "Syncline, full", "all of it", nothing)
PEER = Participant("peer", "Peer", "less", nothing)


def collected(metric: Metric, ours: float, theirs: float | None = None) -> Collection:
    scenario = Scenario("work", "Work: some", "They work.", (metric,), (OURS, PEER))
    made = Collection([scenario])
    for factor in (1.0, 1.0, 9.0):  # the median counts
        made.add(scenario, OURS, {metric.key: ours * factor})
    if theirs is not None:
        made.add(scenario, PEER, {metric.key: theirs})
    return made


@pytest.mark.parametrize(
    ("bound", "ours", "theirs", "allowed", "used", "met"),
    [
        (share_of("peer", "Peer", 4), 2.0, 8.0, 2.0, 1.0, True),
        (share_of("peer", "Peer", 4), 3.0, 8.0, 2.0, 1.5, False),
        (Bound("one + 1", plus=1.0, than="peer"), 1.5, 0.5, 1.5, 1.0, True),
        (Bound("≤ 16", plus=16), 8.0, None, 16.0, 0.5, True),
        (Bound("≤ 16", plus=16), 20.0, None, 16.0, 1.25, False),
        (Bound("≥ 10", plus=10, at_least=True), 20.0, None, 10.0, 0.5, True),
        (Bound("≥ 10", plus=10, at_least=True), 5.0, None, 10.0, 2.0, False),
        (Bound("0"), -0.5, None, 0.0, 0.0, True),
        (Bound("0"), 0.5, None, 0.0, float("inf"), False),
    ],
)
def test_a_goal_is_met_or_not(  # noqa: PLR0913 - the columns
    bound: Bound, ours: float, theirs: float | None, allowed: float, used: float, *, met: bool
) -> None:
    metric = Metric("cost", "cost", "µs", bound.words, bounds=(bound,))
    (one,) = verdicts(collected(metric, ours, theirs))
    assert (one.figure, one.bound, one.used, one.is_met) == (ours, allowed, used, met)


def test_nothing_is_said_of_what_was_not_measured() -> None:
    metric = Metric("cost", "cost", "µs", bounds=(share_of("peer", "Peer", 4), Bound("x", of="syncline-normal")))
    assert list(verdicts(collected(metric, 1.0))) == []
    assert report.goals_table(collected(metric, 1.0)) == []


def test_the_other_figure_may_stand_elsewhere() -> None:
    other = Metric("write", "write", "µs")
    metric = Metric("cost", "cost", "µs", bounds=(Bound("c", than="peer", in_scenario="c", metric="write"),))
    made = collected(metric, 4.0)
    made.add(Scenario("c", "C", "", (other,), (PEER,)), PEER, {"write": 8.0})
    (one,) = verdicts(made)
    assert one.used == 0.5


def test_the_table_says_it() -> None:
    metric = Metric("cost", "cost", "µs", bounds=(share_of("peer", "Peer", 4),))
    table = report.goals_table(collected(metric, 3.0, 8.0))[-1]
    assert table.splitlines()[2] == "| Work: cost | ≤ 1/4 of Peer | 3 | 2 µs | ×1.5 | **not met** |"


def test_every_goal_in_words_has_its_numbers_and_refers_to_something() -> None:
    by_key = {scenario.key: scenario for scenario in SCENARIOS}
    for scenario in SCENARIOS:
        for metric in scenario.metrics:
            assert bool(metric.goal) == bool(metric.bounds), (scenario.key, metric.key)
            for bound in metric.bounds:
                there = by_key[bound.in_scenario or scenario.key]
                assert bound.of in {one.key for one in scenario.participants}
                if bound.than:
                    assert bound.than in {one.key for one in there.participants}
                    assert (bound.metric or metric.key) in {one.key for one in there.metrics}
