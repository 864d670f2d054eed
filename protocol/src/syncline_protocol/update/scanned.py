"""What a scan of an update in the language of pages says: values only.

On the data's way: `session → SCANNER (what it returns) → content index → log`.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple


class Kind(IntEnum):
    """What a struct holds: its content's number in the format."""

    COLLECTED = 0
    """Nothing: the type it was in was deleted, and its author's editor kept only the length."""
    DELETED = 1
    """Nothing: it was deleted, and its author's editor kept its place and length."""
    JSON = 2
    """Values as JSON text, by editors of before 2020. Not taken: see `scanner.py`."""
    BINARY = 3
    STRING = 4
    EMBED = 5
    FORMAT = 6
    TYPE = 7
    VALUES = 8


class TypeKind(IntEnum):
    """The shared types, by their number in the format. Above are weak links and subdocuments, which are not taken."""

    ARRAY = 0
    MAP = 1
    TEXT = 2
    XML_ELEMENT = 3
    XML_FRAGMENT = 4
    XML_HOOK = 5
    """Not taken: see `scanner.py`."""
    XML_TEXT = 6


Id = tuple[int, int]
"""A struct, or a unit within one: client and clock."""


class ScannedType(NamedTuple):
    """A shared type that a struct begins; `name` of XML elements, else empty."""

    kind: int
    name: str


class ScannedFormat(NamedTuple):
    """Where a mark begins or ends in a text."""

    key: str
    value: Any


class ScannedStruct(NamedTuple):
    """A struct as it is in the bytes.

    `length`: clock units; of a string UTF-16 units. `parent`: a root's name, or the id of a struct that is a type, or
    None where an origin says it. `key`: of an entry in a map, None where an origin says it, or in a sequence.
    `content`: str (STRING), bytes (BINARY), list of values (VALUES), value (EMBED), `ScannedFormat`,
    `ScannedType`, or None.
    """

    clock: int
    length: int
    kind: int
    origin: Id | None
    right_origin: Id | None
    parent: str | Id | None
    key: str | None
    content: Any


class ScannedSection(NamedTuple):
    """The structs of one client, clocks `clock` to `end` - 1 without a gap."""

    client: int
    clock: int
    end: int
    structs: list[ScannedStruct]


class RootWrite(NamedTuple):
    """An entry written into a root map."""

    root: str
    key: str
    value: Any


class ScannedUpdate(NamedTuple):
    """An update: sections in their order; `deletes` by client as sorted, disjoint ranges of clocks, the end excluded.

    `depth`: levels of the deepest plain value.
    """

    sections: list[ScannedSection]
    deletes: dict[int, list[tuple[int, int]]]
    depth: int

    def root_writes(self) -> Iterator[RootWrite]:
        """What goes under a new key of a root; an array of the values where a struct holds several."""
        for section in self.sections:
            for struct in section.structs:
                if isinstance(struct.parent, str) and struct.key is not None:
                    several = struct.kind != Kind.VALUES or struct.length > 1
                    yield RootWrite(struct.parent, struct.key, struct.content if several else struct.content[0])
