"""What one client wrote, by clock: runs of structs that are alike.

Beside the data's way: part of the content index. A run is as long as place and kind stay the same and each unit was put
right behind the one before it, so that a long typing session is few runs; each costs 9 bytes. Runs follow each other
without a gap: a run ends where the next begins, the last one at the client's next clock.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import takewhile
from typing import Final, NamedTuple

from syncline_protocol.update.clock_ranges import CLOCK_CODE
from syncline_protocol.update.scanned import Kind

TRAITS_CODE: Final = "B"
"""Type of the array of traits: a byte."""

KIND_BITS: Final = 0x0F
HAS_LEFT: Final = 0x10
"""The first unit of the run has an origin."""
HAS_RIGHT: Final = 0x20
"""The units of the run have right origins."""

TYPE: Final = int(Kind.TYPE)


class RunsMark(NamedTuple):
    """How much there was, to go back to."""

    runs: int
    pairs: int


class StructRuns:
    """Place and traits (a `Kind`, `HAS_LEFT`, `HAS_RIGHT`) by clock; which are types; where surrogate pairs are.

    The arrays are public for reading: `starts`, `places` and `traits` by run, `pairs` the clocks of first halves of
    surrogate pairs, ascending. `types`: number of the parent by the clock of the struct that began it, in the
    order of clocks.
    """

    __slots__ = ("pairs", "places", "starts", "traits", "types")

    def __init__(self) -> None:
        self.starts = array(CLOCK_CODE)
        self.places = array(CLOCK_CODE)
        self.traits = array(TRAITS_CODE)
        self.pairs = array(CLOCK_CODE)
        self.types: dict[int, int] = {}

    def mark(self) -> RunsMark:
        """The state as it is now."""
        return RunsMark(len(self.starts), len(self.pairs))

    def rollback(self, mark: RunsMark, clock: int) -> None:
        """Forget what came after the mark, when `clock` was the next."""
        del self.starts[mark.runs :]
        del self.places[mark.runs :]
        del self.traits[mark.runs :]
        del self.pairs[mark.pairs :]
        for started in list(takewhile(lambda started: started >= clock, reversed(self.types))):
            del self.types[started]

    def append(self, clock: int, place: int, traits: int) -> None:
        """A run begins at the client's next clock."""
        self.starts.append(clock)
        self.places.append(place)
        self.traits.append(traits)

    def continues(self, place: int, traits: int) -> bool:
        """Whether more of this, right behind the last unit, only makes the last run longer."""
        if not self.starts or self.places[-1] != place:
            return False
        return self.traits[-1] | HAS_LEFT == traits | HAS_LEFT and traits & KIND_BITS != TYPE

    def run_at(self, clock: int) -> int:
        """The number of the run that a known clock is in."""
        return bisect_right(self.starts, clock) - 1

    def at(self, clock: int) -> tuple[int, int]:
        """Place and kind of a known clock."""
        run = bisect_right(self.starts, clock) - 1
        return self.places[run], self.traits[run] & KIND_BITS

    def splits_pair(self, clock: int) -> bool:
        """Whether a cut between `clock` - 1 and `clock` goes through a surrogate pair."""
        pairs = self.pairs
        if not pairs:
            return False
        index = bisect_left(pairs, clock - 1)
        return index < len(pairs) and pairs[index] == clock - 1

    def runs(self, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Start, end, place and kind of each run; `end` is the client's next clock."""
        ends = [*self.starts[1:], end]
        return zip(self.starts, ends, self.places, (traits & KIND_BITS for traits in self.traits), strict=True)
