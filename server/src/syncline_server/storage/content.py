"""The digest of a free-form document that the CRDT engine holds.

Used by `replay.py`, in the worker process only: the server itself never has a document in the engine. The form that is
hashed is the protocol's (`documents/content_digest.py`); a device hashes the same.
"""

from collections.abc import Mapping
from typing import Any, Final

import pycrdt
from syncline_protocol.documents.content_digest import content_digest
from syncline_protocol.update import RootKind

ROOT_TYPES: Final[Mapping[RootKind, type[Any]]] = {
    RootKind.MAP: pycrdt.Map,
    RootKind.TEXT: pycrdt.Text,
    RootKind.ARRAY: pycrdt.Array,
    RootKind.XML: pycrdt.XmlFragment,
}
"""An update does not say which type a root is; what lies in it does."""


def digest_of(document: "pycrdt.Doc[Any]", kinds: Mapping[str, RootKind]) -> bytes:
    """The 32 bytes that stand for the document's content. `kinds`: its roots, each with its kind."""
    return content_digest({root: document.get(root, type=ROOT_TYPES[kind]) for root, kind in kinds.items()})
