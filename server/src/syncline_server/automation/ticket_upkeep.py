"""What has to be there because of a ticket: the server's answers, its public side, what its conversation says of it.

Part of `automation.py`, whose promises hold here: `look_at` can be interrupted anywhere and repeated.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from syncline_protocol.clock import at_from_ms, at_ms
from syncline_protocol.documents.derived import derived_id
from syncline_protocol.documents.schema import EVENTS, PUBLIC
from syncline_protocol.documents.ticket import Ticket
from syncline_protocol.documents.ticket_records import Priority, TicketStatus
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.circles import customers_of
from syncline_server.domain.answers import (
    ENDED,
    WAITING_FOR_CUSTOMER,
    Answer,
    Rated,
    Situation,
    Unseen,
    answers,
    opening_of,
)
from syncline_server.domain.public_side import LANGUAGE, Shown, announcement, next_step
from syncline_server.domain.routing import Routed, expected_by, route
from syncline_server.erasure import erase
from syncline_server.projections.facts import Written

if TYPE_CHECKING:
    from syncline_server.hub import Hub
    from syncline_server.projections.projections import Projections

ROUNDS_MAX: Final = 8
"""Answers may ask for answers (a claim in the same breath as a transfer); more rounds than that would be a fault."""

LAST_ID: Final = "g"
"""Behind every id: of what was written at the very moment of an ending, nothing is unseen."""

SHOWN_SUBJECT: Final = frozenset({"opened", "topic"})
"""Events whose words the public side repeats."""


class TicketUpkeep:
    """Looks at one ticket after the other."""

    def __init__(self, hub: "Hub", projections: "Projections") -> None:
        self._hub = hub
        self._projections = projections
        self._numbers: dict[str, int] = {}

    async def look_at(self, tenant: str, ticket: str) -> None:
        """Write what is missing. Raises `RefusedUpdate`, `StoreError`."""
        if await self._hub.states.ticket(tenant, ticket) is None:
            return
        erased = await self._erase(tenant, ticket)
        for _ in range(ROUNDS_MAX):
            if not await self._answer(tenant, ticket):
                break
        state = await self._state(tenant, ticket)
        await self._show(tenant, ticket, state, erased=erased)
        await self._link(tenant, ticket, state)

    async def _state(self, tenant: str, ticket: str) -> Ticket:
        state = await self._hub.states.ticket(tenant, ticket)
        if state is None:
            raise RuntimeError(f"ticket {ticket} was there and is gone")
        return state

    # --- answers

    async def _answer(self, tenant: str, ticket: str) -> bool:
        """Write the answers that are missing; whether there were any."""
        state = await self._state(tenant, ticket)
        events = await self._hub.tickets.events(tenant, ticket)
        loads = await self._projections.facts.loads(tenant)
        configuration, now_ms = self._hub.configuration.current, self._hub.now_ms()

        def routed(issue_type: str | None, language: str | None, group: str | None) -> Routed:
            return route(issue_type, language, loads, configuration, now_ms, group=group)

        situation = Situation(
            ticket=state,
            events=events,
            next_number=0 if state.number is not None else await self._next_number(tenant),
            route=routed,
            unseen=await self._unseen(tenant, ticket, state, events),
            rated=await self._rated(tenant, ticket, state),
        )
        missing = answers(situation)
        await self._write(tenant, ticket, missing, events)
        if any(answer["type"] == "number" for answer in missing):
            self._numbers[tenant] = situation.next_number
        return bool(missing)

    async def _unseen(
        self, tenant: str, ticket: str, state: Ticket, events: Sequence[Mapping[str, Any]]
    ) -> Unseen | None:
        """The first word of a customer that whoever set the status had not seen. It has crossed the status if it was
        written before the customer's side told of that.
        """
        if state.conversation is None or state.status not in WAITING_FOR_CUSTOMER | ENDED:
            return None
        event = next(event for event in events if event["id"] == state.status_event)
        seen = Written(event.get("seen", LAST_ID), event.get("seen_at", event["at"]))
        found = await self._projections.facts.first_of_customer(tenant, state.conversation, after=seen)
        if found is None:
            return None
        steps = await self._steps(tenant, DocumentName(DocumentKind.TICKET_PUBLIC, ticket))
        told_at = next((step["at"] for step in steps if step.get("cause") == state.status_event), None)
        return Unseen(found.id, has_crossed=told_at is None or found.at < told_at)

    async def _rated(self, tenant: str, ticket: str, state: Ticket) -> list[Rated]:
        """What the ticket's own customers said of it."""
        ratings = await self._projections.facts.ratings(tenant, ticket)
        people = await customers_of(self._hub.states, tenant, state) if ratings else frozenset()
        return [Rated(one.id, one.score, one.text) for one in ratings if one.by in people]

    async def _next_number(self, tenant: str) -> int:
        if tenant not in self._numbers:
            self._numbers[tenant] = await self._projections.facts.last_number(tenant)
        return self._numbers[tenant] + 1

    async def _write(
        self, tenant: str, ticket: str, values: Sequence[Answer], events: Sequence[Mapping[str, Any]]
    ) -> None:
        if not values:
            return
        document = await self._hub.find_named(tenant, DocumentName(DocumentKind.TICKET, ticket).path)
        observed = max((event["at"] for event in events), default=0)
        try:
            await self._hub.actors.server.write_missing(document, EVENTS, values, observed=observed)
        finally:
            self._hub.unpin(document)

    # --- the public side, and the conversation

    async def _show(self, tenant: str, ticket: str, state: Ticket, *, erased: bool) -> None:
        name = DocumentName(DocumentKind.TICKET_PUBLIC, ticket)
        document = await self._hub.find_named(tenant, name.path, create=True)
        try:
            if erased:
                steps = await self._steps(tenant, name)
                await erase(self._hub, document, {(PUBLIC, step["id"]) for step in steps if step["type"] == "step"})
            steps = await self._steps(tenant, name)
            opening = opening_of(await self._hub.tickets.events(tenant, ticket))
            step = next_step(state, opening, steps, self._shown(state))
            if step is not None:
                observed = max(state.status_at or 0, max((one["at"] for one in steps), default=0))
                await self._hub.actors.server.write_missing(document, PUBLIC, [step], observed=observed)
        finally:
            self._hub.unpin(document)
        await self._announce(tenant, ticket, state, await self._steps(tenant, name))

    async def _steps(self, tenant: str, name: DocumentName) -> list[dict[str, Any]]:
        kept = await self._hub.states.records(tenant, name)
        steps = [] if kept is None else kept.records.values()
        return sorted(steps, key=lambda step: (step["at"], step["id"]))

    def _shown(self, state: Ticket) -> Shown:
        configuration = self._hub.configuration.current
        said = None if state.priority is None else state.priority.value
        priority = Priority.NORMAL if said is None else Priority(str(said))
        expected = expected_by(priority, at_ms(state.opened_at), configuration, group=state.group)
        responsible = None if state.assignee is None else configuration.shown_name(state.assignee)
        return Shown(responsible, expected, configuration.labels)

    async def _announce(self, tenant: str, ticket: str, state: Ticket, steps: Sequence[Mapping[str, Any]]) -> None:
        """Tell the conversation of the last step. (Those before it were told of, or nobody needs them any more.) Behind
        an erased one nothing is told: it would be the same again.
        """
        last_two = steps[-2:]
        if state.conversation is None or not steps or any(step["type"] != "step" for step in last_two):
            return
        language = state.language or LANGUAGE
        message = announcement(ticket, steps[-1], steps[-2] if len(steps) > 1 else None, language)
        if message is None or await self._projections.facts.has_message(tenant, state.conversation, message["id"]):
            return
        if await self._hub.conversations.head(tenant, state.conversation) is not None:
            await self._hub.conversations.announce(tenant, state.conversation, message, observed=steps[-1]["at"])

    async def _link(self, tenant: str, ticket: str, state: Ticket) -> None:
        """Let the conversations know of the ticket, and the ticket that it was merged into."""
        opening = opening_of(await self._hub.tickets.events(tenant, ticket))
        linked = [state.conversation, *(link.conversation for link in state.links if link.message is None)]
        for conversation in dict.fromkeys(linked):
            if conversation is None or await self._hub.conversations.head(tenant, conversation) is None:
                continue
            id_ = derived_id(opening, f"linked to {conversation}")
            record = {"type": "ticket_linked", "ticket": ticket, "number": state.number, "id": id_}
            await self._hub.conversations.link_ticket(tenant, conversation, record)
        for event in await self._hub.tickets.events(tenant, ticket):
            if event["type"] == "merge":
                await self._link_merged(tenant, ticket, event)

    async def _link_merged(self, tenant: str, ticket: str, merge: Mapping[str, Any]) -> None:
        target = await self._hub.states.ticket(tenant, merge["into"])
        if target is None or merge["into"] == ticket:
            return
        link = {"type": "link", "ticket": ticket, "relation": "merged_from", "after": list(target.heads)}
        events = await self._hub.tickets.events(tenant, merge["into"])
        await self._write(tenant, merge["into"], [{**link, "id": derived_id(merge["id"], "link")}], events)

    # --- erasing

    async def _erase(self, tenant: str, ticket: str) -> bool:
        """Erase what redactions in the ticket ask for; whether words went that the public side repeats."""
        events = await self._hub.tickets.events(tenant, ticket)
        wanted = {event["event"] for event in events if event["type"] == "redaction"}
        return await self.erase_events(tenant, ticket, wanted)

    async def erase_taken_from(self, tenant: str, ticket: str, messages: set[str]) -> None:
        """Erase the values that were taken out of these messages. Raises `RefusedUpdate`, `StoreError`."""
        events = await self._hub.tickets.events(tenant, ticket)
        taken = {event["id"] for event in events if event.get("source", {}).get("message") in messages}
        if await self.erase_events(tenant, ticket, taken):
            await self._show(tenant, ticket, await self._state(tenant, ticket), erased=True)

    async def erase_events(self, tenant: str, ticket: str, ids: set[str]) -> bool:
        """Erase events; whether words went that the public side repeats. Raises `RefusedUpdate`, `StoreError`."""
        events = await self._hub.tickets.events(tenant, ticket)
        going = [event for event in events if event["id"] in ids and event["type"] not in ("redacted", "redaction")]
        if not going:
            return False
        document = await self._hub.find_named(tenant, DocumentName(DocumentKind.TICKET, ticket).path)
        try:
            await erase(self._hub, document, {(EVENTS, event["id"]) for event in going})
        finally:
            self._hub.unpin(document)
        return any(event["type"] in SHOWN_SUBJECT for event in going)

    # --- time

    async def close_what_is_due(self) -> None:
        """Close the tickets that were resolved long enough ago, if the tenant wants that."""
        after = self._hub.configuration.current.ticket.close_after
        if after is None:
            return
        before = at_from_ms(self._hub.now_ms() - int(after))
        for tenant, ticket in await self._projections.facts.resolved_before(before):
            state = await self._hub.states.ticket(tenant, ticket)
            if state is None or state.status is not TicketStatus.RESOLVED or state.status_event is None:
                continue
            closed = {"type": "status", "status": TicketStatus.CLOSED.value, "after": list(state.heads)}
            events = await self._hub.tickets.events(tenant, ticket)
            await self._write(tenant, ticket, [{**closed, "id": derived_id(state.status_event, "closed")}], events)
