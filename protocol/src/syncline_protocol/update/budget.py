"""What one update may hold altogether: the account that the scanners keep while they read.

On the data's way: `session → SCANNER (budget) → index → rules → log`. `reader.py` holds lengths and counts to the bytes
left; here is what a few bytes may stand for much of: an empty list of two bytes takes 64 in memory, a deleted span of
five bytes takes millions of clocks.
"""

from typing import Final, Self

from syncline_protocol.limits import (
    CLIENTS_PER_UPDATE_MAX,
    CLOCK_SPAN_WITHOUT_BYTES_MAX,
    NESTING_DEPTH_MAX,
    STRING_BYTES_MAX,
    STRUCTS_PER_UPDATE_MAX,
)
from syncline_protocol.update.reader import NUMBER_MAX, too_large

VALUES_PER_UPDATE_MAX: Final = 1_000_000
"""Values in all containers of one update: under 100 MB while it is looked at. 8 MiB of messages hold 250,000."""


class Budget:
    """What may still come; and, in `depth`, the levels of the deepest value that came."""

    __slots__ = ("clients", "depth", "span", "structs", "text_bytes", "values")

    def __init__(self) -> None:
        self.clients = CLIENTS_PER_UPDATE_MAX
        self.structs = STRUCTS_PER_UPDATE_MAX
        self.span = CLOCK_SPAN_WITHOUT_BYTES_MAX
        self.values = VALUES_PER_UPDATE_MAX
        self.text_bytes = STRING_BYTES_MAX
        self.depth = 0

    @classmethod
    def of_snapshot(cls, data: bytes) -> Self:
        """For our own snapshots, which grow with their documents: as much as the bytes can hold."""
        budget = cls()
        budget.clients = budget.structs = budget.values = budget.text_bytes = 2 * len(data)
        budget.span = NUMBER_MAX
        return budget

    def take_clients(self, count: int) -> None:
        """Sections, or clients of a delete set, follow."""
        if count > self.clients:
            raise too_large(f"{count} clients in one update: at most {self.clients} are taken")

    def take_structs(self, count: int) -> None:
        """Structs, or ranges of a delete set, follow."""
        self.structs -= count
        if self.structs < 0:
            raise too_large(f"the update holds more than {STRUCTS_PER_UPDATE_MAX} structs")

    def take_span(self, length: int) -> None:
        """A struct without content takes `length` clock units."""
        self.span -= length
        if self.span < 0:
            raise too_large(f"the update takes more than {CLOCK_SPAN_WITHOUT_BYTES_MAX} clocks for what holds nothing")

    def take(self, count: int) -> None:
        """Values follow."""
        self.values -= count
        if self.values < 0:
            raise too_large(f"the update holds more than {VALUES_PER_UPDATE_MAX} values")

    def enter(self, count: int, levels: int) -> None:
        """A container of `count` values follows, where `levels` more levels are allowed."""
        self.take(count)
        if levels == 0:
            raise too_large(f"a value is nested deeper than {NESTING_DEPTH_MAX} levels")
        self.depth = max(self.depth, NESTING_DEPTH_MAX + 1 - levels)
