"""The projections of one server: fed by the log, asked by REST and by the server's own actor.

Beside the data's way: `log → document → PROJECTIONS`; nothing on it waits for them. Being built: the signatures stand.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from syncline_protocol.documents.identity import Identity

from syncline_server.projections.model import (
    Dirty,
    InboxChanges,
    InboxPage,
    Projected,
    SearchPage,
    Seen,
    View,
)
from syncline_server.storage.interface import DocumentKey, Store


class Projections:
    """See the module's text. An async context manager; `DATA/projections.db` is made when it is not there."""

    def __init__(
        self, directory: Path, store: Store, *, on_projected: Callable[[Projected], None] = lambda _: None
    ) -> None:
        self.on_projected = on_projected
        self.behind = 0
        """Documents that are still to be caught up with since the start; 0: answers are complete."""
        self.failure: str | None = None
        """Why the projections stand still, or None. They try again by themselves."""

    async def __aenter__(self) -> Self: ...  # type: ignore[empty-body]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    # --- told

    def committed(self, key: DocumentKey, number: int, epoch: int, updates: Sequence[tuple[int, bytes]]) -> None:
        """Updates (seq, payload) of a document are durable. Cheap: they are noted, and projected later."""

    def replaced(self, key: DocumentKey, number: int, epoch: int) -> None:
        """A document's history was replaced: what came of the old one goes."""

    async def caught_up(self, *, timeout_s: float = 5.0) -> bool:  # type: ignore[empty-body]
        """Wait until what was committed before is projected; False when that is not so in time, or cannot be."""

    async def purged(self) -> None:
        """Wait until what was erased so far is out of the database's file, its search index too."""

    # --- asked; raise `InvalidQuery`, or `StoreError` when the database cannot be read

    async def inbox(  # type: ignore[empty-body]  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        *,
        view: View = View.ALL,
        group: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> InboxPage:
        """A window of the inbox of `identity`, the most recent first. `status`: a ticket's, or `open`."""

    async def inbox_changes(  # type: ignore[empty-body]  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        *,
        since: str,
        view: View = View.ALL,
        group: str | None = None,
        status: str | None = None,
        limit: int = 50,
    ) -> InboxChanges:
        """What changed in that inbox since the position `since`."""

    async def wait_for_change(self, tenant: str, since: str, timeout_s: float) -> bool:  # type: ignore[empty-body]
        """Wait until something of the tenant has changed since that position; False when nothing has."""

    async def seen_by(self, tenant: str, conversation: str) -> list[Seen]:  # type: ignore[empty-body]
        """How far everybody has read the conversation, by user."""

    async def search(  # type: ignore[empty-body]  # noqa: PLR0913 - what may be asked for
        self,
        identity: Identity,
        q: str,
        *,
        limit: int = 20,
        cursor: str | None = None,
        kind: str | None = None,
        conversation: str | None = None,
    ) -> SearchPage:
        """Messages and tickets (`kind`: only one of them) that hold all of `q` and that `identity` may read."""

    # --- for the server's own actor

    async def dirty(self, *, limit: int = 500) -> list[Dirty]:  # type: ignore[empty-body]
        """What has changed and was not looked at since, the oldest change first."""

    async def clean(self, looked_at: Sequence[Dirty]) -> None:
        """These were looked at; what changed again meanwhile stays dirty."""
