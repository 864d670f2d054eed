"""What the server says, taken into the replica: the other half of `replica.py`.

On the device's way back: `transport → connection → session → RECEPTION → store`. Each step is one transaction, one at
a time with the program's own edits. Invariants, besides the replica's:

1. A sequence number is taken in once; the cursor moves in the transaction that stores what it stands for.
2. An own edit leaves the outbox in the transaction that stores it as admitted: it is never in neither, and shown once.
3. A refused edit leaves the confirmed content untouched, so digests of confirmed content never see it.
4. When the history is another one, nothing of the old one remains but own records, to be offered again under their ids.
5. When the right to a document has ended, nothing of it remains but own edits that were not accepted, as refused.
"""

from collections.abc import Sequence

from syncline_protocol.clock import at_ms
from syncline_protocol.frames import Welcome
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX

from syncline_client.changes import Change, ChangeKind
from syncline_client.errors import OtherUser
from syncline_client.page_content import PageContent
from syncline_client.page_reception import PageReception
from syncline_client.record_reception import RecordReception
from syncline_client.replica import Replica, decode_json, encode_json
from syncline_client.sender import InFlight
from syncline_client.store import (
    DropContent,
    Operation,
    PutDocument,
    PutIdentity,
    PutRow,
    RemoveRow,
    Row,
    StoredUpdate,
)


