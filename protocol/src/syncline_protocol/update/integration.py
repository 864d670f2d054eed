"""One update on its way into a content index: checked struct by struct, in the order in which an engine takes them.

On the data's way: `scanner → CONTENT INDEX (integration) → log`. An engine integrates a struct when everything it names
is there; what never comes makes it wait, and pycrdt then loses it. So the order is found here, and an update for which
there is none is refused. The rules, which the tests cite:

1. A new struct is under a client id of the writer (`not_yours`).
2. What is new of a client starts where the index ends; origins, parents and deleted clocks are known (`gap`). Nothing
   waits for itself (`malformed`).
3. Origins and deleted ranges do not cut a surrogate pair: Yjs and Yrs would differ for good (`invalid`).
4. Both origins are at one place, and are not the same; an entry of a map has no right origin (`invalid`).
5. A parent is a shared type; its content fits it (`places.py`; `invalid`). Types nest `NESTING_DEPTH_MAX` deep.
6. What lies in a collected type is collected. A struct with one origin there and the other elsewhere is taken only if
   the other's parent is deleted too: Yjs collects it, Yrs would show it (`invalid`).
7. What is known already may come again, and says the same as the first time as far as the index can tell (`forked`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLOCK_MAX
from syncline_protocol.update.content_state import ContentState
from syncline_protocol.update.places import GONE, ROOT
from syncline_protocol.update.reader import malformed
from syncline_protocol.update.scanned import Id, Kind, ScannedSection, ScannedStruct
from syncline_protocol.update.struct_runs import StructRuns

Owns = Callable[[int], bool]
"""Whether a client id belongs to the writer."""

COLLECTED: Final = int(Kind.COLLECTED)
DELETED: Final = int(Kind.DELETED)
STRING: Final = int(Kind.STRING)
TYPE: Final = int(Kind.TYPE)

BASIC_PLANE_END: Final = "\uffff"
"""Characters above it are surrogate pairs in UTF-16."""


class Gap(Exception):
    """Something before this update is missing; `ContentIndex.admit` makes it a refusal, with the vector."""


class Section:
    """A client's section, and how far it is integrated."""

    __slots__ = ("client", "next", "structs")

    def __init__(self, section: ScannedSection) -> None:
        self.client = section.client
        self.structs = section.structs
        self.next = 0


