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

from syncline_client.errors import ContentBroken, EditNotAllowed

ROOT_TYPES: Final[Mapping[str, type[Any]]] = {
    "map": pycrdt.Map,
    "text": pycrdt.Text,
    "array": pycrdt.Array,
    "xml": pycrdt.XmlFragment,
}
"""By what the content index calls them. An update does not say which type a root is; what lies in it does."""

Document = pycrdt.Doc[Any]


class PageContent:
    """See the module's text. `doc` may be read at any time and is changed only through `edit` and `take…`.

    An admission index goes with it, the same that the server has: it says beforehand what the server would refuse, and
    of what type each root is. It is built when it is first asked for.
    """

    def __init__(self, client: int, updates: Iterable[bytes]) -> None:
        """Build the document from `updates` in their order. `client`: the id to write under, 0 if there is none yet.

        Raises `ContentBroken`.
        """
        self.client = client
        self.doc: Document = pycrdt.Doc(client_id=client or None)
        self._index: ContentIndex | None = None
        with _engine(), self.doc.transaction():
            for update in updates:
                self.doc.apply_update(update)

    def take(self, update: bytes) -> None:
        """Apply an admitted update. Raises `ContentBroken`; then this object is worthless."""
        with _engine():
            self.doc.apply_update(update)
        if self._index is not None:
            try:
                self._index.admit(scan_update(update, trusted=True), owns=_anybody, trusted=True)
            except RefusedUpdate:
                self._index = None  # it was built of a state that has forgotten what the update names: to be built anew

    def edit(self, change: Callable[[Document], None]) -> bytes:
        """Run `change` on the document in one transaction; returns the update it made, empty if none.

        Raises `EditNotAllowed` when the server would refuse it (text cut within a character, say), and what `change`
        raises. Then this object is worthless, because the engine cannot roll back.
        """
        index = self._indexed()
        updates: list[bytes] = []
        subscription = self.doc.observe(lambda event: updates.append(bytes(event.update)))
        try:
            with self.doc.transaction():
                change(self.doc)
        finally:
            self.doc.unobserve(subscription)
        for update in updates:
            self._check(index, update)
        return b"".join(updates)

    def take_local(self, update: bytes) -> bytes:
        """Apply what an editor wrote; returns it, or nothing if it brings nothing new.

        Raises `EditNotAllowed` when it does not continue this state; then nothing was applied.
        """
        if not self._check(self._indexed(), update):
            return b""
        with _engine():
            self.doc.apply_update(update)
        return update

    def clock(self, client: int) -> int:
        """The next clock of a client in this document."""
        return scan_vector(self.doc.get_state()).get(client, 0)

    @property
    def digest(self) -> bytes:
        """See `syncline_protocol.documents.content_digest`. Raises `ContentBroken`."""
        kinds = root_kinds(self._indexed())
        with _engine():
            return content_digest({root: self.doc.get(root, type=ROOT_TYPES[kind]) for root, kind in kinds.items()})

    def encode(self) -> bytes:
        """All of it as one update. Raises `ContentBroken`."""
        with _engine():
            return self.doc.get_update()

    def _indexed(self) -> ContentIndex:
        if self._index is None:
            with _engine():
                self._index = ContentIndex.from_update(self.doc.get_update())
        return self._index

    def _check(self, index: ContentIndex, update: bytes) -> bool:
        try:
            return index.admit(scan_update(update), owns=lambda client: client == self.client)
        except RefusedUpdate as refusal:
            raise EditNotAllowed(
                f"the page does not take this edit ({refusal.code.value}): {refusal.reason}"
            ) from refusal


def own_clock(update: bytes, client: int) -> int:
    """The clock after the last struct of `client` in an admitted update; 0 if there is none. Raises `ContentBroken`."""
    try:
        sections = scan_update(update, trusted=True).sections
    except RefusedUpdate as refusal:
        raise ContentBroken(f"an admitted update cannot be read: {refusal.reason}") from refusal
    return max((section.end for section in sections if section.client == client), default=0)


def _anybody(_: int) -> bool:
    return True


@contextmanager
def _engine() -> Iterator[None]:
    """Turn whatever the engine throws into `ContentBroken`: its panics derive from `BaseException` directly."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ContentBroken(f"the merge engine refused an update: {error}") from error
        raise
