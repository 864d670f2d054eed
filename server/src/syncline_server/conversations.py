"""Conversations as the server writes them: their head documents, and who takes part.

Beside the data's way. Head documents (`conversation/<id>`) are written by the server alone, by request of the REST
interface and of the domain, through the same admission and log as everybody's updates.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import uuid_utils
from syncline_protocol.documents.conversation import ConversationHead
from syncline_protocol.documents.derived import named_id
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.schema import CONVERSATION, MESSAGES
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import DocumentKind

from syncline_server.document import unavailable
from syncline_server.storage.interface import StoreError

if TYPE_CHECKING:
    from syncline_server.hub import Hub


class Conversations:
    """Creates conversations, changes who takes part, and knows it."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._creating: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """One creation of a conversation at a time: of two under one id, the second finds the first one's."""

    async def head(self, tenant: str, conversation: str) -> ConversationHead | None:
        """The conversation's head, or None if there is no such conversation. Raises `RefusedUpdate` (unavailable)."""
        try:
            return await self._hub.states.head(tenant, conversation)
        except StoreError as error:
            raise unavailable(error) from error

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

    async def link_ticket(self, tenant: str, conversation: str, record: Mapping[str, Any]) -> None:
        """Write a `ticket_linked` record, which brings its id, unless it is there. Raises `RefusedUpdate`."""
        await self._write_missing(tenant, conversation, record)

    async def open_segment(self, tenant: str, conversation: str, segment: int) -> None:
        """Let new messages go into `segment`; once it is so, nothing happens. Raises `RefusedUpdate`."""
        name = segment_name(conversation, segment)
        await self._make(tenant, name)
        record = {"type": "segment_opened", "segment": segment, "id": named_id(name)}
        await self._write_missing(tenant, conversation, record)

    async def announce(self, tenant: str, conversation: str, record: Mapping[str, Any], *, observed: int) -> None:
        """Write a system message, which brings its id, into the newest segment, unless it is there.

        Raises `RefusedUpdate`.
        """
        head = await self.head(tenant, conversation)
        newest = max(head.segments, default=1) if head is not None else 1
        document = await self._hub.find_named(tenant, segment_name(conversation, newest))
        try:
            await self._hub.actors.server.write_missing(document, MESSAGES, [record], observed=observed)
        finally:
            self._hub.unpin(document)

    async def _write_missing(self, tenant: str, conversation: str, record: Mapping[str, Any]) -> None:
        document = await self._hub.find_named(tenant, head_name(conversation))
        try:
            await self._hub.actors.server.write_missing(document, CONVERSATION, [record])
        finally:
            self._hub.unpin(document)
        await self._hub.rights.checked()

    async def _make(self, tenant: str, name: str) -> None:
        self._hub.unpin(await self._hub.find_named(tenant, name, create=True))

    async def _write(
        self, tenant: str, conversation: str, records: Sequence[Mapping[str, Any]], *, create: bool = False
    ) -> None:
        document = await self._hub.find_named(tenant, head_name(conversation), create=create)
        try:
            await self._hub.actors.server.write(document, CONVERSATION, records)
        finally:
            self._hub.unpin(document)
        await self._hub.rights.checked()


def head_name(conversation: str) -> str:
    """The name of a conversation's head document."""
    return f"{DocumentKind.CONVERSATION.value}/{conversation}"


def segment_name(conversation: str, segment: int) -> str:
    """The name of a conversation's segment."""
    return f"{head_name(conversation)}/{segment}"
