"""Plain values inside updates: the "any" encoding of lib0, which Yjs uses, and JSON text.

On the data's way: `session → SCANNER (values) → index → rules → log`. What lies deeper than `NESTING_DEPTH_MAX` is
never entered, so hostile nesting costs no stack; a container is entered only if the bytes left can hold what it
announces; and all containers of an update share one budget of values, since an empty list of two bytes takes 64 in
memory.

Records hold plain JSON whose numbers are whole and within ±(2^53 - 1). Pages hold whatever an editor puts into a
Y.Array: also fractions, bytes, big integers and undefined.
"""

import math
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, Final

import msgspec

from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import NESTING_DEPTH_MAX, STRING_BYTES_MAX
from syncline_protocol.update.budget import Budget
from syncline_protocol.update.reader import (
    CONTINUED,
    NEGATIVE,
    NUMBER_MAX,
    malformed,
    read_bytes,
    read_count,
    read_text,
    read_varint,
    read_varuint,
    too_large,
)
from syncline_protocol.update.writer import write_text, write_varuint

BYTES: Final = 0x74
ARRAY: Final = 0x75
OBJECT: Final = 0x76
STRING: Final = 0x77
TRUE: Final = 0x78
FALSE: Final = 0x79
BIG_INTEGER: Final = 0x7A
FLOAT64: Final = 0x7B
FLOAT32: Final = 0x7C
INTEGER: Final = 0x7D
NULL: Final = 0x7E
UNDEFINED_TAG: Final = 0x7F

INTEGER_VARINT_MAX: Final = 2**31 - 1
"""Beyond this lib0 writes whole numbers as floating point."""

FIELD_BYTES_MIN: Final = 2
"""An object's entry: a name's length and a tag."""

FORBIDDEN_NAME: Final = "__proto__"
"""As a field's name it sets a JavaScript object's prototype instead, so that two devices would see two values."""


INTEGER64_MAX: Final = 2**63 - 1
UNSIGNED64_MAX: Final = 2**64 - 1

FLOAT32_BITS: Final = 24
"""Significant bits of a 32-bit floating point number."""

_FLOAT_LAYOUTS: Final = {FLOAT64: (Struct(">d").unpack, 8), FLOAT32: (Struct(">f").unpack, 4)}
_PACK_FLOAT: Final = {FLOAT64: Struct(">d").pack, FLOAT32: Struct(">f").pack}

_decode_json: Final = msgspec.json.Decoder().decode


class Undefined:
    """JavaScript's undefined, which is not null. There is one, `UNDEFINED`."""

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()


class BigInteger(int):
    """JavaScript's bigint, 64 bits, which is not a number there."""


Rare = Callable[[bytes, int, int], tuple[Any, int]]
"""Reads a value of a rare type: bytes, tag and the position behind it → value and position."""


def read_value(data: bytes, position: int, levels: int, budget: Budget, rare: Rare) -> tuple[Any, int]:
    """A value of at most `levels` levels of containers."""
    tag = data[position]
    position += 1
    if tag == STRING:
        return read_text(data, position, STRING_BYTES_MAX)
    if tag == INTEGER and data[position] != NEGATIVE:
        return read_varint(data, position)
    if tag == OBJECT:
        return read_object(data, position, levels, budget, rare)
    if tag == ARRAY:
        return _read_array(data, position, levels, budget, rare)
    if TRUE <= tag <= FALSE:
        return tag == TRUE, position
    if tag == NULL:
        return None, position
    return rare(data, tag, position)


def read_object(data: bytes, position: int, levels: int, budget: Budget, rare: Rare) -> tuple[dict[str, Any], int]:
    """An object, from behind its tag. The hot loop: most of a record's scan is spent here.

    A name or string that runs past the end of the bytes shows at the next tag: `data[…]` raises `IndexError`.
    """
    count, position = read_count(data, position, FIELD_BYTES_MIN)
    budget.enter(count, levels)
    fields: dict[str, Any] = {}
    for _ in range(count):
        size = data[position]
        position += 1
        if size >= CONTINUED:
            size, position = read_varuint(data, position - 1)
        end = position + size
        tag = data[end]
        name = data[position:end].decode()
        position = end + 1
        if tag == STRING:
            size = data[position]
            position += 1
            if size >= CONTINUED:
                size, position = read_varuint(data, position - 1)
            end = position + size
            fields[name] = data[position:end].decode()
            position = end
        elif tag == FLOAT64:
            fields[name], position = rare(data, tag, position)
        else:
            fields[name], position = read_value(data, position - 1, levels - 1, budget, rare)
    if len(fields) != count or FORBIDDEN_NAME in fields:
        raise malformed(f"an object before byte {position} has a field twice, or one named {FORBIDDEN_NAME}")
    return fields, position


def _read_array(data: bytes, position: int, levels: int, budget: Budget, rare: Rare) -> tuple[list[Any], int]:
    count, position = read_count(data, position, 1)
    budget.enter(count, levels)
    items: list[Any] = []
    for _ in range(count):
        item, position = read_value(data, position, levels - 1, budget, rare)
        items.append(item)
    return items, position


