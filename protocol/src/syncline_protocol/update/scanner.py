"""Reads the language of pages: every update that a stock Yjs editor can write, and nothing that one cannot.

On the data's way: `session → SCANNER → content index → log`. The scan is strict and says what an update holds; whether
that fits the document is for `content_index.py` to say. Nothing is recursive but values, whose depth is bounded, and
nothing is allocated for what the bytes left cannot hold.

An update is sections of structs, one section a client, and a delete set (`yjs/src/utils/encoding.js`). Refused beyond
what the format itself rules out: empty structs and sections, a client twice, Skip, subdocuments, weak links, clocks
above `CLOCK_MAX`, delete sets that are not sorted or overlap, anything behind the end; and two things that no editor
of today writes and Yrs 0.28 misreads: values as JSON text, and XML hooks.
"""

from collections.abc import Callable
from typing import Any, Final, Never

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import (
    CLOCK_MAX,
    KEY_BYTES_MAX,
    NESTING_DEPTH_MAX,
    STRING_BYTES_MAX,
    UPDATE_BYTES_MAX,
)
from syncline_protocol.update.budget import Budget
from syncline_protocol.update.json_value import (
    read_json,
    read_rare_of_content,
    read_value,
)
from syncline_protocol.update.reader import (
    UNREADABLE,
    malformed,
    read_bytes,
    read_count,
    read_text,
    read_varuint,
    too_large,
    unreadable,
)
from syncline_protocol.update.scanned import (
    Id,
    Kind,
    ScannedFormat,
    ScannedSection,
    ScannedStruct,
    ScannedType,
    ScannedUpdate,
    TypeKind,
)

HAS_ORIGIN: Final = 0x80
HAS_RIGHT_ORIGIN: Final = 0x40
HAS_KEY: Final = 0x20
KIND_BITS: Final = 0x1F

SECTION_BYTES_MIN: Final = 3
"""Number of structs, client id, clock; a delete set's client has as many."""

STRUCT_BYTES_MIN: Final = 2
"""Info and length, of a collected struct; a delete set's range has as many."""


PARENT_IS_ROOT: Final = 1
PARENT_IS_STRUCT: Final = 0


SUBDOCUMENT: Final = 9
SKIP: Final = 10

COLLECTED: Final = int(Kind.COLLECTED)
XML_TEXT: Final = int(TypeKind.XML_TEXT)
XML_ELEMENT: Final = int(TypeKind.XML_ELEMENT)
XML_HOOK: Final = int(TypeKind.XML_HOOK)
"""Plain numbers for the hot loop: comparing with a member of an enum costs a call."""


def scan_update(data: bytes, *, trusted: bool = False) -> ScannedUpdate:
    """What an update holds.

    `trusted`: the bytes come from our own store or engine, where a snapshot may be larger than an update; limits of
    size do not count, everything else does.

    Raises `RefusedUpdate`: `malformed`, `too_large`, or `invalid` (a value that not every engine reads).
    """
    if len(data) > UPDATE_BYTES_MAX and not trusted:
        raise too_large(f"an update of {len(data)} bytes: at most {UPDATE_BYTES_MAX} are taken")
    try:
        return _scan(data, Budget.of_snapshot(data) if trusted else Budget())
    except UNREADABLE as error:
        raise unreadable(error) from None


def _scan(data: bytes, budget: Budget) -> ScannedUpdate:
    count, position = read_count(data, 0, SECTION_BYTES_MIN)
    budget.take_clients(count)
    sections: list[ScannedSection] = []
    for _ in range(count):
        section, position = _scan_section(data, position, budget)
        sections.append(section)
    if len({section.client for section in sections}) != count:
        raise malformed("a client has two sections")
    deletes, position = _scan_deletes(data, position, budget)
    if position != len(data):
        raise malformed(f"{len(data) - position} bytes follow the update")
    return ScannedUpdate(sections, deletes, budget.depth)


def _scan_section(data: bytes, position: int, budget: Budget) -> tuple[ScannedSection, int]:
    count, position = read_count(data, position, STRUCT_BYTES_MIN)
    budget.take_structs(count)
    client, position = read_varuint(data, position)
    start, position = read_varuint(data, position)
    if count == 0:
        raise malformed(f"the section of client {client} is empty")
    clock = start
    structs: list[ScannedStruct] = []
    for _ in range(count):
        struct, position = _scan_struct(data, position, clock, budget)
        clock += struct.length
        structs.append(struct)
    if clock > CLOCK_MAX:
        raise malformed(f"clock {clock} of client {client} is above {CLOCK_MAX}")
    return ScannedSection(client, start, clock, structs), position


def _scan_struct(data: bytes, position: int, clock: int, budget: Budget) -> tuple[ScannedStruct, int]:
    info = data[position]
    kind = info & KIND_BITS
    if kind >= len(_CONTENT) or (kind == COLLECTED and info != COLLECTED):
        raise _unknown(info, position)
    position += 1
    origin: Id | None = None
    right_origin: Id | None = None
    parent: str | Id | None = None
    key: str | None = None
    if info & HAS_ORIGIN:
        origin, position = _read_id(data, position)
    if info & HAS_RIGHT_ORIGIN:
        right_origin, position = _read_id(data, position)
    if kind != COLLECTED and origin is None and right_origin is None:
        parent, position = _read_parent(data, position)
        if info & HAS_KEY:
            key, position = read_text(data, position, KEY_BYTES_MAX)
    length, content, position = _CONTENT[kind](data, position, budget)
    if length == 0:
        raise malformed(f"the struct before byte {position} is empty")
    return ScannedStruct(clock, length, kind, origin, right_origin, parent, key, content), position


