"""What the server says of record documents, taken into the replica. Part of `reception.py`, whose invariants hold."""

from collections.abc import Iterable, Sequence
from typing import Final

from syncline_protocol.documents.erasure import is_erased
from syncline_protocol.update import RecordStruct

from syncline_client.changes import Change, ChangeKind
from syncline_client.local_document import LocalDocument
from syncline_client.record_content import RecordContent, scan
from syncline_client.replica import Replica, decode_json, encode_json, logger
from syncline_client.sender import InFlight
from syncline_client.store import (
    AppendUpdates,
    DropContent,
    EraseRow,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    ReplaceState,
    Row,
    StoredUpdate,
)

TAIL_MAX: Final = 256
"""Updates stored behind the compacted state of a document before they are compacted in turn."""


class RecordReception:
    """Each method is one change; the caller sees to it that no other runs, and that the document is loaded."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def begin_history(self, document: LocalDocument, epoch: int) -> None:
        """Set aside what is of another history; offer again what this device wrote and is not erased, before what is
        waiting.
        """
        replica = self._replica
        waiting = replica.outbox.waiting(document.name)
        first = replica.outbox.next_id()
        offered = [*self._own_records(document), *waiting]
        rows = [row._replace(id=first + place) for place, row in enumerate(offered)]
        operations: list[Operation] = [
            DropContent(document.name),
            PutDocument(document.row()._replace(epoch=epoch, cursor=0, clock=0)),
            *(RemoveRow(row.id) for row in waiting),
            *(PutRow(row) for row in rows),
        ]
        await replica.commit(operations, durable=True)
        await replica.reload(document)
        logger.warning("the history of %s was replaced; offering %d own records again", document.name, len(rows))
        self._tell(document, ChangeKind.RELOADED)

    def _own_records(self, document: LocalDocument) -> list[Row]:
        me = (self._replica.identity.user, self._replica.identity.device)
        own = [
            one
            for one in _content(document).structs()
            if (one.value.get("by"), one.value.get("device")) == me and not is_erased(one.value)
        ]
        own.sort(key=lambda one: (one.value.get("at", 0), one.key))
        now_ms = self._replica.now_ms()
        return [Row(0, document.name, one.root, one.key, encode_json(one.value), now_ms) for one in own]

    async def receive(self, document: LocalDocument, updates: Sequence[StoredUpdate]) -> bool:
        """Take in new updates. Never forked: records are told apart by their ids, not by their clocks."""
        structs = [struct for update in updates for struct in scan(update.payload)]
        clock = self._own_clock(structs)
        operations: list[Operation] = [
            AppendUpdates(document.name, updates),
            PutDocument(document.row_with(updates, clock=clock)),
        ]
        await self._replica.commit([*operations, *self._settled_by(document, structs)])
        await self._take(document, structs, ChangeKind.RECEIVED)
        return False

    async def receive_snapshot(self, document: LocalDocument, seq: int, payload: bytes) -> None:
        """Replace the content: what a snapshot no longer has was erased."""
        structs = scan(payload)
        row = document.row()._replace(cursor=seq, clock=max(document.clock, self._own_clock(structs)))
        operations = [ReplaceState(document.name, payload, seq), PutDocument(row), *self._settled_by(document, structs)]
        await self._replica.commit(operations)
        await self._replica.reload(document)
        self._tell(document, ChangeKind.RELOADED)

    async def acknowledge(self, document: LocalDocument, answers: Sequence[tuple[InFlight, int]]) -> None:
        """Move own records from the outbox to the admitted ones."""
        content = _content(document)
        structs: list[RecordStruct] = []
        updates: list[StoredUpdate] = []
        for sent, seq in answers:
            brought = scan(sent.payload)
            known = document.cursor.has(seq) if seq else all(content.has(one.root, one.key) for one in brought)
            if not known:
                updates.append(StoredUpdate(seq, sent.payload))
                structs += brought
        rows = [RemoveRow(sent.row) for sent, _ in answers]
        client = self._replica.identity.client
        clock = max((sent.clock + 1 for sent, _ in answers if sent.client == client), default=0)
        operations: list[Operation] = [
            AppendUpdates(document.name, updates),
            PutDocument(document.row_with(updates, clock=clock)),
            *rows,
        ]
        ids = [row.record for sent, _ in answers if (row := self._replica.outbox.get(sent.row)) is not None]
        await self._replica.commit([*operations, *self._settled_by(document, structs)])
        await self._take(document, structs, ChangeKind.ACCEPTED, records=ids)

    async def refuse(self, document: LocalDocument, row: Row, code: str, reason: str) -> None:
        """Keep the record as refused, unless it is admitted all the same (sent twice by way of two connections)."""
        if _content(document).has(row.root, row.record):
            await self._replica.commit([RemoveRow(row.id)])
            self._tell(document, ChangeKind.ACCEPTED, [row.record])
        else:
            await self._replica.commit([PutRow(row._replace(code=code, reason=reason))], durable=True)
            self._tell(document, ChangeKind.REFUSED, [row.record])

    def _own_clock(self, structs: Iterable[RecordStruct]) -> int:
        client = self._replica.identity.client
        return max((one.clock + 1 for one in structs if one.client == client), default=0)

    def _settled_by(self, document: LocalDocument, structs: Sequence[RecordStruct]) -> list[Operation]:
        """What else changes when these records are admitted: own ones leave the outbox, and so does what is about an
        erased one (it says the same again, and nobody would take it); the hybrid clock moves on.
        """
        replica = self._replica
        keys = {struct.key for struct in structs}
        gone = {struct.key for struct in structs if is_erased(struct.value)}
        operations: list[Operation] = []
        for row in replica.outbox.of(document.name):
            if gone and row.record and not gone.isdisjoint((row.record, decode_json(row.payload).get("message"))):
                operations.append(EraseRow(row.id))
            elif row.record in keys:
                operations.append(RemoveRow(row.id))
        latest = max((at for one in structs if isinstance(at := one.value.get("at"), int)), default=0)
        if latest > replica.identity.seen:
            operations.append(PutIdentity(replica.with_clock(replica.clock.observe(latest))))
        return operations

    async def _take(
        self,
        document: LocalDocument,
        structs: Sequence[RecordStruct],
        kind: ChangeKind,
        *,
        records: Iterable[str] = (),
    ) -> None:
        new = _content(document).take(structs)
        if document.tail > TAIL_MAX and not document.cursor.ahead:
            await self._replica.commit(
                [ReplaceState(document.name, _content(document).encode(), document.cursor.position)]
            )
        ids = dict.fromkeys((*records, *(one.key for one in new)))
        if ids:
            self._tell(document, kind, ids)

    def _tell(self, document: LocalDocument, kind: ChangeKind, records: Iterable[str] = ()) -> None:
        self._replica.watchers.tell(Change(document.name, kind, tuple(records)))


def _content(document: LocalDocument) -> RecordContent:
    content = document.content
    assert isinstance(content, RecordContent), "a record document is loaded"
    return content
