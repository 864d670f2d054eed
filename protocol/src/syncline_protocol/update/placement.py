"""Where a struct belongs, and whether it may stand there: one struct at a time, all that it names being known.

On the data's way: `scanner → CONTENT INDEX (placement) → log`. Called by `integration.py`, which numbers the rules.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLOCK_MAX
from syncline_protocol.update.content_state import ContentState
from syncline_protocol.update.places import GONE, ROOT
from syncline_protocol.update.scanned import Id, Kind, ScannedStruct
from syncline_protocol.update.struct_runs import HAS_LEFT, HAS_RIGHT, TYPE


class Placement:
    """Looks at the state, and at what the update deletes; changes neither, but for numbers of new places."""

    __slots__ = ("_checks_order", "_deletes", "_places", "_runs", "_state")

    def __init__(
        self, state: ContentState, deletes: Mapping[int, Sequence[tuple[int, int]]], *, checks_order: bool
    ) -> None:
        self._state = state
        self._checks_order = checks_order
        self._runs = state.runs
        self._places = state.places
        self._deletes = deletes

    def place(self, client: int, struct: ScannedStruct) -> int:
        """The struct's place as an engine finds it: by the left, else by the right, else as it says itself.

        Raises `RefusedUpdate` by rules 3 to 6.
        """
        origin = struct.origin
        right_origin = struct.right_origin
        if right_origin is None:
            return self._named(client, struct) if origin is None else self._at_end(client, struct, origin)
        if origin is None:
            return self._at_start(client, struct, right_origin)
        return self._between(client, struct, origin, right_origin)

    def _named(self, client: int, struct: ScannedStruct) -> int:
        parent = struct.parent
        if isinstance(parent, str):
            return self._places.place(self._places.root(parent), struct.key)
        assert parent is not None, "the scanner reads a parent where there is no origin"
        runs = self._runs[parent[0]]
        kind = runs.at(parent[1])[1]
        if kind == TYPE and parent[1] in runs.types:
            return self._places.place(runs.types[parent[1]], struct.key)
        if kind in (TYPE, Kind.COLLECTED, Kind.DELETED):
            return GONE
        raise _invalid(client, struct, f"lies in {parent[0]}:{parent[1]}, which is no shared type")

    def _at_end(self, client: int, struct: ScannedStruct, origin: Id) -> int:
        """Behind `origin`, which was the last in its list: it came there without anything on its right."""
        runs = self._runs[origin[0]]
        if runs.splits_pair(origin[1] + 1):
            raise _invalid(client, struct, "would cut a character in two")
        run = runs.run_at(origin[1])
        place = runs.places[run]
        if runs.traits[run] & HAS_RIGHT and self._keeps_to_ends(place):
            raise _invalid(client, struct, "is at the end of a list, behind what was not")
        return place

    def _at_start(self, client: int, struct: ScannedStruct, right_origin: Id) -> int:
        """Before `right_origin`, which was the first in its list: it came there without anything on its left."""
        runs = self._runs[right_origin[0]]
        if runs.splits_pair(right_origin[1]):
            raise _invalid(client, struct, "would cut a character in two")
        run = runs.run_at(right_origin[1])
        place = runs.places[run]
        has_left = runs.starts[run] < right_origin[1] or runs.traits[run] & HAS_LEFT
        if has_left and self._keeps_to_ends(place):
            raise _invalid(client, struct, "is at the start of a list, before what was not")
        self._check_unkeyed(client, struct, place)
        return place

    def _between(self, client: int, struct: ScannedStruct, origin: Id, right_origin: Id) -> int:
        left_runs = self._runs[origin[0]]
        right_runs = self._runs[right_origin[0]]
        if left_runs.splits_pair(origin[1] + 1) or right_runs.splits_pair(right_origin[1]):
            raise _invalid(client, struct, "would cut a character in two")
        left = left_runs.places[left_runs.run_at(origin[1])]
        right = right_runs.places[right_runs.run_at(right_origin[1])]
        if left != right and GONE in (left, right):
            self.check_parent_deleted(left or right, client, struct)
            return GONE
        if left != right:
            raise _invalid(client, struct, "lies between two others that are not in one list")
        self.check_order(client, struct, origin, right_origin)
        self._check_unkeyed(client, struct, left)
        return left

    def check_order(self, client: int, struct: ScannedStruct, left: Id, right: Id) -> None:
        """Rule 5, as far as the index can tell: within a run, order is known."""
        if self._checks_order and left[0] == right[0] and right[1] <= left[1]:
            runs = self._runs[left[0]]
            run = runs.run_at(left[1])
            if run == runs.run_at(right[1]) and runs.places[run] != GONE:
                raise _invalid(client, struct, "has what is left of it on its right")

    def check_single(self, client: int, struct: ScannedStruct, place: int) -> None:
        """Values under a key are several only where an editor that collects nothing joined deleted ones."""
        if self._places.places[place][1] is None:
            return
        if not self._deletes_all(client, struct.clock, struct.clock + struct.length):
            raise _invalid(client, struct, "is an entry of a map and holds several values")

    def check_parent_deleted(self, place: int, client: int, struct: ScannedStruct) -> None:
        """Rule 6: the type around `place`, or one further out, is deleted."""
        while place != GONE:
            parent = self._places.parent_of(place)
            if parent.kind == ROOT:
                raise _invalid(client, struct, "lies between a collected struct and one that shows")
            if self._is_deleted(parent.client, parent.clock):
                return
            place = parent.place

    def _is_deleted(self, client: int, clock: int) -> bool:
        return self._state.is_deleted(client, clock) or self._deletes_all(client, clock, clock + 1)

    def _deletes_all(self, client: int, start: int, end: int) -> bool:
        """Whether one range of the update's own delete set covers these clocks."""
        ranges = self._deletes.get(client, ())
        index = bisect_right(ranges, (start, CLOCK_MAX)) - 1
        return index >= 0 and end <= ranges[index][1]

    def _check_unkeyed(self, client: int, struct: ScannedStruct, place: int) -> None:
        if self._places.places[place][1] is not None:
            raise _invalid(client, struct, "is an entry of a map and has a right origin")

    def _keeps_to_ends(self, place: int) -> bool:
        """Whether rule 5 holds at the ends of a list: in a redone type, redone edits may stand elsewhere."""
        if not self._checks_order or place == GONE:
            return False
        return self._places.places[place][1] is None and self._places.parent_of(place).kind == ROOT


def _invalid(client: int, struct: ScannedStruct, what: str) -> RefusedUpdate:
    return RefusedUpdate(RefusalCode.INVALID, f"struct {client}:{struct.clock} {what}: no editor writes that")
