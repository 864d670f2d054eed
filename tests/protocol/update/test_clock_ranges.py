"""A set of clocks, kept as few ranges."""

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from syncline_protocol.update.clock_ranges import ClockRanges

CLOCKS = st.integers(0, 40)
RANGES = st.tuples(CLOCKS, st.integers(1, 12)).map(lambda range_: (range_[0], range_[0] + range_[1]))


class Ranges(RuleBasedStateMachine):
    """Beside a set that holds every clock."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges = ClockRanges()
        self.clocks: set[int] = set()

    @rule(range_=RANGES)
    def add(self, range_: tuple[int, int]) -> None:
        self.ranges.add(*range_)
        self.clocks |= set(range(*range_))

    @rule(ranges=st.lists(RANGES, max_size=80))
    def add_all(self, ranges: list[tuple[int, int]]) -> None:
        clocks = {clock for range_ in ranges for clock in range(*range_)}
        sorted_ranges = ClockRanges()
        for range_ in ranges:
            sorted_ranges.add(*range_)
        assert self.ranges.add_all(list(sorted_ranges)) == (not clocks <= self.clocks)
        self.clocks |= clocks

    @rule(range_=RANGES)
    def covers(self, range_: tuple[int, int]) -> None:
        assert self.ranges.covers(*range_) == (set(range(*range_)) <= self.clocks)

    @invariant()
    def holds_the_same_in_as_few_ranges(self) -> None:
        held = list(self.ranges)
        assert {clock for start, end in held for clock in range(start, end)} == self.clocks
        assert all(end < start for (_, end), (start, _) in pairwise(held))
        assert len(self.ranges) == len(held)

    @invariant()
    def comes_back(self) -> None:
        assert list(ClockRanges.from_flat(self.ranges.flat())) == list(self.ranges)


TestRanges: Any = Ranges.TestCase


@given(st.lists(RANGES, min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_adding_does_not_show(ranges: list[tuple[int, int]], random: Any) -> None:
    one, other = ClockRanges(), ClockRanges()
    for range_ in ranges:
        one.add(*range_)
    random.shuffle(ranges)
    for range_ in ranges:
        other.add(*range_)
    assert one.flat() == other.flat()


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 9)), min_size=70, max_size=300))
def test_many_ranges_are_merged_like_few(pairs: list[tuple[int, int]]) -> None:
    one_by_one, at_once = ClockRanges(), ClockRanges()
    half = len(pairs) // 3
    for ranges in (one_by_one, at_once):
        for start, length in pairs[:half]:
            ranges.add(start, start + length)
    rest = ClockRanges()
    for start, length in pairs[half:]:
        rest.add(start, start + length)
    for range_ in rest:
        one_by_one.add(*range_)
    at_once.add_all(list(rest))
    assert at_once.flat() == one_by_one.flat()


def test_a_million_ranges_between_others_take_no_time() -> None:
    """One by one, each would move megabytes: minutes for one update."""
    ranges = ClockRanges()
    ranges.add_all([(clock, clock + 1) for clock in range(0, 1_200_000, 4)])
    started = time.monotonic()
    assert ranges.add_all([(clock, clock + 1) for clock in range(2, 1_200_000, 4)])
    assert time.monotonic() - started < 5
    assert len(ranges) == 600_000


@pytest.mark.parametrize("flat", [[1], [3, 2], [0, 5, 5, 6], [0, 5, 3, 8], [4, 4]])
def test_clocks_that_do_not_ascend_are_no_ranges(flat: list[int]) -> None:
    with pytest.raises(ValueError, match="not sorted"):
        ClockRanges.from_flat(flat)
