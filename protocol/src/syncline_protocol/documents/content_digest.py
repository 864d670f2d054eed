"""The digest of a free-form document: what two replicas compare to prove that they show the same content.

Beside the data's way, on both ends: server and device call it on the document they hold. It sees content, not history:
documents that a person cannot tell apart have one digest, whoever wrote them in whatever steps, and whichever engine
holds them. (The digest of a document of records is another, kept as a sum: `documents/records.py`.)

The canonical form is UTF-8 text made of JSON's tokens without spaces, keys in the order of their code points:

    document   {"<root>": shared, …}       roots without content left out
    shared     {"map": {"<key>": value, …}}
               {"array": [value, …]}
               {"text": [[insert, {"<attribute>": value, …}], …]}      adjacent text with equal attributes is one insert
               {"xml": [shared, …]}
               {"element": ["<tag>", {"<attribute>": value, …}, [shared, …]]}
               {"xml_text": [{"<attribute>": value, …}, [[insert, {…}], …]]}
    insert     "<text>", or a value (an embedded object)
    value      shared, or plain
    plain      null | true | false | number | "<text>" | {"list": [plain, …]} | {"object": {"<key>": plain, …}}
               | {"bytes": "<base64>"} | {"bigint": "<digits>"} | {"number": "NaN" | "Infinity" | "-Infinity"}

Numbers are written as JavaScript writes them (ECMA-262, Number::toString): 1.0 is 1, and so is the BigInt 1, as long as
a number can hold it. Undefined is null. Strings have escapes for quotes, backslashes and control characters only. The
digest is the SHA-256 of the form.
"""

import base64
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, cast

import msgspec

from syncline_protocol.limits import NESTING_DEPTH_MAX

DEPTH_MAX: Final = 2 * NESTING_DEPTH_MAX + 2
"""Levels of shared types, and within the last of them levels of a plain value; admission lets no more in."""

INTEGER_MAX: Final = 2**53 - 1
"""Beyond it JavaScript has no exact number, and an integer is a BigInt."""

EXPONENT_MAX: Final = 21
"""Numbers from 10^21 on are written with an exponent (ECMA-262, Number::toString)."""

EXPONENT_MIN: Final = -6
"""So are those below 10^-6."""

_string: Final = msgspec.json.Encoder().encode


class SharedMap(Protocol):
    """A Y.Map, as pycrdt reads it."""

    def items(self) -> Iterable[tuple[str, Any]]: ...


class SharedText(Protocol):
    """A Y.Text: its content in pieces, each with its attributes."""

    def diff(self) -> Sequence[tuple[Any, Mapping[str, Any] | None]]: ...


class SharedXml(Protocol):
    """A Y.XmlFragment."""

    @property
    def children(self) -> Iterable[Any]: ...


class SharedXmlElement(SharedXml, Protocol):
    """A Y.XmlElement."""

    @property
    def tag(self) -> str | None: ...

    @property
    def attributes(self) -> Iterable[tuple[str, Any]]: ...


def content_digest(roots: Mapping[str, object]) -> bytes:
    """The 32 bytes that stand for a document's content.

    `roots`: the document's root types by name, as the engine gives them (pycrdt's `Map`, `Text`, `Array` and
    `XmlFragment`, told apart by what they can do). Raises `ValueError` for what the canonical form cannot say.
    """
    return hashlib.sha256(canonical_content(roots)).digest()


def canonical_content(roots: Mapping[str, object]) -> bytes:
    """The canonical form that is hashed. See `content_digest`."""
    written = ((name, _shared(root, DEPTH_MAX)) for name, root in sorted(roots.items()))
    return _object((name, form) for name, form in written if form not in _EMPTY)


_EMPTY: Final = frozenset({b'{"map":{}}', b'{"array":[]}', b'{"text":[]}', b'{"xml":[]}'})


def _shared(value: object, levels: int) -> bytes:
    """A shared type, by what it can do."""
    if levels == 0:
        raise ValueError(f"content has more than {DEPTH_MAX} levels")
    if hasattr(value, "guid"):
        raise ValueError("a document inside a document has no canonical form")
    if hasattr(value, "tag"):
        return _element(cast("SharedXmlElement", value), levels)
    if hasattr(value, "children"):
        return b'{"xml":%b}' % _list(_value(child, levels - 1) for child in cast("SharedXml", value).children)
    if hasattr(value, "diff"):
        return _text(cast("SharedText", value), levels)
    if hasattr(value, "keys"):
        return b'{"map":%b}' % _entries(cast("SharedMap", value).items(), levels)
    if isinstance(value, Iterable):
        return b'{"array":%b}' % _list(_value(item, levels - 1) for item in value)
    raise ValueError(f"{type(value).__name__} has no canonical form")