class Reception:
    """See the module's text. Stateless: everything is the replica's."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._records = RecordReception(replica)
        self._pages = PageReception(replica)

    def _by_kind(self, name: str) -> RecordReception | PageReception:
        return self._pages if self._replica.document(name).is_page else self._records

    # --- the session

    async def greet(self, welcome: Welcome) -> None:
        """Take the server's word for who this is, which client id it writes under and what time it is. Raises
        `OtherUser`.
        """
        await self._replica.alone(self._greet(welcome))

    async def _greet(self, welcome: Welcome) -> None:
        replica = self._replica
        known = replica.identity
        if known.user and (known.tenant, known.user) != (welcome.tenant, welcome.user):
            raise OtherUser(
                f"the token is for {welcome.user!r} of {welcome.tenant!r}, but this store belongs to {known.user!r} of"
                f" {known.tenant!r}: give each user a store of their own"
            )
        await replica.commit([PutIdentity(known._replace(tenant=welcome.tenant, user=welcome.user))])
        await replica.keep_role(welcome.role)
        await self._correct(welcome.server_time_ms, frozenset())
        await self._adopt(welcome.client)

    async def leased(self, client: int) -> None:
        """Write under another client id from now on."""
        await self._replica.alone(self._adopt(client))

    async def _adopt(self, client: int) -> None:
        replica = self._replica
        if replica.identity.client == client:
            return
        rows = [document.row()._replace(clock=0) for document in replica.documents.values() if document.clock]
        await replica.commit(
            [PutIdentity(replica.identity._replace(client=client)), *(PutDocument(row) for row in rows)]
        )
        for document in replica.documents.values():
            if isinstance(document.content, PageContent):
                await replica.reload(document)  # a document object of the engine keeps the id it was made with
                replica.watchers.tell(Change(document.name, ChangeKind.RELOADED))

    async def correct_clock(self, server_time_ms: int, row: int) -> None:
        """The server found the record of `row` ahead of its time: stamp it, and whatever else is ahead, anew."""
        await self._replica.alone(self._correct(server_time_ms, frozenset({row})))

    async def _correct(self, server_time_ms: int, rows: frozenset[int]) -> None:
        replica = self._replica
        clock = replica.clock.correct(server_time_ms, replica.now_ms())
        again: list[Row] = []
        for name in replica.outbox.waiting_documents():
            for row in replica.outbox.waiting(name):
                value = decode_json(row.payload) if row.record else {}
                if row.id in rows or at_ms(value.get("at", 0)) > server_time_ms + CLOCK_AHEAD_MS_MAX:
                    clock = clock.tick(replica.now_ms())
                    again.append(row._replace(payload=encode_json({**value, "at": clock.at})))
        operations: list[Operation] = [PutIdentity(replica.with_clock(clock)), *(PutRow(row) for row in again)]
        await replica.commit(operations, durable=bool(again))

    # --- one document

    async def own_clock(self, name: str) -> int:
        """The next clock of this device's client id in the document, if everything waiting was accepted."""
        return await self._replica.alone(self._own_clock(name))

    async def _own_clock(self, name: str) -> int:
        document = await self._replica.load(name)
        if isinstance(document.content, PageContent):
            return document.content.clock(self._replica.identity.client)
        return document.clock + self._replica.outbox.waiting_count(name)

    async def opened(self, name: str, epoch: int) -> None:
        """The document is open; `epoch` is not 0 when its history is another one than the replica's."""
        if epoch:
            await self._replica.alone(self._begin_history(name, epoch))

    async def _begin_history(self, name: str, epoch: int) -> None:
        document = await self._replica.load(name)
        if document.epoch == 0:
            await self._replica.commit([PutDocument(document.row()._replace(epoch=epoch, cursor=0, clock=0))])
        else:
            await self._by_kind(name).begin_history(document, epoch)

    async def receive(self, name: str, seq: int, payloads: Sequence[bytes]) -> bool:
        """Take in updates from sequence number `seq` on; returns whether they show that another copy of this device's
        store writes under its client id while own edits wait. Raises `ContentBroken`, `StoreError`.
        """
        return await self._replica.alone(self._receive(name, seq, payloads))

    async def _receive(self, name: str, seq: int, payloads: Sequence[bytes]) -> bool:
        document = await self._replica.load(name)
        numbered = (StoredUpdate(seq + place, payload) for place, payload in enumerate(payloads))
        updates = [one for one in numbered if not document.cursor.has(one.seq)]
        return bool(updates) and await self._by_kind(name).receive(document, updates)

    async def receive_snapshot(self, name: str, seq: int, payload: bytes) -> None:
        """Take in everything up to `seq` at once. Raises `ContentBroken`, `StoreError`."""
        await self._replica.alone(self._receive_snapshot(name, seq, payload))

    async def _receive_snapshot(self, name: str, seq: int, payload: bytes) -> None:
        document = await self._replica.load(name)
        if seq > document.cursor.position:
            await self._by_kind(name).receive_snapshot(document, seq, payload)

    async def acknowledge(self, name: str, answers: Sequence[tuple[InFlight, int]]) -> None:
        """Own updates are durable at their sequence numbers (0: at one that is or will be known otherwise)."""
        await self._replica.alone(self._acknowledge(name, answers))

    async def _acknowledge(self, name: str, answers: Sequence[tuple[InFlight, int]]) -> None:
        document = await self._replica.load(name)
        if document.epoch:
            await self._by_kind(name).acknowledge(document, answers)
        else:  # forgotten since: it is durable, and no longer this device's to have
            await self._replica.commit([RemoveRow(sent.row) for sent, _ in answers])

    async def refuse(self, name: str, row: int, code: str, reason: str) -> None:
        """An edit was refused for good: keep it with the reason, out of the document."""
        await self._replica.alone(self._refuse(name, row, code, reason))

    async def _refuse(self, name: str, row: int, code: str, reason: str) -> None:
        waiting = self._replica.outbox.get(row)
        if waiting is not None and not waiting.code:
            document = await self._replica.load(name)
            await self._by_kind(name).refuse(document, waiting, code, reason)

    async def refuse_all(self, name: str, code: str, reason: str) -> None:
        """No waiting edit of the document will ever be taken."""
        for row in self._replica.outbox.waiting(name):
            await self.refuse(name, row.id, code, reason)

    async def forget(self, names: Sequence[str]) -> None:
        """This device may not have these documents any longer: drop what was received, down to the last byte."""
        if names:
            await self._replica.alone(self._forget(names))

    async def _forget(self, names: Sequence[str]) -> None:
        replica = self._replica
        documents = [document for document in map(replica.document, names) if document.epoch]
        dropped = [DropContent(document.name) for document in documents]
        rows = [PutDocument(document.row()._replace(epoch=0, cursor=0, clock=0)) for document in documents]
        if documents:
            await replica.commit([*dropped, *rows], durable=True)  # at once: each wipe is one of the whole store
        for document in documents:
            await replica.reload(document)
            replica.watchers.tell(Change(document.name, ChangeKind.RELOADED))

    async def reset(self, name: str) -> None:
        """Drop what was received of the document, to load it anew. The outbox stays."""
        await self._replica.alone(self._reset(name))

    async def _reset(self, name: str) -> None:
        await self._replica.drop(self._replica.document(name))
        self._replica.watchers.tell(Change(name, ChangeKind.RELOADED))