def read_rare_of_record(data: bytes, tag: int, position: int) -> tuple[int, int]:
    """A number that lib0 writes as floating point, as the whole number it must be. See `Rare`."""
    if tag not in _FLOAT_LAYOUTS:
        raise RefusedUpdate(RefusalCode.INVALID, f"records hold plain JSON, and no value of type {tag:#x}")
    number, position = _read_float(data, tag, position)
    if not -NUMBER_MAX <= number <= NUMBER_MAX or number != (whole := int(number)) or _is_minus_zero(number):
        raise RefusedUpdate(RefusalCode.INVALID, f"{number!r} is not a whole number within ±(2^53 - 1)")
    return whole, position


def read_rare_of_content(data: bytes, tag: int, position: int) -> tuple[Any, int]:
    """What JavaScript has beyond plain JSON. See `Rare`."""
    if tag == UNDEFINED_TAG:
        return UNDEFINED, position
    if tag in _FLOAT_LAYOUTS:
        return _read_float(data, tag, position)
    if tag == BYTES:
        return read_bytes(data, position, STRING_BYTES_MAX)
    if tag == BIG_INTEGER:
        return BigInteger.from_bytes(_fixed(data, position, 8), signed=True), position + 8
    if tag == INTEGER:
        return -0.0, position + 1
    raise malformed(f"{tag:#x} at byte {position - 1} is no type of a value")


def _read_float(data: bytes, tag: int, position: int) -> tuple[float, int]:
    unpack, size = _FLOAT_LAYOUTS[tag]
    number: float = unpack(_fixed(data, position, size))[0]
    return number, position + size


def _fixed(data: bytes, position: int, size: int) -> bytes:
    if position + size > len(data):
        raise IndexError(position)
    return data[position : position + size]


def _is_minus_zero(number: float) -> bool:
    return number == 0 and math.copysign(1, number) < 0


def read_json(text: bytes, budget: Budget) -> Any:
    """A value written as JSON text, as embeds and formats are.

    Refused is also what one of the engines cannot read: lone surrogates, infinite numbers, and whole numbers from 2^63
    to 2^64, which Yrs takes for an error of the whole update.
    """
    budget.take(text.count(b",") + text.count(b"[") + text.count(b"{"))
    try:
        value = _decode_json(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise malformed(f"a value is not JSON: {error}") from None
    budget.depth = max(budget.depth, _json_depth(value))
    return value


def _json_depth(value: Any) -> int:
    """Levels of containers in `value`; looks level by level, so that depth costs no stack."""
    level = [value]
    for depth in range(NESTING_DEPTH_MAX + 1):
        inner: list[Any] = []
        containers = False
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, int) and INTEGER64_MAX < item <= UNSIGNED64_MAX:
                raise RefusedUpdate(RefusalCode.INVALID, f"{item} is a number that not every engine reads")
            containers = containers or isinstance(item, dict | list)
        if not containers:
            return depth
        level = inner
    raise too_large(f"a value is nested deeper than {NESTING_DEPTH_MAX} levels")


def write_value(out: bytearray, value: Any, levels: int) -> None:
    """Append a plain value as lib0 writes it. Raises `ValueError` for what no record may hold."""
    if isinstance(value, str):
        out.append(STRING)
        write_text(out, value)
    elif value is None or value is True or value is False:
        out.append(NULL if value is None else TRUE if value else FALSE)
    elif isinstance(value, int):
        _write_number(out, value)
    elif levels == 0:
        raise ValueError(f"nested deeper than {NESTING_DEPTH_MAX} levels")
    elif isinstance(value, Mapping):
        _write_object(out, value, levels)
    elif isinstance(value, list | tuple):
        out.append(ARRAY)
        write_varuint(out, len(value))
        for item in value:
            write_value(out, item, levels - 1)
    else:
        raise ValueError(f"{type(value).__name__} is not plain JSON with whole numbers: {value!r}")


def _write_object(out: bytearray, fields: Mapping[Any, Any], levels: int) -> None:
    out.append(OBJECT)
    write_varuint(out, len(fields))
    for name, value in fields.items():
        if not isinstance(name, str) or name == FORBIDDEN_NAME:
            raise ValueError(f"{name!r} cannot be the name of a field")
        write_text(out, name)
        write_value(out, value, levels - 1)


def _write_number(out: bytearray, number: int) -> None:
    magnitude = abs(number)
    if magnitude <= INTEGER_VARINT_MAX:
        out.append(INTEGER)
        first = magnitude & (NEGATIVE - 1) | (NEGATIVE if number < 0 else 0)
        if magnitude < NEGATIVE:
            out.append(first)
            return
        out.append(first | CONTINUED)
        write_varuint(out, magnitude >> 6)
    elif magnitude > NUMBER_MAX:
        raise ValueError(f"{number} is not within ±(2^53 - 1)")
    else:
        tag = FLOAT32 if _is_float32(magnitude) else FLOAT64
        out.append(tag)
        out += _PACK_FLOAT[tag](number)


def _is_float32(magnitude: int) -> bool:
    """Whether 24 bits hold all that is not zero at the end."""
    return magnitude.bit_length() - (magnitude & -magnitude).bit_length() < FLOAT32_BITS
