"""One update on its way into a content index: checked struct by struct, in the order in which an engine takes them.

On the data's way: `scanner → CONTENT INDEX (integration) → log`. An engine integrates a struct when everything it names
is there; what never comes makes it wait, and pycrdt then loses it. So the order is found here, and an update for which
there is none is refused. The rules, which the tests cite:

1. A new struct is under a client id of the writer (`not_yours`).
2. What is new of a client starts where the index ends; origins, parents and deleted clocks are known (`gap`). Nothing
   waits for itself (`malformed`).
3. Origins and deleted ranges do not cut a surrogate pair: Yjs and Yrs would differ for good (`invalid`).
4. Both origins are in one list. An entry of a map has no right origin, and one value unless the same update deletes it:
   engines never delete the parts of a cut entry, and Yrs frees their parent (`invalid`). A parent is a shared type, its
   content fits it (`places.py`; `invalid`), and types nest `NESTING_DEPTH_MAX` deep (`too_large`).
5. The right origin is not left of the left one; what has no origin on a side stands at that end of its list. Otherwise
   the order would depend on who integrates first. The index holds no order, so it sees only what contradicts a run or
   the ends of a root; redone edits in redone types need not keep to the ends. Not asked of our own snapshots, in which
   engines have joined deleted structs, so that more can be told (`invalid`).
6. What lies in a collected type is collected. A struct with one origin there and the other elsewhere is taken only if
   the other's parent is deleted too: Yjs collects it, Yrs would show it (`invalid`).
7. What is known already may come again, and says the same as the first time as far as the index can tell (`forked`,
   or `not_yours` for another's).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLOCK_MAX
from syncline_protocol.update.content_state import ContentState
from syncline_protocol.update.placement import Placement
from syncline_protocol.update.places import GONE
from syncline_protocol.update.reader import malformed
from syncline_protocol.update.scanned import Id, Kind, ScannedSection, ScannedStruct
from syncline_protocol.update.struct_runs import HAS_LEFT, HAS_RIGHT, KIND_BITS, TYPE, StructRuns

Owns = Callable[[int], bool]
"""Whether a client id belongs to the writer."""

COLLECTED: Final = int(Kind.COLLECTED)
DELETED: Final = int(Kind.DELETED)
STRING: Final = int(Kind.STRING)
VALUES: Final = int(Kind.VALUES)

BASIC_PLANE_END: Final = "\uffff"
"""Characters above it are surrogate pairs in UTF-16."""


class Gap(Exception):
    """Something before this update is missing; `ContentIndex.admit` makes it a refusal, with the vector."""


class Section:
    """A client's section, how far it is integrated, and whether it waits for another."""

    __slots__ = ("client", "is_waiting", "next", "structs")

    def __init__(self, section: ScannedSection) -> None:
        self.client = section.client
        self.structs = section.structs
        self.next = 0
        self.is_waiting = False


class Integration:
    """Works on the index's own state; whoever calls it takes everything back when it raises."""

    __slots__ = ("_owns", "_placement", "_state", "_vector", "spans")

    def __init__(
        self,
        state: ContentState,
        deletes: Mapping[int, Sequence[tuple[int, int]]],
        owns: Owns,
        *,
        trusted: bool,
    ) -> None:
        self._state = state
        self._vector = state.vector
        self._placement = Placement(state, deletes, checks_order=not trusted)
        self._owns = owns
        self.spans: dict[int, list[tuple[int, int]]] = {}
        """Ranges by client of what came without content: deleted before it came."""

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
            current.is_waiting = missing is not None
            if missing is None:
                waiting.pop()
                continue
            other = sections.get(missing[0])
            if other is None or other.next == len(other.structs):
                raise Gap(f"struct {missing[0]}:{missing[1]} is named and not known")
            if other.is_waiting:
                raise malformed(f"structs of clients {current.client} and {other.client} wait for each other")
            waiting.append((other, missing[1]))

    def _advance(self, section: Section, until: int) -> Id | None:
        """Take structs in up to the one that holds clock `until`; returns the id that is missing, if any."""
        client = section.client
        structs = section.structs
        runs = self._state.runs[client]
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
        clock, length, kind, origin, right_origin, _, _, content = struct
        place = GONE if kind == COLLECTED else self._placement.place(client, struct)
        known = self._vector.get(client, 0)
        end = clock + length
        if clock < known:
            self._check_known(client, runs, struct, place)
            if end <= known:
                return
            place = self._place_of_rest(client, runs, struct, place)
            clock = known
            origin = (client, known - 1)  # as engines have it
        if place == GONE:
            if not runs.continues(GONE, kind):
                runs.append(clock, GONE, kind)
        else:
            if length > 1 and kind == VALUES:
                self._placement.check_single(client, struct, place)
            traits = kind | (HAS_LEFT if origin else 0) | (HAS_RIGHT if right_origin else 0)
            if origin != (client, clock - 1) or not runs.continues(place, traits):
                self._state.places.check_fits(place, kind)
                runs.append(clock, place, traits)
                if kind == TYPE:
                    runs.types[clock] = self._state.places.add_type(content, place, client, clock)
        self._vector[client] = end
        if place == GONE or kind == DELETED:
            self.spans.setdefault(client, []).append((clock, end))
        if struct.kind == STRING and not content.isascii():
            runs.pairs.extend(pair for pair in _pairs(content, struct.clock) if pair >= clock)

    # --- what is known already ----------------------------------------------------------------------------------------

    def _check_known(self, client: int, runs: StructRuns, struct: ScannedStruct, place: int) -> None:
        known_place, known_kind = runs.at(struct.clock)
        if GONE in (place, known_place) or DELETED in (struct.kind, known_kind):
            return
        same = place == known_place and struct.kind == known_kind
        if same and struct.kind == TYPE:
            same = self._state.places.parents[runs.types[struct.clock]].kind == struct.content.kind
        if not same:
            raise self._forked(client, struct.clock)

    def _place_of_rest(self, client: int, runs: StructRuns, struct: ScannedStruct, place: int) -> int:
        """Where the new part of a struct belongs whose beginning is known: engines put it behind what they know."""
        clock = self._vector[client]
        run = runs.run_at(clock - 1)
        known_place, known_kind = runs.places[run], runs.traits[run] & KIND_BITS
        if struct.kind == COLLECTED:
            return GONE
        if struct.kind == STRING and clock - 1 in _pairs(struct.content, struct.clock):
            raise RefusedUpdate(RefusalCode.INVALID, f"the part from {client}:{clock} on would cut a character in two")
        if place == GONE:
            self._placement.check_parent_deleted(known_place, client, struct)
            return GONE
        is_same_kind = struct.kind == known_kind or DELETED in (struct.kind, known_kind)
        has_right = runs.traits[run] & HAS_RIGHT != 0
        if place != known_place or not is_same_kind or has_right != (struct.right_origin is not None):
            raise self._forked(client, clock)
        if struct.right_origin is not None:
            self._placement.check_order(client, struct, (client, clock - 1), struct.right_origin)
        return place

    def _forked(self, client: int, clock: int) -> RefusedUpdate:
        if self._owns(client):
            reason = f"struct {client}:{clock} is another one here: the device's store was restored from a backup"
            return RefusedUpdate(RefusalCode.FORKED, reason)
        return RefusedUpdate(RefusalCode.NOT_YOURS, f"struct {client}:{clock} is another one here, by another device")


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
