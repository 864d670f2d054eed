"""Making the projections anew while no server runs, to what the log says and nothing else.

The new database is filled beside the old one and then takes its place: an attempt that is broken off leaves the old one
as it was. Everything counts as changed in the new one (`dirt.py`), so a server that starts on it looks at all tickets
again; what it finds answered it leaves alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from syncline_server.projections.database import NAME, Database
from syncline_server.projections.projections import Projections
from syncline_server.storage.interface import Store, StoreUnavailable

NEW: Final = "projections.new.db"
"""The database while it is being filled."""

STEP_S: Final = 0.2
"""Between two reports of progress."""

PAGE_DOCUMENTS: Final = 5_000
"""Documents counted at once."""

Progress = Callable[[str, int, int], None]
"""Told the part of the work (`compare`, `rebuild`), how many documents are done, and of how many."""


class Rebuilt(NamedTuple):
    """`before`: the digest of what was there, caught up with the log; None if there was nothing."""

    before: bytes | None
    after: bytes
    documents: int


async def rebuild(directory: Path, store: Store, *, on_progress: Progress) -> Rebuilt:
    """Make `projections.db` in `directory` anew. Raises `StoreError`."""
    last = await _last_document(store)
    before = None
    if (directory / NAME).exists():
        before = await _digest(directory, store, NAME, lambda done: on_progress("compare", done, last))
    Database(directory / NEW).delete()
    after = await _digest(directory, store, NEW, lambda done: on_progress("rebuild", done, last))
    Database(directory / NAME).delete()
    (directory / NEW).replace(directory / NAME)
    return Rebuilt(before, after, last)


async def _digest(directory: Path, store: Store, file: str, on_step: Callable[[int], None]) -> bytes:
    """The digest of the projections in `file` when they have caught up."""
    async with Projections(directory, store, file=file) as projections:
        while not await projections.complete(timeout_s=STEP_S):
            on_step(projections.compared)
            if projections.failure is not None:
                raise StoreUnavailable(f"the projections cannot be made: {projections.failure}")
        on_step(projections.compared)
        return await projections.digest()


async def _last_document(store: Store) -> int:
    """The number of the store's last document."""
    last = 0
    while documents := await store.read_all_documents(last, limit=PAGE_DOCUMENTS):
        last = documents[-1].number
    return last
