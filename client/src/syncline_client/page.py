"""A page in a program's hands: a free-form Yjs document, or the texts of a ticket, which are one too.

First on the device's way: `HANDLE → replica → outbox → …`. A program edits the document in place (`edit`), or lets an
editor with a document of its own write under this device's client id (`record_local`).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pycrdt

from syncline_client.changes import Changes
from syncline_client.connection import Connection
from syncline_client.page_content import Document, PageContent
from syncline_client.presence import Attendant, PresenceBoard
from syncline_client.replica import Replica


class Page:
    """See the module's text. Made by `Device.page`."""

    def __init__(self, name: str, replica: Replica, connection: Connection, presence: PresenceBoard) -> None:
        self.name = name
        self._replica = replica
        self._connection = connection
        self._presence = presence

    @property
    def document(self) -> Document:
        """The live document, for reading. It is another object after a change of kind `RELOADED`."""
        content = self._replica.use(self.name).content
        assert isinstance(content, PageContent), "a page that is followed is loaded"
        return content.doc

    @property
    def client(self) -> int:
        """The client id that an editor has to write under, 0 before the first connection. It may change with a
        `RELOADED`.
        """
        return self._replica.identity.client

    @property
    def refusal(self) -> str:
        """Why the server does not let this device have the page; empty if it does, or has not been asked."""
        return self._connection.reason_of(self.name)

    def text(self, root: str) -> str:
        """The text under a root; empty if there is none."""
        return str(self.document.get(root, type=pycrdt.Text))

    def state(self) -> bytes:
        """The whole page as one update: what an editor starts from."""
        return self.document.get_update()

    async def edit(self, change: Callable[[Document], None]) -> None:
        """Run `change` on the document in one transaction, and store what it did.

        Raises `NeverConnected`, `StoreError`, and what `change` raises; then the page is as it was.
        """
        await self._replica.edit_page(self.name, change)

    async def record_local(self, update: bytes) -> None:
        """Store an update that an editor made under `client`, on this page's state.

        Raises `EditNotAllowed` when it does not continue that state, `NeverConnected`, `StoreError`.
        """
        await self._replica.record_local(self.name, update)

    def changes(self) -> Changes:
        """Iterates over the page's changes from now on, until closed."""
        return self._replica.watchers.watch(self.name)

    async def show(self, state: Mapping[str, Any] | None) -> None:
        """Show others what one is doing here, e.g. `{"cursor": 17}`; None: nothing any more."""
        self._presence.set(self.name, state)
        self._connection.touch(self.name)

    def attendants(self) -> list[Attendant]:
        """Who shows something of themselves here."""
        return self._presence.others(self.name, time.monotonic())