def _element(element: SharedXmlElement, levels: int) -> bytes:
    children = _list(_value(child, levels - 1) for child in element.children)
    return b'{"element":[%b,%b,%b]}' % (_string(element.tag), _entries(element.attributes, levels), children)


def _text(text: SharedText, levels: int) -> bytes:
    inserts = _list(_inserts(text, levels))
    if hasattr(text, "attributes"):
        return b'{"xml_text":[%b,%b]}' % (_entries(text.attributes, levels), inserts)
    return b'{"text":%b}' % inserts


def _inserts(text: SharedText, levels: int) -> Iterator[bytes]:
    """The pieces of a text; neighbours with equal attributes as one."""
    gathered: list[str] = []
    their_attributes = b"{}"
    for piece, attributes in text.diff():
        written = _entries(((key, value) for key, value in (attributes or {}).items() if value is not None), levels)
        if gathered and (written != their_attributes or not isinstance(piece, str)):
            yield b"[%b,%b]" % (_string("".join(gathered)), their_attributes)
            gathered = []
        if not isinstance(piece, str):
            yield b"[%b,%b]" % (_value(piece, levels - 1), written)
        elif piece:
            gathered.append(piece)
            their_attributes = written
    if gathered:
        yield b"[%b,%b]" % (_string("".join(gathered)), their_attributes)


def _value(value: object, levels: int) -> bytes:
    """A plain value, or a shared type."""
    if levels == 0:
        raise ValueError(f"content has more than {DEPTH_MAX} levels")
    match value:
        case None:
            return b"null"
        case bool():
            return b"true" if value else b"false"
        case str():
            return _string(value)
        case int():
            return b"%d" % value if abs(value) <= INTEGER_MAX else b'{"bigint":"%d"}' % value
        case float():
            return _number(value)
        case bytes() | bytearray() | memoryview():
            return b'{"bytes":"%b"}' % base64.b64encode(value)
        case list() | tuple():
            return b'{"list":%b}' % _list(_value(item, levels - 1) for item in value)
        case dict():
            return b'{"object":%b}' % _entries(value.items(), levels)
        case _:
            return _shared(value, levels)


def _number(number: float) -> bytes:
    """As JavaScript writes it (ECMA-262, Number::toString): the digits that Python writes, placed differently."""
    if math.isnan(number):
        return b'{"number":"NaN"}'
    if math.isinf(number):
        return b'{"number":"Infinity"}' if number > 0 else b'{"number":"-Infinity"}'
    if number == 0:
        return b"0"
    sign = "-" if number < 0 else ""
    digits, exponent = _decimal(abs(number))
    point = exponent + len(digits)  # where the decimal point stands in `digits`
    if not EXPONENT_MIN < point <= EXPONENT_MAX:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        written = f"{digits[0]}{fraction}e{point - 1:+d}"
    elif point <= 0:
        written = f"0.{'0' * -point}{digits}"
    elif point >= len(digits):
        written = digits + "0" * (point - len(digits))
    else:
        written = f"{digits[:point]}.{digits[point:]}"
    return f"{sign}{written}".encode()


def _decimal(number: float) -> tuple[str, int]:
    """The shortest digits that stand for `number`, no zero at either end, and the power of ten of the last one."""
    mantissa, _, power = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    stripped = digits.rstrip("0")
    return stripped, int(power or 0) - len(fraction) + len(digits) - len(stripped)


def _entries(entries: Iterable[tuple[str, object]], levels: int) -> bytes:
    return _object((key, _value(value, levels - 1)) for key, value in sorted(entries, key=lambda entry: entry[0]))


def _object(members: Iterable[tuple[str, bytes]]) -> bytes:
    return b"{%b}" % b",".join(b"%b:%b" % (_string(key), form) for key, form in members)


def _list(items: Iterable[bytes]) -> bytes:
    return b"[%b]" % b",".join(items)
