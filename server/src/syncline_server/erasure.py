"""Erasing records: a document's history is written anew without their content (P10).

Beside the data's way: `log → ERASURE → another history`. No update can take content out of a log, so the server reads
the document whole, puts what is left of each erased record (`documents/erasure.py`) under the same client id, clock and
key, and swaps that in as a snapshot under another epoch. Promises:

1. Every update is in what is read, or comes behind the new history: nothing is lost, nothing is there twice.
2. When `erase` has returned, no file of the store holds a byte of the content, and no device is sent one.
3. It can be repeated: after a crash at any moment, erasing again ends what was begun, and what is done is left alone.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncline_protocol.documents.erasure import REDACTED, erased, is_erased
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.names import Language
from syncline_protocol.update import RecordStruct, encode_records, scan_records

from syncline_server.admission import RecordAdmission
from syncline_server.document import Document, unavailable
from syncline_server.storage.compaction import read_updates
from syncline_server.storage.interface import Snapshot, Store, StoreCorrupt, StoreError

if TYPE_CHECKING:
    from syncline_server.hub import Hub

Name = tuple[str, str]
"""A record's root and key."""

EDIT: Final = "edit"
"""The type of records that say again, in other words, what the record they name says."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A history without the content of `erased` records: all of it as one update, and its admission index."""

    payload: bytes
    index: bytes
    erased: int


async def erase(hub: "Hub", document: Document, names: Collection[Name]) -> int:
    """Erase these records of the document, and the edits of them; returns how many of them were not erased before.

    What is not there is passed over. `document` is pinned by the caller. Whoever has it open is evicted, and loads the
    new history. Raises `RefusedUpdate` (unavailable): then it is to be called again; `ValueError` for a document that
    does not hold records.
    """
    if document.name.language is not Language.RECORDS:
        raise ValueError(f"{document.key.name} holds no records: nothing in it can be erased one by one")
    wanted = frozenset(names)
    count = 0

    async def rewrite() -> Snapshot | None:
        nonlocal count
        payloads = await _read(hub.store, document)
        rewritten = await asyncio.to_thread(rewrite_history, payloads, wanted)
        count = rewritten.erased
        return Snapshot(document.committed, rewritten.payload, rewritten.index) if count else None

    await hub.load_index(document)
    admission = document.admission
    if not isinstance(admission, RecordAdmission) or _has_any(admission.index, wanted):
        await hub.histories.replace(document, rewrite)
    try:
        await hub.store.wipe()  # also when nothing was to be erased: the wipe of an earlier attempt may be due
    except StoreError as error:
        raise unavailable(error) from error
    return count


def rewrite_history(payloads: Iterable[bytes], names: Collection[Name]) -> Rewritten:
    """The document that these updates make, with the content of the records `names` and of their edits erased.

    All other records are as they were, and every record keeps its client id and clock. Raises `RefusedUpdate` when a
    payload is no update of records.
    """
    known: dict[tuple[int, int], RecordStruct] = {}
    for payload in payloads:
        for struct in scan_records(payload, trusted=True):
            known.setdefault((struct.client, struct.clock), struct)  # an update may repeat what was there before it
    structs = list(known.values())
    erasing = {(struct.root, struct.key) for struct in structs if _is_meant(struct, names)}
    left = [_without_content(one) if (one.root, one.key) in erasing else one for one in structs]
    encoded = encode_records(left)
    return Rewritten(encoded, RecordIndex.from_update(encoded).encode(), len(erasing))


def _is_meant(struct: RecordStruct, names: Collection[Name]) -> bool:
    value = struct.value
    if is_erased(value):
        return False
    is_edit = value.get("type") == EDIT and (struct.root, value.get("message")) in names
    return is_edit or (struct.root, struct.key) in names


def _without_content(struct: RecordStruct) -> RecordStruct:
    return struct._replace(value=erased(struct.value))


def _has_any(index: RecordIndex, names: Collection[Name]) -> bool:
    """Whether one of the records, or an edit of one, still has its content."""
    if any((facts := index.records.get(name)) is not None and facts.type != REDACTED for name in names):
        return True
    return any(facts.type == EDIT and (root, facts.message) in names for (root, _), facts in index.records.items())


async def _read(store: Store, document: Document) -> list[bytes]:
    """The document up to what is committed, as its snapshot and the updates behind it. Raises `StoreError`."""
    row = await store.read_document(document.key)
    if row is None or row.head != document.committed:
        raise StoreCorrupt(f"the log of {document.key.name} does not end at {document.committed}")
    snapshot = await store.read_snapshot(row.number)
    return [payload async for piece in read_updates(store, row, snapshot) for payload in piece]
