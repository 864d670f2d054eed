"""All scenarios, in the order of the report, and how to choose from them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from benchmarks.scenarios.acks import ACKS
from benchmarks.scenarios.c_write import C_WRITE
from benchmarks.scenarios.catch_up import CATCH_UP
from benchmarks.scenarios.cold import COLD
from benchmarks.scenarios.idle import IDLE
from benchmarks.scenarios.long import LONG
from benchmarks.scenarios.one_to_one import ONE_TO_ONE
from benchmarks.scenarios.relay import FAN_OUT, MANY
from benchmarks.scenarios.scenario import Scenario
from benchmarks.scenarios.slow import SLOW
from benchmarks.servers.contenders import ALL_PEERS

SCENARIOS: Final = (FAN_OUT, C_WRITE, MANY, ONE_TO_ONE, ACKS, CATCH_UP, IDLE, SLOW, COLD, LONG)
PEER_KEYS: Final = tuple(peer.key for peer in ALL_PEERS)
NO_PEERS: Final = "none"
SYNCLINE_PREFIX: Final = "syncline-"


class UnknownName(Exception):
    """There is no scenario or peer of this name; the text lists those there are."""


def choose(only: Sequence[str], peers: Sequence[str], *, syncline: bool) -> list[Scenario]:
    """The scenarios named in `only` (none: all), with the peers named in `peers` (none: all), with or without Syncline.

    Raises `UnknownName`.
    """
    _check("scenario", only, [scenario.key for scenario in SCENARIOS])
    _check("peer", peers, [*PEER_KEYS, NO_PEERS])
    left_out = {peer for peer in PEER_KEYS if peers and peer not in peers}
    chosen = []
    for scenario in SCENARIOS:
        kept = [
            one
            for one in scenario.participants
            if one.key not in left_out and (syncline or not one.key.startswith(SYNCLINE_PREFIX))
        ]
        if kept and (not only or scenario.key in only):
            chosen.append(replace(scenario, participants=kept))
    return chosen


def _check(kind: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise UnknownName(f"there is no {kind} {name!r}; there are: {', '.join(known)}")
