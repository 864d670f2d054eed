"""What the server says of pages, taken into the replica. Part of `reception.py`, whose invariants hold.

A page's edits build on each other: when one is refused, those behind it cannot be told apart from it. All of them are
then kept as refused, and the page is built again from what the server confirmed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from syncline_client.changes import Change, ChangeKind
from syncline_client.local_document import LocalDocument
from syncline_client.page_content import PageContent, own_clock
from syncline_client.replica import Replica, logger
from syncline_client.sender import InFlight
from syncline_client.store import (
    AppendUpdates,
    DropContent,
    Operation,
    PutDocument,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    StoredUpdate,
)

TAIL_MAX: Final = 1_024
"""Updates stored behind the compacted state of a page before they are compacted in turn: keystrokes are small."""

REPLACED: Final = "replaced"
DEPENDENT: Final = "dependent"
FORKED: Final = "forked"

WHY_REPLACED: Final = "the page was replaced by another one at the server while this edit was waiting"
WHY_DEPENDENT: Final = "it builds on an edit that was refused"
WHY_FORKED: Final = (
    "another copy of this device's store wrote under the same client id, so this edit has no place any more"
)


class PageReception:
    """Each method is one change; the caller sees to it that no other runs, and that the document is loaded."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def begin_history(self, document: LocalDocument, epoch: int) -> None:
        """Set aside what is of another history; edits that were waiting are kept as refused."""
        replica = self._replica
        rows = [row._replace(code=REPLACED, reason=WHY_REPLACED) for row in replica.outbox.waiting(document.name)]
        operations: list[Operation] = [
            DropContent(document.name),
            PutDocument(document.row()._replace(epoch=epoch, cursor=0, clock=0)),
            *(PutRow(row) for row in rows),
        ]
        await replica.commit(operations, durable=True)
        logger.warning("the history of %s was replaced; %d edits are kept as refused", document.name, len(rows))
        await self._reload(document)

    async def receive(self, document: LocalDocument, updates: Sequence[StoredUpdate]) -> bool:
        """Take in new updates; returns whether they prove a fork. Own updates that come back are recognised by their
        bytes.
        """
        replica = self._replica
        client = replica.identity.client
        waiting = {row.payload: row for row in replica.outbox.waiting(document.name)}
        own = [waiting.pop(one.payload) for one in updates if one.payload in waiting]
        confirmed = {row.payload for row in own}
        foreign = max((own_clock(one.payload, client) for one in updates if one.payload not in confirmed), default=0)
        forked = bool(waiting) and foreign > document.clock
        clock = max([foreign, *(own_clock(payload, client) for payload in confirmed)])
        operations: list[Operation] = [
            AppendUpdates(document.name, updates),
            PutDocument(document.row_with(updates, clock=clock)),
            *(RemoveRow(row.id) for row in own),
            *(PutRow(row._replace(code=FORKED, reason=WHY_FORKED)) for row in waiting.values() if forked),
        ]
        await replica.commit(operations, durable=forked)
        if forked:
            await self._reload(document)
        else:
            _take(document, (one.payload for one in updates if one.payload not in confirmed))
            await self._compact(document)
            self._tell(document, ChangeKind.RECEIVED)
        return forked

    async def receive_snapshot(self, document: LocalDocument, seq: int, payload: bytes) -> None:
        """Merge everything up to `seq`; what was erased in it is erased here by its delete set."""
        clock = max(document.clock, own_clock(payload, self._replica.identity.client))
        row = document.row()._replace(cursor=seq, clock=clock)
        await self._replica.commit([ReplaceState(document.name, payload, seq), PutDocument(row)])
        _take(document, [payload])
        self._tell(document, ChangeKind.RELOADED)

    async def acknowledge(self, document: LocalDocument, answers: Sequence[tuple[InFlight, int]]) -> None:
        """Move own updates from the outbox to the admitted ones."""
        replica = self._replica
        rows = {sent.row: replica.outbox.get(sent.row) for sent, _ in answers}
        updates = [
            StoredUpdate(seq, sent.payload)
            for sent, seq in answers
            if (not document.cursor.has(seq) if seq else rows[sent.row] is not None)
        ]
        clock = max((own_clock(sent.payload, replica.identity.client) for sent, _ in answers), default=0)
        operations: list[Operation] = [
            AppendUpdates(document.name, updates),
            PutDocument(document.row_with(updates, clock=clock)),
            *(RemoveRow(row) for row in rows),
        ]
        await replica.commit(operations)
        # Given up here, behind a refused one, and taken by the server all the same: an update that only deletes.
        _take(document, (sent.payload for sent, _ in answers if (row := rows[sent.row]) is None or row.code))
        await self._compact(document)
        self._tell(document, ChangeKind.ACCEPTED)

    async def refuse(self, document: LocalDocument, row: Row, code: str, reason: str) -> None:
        """Keep the edit and those that build on it as refused, and show the page without them."""
        replica = self._replica
        behind = replica.outbox.waiting_after(document.name, row.id)
        operations = [
            PutRow(row._replace(code=code, reason=reason)),
            *(PutRow(one._replace(code=DEPENDENT, reason=f"{WHY_DEPENDENT}: {reason}")) for one in behind),
        ]
        await replica.commit(operations, durable=True)
        await self._reload(document)
        self._tell(document, ChangeKind.REFUSED)

    async def _reload(self, document: LocalDocument) -> None:
        await self._replica.reload(document)
        self._tell(document, ChangeKind.RELOADED)

    async def _compact(self, document: LocalDocument) -> None:
        if (
            document.tail > TAIL_MAX
            and not document.cursor.ahead
            and not self._replica.outbox.is_waiting(document.name)
        ):
            state = _content(document).encode()
            await self._replica.commit([ReplaceState(document.name, state, document.cursor.position)])

    def _tell(self, document: LocalDocument, kind: ChangeKind) -> None:
        self._replica.watchers.tell(Change(document.name, kind))


def _content(document: LocalDocument) -> PageContent:
    content = document.content
    assert isinstance(content, PageContent), "a page is loaded"
    return content


def _take(document: LocalDocument, payloads: Iterable[bytes]) -> None:
    content = _content(document)
    for payload in payloads:
        content.take(payload)
