"""Every scenario runs against the real server, small and short; every peer's protocol is spoken so that all arrives.

What is asserted is that the figures are there and can be figures; how large they are is not a test's to say.
"""

import math

import pytest

from benchmarks.catalogue import SCENARIOS
from benchmarks.scenarios.catch_up import CATCH_UP
from benchmarks.scenarios.relay import FAN_OUT
from benchmarks.scenarios.scenario import Participant, Scenario, Size
from benchmarks.servers.contenders import ALL_PEERS, SYNCLINE_FULL

SMALL = Size(seconds=0.5, scale=0.04)

OWN = {"c-write": "c"}
"""Scenarios that are not about servers, and their only participant."""

MAY_BE_NOTHING = {"left_kib", "growth_mib", "bare_kib", "joined_kib", "compaction_s", "round_trips"}
"""Differences, which on so small a scale may come out as nothing or less."""


def participant(scenario: Scenario, key: str) -> Participant:
    (found,) = (one for one in scenario.participants if one.key == key)
    return found


async def measured(scenario: Scenario, key: str) -> dict[str, float]:
    """One small run, of which every metric of the scenario is there."""
    figures = dict(await participant(scenario, key).measure(SMALL))
    assert set(figures) == {metric.key for metric in scenario.metrics}
    assert all(math.isfinite(value) for value in figures.values())
    assert all(value > 0 for name, value in figures.items() if name not in MAY_BE_NOTHING)
    return figures


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
async def test_the_scenario_runs(scenario: Scenario) -> None:
    await measured(scenario, OWN.get(scenario.key, SYNCLINE_FULL.key))


@pytest.mark.parametrize("peer", ALL_PEERS, ids=lambda peer: peer.key)
async def test_the_peer_relays_all_records(peer: Participant) -> None:
    figures = await measured(FAN_OUT, peer.key)
    assert figures["steady_lateness"] < 2


@pytest.mark.parametrize("peer", ALL_PEERS, ids=lambda peer: peer.key)
async def test_the_peer_brings_a_device_up_to_date(peer: Participant) -> None:
    figures = await measured(CATCH_UP, peer.key)
    assert 0.9 < figures["bytes_ratio"] < 2


async def test_one_commit_is_measured_beside_latencies() -> None:
    (one_to_one,) = (scenario for scenario in SCENARIOS if scenario.key == "one-to-one")
    figures = await participant(one_to_one, "disk").measure(SMALL)
    assert 0 < figures["light_p50_ms"] <= figures["light_p99_ms"]
