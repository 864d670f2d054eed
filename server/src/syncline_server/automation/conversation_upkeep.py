"""What has to be there because of a conversation: the next segment, what is erased, and its tickets looked at.

Part of `automation.py`, whose promises hold here: `look_at` can be interrupted anywhere and repeated.
"""

from typing import TYPE_CHECKING

from syncline_protocol.documents.schema import MESSAGES
from syncline_protocol.limits import RECORDS_PER_SEGMENT

from syncline_server.conversations import segment_name
from syncline_server.erasure import erase
from syncline_server.storage.record_reading import read_records

if TYPE_CHECKING:
    from syncline_server.automation.ticket_upkeep import TicketUpkeep
    from syncline_server.hub import Hub
    from syncline_server.projections.projections import Projections


class ConversationUpkeep:
    """Looks at one conversation after the other."""

    def __init__(self, hub: "Hub", projections: "Projections", tickets: "TicketUpkeep") -> None:
        self._hub = hub
        self._projections = projections
        self._tickets = tickets

    async def look_at(self, tenant: str, conversation: str) -> None:
        """Write what is missing. Raises `RefusedUpdate`, `StoreError`."""
        head = await self._hub.states.head(tenant, conversation)
        if head is None:
            return
        newest = max(head.segments, default=1)
        if await self._projections.facts.records_in(tenant, conversation, newest) >= RECORDS_PER_SEGMENT:
            await self._hub.conversations.open_segment(tenant, conversation, newest + 1)
        await self._erase(tenant, conversation, [linked.ticket for linked in head.tickets])
        for linked in head.tickets:
            await self._tickets.look_at(tenant, linked.ticket)

    async def _erase(self, tenant: str, conversation: str, tickets: list[str]) -> None:
        """Erase what redactions in the conversation ask for, and what was taken out of it into tickets."""
        erased: set[str] = set()
        for segment in await self._projections.facts.redacting_segments(tenant, conversation):
            erased |= await self._erase_in(tenant, segment_name(conversation, segment))
        if erased:
            for ticket in tickets:
                await self._tickets.erase_taken_from(tenant, ticket, erased)

    async def _erase_in(self, tenant: str, segment: str) -> set[str]:
        """The messages that redactions in the segment name; erased, with all that was written about them."""
        document = await self._hub.find_named(tenant, segment)
        try:
            _, records = await read_records(self._hub.store, document.number)
            named = {value["message"] for value in records.values() if value["type"] == "redaction"}
            going = {
                (MESSAGES, value["id"])
                for value in records.values()
                if (value["id"] in named or value.get("message") in named)
                and value["type"] not in ("redacted", "redaction")
            }
            if going:
                await erase(self._hub, document, going)
        finally:
            self._hub.unpin(document)
        return named
