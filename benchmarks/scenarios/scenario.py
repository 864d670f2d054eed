"""What a scenario is, and how large."""

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from benchmarks.servers.contenders import Contender

MICROSECONDS: Final = 1_000_000
MILLISECONDS: Final = 1_000
"""In a second."""


class NotMeasured(Exception):
    """A figure cannot be had on this machine; the text says why. Everything else goes on."""


class Size(NamedTuple):
    """How much is measured: `seconds` of each steady load, and the share of connections, documents and updates."""

    seconds: float
    scale: float

    def count(self, full: int, *, least: int = 1) -> int:
        """`full` things, scaled."""
        return max(least, round(full * self.scale))


class Bound(NamedTuple):
    """A goal in numbers: `of`'s figure is to be at most `times` the figure of `than`, plus `plus`; without `than`, at
    most `plus`. `in_scenario` and `metric`: where the other figure stands, if not in the same row.
    """

    words: str
    plus: float = 0.0
    times: float = 1.0
    than: str = ""
    of: str = "syncline-full"
    in_scenario: str = ""
    metric: str = ""
    at_least: bool = False


def share_of(participant: str, title: str, parts: int) -> Bound:
    """At most one of so many parts of what a peer has in the same row."""
    return Bound(f"≤ 1/{parts} of {title}", times=1 / parts, than=participant)


NOTHING_LEFT: Final = Bound("0, to the 0.5 KiB that resident memory can tell", plus=0.5)
"""Of memory: pages are 4 KiB, and an allocator keeps some for later."""


class Metric(NamedTuple):
    """One row of a scenario's table. `goal` is what Syncline is to reach, in words, or empty."""

    key: str
    title: str
    unit: str
    goal: str = ""
    headline: bool = False
    """Whether it is in the picture."""
    bounds: tuple[Bound, ...] = ()
    """The same goal in numbers."""


Figures = Mapping[str, float]
"""One run's result: value by the metric's key. A metric that a participant does not have is left out."""


@dataclass(frozen=True)
class Participant:
    """One column of a scenario's table, and how to measure it once."""

    key: str
    title: str
    promise: str
    measure: Callable[[Size], Coroutine[Any, Any, Figures]]


@dataclass(frozen=True)
class Scenario:
    """One table: what is done, what is measured, and of whom."""

    key: str
    title: str
    load: str
    metrics: Sequence[Metric]
    participants: Sequence[Participant]


def participants(
    measure: Callable[[Contender, Size], Coroutine[Any, Any, Figures]], contenders: Sequence[Contender]
) -> Sequence[Participant]:
    """The same measurement of several servers."""
    return [Participant(one.key, one.title, one.promise, partial(measure, one)) for one in contenders]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of `values` do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
