"""Events of a ticket: read, written like a device writes them, and the claim that waits for the server's answer."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from syncline_protocol.documents.fields import RecordId
from syncline_protocol.documents.identity import STAFF
from syncline_protocol.documents.schema import EVENTS
from syncline_protocol.documents.ticket import ClaimOutcome, ClaimState
from syncline_protocol.documents.ticket_rules import PERSONS
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.rest import cursors, records
from syncline_server.rest.conversations import NOBODY_ELSE
from syncline_server.rest.declaration import READING_STAFF, Answer, Call, NoParameters, Operation
from syncline_server.rest.effects import WAIT_S, until
from syncline_server.rest.messages import WRITING
from syncline_server.rest.problems import Problem, ProblemCode
from syncline_server.rest.records import EventRecord, NewEvents
from syncline_server.rest.tickets import readable_ticket
from syncline_server.tickets import new_id


class EventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: what an earlier answer ended with; then only events that were not in it come."""

    after: str = ""


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """Events in the order of their stamps. `after`: what to ask with for those that come later."""

    events: tuple[EventRecord, ...]
    after: str


class EventsWritten(msgspec.Struct, frozen=True, kw_only=True):
    """The events as they are stored, in the order in which they were sent."""

    events: tuple[EventRecord, ...]


class NewClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim. With an `id` of the caller's, sending it again is the same claim."""

    id: RecordId | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ticket is the caller's. `claim`: the event; `number`: the ticket's."""

    claim: str
    assignee: str
    group: str | None = None
    number: int | None = None


class Known(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The heads of what somebody has read: with all that these knew, everything they have."""

    heads: tuple[str, ...]


# --- reading


async def list_events(call: Call[EventQuery, None]) -> Answer:
    """All events, or those that are new to who has read the heads in `after`."""
    known = cursors.decode(call.query.after, Known, "after").heads if call.query.after else ()
    state = await readable_ticket(call, call.path["id"])
    events = {one["id"]: one for one in await call.hub.tickets.events(call.identity.tenant, call.path["id"])}
    read = _before(events, known)
    new = sorted((one for id_, one in events.items() if id_ not in read), key=lambda one: (one["at"], one["id"]))
    shown = tuple(records.stored(EVENTS, one) for one in new)
    return Answer(EventList(events=shown, after=cursors.encode(Known(state.heads))))


def _before(events: Mapping[str, Mapping[str, Any]], heads: Sequence[str]) -> set[str]:
    """These events, and all that they knew."""
    found: set[str] = set()
    left = list(heads)
    while left:
        event = events.get(left.pop())
        if event is not None and event["id"] not in found:
            found.add(event["id"])
            left += event.get("after", ())
    return found


# --- writing


async def write(call: Call[NoParameters, Any]) -> Answer:
    """Write events under the caller's name; those that are there already are not written again."""
    sent = call.body if isinstance(call.body, list) else [call.body]
    is_new, written = await _write(call, [records.value_of(one) for one in sent])
    shown = tuple(records.stored(EVENTS, one) for one in written)
    return Answer(EventsWritten(events=shown), status=HTTPStatus.CREATED if is_new else HTTPStatus.OK)


async def _write(call: Call[Any, Any], values: Sequence[dict[str, Any]]) -> tuple[bool, Sequence[dict[str, Any]]]:
    """Whether any was new, and all of them as they are stored."""
    ticket = call.path["id"]
    await readable_ticket(call, ticket)
    before = await _known(call, values)
    new = [value for value in values if value.get("id") not in before]
    await call.hub.rights.check_named(call.identity, DocumentName(DocumentKind.TICKET, ticket), new)
    for value in new:
        await _check_merge(call, value)
    try:
        written = await call.hub.tickets.write(call.identity, ticket, values)
    except RefusedUpdate as refusal:
        if refusal.code is not RefusalCode.INVALID:
            raise
        await _settled(call)
        if await _known(call, values) == before:
            raise
        written = await call.hub.tickets.write(call.identity, ticket, values)  # another request was first with some
    return any(one["id"] not in before for one in written), written


