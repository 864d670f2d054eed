"""Updates put together by hand, for tests that are about single bytes.

update(section(7, 0, item(STRING, text("hi"), parent="t")), deletes={7: [(0, 1)]})
"""

from collections.abc import Mapping, Sequence
from typing import Final

from syncline_protocol.update.scanned import Id
from syncline_protocol.update.writer import write_text, write_varuint

COLLECTED, DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, VALUES, SUBDOCUMENT, SKIP = range(11)
"""Kinds of structs."""

ARRAY, MAP, TEXT, XML_ELEMENT, XML_FRAGMENT, XML_HOOK, XML_TEXT = (bytes((TYPE_KIND,)) for TYPE_KIND in range(7))
"""Content of structs of kind TYPE; an element or hook has its name after it."""

NULL: Final = b"\x7e"


def number(value: int) -> bytes:
    """A varint."""
    out = bytearray()
    write_varuint(out, value)
    return bytes(out)


def text(value: str) -> bytes:
    """A string with its size."""
    out = bytearray()
    write_text(out, value)
    return bytes(out)


def values(*encoded: bytes) -> bytes:
    """Content of kind VALUES."""
    return number(len(encoded)) + b"".join(encoded)


def collected(length: int) -> bytes:
    """A struct of which only the length is left."""
    return b"\0" + number(length)


def item(  # noqa: PLR0913 - one argument for each part of a struct
    kind: int,
    content: bytes,
    *,
    origin: Id | None = None,
    right_origin: Id | None = None,
    parent: str | Id | None = None,
    key: str | None = None,
) -> bytes:
    """A struct that is not collected. Parent and key are written where there is no origin, as the format has it."""
    info = kind | (origin is not None) << 7 | (right_origin is not None) << 6 | (key is not None) << 5
    out = bytearray((info,))
    for named in (origin, right_origin):
        if named is not None:
            out += number(named[0]) + number(named[1])
    if isinstance(parent, str):
        out += b"\1" + text(parent)
    elif parent is not None:
        out += b"\0" + number(parent[0]) + number(parent[1])
    if parent is not None and key is not None:
        out += text(key)
    return bytes(out) + content


def section(client: int, clock: int, *structs: bytes) -> bytes:
    """The structs of one client, from `clock` on."""
    return number(len(structs)) + number(client) + number(clock) + b"".join(structs)


def update(*sections: bytes, deletes: Mapping[int, Sequence[tuple[int, int]]] | None = None) -> bytes:
    """Sections, and by client what is deleted: first clock and length."""
    deletes = {} if deletes is None else deletes
    out = bytearray(number(len(sections)) + b"".join(sections) + number(len(deletes)))
    for client, ranges in deletes.items():
        out += number(client) + number(len(ranges))
        for start, length in ranges:
            out += number(start) + number(length)
    return bytes(out)


def typed(client: int, clock: int, letters: str, *, root: str = "t") -> bytes:
    """An update that writes into the text of a root which holds nothing yet."""
    return update(section(client, clock, item(STRING, text(letters), parent=root)))
