"""A running server with a conversation in it, for tests of the domain: who writes what, in one line each."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from support.running import Running
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.opening import Opening
from syncline_protocol.documents.schema import DRAFTS, MESSAGES
from syncline_protocol.documents.ticket import Ticket
from syncline_server.storage.record_reading import read_records

TENANT: Final = "default"
CONVERSATION: Final = "c1"


def identity(user: str, role: Role, *, groups: Sequence[str] = ()) -> Identity:
    """Somebody's device."""
    return Identity(tenant=TENANT, user=user, device="rest", role=role, groups=frozenset(groups))


MEI: Final = identity("mei", Role.AGENT)
LI: Final = identity("li", Role.TECHNICIAN, groups=["service"])
WANG: Final = identity("wang", Role.TECHNICIAN, groups=["service"])
ZHAO: Final = identity("zhao", Role.TECHNICIAN, groups=["billing"])
CUS: Final = identity("cus", Role.CUSTOMER)
BOSS: Final = identity("boss", Role.SUPERVISOR)


class Domain:
    """What tests do with a server."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.hub = server.hub

    async def settled(self) -> None:
        """Let the server answer everything."""
        await self.server.server.automation.settled()

    async def conversation(self, id: str = CONVERSATION, *, customer: str | None = "cus") -> str:  # noqa: A002 - its word
        """A conversation of mei with a customer."""
        return await self.hub.conversations.create(
            MEI, subject="wifi", channel="chat", language="zh", customer=customer, id=id
        )

    async def say(self, who: Identity, text: str, *, conversation: str = CONVERSATION, segment: int = 1) -> str:
        """A message; returns its id."""
        return await self.write(who, {"type": "text", "text": text}, conversation=conversation, segment=segment)

    async def write(
        self, who: Identity, record: Mapping[str, Any], *, conversation: str = CONVERSATION, segment: int = 1
    ) -> str:
        """A record in a segment; returns its id."""
        document = await self.hub.find_named(TENANT, f"conversation/{conversation}/{segment}")
        try:
            written = await self.hub.actors.of(who).write(document, MESSAGES, [record])
        finally:
            self.hub.unpin(document)
        return str(written[0]["id"])

    async def draft(self, who: Identity, text: str, *, conversation: str = CONVERSATION, at: int | None = None) -> str:
        """A draft, now or stamped `at`; returns its id."""
        value = {"type": "draft", "conversation": conversation, "text": text} | ({} if at is None else {"at": at})
        document = await self.hub.find_named(TENANT, f"user/{who.user}", create=True)
        try:
            written = await self.hub.actors.of(who).write(document, DRAFTS, [value])
        finally:
            self.hub.unpin(document)
        return str(written[0]["id"])

    async def ticket(self, who: Identity = MEI, **changes: Any) -> str:
        """A ticket out of the conversation, answered by the server."""
        opening = Opening("平板连不上", "agent", conversation=CONVERSATION, customer="cus", language="zh")
        ticket = await self.hub.tickets.create(who, opening._replace(**changes))
        await self.settled()
        return ticket

    async def event(self, who: Identity, ticket: str, type_: str, **fields: Any) -> str:
        """An event of a ticket, answered by the server; returns its id."""
        written = await self.hub.tickets.write(who, ticket, [{"type": type_, **fields}])
        await self.settled()
        return str(written[0]["id"])

    async def state(self, ticket: str) -> Ticket:
        """How a ticket stands."""
        state = await self.hub.tickets.state(TENANT, ticket)
        assert state is not None
        return state

    async def records(self, name: str) -> list[dict[str, Any]]:
        """All records of a document, in the log's order."""
        document = await self.hub.find_named(TENANT, name)
        try:
            _, records = await read_records(self.hub.store, document.number)
        finally:
            self.hub.unpin(document)
        return list(records.values())

    async def announced(self, *, conversation: str = CONVERSATION, segment: int = 1) -> list[str]:
        """What the server said in a segment."""
        records = await self.records(f"conversation/{conversation}/{segment}")
        return [record["text"] for record in records if record["type"] == "system"]
