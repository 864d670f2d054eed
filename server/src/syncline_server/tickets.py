"""Tickets as REST and the server itself read and write them, through the same admission and log as every device.

Beside the data's way. What a ticket comes to because of what was written (assignments, the public side, messages) is
the `automation`'s.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import uuid_utils
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.opening import Opening, opening_events
from syncline_protocol.documents.schema import EVENTS
from syncline_protocol.documents.ticket import Ticket
from syncline_protocol.documents.ticket_public import PublicTicket
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.document import Document, unavailable
from syncline_server.storage.interface import StoreError

if TYPE_CHECKING:
    from syncline_server.hub import Hub


class Tickets:
    """Reads, opens and writes tickets on somebody's behalf."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    # --- reading: whoever asks has seen to the rights

    async def state(self, tenant: str, ticket: str) -> Ticket | None:
        """How the ticket stands, or None if there is none. Raises `RefusedUpdate` (unavailable)."""
        try:
            return await self._hub.states.ticket(tenant, ticket)
        except StoreError as error:
            raise unavailable(error) from error

    async def public(self, tenant: str, ticket: str) -> PublicTicket | None:
        """What its customer sees of it; None if nothing yet. Raises `RefusedUpdate` (unavailable)."""
        try:
            return await self._hub.states.public(tenant, ticket)
        except StoreError as error:
            raise unavailable(error) from error

    async def events(self, tenant: str, ticket: str) -> list[dict[str, Any]]:
        """Its events in the order of admission. Raises `RefusedUpdate` (unavailable)."""
        try:
            kept = await self._hub.states.records(tenant, DocumentName(DocumentKind.TICKET, ticket))
        except StoreError as error:
            raise unavailable(error) from error
        return [] if kept is None else list(kept.records.values())

    # --- writing

    async def create(self, identity: Identity, opening: Opening, *, id: str | None = None) -> str:  # noqa: A002 - its word
        """Open a ticket; returns its id. The same id again is the same ticket. Raises `RefusedUpdate`."""
        ticket = id or new_id()
        document = await self._open(identity, ticket)
        try:
            if await self.state(identity.tenant, ticket) is None:
                await self._write_opening(identity, document, opening)
        finally:
            self._hub.unpin(document)
        return ticket

    async def _write_opening(self, identity: Identity, document: Document, opening: Opening) -> None:
        access = await self._hub.rights.access(identity, document.name)
        try:
            mark = {"auto": True} if identity.role is Role.BOT else {}
            events = [mark | event for event in opening_events(opening, new_id)]
            await self._hub.actors.of(identity).write(document, EVENTS, events, access=access)
        except RefusedUpdate as refusal:
            if refusal.code is not RefusalCode.INVALID:
                raise
            await document.settled()  # somebody may just be opening it under this id
            if await self.state(identity.tenant, document.name.id) is None:
                raise

    async def write(self, identity: Identity, ticket: str, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Write events (`type` and own fields; `id` and `after` if known) in one update; returns them whole, as they
        are stored.

        Those without `after` follow on what the ticket is now, one behind the other. An id that is there already is not
        written again. Raises `RefusedUpdate`.
        """
        document = await self._open(identity, ticket)
        try:
            state = await self.state(identity.tenant, ticket)
            if state is None:
                raise RefusedUpdate(RefusalCode.NOT_FOUND, f"there is no ticket {ticket}")
            heads: Sequence[str] = state.heads
            values: list[dict[str, Any]] = []
            for event in events:
                values.append({"id": new_id(), "after": list(heads), **event})
                heads = [values[-1]["id"]]
            access = await self._hub.rights.access(identity, document.name)
            stamps = [event["at"] for event in await self.events(identity.tenant, ticket)]
            await self._hub.actors.of(identity).write_missing(
                document, EVENTS, values, access=access, observed=max(stamps, default=0)
            )
            stored = {event["id"]: event for event in await self.events(identity.tenant, ticket)}
        finally:
            self._hub.unpin(document)
        return [stored[value["id"]] for value in values]

    async def _open(self, identity: Identity, ticket: str) -> Document:
        document, _ = await self._hub.open(identity, DocumentName(DocumentKind.TICKET, ticket).path)
        return document


def new_id() -> str:
    """A UUIDv7, which sorts by its time."""
    return str(uuid_utils.uuid7())
