"""Who may open what, and that rights end at once (P9).

Beside the data's way: the hub asks here when a document is opened. What the rights rest on (a conversation's people, a
ticket's group and who is on it) is committed like everything else: from that commit on, whoever has one of the
documents concerned open is looked at again, and what they may not have any longer is withdrawn.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog
from syncline_protocol.documents.access import access
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName
from syncline_protocol.update import scan_records

from syncline_server.admission import RecordAdmission
from syncline_server.circles import circle_of
from syncline_server.document import unavailable
from syncline_server.domain.configuration import Configuration
from syncline_server.storage.interface import DocumentKey, StoreError

if TYPE_CHECKING:
    from syncline_server.document import Document
    from syncline_server.hub import Hub
    from syncline_server.outbox import Follower, Subscription

ENDED: Final = "your access to this document has ended"
LETTING_IN: Final = ("opened", "link")
"""Types of a ticket's events that name a conversation."""

UNKNOWN: Final = "it is not known whether you may have this document: open it again"


def may_let_in(identity: Identity, name: DocumentName) -> bool:
    """Whether what `identity` writes there may open to them, or to others, what it must not: a technician's events of
    tickets. Everybody else who writes tickets may open all conversations.
    """
    return identity.role is Role.TECHNICIAN and name.kind is DocumentKind.TICKET


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

    async def check_named(self, identity: Identity, name: DocumentName, values: Iterable[Mapping[str, Any]]) -> None:
        """Refuse events of a ticket that let in whom they should not: whoever works on a ticket may open the
        conversations that it names, so that its author has to be one who may.

        Raises `RefusedUpdate` (forbidden, unavailable).
        """
        if not may_let_in(identity, name):
            return
        for value in values:
            conversation = value.get("conversation")
            if value.get("type") not in LETTING_IN or not isinstance(conversation, str):
                continue
            named = DocumentName(DocumentKind.CONVERSATION, conversation)
            if await self.access(identity, named) is Access.NONE:
                reason = f"{identity.user} may not open {named.path}, which the event would let them into"
                raise RefusedUpdate(RefusalCode.FORBIDDEN, reason, detail={"record": str(value.get("id"))})

    async def check_named_in(self, identity: Identity, document: "Document", payload: bytes) -> None:
        """The same of an update, of what it has that is new. Raises `RefusedUpdate`."""
        if not may_let_in(identity, document.name):
            return
        await self._hub.load_index(document)
        known = document.admission.index.records if isinstance(document.admission, RecordAdmission) else {}
        structs = scan_records(payload)
        new = [struct.value for struct in structs if (struct.root, struct.key) not in known]
        await self.check_named(identity, document.name, new)

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
