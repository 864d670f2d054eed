"""A set of clocks, kept as few ranges."""

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


@pytest.mark.parametrize("flat", [[1], [3, 2], [0, 5, 5, 6], [0, 5, 3, 8], [4, 4]])
def test_clocks_that_do_not_ascend_are_no_ranges(flat: list[int]) -> None:
    with pytest.raises(ValueError, match="not sorted"):
        ClockRanges.from_flat(flat)