def _read_id(data: bytes, position: int) -> tuple[Id, int]:
    client, position = read_varuint(data, position)
    clock, position = read_varuint(data, position)
    return (client, clock), position


def _read_parent(data: bytes, position: int) -> tuple[str | Id, int]:
    by = data[position]
    if by == PARENT_IS_ROOT:
        return read_text(data, position + 1, KEY_BYTES_MAX)
    if by == PARENT_IS_STRUCT:
        return _read_id(data, position + 1)
    raise malformed(f"{by} at byte {position} is no kind of parent")


def _unknown(info: int, position: int) -> RefusedUpdate:
    known = {SKIP: "Skip: the update has a hole", SUBDOCUMENT: "a subdocument"}
    return malformed(f"{info:#x} at byte {position} begins no struct that is taken ({known.get(info & KIND_BITS, '')})")


def _not_for_every_engine(what: str, position: int) -> RefusedUpdate:
    """Yrs reads one string too many in old JSON values, and no name of an XML hook: all behind it is misread."""
    return RefusedUpdate(RefusalCode.INVALID, f"{what} (at byte {position}): not every engine reads that")


# --- content: length in clock units, content, position behind it -----------------------------------------------------


def _read_span(data: bytes, position: int, budget: Budget) -> tuple[int, None, int]:
    length, position = read_varuint(data, position)
    budget.take_span(length)
    return length, None, position


def _refuse_json_values(data: bytes, position: int, budget: Budget) -> Never:  # noqa: ARG001 - see _CONTENT
    raise _not_for_every_engine("values as JSON text, as editors wrote before 2020", position)


def _read_binary(data: bytes, position: int, budget: Budget) -> tuple[int, bytes, int]:
    binary, position = read_bytes(data, position, budget.text_bytes)
    return 1, binary, position


def _read_string(data: bytes, position: int, budget: Budget) -> tuple[int, str, int]:
    text, position = read_text(data, position, budget.text_bytes)
    return utf16_length(text), text, position


def _read_embed(data: bytes, position: int, budget: Budget) -> tuple[int, Any, int]:
    text, position = read_bytes(data, position, STRING_BYTES_MAX)
    return 1, read_json(text, budget), position


def _read_format(data: bytes, position: int, budget: Budget) -> tuple[int, ScannedFormat, int]:
    key, position = read_text(data, position, KEY_BYTES_MAX)
    text, position = read_bytes(data, position, STRING_BYTES_MAX)
    return 1, ScannedFormat(key, read_json(text, budget)), position


def _read_type(data: bytes, position: int, budget: Budget) -> tuple[int, ScannedType, int]:  # noqa: ARG001 - see _CONTENT
    kind = data[position]
    position += 1
    if kind > XML_TEXT:
        raise malformed(f"{kind} at byte {position} is no shared type that is taken")
    if kind == XML_HOOK:
        raise _not_for_every_engine("an XML hook", position)
    name = ""
    if kind == XML_ELEMENT:
        name, position = read_text(data, position, KEY_BYTES_MAX)
    return 1, ScannedType(kind, name), position


def _read_values(data: bytes, position: int, budget: Budget) -> tuple[int, list[Any], int]:
    count, position = read_count(data, position, 1)
    budget.take(count)
    values: list[Any] = []
    for _ in range(count):
        value, position = read_value(data, position, NESTING_DEPTH_MAX, budget, read_rare_of_content)
        values.append(value)
    return count, values, position


_CONTENT: Final[tuple[Callable[[bytes, int, Budget], tuple[int, Any, int]], ...]] = (
    _read_span,
    _read_span,
    _refuse_json_values,
    _read_binary,
    _read_string,
    _read_embed,
    _read_format,
    _read_type,
    _read_values,
)
"""By `Kind`."""


def utf16_length(text: str) -> int:
    """Clock units of a string: characters outside the basic plane (emoji, rare Chinese) count two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) >> 1


# --- delete set -------------------------------------------------------------------------------------------------------


def _scan_deletes(data: bytes, position: int, budget: Budget) -> tuple[dict[int, list[tuple[int, int]]], int]:
    deletes: dict[int, list[tuple[int, int]]] = {}
    clients, position = read_count(data, position, SECTION_BYTES_MIN)
    budget.take_clients(clients)
    for _ in range(clients):
        client, position = read_varuint(data, position)
        count, position = read_count(data, position, STRUCT_BYTES_MIN)
        budget.take_structs(count)
        if count == 0:
            raise malformed(f"the delete set of client {client} is empty")
        ranges: list[tuple[int, int]] = []
        end = 0
        for _ in range(count):
            start, position = read_varuint(data, position)
            length, position = read_varuint(data, position)
            if start < end or length == 0:
                raise malformed(f"the delete set of client {client} is not sorted, overlaps, or holds an empty range")
            end = start + length
            ranges.append((start, end))
        if end > CLOCK_MAX:
            raise malformed(f"clock {end} in the delete set of client {client} is above {CLOCK_MAX}")
        deletes[client] = ranges
    if len(deletes) != clients:
        raise malformed("a client has two delete sets")
    return deletes, position
