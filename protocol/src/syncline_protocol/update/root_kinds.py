"""What the roots of a page are, from what is in them: the bytes of an update do not say it.

Beside the data's way: whoever reads a page as a whole (digests, text, tools) has to open each root as the right type,
on the server and on devices alike.
"""

from enum import StrEnum

from syncline_protocol.update.content_index import ContentIndex
from syncline_protocol.update.places import GONE, ROOT, VALUE_BITS
from syncline_protocol.update.scanned import Kind, TypeKind


class RootKind(StrEnum):
    """How to read a root."""

    MAP = "map"
    ARRAY = "array"
    TEXT = "text"
    XML = "xml"


_TEXT_RANK, _VALUES_RANK, _TYPES_RANK, _XML_RANK, _MAP_RANK = range(5)
_BY_RANK = (RootKind.TEXT, RootKind.ARRAY, RootKind.ARRAY, RootKind.XML, RootKind.MAP)
"""Of all that is in a root the strongest sign decides: text is in texts only, while keys may be attributes."""


def root_kinds(index: ContentIndex) -> dict[str, RootKind]:
    """The kind of each root in which something shows, by name.

    Only what is not deleted counts, so that all replicas with the same content agree, whatever they have collected. An
    entry of a map that lost against a concurrent one may count although it shows no more: an empty map may be listed.
    """
    ranks: dict[str, int] = {}
    state = index.state
    for client, runs in state.runs.items():
        deleted = state.deleted.get(client)
        for start, end, place, kind in runs.runs(state.vector[client]):
            if place == GONE or kind in (Kind.DELETED, Kind.FORMAT):
                continue
            number, key = state.places.places[place]
            parent = state.places.parents[number]
            if parent.kind != ROOT or (deleted is not None and deleted.covers(start, end)):
                continue
            type_kind = state.places.parents[runs.types[start]].kind if kind == Kind.TYPE else ROOT
            rank = _MAP_RANK if key is not None else _rank(kind, type_kind)
            ranks[parent.name] = min(rank, ranks.get(parent.name, rank))
    return {name: _BY_RANK[rank] for name, rank in ranks.items()}


def _rank(kind: int, type_kind: int) -> int:
    if kind == Kind.TYPE:
        is_xml = type_kind in (TypeKind.XML_ELEMENT, TypeKind.XML_TEXT)
        return _XML_RANK if is_xml else _TYPES_RANK
    return _VALUES_RANK if VALUE_BITS >> kind & 1 else _TEXT_RANK