async def _check_merge(call: Call[Any, Any], value: Mapping[str, Any]) -> None:
    """Refuse a merge behind which no ticket goes on. Raises `RefusedUpdate`, `Problem`."""
    if value["type"] == "merge":
        ticket, passed = value["into"], {call.path["id"]}
        while ticket is not None:
            if ticket in passed:
                detail = f"{value['into']} is, or was merged into, this ticket or itself: merge into one that goes on"
                raise Problem(ProblemCode.CONFLICT, detail)
            passed.add(ticket)
            ticket = (await readable_ticket(call, ticket)).merged_into


async def _settled(call: Call[Any, Any]) -> None:
    """Return when what admission knows of the ticket is durable, or rejected."""
    name = DocumentName(DocumentKind.TICKET, call.path["id"]).path
    document = await call.hub.find_named(call.identity.tenant, name)
    try:
        await document.settled()
    finally:
        call.hub.unpin(document)


async def _known(call: Call[Any, Any], values: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids among these that are there already. Raises `Problem` (exists) for somebody else's."""
    given = {value["id"] for value in values if "id" in value}
    events = await call.hub.tickets.events(call.identity.tenant, call.path["id"])
    there = {event["id"]: event["by"] for event in events if event["id"] in given}
    for id_, by in there.items():
        if by != call.identity.user:
            raise Problem(ProblemCode.EXISTS, f"there is an event {id_} by {by}", members={"record": id_})
    return set(there)


async def claim(call: Call[NoParameters, NewClaim]) -> Answer:
    """Ask for the ticket, and answer what the server says."""
    ticket, tenant = call.path["id"], call.identity.tenant
    _, (written,) = await _write(call, [{"type": "claim", "id": call.body.id or new_id()}])
    found: ClaimState | None = None

    async def is_answered() -> bool:
        nonlocal found
        state = await call.hub.tickets.state(tenant, ticket)
        claims = () if state is None else state.claims
        found = next((one for one in claims if one.event == written["id"]), None)
        return found is None or found.state is not ClaimOutcome.PROVISIONAL

    in_time = await until(is_answered, timeout_s=WAIT_S)
    members = {"record": written["id"]}
    if not in_time or found is None:
        detail = "the claim is written, and the server has not answered it yet: ask again with its id"
        raise Problem(ProblemCode.UNAVAILABLE, detail, members=members)
    state = await readable_ticket(call, ticket)
    holder = found.holder or state.assignee
    if found.state is ClaimOutcome.LOST or holder != call.identity.user:
        detail = f"{holder or 'somebody else'} has the ticket"
        raise Problem(ProblemCode.CLAIM_LOST, detail, members=members | {"holder": holder})
    return Answer(Claimed(claim=found.event, assignee=holder, group=state.group, number=state.number))


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/tickets/{id}/events",
        id="list_events",
        summary="The events of a ticket; `?after=` only those that are new since an earlier answer",
        who="staff who may read it, auditors",
        roles=READING_STAFF,
        run=list_events,
        query=EventQuery,
        answers={HTTPStatus.OK: EventList},
        problems=NOBODY_ELSE,
    ),
    Operation(
        method="POST",
        path="/v1/tickets/{id}/events",
        id="write_events",
        summary="Writes an event or several, all or none; of an `id` that is there already, answers what is there",
        who="staff who may write it",
        roles=STAFF,
        run=write,
        body=NewEvents,
        answers={HTTPStatus.CREATED: EventsWritten, HTTPStatus.OK: EventsWritten},
        problems=WRITING,
    ),
    Operation(
        method="POST",
        path="/v1/tickets/{id}/claim",
        id="claim_ticket",
        summary="Asks for the ticket and waits for the answer: it is the caller's, or `claim_lost` with its `holder`",
        who="agents, technicians, supervisors, admins",
        roles=PERSONS,
        run=claim,
        body=NewClaim,
        body_required=False,
        answers={HTTPStatus.OK: Claimed},
        problems=WRITING | {ProblemCode.CLAIM_LOST},
    ),
)
