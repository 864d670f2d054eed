"""A set of clocks of one client, as few ranges: what is deleted of what that client wrote.

Beside the data's way: part of the content index. A range costs 8 bytes, however long it is.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import pairwise
from typing import Final, Self

CLOCK_CODE: Final = "I"
"""Type of the arrays: 32 bits hold every clock up to `CLOCK_MAX`."""


MOVED_ONE_BY_ONE_MAX: Final = 64
"""Ranges put in one by one, which is quicker when they are few; more are merged."""


class ClockRanges:
    """Sorted, disjoint ranges that do not touch; the end of a range is not in it."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts = array(CLOCK_CODE)
        self._ends = array(CLOCK_CODE)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)

    def __len__(self) -> int:
        return len(self._starts)

    def covers(self, start: int, end: int) -> bool:
        """Whether all clocks from `start` to `end` - 1 are in."""
        index = bisect_right(self._starts, start) - 1
        return index >= 0 and end <= self._ends[index]

    def add(self, start: int, end: int) -> None:
        """Put the clocks from `start` to `end` - 1 in."""
        first = bisect_left(self._ends, start)  # the first range that touches, from the left
        last = bisect_right(self._starts, end)  # behind the last one that touches
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = array(CLOCK_CODE, (start,))
        self._ends[first:last] = array(CLOCK_CODE, (end,))

    def add_all(self, ranges: Sequence[tuple[int, int]]) -> bool:
        """Put sorted, disjoint ranges in; returns whether any clock of them was not in before."""
        new = [range_ for range_ in ranges if not self.covers(*range_)]
        if len(new) > MOVED_ONE_BY_ONE_MAX:
            self._merge(new)
        else:
            for start, end in new:
                self.add(start, end)
        return bool(new)

    def _merge(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Like adding each, in one pass over all: adding moves what lies behind, so that a million would take hours."""
        starts = array(CLOCK_CODE)
        ends = array(CLOCK_CODE)
        for start, end in merge(self, ranges):
            if ends and start <= ends[-1]:
                ends[-1] = max(end, ends[-1])
            else:
                starts.append(start)
                ends.append(end)
        self._starts, self._ends = starts, ends

    def flat(self) -> list[int]:
        """Start, end, start, end, …"""
        return [clock for both in self for clock in both]

    @classmethod
    def from_flat(cls, clocks: list[int]) -> Self:
        """What `flat` returned. Raises `ValueError` when the clocks do not ascend."""
        if len(clocks) % 2 or any(left >= right for left, right in pairwise(clocks)):
            raise ValueError("deleted ranges are not sorted")
        ranges = cls()
        ranges._starts = array(CLOCK_CODE, clocks[0::2])
        ranges._ends = array(CLOCK_CODE, clocks[1::2])
        return ranges
