"""Documents that get another history: after a restored backup, or because something was erased.

Beside the data's way. A history is what an epoch names; sequence numbers of two of them cannot be compared. Whoever has
the document open is evicted, opens it again, and loads the new history. Promises:

1. Nothing is admitted between the reading of the old history and the new one's being in place.
2. Memory follows the store, and everybody who keeps something of the document is told.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import structlog
from syncline_protocol.errors import RefusalCode

from syncline_server import admission
from syncline_server.document import Document, unavailable
from syncline_server.storage.interface import Snapshot, StoreError

if TYPE_CHECKING:
    from syncline_server.hub import Hub

EPOCH_BITS: Final = 48


def new_epoch() -> int:
    """The name of a new history: random, and not 0."""
    return secrets.randbits(EPOCH_BITS) | 1


class Histories:
    """See the module's text."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._logger = structlog.get_logger()

    async def renew_epoch(self, document: Document) -> None:
        """A device knows more of the document than the store: the store is older. Give it a new history."""
        epoch = new_epoch()
        self._logger.warning("document.epoch_renewed", document=document.key.name, tenant=document.key.tenant)
        try:
            await self._hub.store.renew_epoch(document.number, epoch)
        except StoreError as error:
            raise unavailable(error) from error
        document.epoch = epoch
        _evict_all(document)

    async def replace(self, document: Document, rewrite: Callable[[], Awaitable[Snapshot | None]]) -> None:
        """Put what `rewrite` makes of the document, once all of it is durable, in the place of its history, under
        another epoch. With None everything stays as it is.

        Whoever writes meanwhile waits for the index of the new history. `rewrite` must not: it reads the store. Carried
        to its end even if the caller is cancelled. Raises `RefusedUpdate` (unavailable), and what `rewrite` raises.
        """
        await asyncio.shield(asyncio.ensure_future(self._replace(document, rewrite)))

    async def _replace(self, document: Document, rewrite: Callable[[], Awaitable[Snapshot | None]]) -> None:
        document.pins += 1
        replaced = asyncio.get_running_loop().create_future()
        try:
            async with document.rewriting:
                while (indexing := self._hub.indexing.get(document.key)) is not None:
                    await asyncio.wait([indexing])
                self._hub.indexing[document.key] = replaced
                document.admission = None
                await document.settled()
                snapshot = await rewrite()
                if snapshot is not None:
                    epoch = new_epoch()
                    await self._hub.store.replace_history(document.number, epoch, snapshot)
                    self._begin(document, epoch, snapshot)
        except StoreError as error:
            raise unavailable(error) from error
        finally:
            if self._hub.indexing.get(document.key) is replaced:
                del self._hub.indexing[document.key]
            replaced.set_result(None)
            self._hub.unpin(document)

    def _begin(self, document: Document, epoch: int, snapshot: Snapshot) -> None:
        """Let memory follow the store: whoever has the document open has something else open."""
        self._logger.info("document.history_replaced", document=document.key.name, tenant=document.key.tenant)
        document.epoch, document.floor = epoch, snapshot.seq
        document.tail_updates = document.tail_bytes = document.compact_after = 0
        document.snapshot_bytes = len(snapshot.payload)
        document.admission = admission.restore(document.name, snapshot.index)
        self._hub.cursors = {key: cursor for key, cursor in self._hub.cursors.items() if key[0] != document.number}
        self._hub.states.replaced(document)
        self._hub.projections.replaced(document.key, document.number, epoch)
        _evict_all(document)


def _evict_all(document: Document) -> None:
    for subscription in list(document.subscriptions.values()):
        subscription.session.evict(
            subscription, RefusalCode.UNAVAILABLE, "the document's history was replaced: open it again"
        )
