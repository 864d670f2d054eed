"""Conversations as the server writes them: their head documents, and who takes part.

Beside the data's way. Head documents (`conversation/<id>`) are written by the server alone, by request of the REST
interface, through the same admission and log as everybody's updates. Participants decide what a customer may open.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import uuid_utils
from syncline_protocol.documents.conversation import ConversationHead, reduce_conversation
from syncline_protocol.documents.rules import Identity, Role
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import DocumentKind, DocumentName, parse_name
from syncline_protocol.update import scan_records

from syncline_server.actor import SERVER, Actor
from syncline_server.document import Document
from syncline_server.storage.interface import DocumentKey

if TYPE_CHECKING:
    from syncline_server.hub import Hub

NOBODY: Final[frozenset[str]] = frozenset()
HEADS_KEPT: Final = 50_000
"""Heads in memory: at 2 KB each 100 MB at the very most."""
ROOT: Final = "conversation"
READ_BYTES: Final = 1024 * 1024


class Conversations:
    """Creates conversations, changes who takes part, and knows it."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._heads: dict[tuple[str, str], ConversationHead] = {}
        self._creating: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """One creation of a conversation at a time: of two under one id, the second finds the first one's."""
        self._actor = Actor(hub, SERVER)

    # --- reading

    async def participants(self, identity: Identity, name: DocumentName) -> frozenset[str]:
        """Who takes part in the conversation that the document belongs to, as far as it matters for `identity`."""
        if name.conversation is None or identity.role is not Role.CUSTOMER:
            return NOBODY
        head = await self.head(identity.tenant, name.conversation)
        return NOBODY if head is None else frozenset(head.participants)

    def known_participants(self, tenant: str, name: DocumentName) -> frozenset[str]:
        """The same from memory; a conversation that somebody has open is there."""
        head = self._heads.get((tenant, name.conversation or ""))
        return NOBODY if head is None else frozenset(head.participants)

    async def head(self, tenant: str, conversation: str) -> ConversationHead | None:
        """The conversation's head as it was last written, or None if there is no such conversation."""
        head = self._heads.get((tenant, conversation)) or await self._find(tenant, conversation)
        # A document without records is what a failed creation left behind: the next one writes into it.
        return None if head is None or head.opened_at is None else head

    async def _find(self, tenant: str, conversation: str) -> ConversationHead | None:
        name = head_name(conversation)
        try:
            document = await self._hub.find(DocumentKey(tenant, name), parse_name(name), create=False)
        except RefusedUpdate as refusal:
            if refusal.code is RefusalCode.NOT_FOUND:
                return None
            raise
        try:
            return await self._read(document)
        finally:
            self._hub.unpin(document)

    async def _read(self, document: Document) -> ConversationHead:
        """Read all records of a head and remember what they say."""
        records: dict[str, dict[str, Any]] = {}
        snapshot = await self._hub.store.read_snapshot(document.number)
        payloads = [] if snapshot is None else [snapshot.payload]
        cursor = 0 if snapshot is None else snapshot.seq
        while rows := await self._hub.store.read_log(document.number, after=cursor, bytes_max=READ_BYTES):
            payloads += [row.payload for row in rows]
            cursor = rows[-1].seq
        for payload in payloads:
            records.update((struct.key, struct.value) for struct in scan_records(payload, trusted=True))
        head = reduce_conversation(records.values())
        if len(self._heads) >= HEADS_KEPT:
            del self._heads[next(iter(self._heads))]
        self._heads[document.key.tenant, document.name.conversation or ""] = head
        return head

    # --- writing

    async def create(  # noqa: PLR0913 - one argument per field of the request
        self,
        identity: Identity,
        *,
        subject: str,
        channel: str,
        language: str,
        customer: str | None,
        id: str | None = None,  # noqa: A002
    ) -> str:
        """Create a conversation with its first segment; returns its id. The same id again is the same conversation."""
        conversation = id or str(uuid_utils.uuid7())
        opened = {"type": "opened", "subject": subject, "channel": channel, "language": language}
        if customer is not None:
            opened["customer"] = customer
        people = {identity.user: identity.role.value} | ({} if customer is None else {customer: Role.CUSTOMER.value})
        added: list[dict[str, Any]] = [
            {"type": "participant_added", "user": user, "role": role} for user, role in people.items()
        ]
        async with self._creating.setdefault((identity.tenant, conversation), asyncio.Lock()):
            if await self.head(identity.tenant, conversation) is None:
                await self._make(identity.tenant, segment_name(conversation, 1))
                records = [opened, *added, {"type": "segment_opened", "segment": 1}]
                await self._write(identity.tenant, conversation, records, create=True)
        return conversation

    async def add_participant(self, tenant: str, conversation: str, user: str, role: str) -> None:
        """Let somebody take part. Raises `RefusedUpdate` (not_found)."""
        await self._change(tenant, conversation, {"type": "participant_added", "user": user, "role": role})

    async def remove_participant(self, tenant: str, conversation: str, user: str) -> None:
        """Let somebody take part no longer; what they have open is withdrawn at once. Raises `RefusedUpdate`
        (not_found).
        """
        await self._change(tenant, conversation, {"type": "participant_removed", "user": user})

    async def _change(self, tenant: str, conversation: str, record: Mapping[str, Any]) -> None:
        if await self.head(tenant, conversation) is None:
            raise RefusedUpdate(RefusalCode.NOT_FOUND, f"there is no conversation {conversation}")
        await self._write(tenant, conversation, [record])

    async def _make(self, tenant: str, name: str) -> None:
        document = await self._hub.find(DocumentKey(tenant, name), parse_name(name), create=True)
        self._hub.unpin(document)

    async def _write(
        self, tenant: str, conversation: str, records: Sequence[Mapping[str, Any]], *, create: bool = False
    ) -> None:
        name = head_name(conversation)
        document = await self._hub.find(DocumentKey(tenant, name), parse_name(name), create=create)
        try:
            await self._actor.write(document, ROOT, records)
            await self._read(document)
        finally:
            self._hub.unpin(document)
        self._hub.participants_changed(tenant, conversation)


def head_name(conversation: str) -> str:
    """The name of a conversation's head document."""
    return f"{DocumentKind.CONVERSATION.value}/{conversation}"


def segment_name(conversation: str, segment: int) -> str:
    """The name of a conversation's segment."""
    return f"{head_name(conversation)}/{segment}"
