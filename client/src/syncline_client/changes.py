"""What changed, for whoever watches a document: values, and an asynchronous iterator that a slow watcher cannot make
grow.

Beside the replica: `store → replica → CHANGES → handle → program`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Final, NamedTuple, Self

CHANGES_WAITING_MAX: Final = 1_000
"""Changes kept for one watcher; beyond, they become one `RELOADED`: look at the whole document again."""


class ChangeKind(StrEnum):
    """What happened to a document."""

    RECEIVED = "received"
    """The server sent updates, by others or by this device earlier."""

    WRITTEN = "written"
    """This device wrote, and has stored it; the server has not accepted it yet."""

    ACCEPTED = "accepted"
    """What this device wrote is durable at the server."""

    REFUSED = "refused"
    """What this device wrote was refused: it is in the outbox with the reason, and no longer in the document."""

    RELOADED = "reloaded"
    """The content was replaced, or too much happened at once: look at all of it."""

    PRESENCE = "presence"
    """Who is there, or what they are doing, has changed."""

    CLOSED = "closed"
    """The server does not let this device have the document (any longer)."""


class Change(NamedTuple):
    """One change of one document. `records` are the ids of the records concerned, empty for pages and for whole
    documents.
    """

    document: str
    kind: ChangeKind
    records: tuple[str, ...] = ()


class Changes:
    """Iterates over changes as they happen, from its creation until `close`: `async for change in changes`.

    As a context manager it closes itself. `uses`: whether whoever iterates needs the documents to be followed.
    """

    def __init__(self, on_close: Callable[["Changes"], None], *, uses: bool = True) -> None:
        self.uses = uses
        self._on_close = on_close
        self._waiting: deque[Change] = deque()
        self._wake = asyncio.Event()
        self.is_closed = False

    def put(self, change: Change) -> None:
        """Add a change. Never waits; see `CHANGES_WAITING_MAX`."""
        if len(self._waiting) >= CHANGES_WAITING_MAX:
            documents = dict.fromkeys(one.document for one in [*self._waiting, change])
            self._waiting = deque(Change(document, ChangeKind.RELOADED) for document in documents)
        else:
            self._waiting.append(change)
        self._wake.set()

    def close(self) -> None:
        """End the iteration, after what is waiting."""
        if not self.is_closed:
            self.is_closed = True
            self._wake.set()
            self._on_close(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while not self._waiting:
            if self.is_closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Watchers:
    """Everybody who watches something; `tell` passes a change to those whom it concerns."""

    def __init__(self) -> None:
        self._by_document: dict[str, list[Changes]] = {}

    def watch(self, *documents: str, uses: bool = True) -> Changes:
        """A new iterator over the changes of `documents`. `uses`: see `Changes`."""
        changes = Changes(self._forget, uses=uses)
        for document in documents:
            self._by_document.setdefault(document, []).append(changes)
        return changes

    def watch_also(self, changes: Changes, document: str) -> None:
        """Let an iterator follow one more document."""
        watching = self._by_document.setdefault(document, [])
        if changes not in watching:
            watching.append(changes)

    def is_used(self, document: str) -> bool:
        """Whether anybody watches the document who needs it to be followed."""
        return any(changes.uses for changes in self._by_document.get(document, ()))

    def tell(self, change: Change) -> None:
        """Pass `change` to everybody who watches its document."""
        for changes in self._by_document.get(change.document, ()):
            changes.put(change)

    def close(self) -> None:
        """End all iterations."""
        for changes in {id(one): one for watching in self._by_document.values() for one in watching}.values():
            changes.close()

    def _forget(self, changes: Changes) -> None:
        for document, watching in list(self._by_document.items()):
            if changes in watching:
                watching.remove(changes)
            if not watching:
                del self._by_document[document]
