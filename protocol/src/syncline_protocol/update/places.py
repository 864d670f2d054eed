"""Where structs are: the shared types of a document, and the places within them.

Beside the data's way: part of the content index. A *parent* is a root or a shared type that a struct began. A *place*
is the sequence of a parent, or one key of it; the structs of a place form one list in every replica. Both have numbers,
so that a run of structs needs one number to say where it is.

Which content stands where is what stock editors write. It also keeps engines alive: a string among an array's values
makes Yrs loop for ever.
"""

from typing import Final, NamedTuple, Self

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import NESTING_DEPTH_MAX
from syncline_protocol.update.reader import too_large
from syncline_protocol.update.scanned import Kind, ScannedType, TypeKind

GONE: Final = 0
"""The place of what lies in a deleted and collected type: nobody can tell which."""

ROOT: Final = -1
"""The kind of a root: the bytes do not say it, its content does (`root_kinds.py`)."""


def _bits(*kinds: int) -> int:
    return sum(1 << kind for kind in kinds)


VALUE_BITS: Final = _bits(Kind.BINARY, Kind.VALUES)
TEXT_BITS: Final = _bits(Kind.STRING, Kind.EMBED, Kind.FORMAT)

_ANYWHERE: Final = _bits(Kind.DELETED, Kind.TYPE)
_ENTRIES: Final = _ANYWHERE | VALUE_BITS
_TEXT: Final = _ANYWHERE | TEXT_BITS

SEQUENCE_BITS: Final = {
    TypeKind.ARRAY: _ANYWHERE | VALUE_BITS,
    TypeKind.MAP: 0,
    TypeKind.TEXT: _TEXT,
    TypeKind.XML_ELEMENT: _ANYWHERE,
    TypeKind.XML_FRAGMENT: _ANYWHERE,
    TypeKind.XML_TEXT: _TEXT,
    ROOT: _TEXT | VALUE_BITS,
}
"""Kinds of content in a type's sequence."""

KEYED_BITS: Final = {
    TypeKind.ARRAY: 0,
    TypeKind.MAP: _ENTRIES,
    TypeKind.TEXT: _ENTRIES,
    TypeKind.XML_ELEMENT: _ENTRIES,
    TypeKind.XML_FRAGMENT: 0,
    TypeKind.XML_TEXT: _ENTRIES,
    ROOT: _ENTRIES,
}
"""Kinds of content under a type's keys: entries of maps, attributes of XML elements and texts."""

KEYED: Final = 1 << 31
"""In a root's evidence: it has keys."""

_XML_CONTAINERS: Final = (TypeKind.XML_ELEMENT, TypeKind.XML_FRAGMENT)
_XML_CHILDREN: Final = (TypeKind.XML_ELEMENT, TypeKind.XML_TEXT)


class Parent(NamedTuple):
    """A root (`name`), or the type that struct `client`:`clock` began at `place`, `depth` types below its root."""

    kind: int
    depth: int
    name: str
    place: int
    client: int
    clock: int


class PlacesMark(NamedTuple):
    """How many there were, to go back to."""

    parents: int
    places: int


