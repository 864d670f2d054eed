"""A page on the device: a live Yjs document with what the server confirmed and, on top, what this device wrote.

Part of the replica. The engine (pycrdt) is only fed admitted updates, in the order of the log, and own ones. Whenever
it fails, the document object is thrown away and built again from the store: a failed apply may have been done in part,
and a panic of the engine is no `Exception`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pycrdt
from syncline_protocol.documents.content_digest import content_digest
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.update import ContentIndex, root_kinds, scan_update, scan_vector

from syncline_client.record_content import ContentBroken

NO_NEW_STRUCTS: Final = b"\x00"
"""How an update begins that brings no struct."""

ROOT_TYPES: Final[Mapping[str, type[Any]]] = {
    "map": pycrdt.Map,
    "text": pycrdt.Text,
    "array": pycrdt.Array,
    "xml": pycrdt.XmlFragment,
}
"""By what the content index calls them. An update does not say which type a root is; what lies in it does."""

Document = pycrdt.Doc[Any]


class PageContent:
    """See the module's text. `doc` may be read at any time and is changed only through `edit` and `take…`."""

    def __init__(self, client: int, updates: Iterable[bytes]) -> None:
        """Build the document from `updates` in their order. `client`: the id to write under, 0 if there is none yet.

        Raises `ContentBroken`.
        """
        self.doc: Document = pycrdt.Doc(client_id=client or None)
        with _engine(), self.doc.transaction():
            for update in updates:
                self.doc.apply_update(update)

    def take(self, update: bytes) -> None:
        """Apply an admitted update. Raises `ContentBroken`; then this object is worthless."""
        with _engine():
            self.doc.apply_update(update)

    def edit(self, change: Callable[[Document], None]) -> bytes:
        """Run `change` on the document in one transaction; returns the update it made, empty if none.

        What `change` raises is passed on; then this object is worthless, because the engine cannot roll back.
        """
        updates: list[bytes] = []
        subscription = self.doc.observe(lambda event: updates.append(bytes(event.update)))
        try:
            with self.doc.transaction():
                change(self.doc)
        finally:
            self.doc.unobserve(subscription)
        return b"".join(updates)

    def take_local(self, update: bytes, client: int) -> bool:
        """Apply what an editor wrote under `client`; whether it brought anything new.

        Raises `ValueError` when it does not continue this state (nothing was applied, or this object is worthless).
        """
        try:
            sections = scan_update(update).sections
        except RefusedUpdate as refusal:
            raise ValueError(f"not an update: {refusal.reason}") from refusal
        for section in sections:
            if section.client != client:
                raise ValueError(
                    f"the update is written under client id {section.client}, not under this device's {client}"
                )
            if section.clock > self.clock(client):
                raise ValueError("the update skips some of this device's: load the page into the editor again")
        events: list[None] = []  # the engine tells nobody of an update that brings nothing
        subscription = self.doc.observe(lambda _: events.append(None))
        try:
            with _engine():
                self.doc.apply_update(update)
                missing = pycrdt.get_update(update, self.doc.get_state())
        finally:
            self.doc.unobserve(subscription)
        if not missing.startswith(NO_NEW_STRUCTS):
            raise ValueError("the update refers to what this page does not have: load the page into the editor again")
        return bool(events)

    def clock(self, client: int) -> int:
        """The next clock of a client in this document."""
        return scan_vector(self.doc.get_state()).get(client, 0)

    @property
    def digest(self) -> bytes:
        """See `syncline_protocol.documents.content_digest`."""
        with _engine():
            kinds = root_kinds(ContentIndex.from_update(self.doc.get_update()))
            return content_digest({root: self.doc.get(root, type=ROOT_TYPES[kind]) for root, kind in kinds.items()})

    def encode(self) -> bytes:
        """All of it as one update."""
        with _engine():
            return self.doc.get_update()


def own_clock(update: bytes, client: int) -> int:
    """The clock after the last struct of `client` in an admitted update; 0 if there is none. Raises `ContentBroken`."""
    try:
        sections = scan_update(update, trusted=True).sections
    except RefusedUpdate as refusal:
        raise ContentBroken(f"an admitted update cannot be read: {refusal.reason}") from refusal
    return max((section.end for section in sections if section.client == client), default=0)


@contextmanager
def _engine() -> Iterator[None]:
    """Turn whatever the engine throws into `ContentBroken`: its panics derive from `BaseException` directly."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ContentBroken(f"the merge engine refused an update: {error}") from error
        raise
