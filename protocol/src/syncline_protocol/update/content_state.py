"""What a content index knows of a page, and how to take back what was noted last.

Beside the data's way: part of the content index. It holds no content, only

1. the state vector;
2. where each struct is and of what kind, in runs (`struct_runs.py`, `places.py`);
3. what is deleted, in ranges (`clock_ranges.py`);
4. where surrogate pairs are (in the runs).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from syncline_protocol.update.clock_ranges import ClockRanges
from syncline_protocol.update.places import Places, PlacesMark
from syncline_protocol.update.struct_runs import RunsMark, StructRuns


class ClientMark(NamedTuple):
    """A client's part as it was: next clock (None: the client was not known) and runs."""

    client: int
    clock: int | None
    runs: RunsMark


class StateMark(NamedTuple):
    """Vector, runs and places as they were."""

    clients: Sequence[ClientMark]
    places: PlacesMark


class ContentState:
    """Changed by `integration.py` and `content_index.py` only."""

    __slots__ = ("deleted", "places", "runs", "vector")

    def __init__(self) -> None:
        self.vector: dict[int, int] = {}
        """Next clock by client id."""
        self.places = Places()
        self.runs: dict[int, StructRuns] = {}
        """By client id, of the same clients as the vector."""
        self.deleted: dict[int, ClockRanges] = {}

    def mark(self, clients: Iterable[int]) -> StateMark:
        """The state before something new of `clients` comes; makes room for those not known."""
        return StateMark([self._mark(client) for client in clients], self.places.mark())

    def _mark(self, client: int) -> ClientMark:
        runs = self.runs.get(client)
        if runs is None:
            runs = self.runs[client] = StructRuns()
        return ClientMark(client, self.vector.get(client), runs.mark())

    def rollback(self, mark: StateMark) -> None:
        """Take back what came since the last mark; not for deletions, which are noted last."""
        self.places.rollback(mark.places)
        for client, clock, runs in mark.clients:
            if clock is None:
                del self.runs[client]
                self.vector.pop(client, None)
            else:
                self.runs[client].rollback(runs, clock)
                self.vector[client] = clock

    def is_deleted(self, client: int, clock: int) -> bool:
        """Whether a struct is known to be deleted."""
        ranges = self.deleted.get(client)
        return ranges is not None and ranges.covers(clock, clock + 1)

    def delete(self, client: int, ranges: Sequence[tuple[int, int]]) -> bool:
        """Note that sorted, disjoint ranges of clocks are deleted; returns whether any of it is new."""
        deleted = self.deleted.get(client)
        if deleted is None:
            deleted = self.deleted[client] = ClockRanges()
        return deleted.add_all(ranges)