class Places:
    """All parents and places of a document. Only grows, except by `rollback`."""

    __slots__ = ("_numbers", "_overwritten", "_roots", "evidence", "parents", "places")

    def __init__(self) -> None:
        self.parents: list[Parent] = []
        self.places: list[tuple[int, str | None]] = [(-1, None)]
        """Number of the parent, and key, by number of the place; the first is `GONE`."""
        self.evidence: dict[int, int] = {}
        """Bits of the kinds that a root's places held, by the root's number."""
        self._numbers: dict[tuple[int, str | None], int] = {}
        self._roots: dict[str, int] = {}
        self._overwritten: list[tuple[int, int]] = []
        """Evidence as it was, since the last mark."""

    @classmethod
    def restore(cls, parents: list[Parent], places: list[tuple[int, str | None]], evidence: dict[int, int]) -> Self:
        """From what another one held. Raises `ValueError` when it does not fit together."""
        if not places or any(parent >= len(parents) for parent, _ in places):
            raise ValueError("a place without its parent")
        restored = cls()
        restored.parents = parents
        restored.places = places
        restored.evidence = evidence
        restored._numbers = {place: number for number, place in enumerate(places) if number != GONE}
        restored._roots = {parent.name: number for number, parent in enumerate(parents) if parent.kind == ROOT}
        return restored

    def mark(self) -> PlacesMark:
        """The state as it is now."""
        self._overwritten.clear()
        return PlacesMark(len(self.parents), len(self.places))

    def rollback(self, mark: PlacesMark) -> None:
        """Forget what came after the last mark."""
        for root, bits in reversed(self._overwritten):
            if bits:
                self.evidence[root] = bits
            else:
                self.evidence.pop(root, None)  # a root that was only named has none
        for place in self.places[mark.places :]:
            del self._numbers[place]
        for number, parent in enumerate(self.parents[mark.parents :], mark.parents):
            if parent.kind == ROOT:
                del self._roots[parent.name]
                self.evidence.pop(number, None)
        del self.places[mark.places :]
        del self.parents[mark.parents :]

    def root(self, name: str) -> int:
        """The number of a root."""
        number = self._roots.get(name)
        if number is None:
            number = self._roots[name] = len(self.parents)
            self.parents.append(Parent(ROOT, 0, name, GONE, 0, 0))
        return number

    def place(self, parent: int, key: str | None) -> int:
        """The number of a place."""
        number = self._numbers.get((parent, key))
        if number is None:
            number = self._numbers[parent, key] = len(self.places)
            self.places.append((parent, key))
        return number

    def parent_of(self, place: int) -> Parent:
        """Whose place it is; not to be asked of `GONE`."""
        return self.parents[self.places[place][0]]

    def add_type(self, scanned: ScannedType, place: int, client: int, clock: int) -> int:
        """A shared type begins at `place`; returns its number. Raises `RefusedUpdate` for a type that does not fit."""
        outer = self.parent_of(place)
        if outer.depth == NESTING_DEPTH_MAX:
            raise too_large(f"shared types are nested deeper than {NESTING_DEPTH_MAX} levels at {client}:{clock}")
        if outer.kind in _XML_CONTAINERS and self.places[place][1] is None and scanned.kind not in _XML_CHILDREN:
            raise _misplaced(f"a {TypeKind(scanned.kind).name} among the children of an XML element or fragment")
        self.parents.append(Parent(scanned.kind, outer.depth + 1, "", place, client, clock))
        return len(self.parents) - 1

    def check_fits(self, place: int, kind: int) -> None:
        """Note that content of `kind` stands at `place`. Raises `RefusedUpdate` where no editor would write it."""
        number, key = self.places[place]
        parent = self.parents[number]
        allowed = (SEQUENCE_BITS if key is None else KEYED_BITS)[parent.kind]
        if not allowed >> kind & 1:
            where = "in the sequence" if key is None else "under a key"
            raise _misplaced(f"content of kind {Kind(kind).name} {where} of a {_name_of(parent.kind)}")
        if parent.kind == ROOT:
            self._note(number, (1 << kind) if key is None else KEYED, parent.name)

    def _note(self, root: int, bit: int, name: str) -> None:
        """A root is an array, or anything else: values in its sequence rule out text and keys."""
        before = self.evidence.get(root, 0)
        bits = before | bit
        if bits == before:
            return
        if bits & VALUE_BITS and bits & (TEXT_BITS | KEYED):
            raise _misplaced(f"root {name!r} is used as an array and as something else")
        self._overwritten.append((root, before))
        self.evidence[root] = bits


def _name_of(kind: int) -> str:
    return "root" if kind == ROOT else TypeKind(kind).name


def _misplaced(what: str) -> RefusedUpdate:
    return RefusedUpdate(RefusalCode.INVALID, f"{what}: no editor writes that")