class Integration:
    """Works on the index's own state; whoever calls it takes everything back when it raises."""

    __slots__ = ("_deletes", "_owns", "_places", "_runs", "_state", "_vector", "spans")

    def __init__(self, state: ContentState, deletes: Mapping[int, Sequence[tuple[int, int]]], owns: Owns) -> None:
        self._state = state
        self._vector = state.vector
        self._runs = state.runs
        self._places = state.places
        self._deletes = deletes
        self._owns = owns
        self.spans: list[tuple[int, int, int]] = []
        """Client, start and end of what came without content: deleted before it came."""

    # --- order --------------------------------------------------------------------------------------------------------

    def integrate(self, scanned: Sequence[ScannedSection]) -> None:
        """Take the structs of all sections in. Raises `Gap` or `RefusedUpdate`."""
        sections = {section.client: Section(section) for section in scanned}
        for section in sections.values():
            self._integrate_section(section, sections)

    def _integrate_section(self, section: Section, sections: Mapping[int, Section]) -> None:
        """All of one section, and of others what it needs before.

        `waiting` holds sections that wait for the one behind them, each with the clock it is to reach: as deep as
        there are clients, like the engines' own stack.
        """
        waiting = [(section, CLOCK_MAX)]
        while waiting:
            current, until = waiting[-1]
            missing = self._advance(current, until)
            if missing is None:
                waiting.pop()
                continue
            other = sections.get(missing[0])
            if other is None or other.next == len(other.structs):
                raise Gap(f"struct {missing[0]}:{missing[1]} is named and not known")
            if any(other is one for one, _ in waiting):
                raise malformed(f"structs of clients {current.client} and {other.client} wait for each other")
            waiting.append((other, missing[1]))

    def _advance(self, section: Section, until: int) -> Id | None:
        """Take structs in up to the one that holds clock `until`; returns the id that is missing, if any."""
        client = section.client
        structs = section.structs
        runs = self._runs[client]
        while section.next < len(structs):
            struct = structs[section.next]
            if struct.clock > until:
                return None
            missing = self._missing(client, struct)
            if missing is not None:
                return missing
            self._take(client, runs, struct)
            section.next += 1
        return None

    def _missing(self, client: int, struct: ScannedStruct) -> Id | None:
        clock, _, _, origin, right_origin, parent, _, _ = struct
        for named in (origin, right_origin, parent):
            if named is None or isinstance(named, str):
                continue
            if named[0] == client:
                if named[1] >= clock:
                    raise malformed(f"struct {client}:{clock} names {client}:{named[1]}, which comes after it")
            elif named[1] >= self._vector.get(named[0], 0):
                return named
        return None

    # --- one struct ---------------------------------------------------------------------------------------------------

    def _take(self, client: int, runs: StructRuns, struct: ScannedStruct) -> None:
        clock, length, kind, _, _, _, _, content = struct
        place = GONE if kind == COLLECTED else self._place(client, struct)
        known = self._vector.get(client, 0)
        end = clock + length
        if clock < known:
            self._check_known(client, runs, struct, place)
            if end <= known:
                return
            place = self._place_of_rest(client, runs, struct, place)
            clock = known
        if place == GONE:
            kind = COLLECTED
        if not runs.continues(place, kind):
            if place != GONE:
                self._places.check_fits(place, kind)
            runs.append(clock, place, kind)
            if kind == TYPE:
                runs.types[clock] = self._places.add_type(content, place, client, clock)
        self._vector[client] = end
        if kind <= DELETED:
            self.spans.append((client, clock, end))
        if struct.kind == STRING and not content.isascii():
            runs.pairs.extend(pair for pair in _pairs(content, struct.clock) if pair >= clock)

    def _place(self, client: int, struct: ScannedStruct) -> int:
        """Where the struct belongs, as an engine finds it: from the left, else from the right, else as it says."""
        origin = struct.origin
        right_origin = struct.right_origin
        if right_origin is None:
            return self._named_place(client, struct) if origin is None else self._place_beside(origin, 1)
        right = self._place_beside(right_origin, 0)
        left = right if origin is None else self._place_beside(origin, 1)
        if left != right and GONE in (left, right):
            self._check_parent_deleted(left or right, client, struct)
            return GONE
        if left != right or origin == right_origin:
            raise _invalid(f"struct {client}:{struct.clock} lies between two others that are not beside each other")
        if left != GONE and self._places.places[left][1] is not None:
            raise _invalid(f"struct {client}:{struct.clock}, an entry of a map, has a right origin")
        return left

    def _place_beside(self, named: Id, side: int) -> int:
        """The place of a struct that stands left (`side` 1) or right (0) of a new one."""
        client, clock = named
        runs = self._runs[client]
        if runs.splits_pair(clock + side):
            raise _invalid(f"an insertion at {client}:{clock + side} would cut a character in two")
        return runs.at(clock)[0]

    def _named_place(self, client: int, struct: ScannedStruct) -> int:
        parent = struct.parent
        if isinstance(parent, str):
            return self._places.place(self._places.root(parent), struct.key)
        assert parent is not None, "the scanner reads a parent where there is no origin"
        runs = self._runs[parent[0]]
        kind = runs.at(parent[1])[1]
        if kind == TYPE:
            return self._places.place(runs.types[parent[1]], struct.key)
        if kind <= DELETED:
            return GONE
        raise _invalid(f"struct {client}:{struct.clock} lies in {parent[0]}:{parent[1]}, which is no shared type")

    # --- what is known already ----------------------------------------------------------------------------------------

    def _check_known(self, client: int, runs: StructRuns, struct: ScannedStruct, place: int) -> None:
        known_place, known_kind = runs.at(struct.clock)
        if GONE in (place, known_place) or DELETED in (struct.kind, known_kind):
            return
        same = place == known_place and struct.kind == known_kind
        if same and struct.kind == TYPE:
            same = self._places.parents[runs.types[struct.clock]].kind == struct.content.kind
        if not same:
            raise self._forked(client, struct.clock)

    def _place_of_rest(self, client: int, runs: StructRuns, struct: ScannedStruct, place: int) -> int:
        """Where the new part of a struct belongs whose beginning is known: engines put it behind what they know."""
        clock = self._vector[client]
        known_place, known_kind = runs.at(clock - 1)
        if struct.kind == COLLECTED:
            return GONE
        if struct.kind == STRING and clock - 1 in _pairs(struct.content, struct.clock):
            raise _invalid(f"the part from {client}:{clock} on would cut a character in two")
        if place != known_place and GONE in (place, known_place):
            self._check_parent_deleted(place or known_place, client, struct)
            return GONE
        if place != known_place or (struct.kind != known_kind and DELETED not in (struct.kind, known_kind)):
            raise self._forked(client, clock)
        return place

    def _forked(self, client: int, clock: int) -> RefusedUpdate:
        if self._owns(client):
            reason = f"struct {client}:{clock} is another one here: the device's store was restored from a backup"
            return RefusedUpdate(RefusalCode.FORKED, reason)
        return RefusedUpdate(RefusalCode.NOT_YOURS, f"struct {client}:{clock} is another one here, by another device")

    def _check_parent_deleted(self, place: int, client: int, struct: ScannedStruct) -> None:
        while place != GONE:
            parent = self._places.parent_of(place)
            if parent.kind == ROOT:
                raise _invalid(f"struct {client}:{struct.clock} lies between a collected struct and one that shows")
            if self._is_deleted(parent.client, parent.clock):
                return
            place = parent.place

    def _is_deleted(self, client: int, clock: int) -> bool:
        if self._state.is_deleted(client, clock):
            return True
        return any(start <= clock < end for start, end in self._deletes.get(client, ()))


def _pairs(text: str, clock: int) -> list[int]:
    """The clocks of the first halves of surrogate pairs, where `text` begins at `clock`."""
    if text.isascii() or max(text) <= BASIC_PLANE_END:
        return []
    found = []
    for character in text:
        if character > BASIC_PLANE_END:
            found.append(clock)
            clock += 1
        clock += 1
    return found


def _invalid(reason: str) -> RefusedUpdate:
    return RefusedUpdate(RefusalCode.INVALID, reason)
