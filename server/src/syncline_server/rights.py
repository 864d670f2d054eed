"""Who may open what, and that rights end at once (P9).

Beside the data's way: the hub asks here when a document is opened. What the rights rest on (a conversation's people, a
ticket's group and who is on it) is committed like everything else: from that commit on, whoever has one of the
documents concerned open is looked at again, and what they may not have any longer is withdrawn.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog
from syncline_protocol.documents.access import access
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import RefusalCode
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.circles import circle_of
from syncline_server.document import unavailable
from syncline_server.domain.configuration import Configuration
from syncline_server.storage.interface import DocumentKey, StoreError

if TYPE_CHECKING:
    from syncline_server.document import Document
    from syncline_server.hub import Hub
    from syncline_server.outbox import Follower, Subscription

ENDED: Final = "your access to this document has ended"
UNKNOWN: Final = "it is not known whether you may have this document: open it again"


class Rights:
    """Decides, and looks again."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._checks: set[asyncio.Task[None]] = set()
        self._logger = structlog.get_logger()

    async def access(self, identity: Identity, name: DocumentName) -> Access:
        """What `identity` may do with the document now. Raises `RefusedUpdate` (unavailable)."""
        try:
            return access(identity, name, await circle_of(self._hub.states, identity, name))
        except StoreError as error:
            raise unavailable(error) from error

    # --- looking again

    def of_session_changed(self, session: "Follower") -> None:
        """A session's role or groups have changed."""
        self._check(self._recheck(list(session.subscriptions.values())))

    def configuration_changed(self, configuration: Configuration) -> None:
        """Who is in which group may have changed."""
        for session in list(self._hub.followers):
            identity = session.identity
            groups = session.token_groups | configuration.groups_of(identity.user)
            if groups != identity.groups:
                session.identity = replace(identity, groups=groups)
                self.of_session_changed(session)

    def committed(self, document: "Document") -> None:
        """Something was committed that rights may rest on."""
        name, tenant = document.name, document.key.tenant
        if name.kind is DocumentKind.CONVERSATION:
            self._check(self._recheck_conversation(tenant, name.id))
        elif name.kind is DocumentKind.TICKET:
            self._check(self._recheck_ticket(tenant, name.id))

    async def checked(self) -> None:
        """Return when every look that is due was taken."""
        while self._checks:
            await asyncio.wait(self._checks)

    def _check(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="rights")
        self._checks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._checks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._logger.error("rights.check_failed", exc_info=task.exception())

    async def _recheck_ticket(self, tenant: str, ticket: str) -> None:
        kinds = (DocumentKind.TICKET, DocumentKind.TICKET_PUBLIC, DocumentKind.TICKET_TEXT)
        await self._recheck_documents(tenant, [DocumentName(kind, ticket) for kind in kinds])
        state = await self._hub.states.ticket(tenant, ticket)
        if state is not None and state.conversation is not None:
            await self._recheck_conversation(tenant, state.conversation)

    async def _recheck_conversation(self, tenant: str, conversation: str) -> None:
        head = await self._hub.states.head(tenant, conversation)
        segments = () if head is None else head.segments
        names = [DocumentName(DocumentKind.SEGMENT, conversation, segment=segment) for segment in segments]
        tickets = () if head is None else head.tickets
        names += [DocumentName(DocumentKind.TICKET_PUBLIC, linked.ticket) for linked in tickets]
        await self._recheck_documents(tenant, [DocumentName(DocumentKind.CONVERSATION, conversation), *names])

    async def _recheck_documents(self, tenant: str, names: Iterable[DocumentName]) -> None:
        for name in names:
            document = self._hub.documents.get(DocumentKey(tenant, name.path))
            if document is not None:
                await self._recheck(list(document.subscriptions.values()))

    async def _recheck(self, subscriptions: "list[Subscription]") -> None:
        for subscription in subscriptions:
            session, document = subscription.session, subscription.document
            try:
                name = document.name
                allowed = access(session.identity, name, await circle_of(self._hub.states, session.identity, name))
            except StoreError:
                session.evict(subscription, RefusalCode.UNAVAILABLE, UNKNOWN)
                continue
            if allowed is Access.NONE:
                session.evict(subscription, RefusalCode.FORBIDDEN, ENDED)
            else:
                subscription.access = allowed
