"""Tickets: opened alone or out of a conversation, and how they stand."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from syncline_protocol.documents.fields import DocumentId, LanguageTag, Scalar, Subject, UserId, Word
from syncline_protocol.documents.identity import STAFF, Role
from syncline_protocol.documents.labels import STAFF_LABELS
from syncline_protocol.documents.opening import Opening
from syncline_protocol.documents.suggestion import suggested_opening
from syncline_protocol.documents.ticket import Ticket
from syncline_protocol.documents.ticket_public import PublicTicket
from syncline_protocol.documents.ticket_records import Priority
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.listings import TicketPage
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.conversations import head_name
from syncline_server.domain.configuration import Configuration
from syncline_server.projections.ticket_list import LIMIT_MAX
from syncline_server.rest.conversations import NOBODY_ELSE
from syncline_server.rest.declaration import Answer, Call, NewId, NoParameters, Operation, StatusAsked, or_none
from syncline_server.rest.effects import SHORT_WAIT_S, until
from syncline_server.rest.extraction import extracted
from syncline_server.rest.problems import Problem, ProblemCode
from syncline_server.rest.projected import projected
from syncline_server.tickets import new_id

LIMIT: Final = 50

VIA: Final = "api"
FIELDS_MAX: Final = 100

Fields = Annotated[dict[Word, Scalar], msgspec.Meta(max_length=FIELDS_MAX)]


class TicketWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be said of any new ticket. With an `id` of the caller's, sending it again makes nothing new."""

    id: NewId | None = None
    customer: UserId | None = None
    language: LanguageTag | None = None
    issue_type: Word | None = None
    priority: Priority | None = None
    fields: Fields = {}


class NewTicket(TicketWords, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ticket to be opened. `conversation`: the one it belongs to, if there is one; nothing is read out of it."""

    subject: Subject
    conversation: DocumentId | None = None


class NewConversationTicket(TicketWords, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ticket to be opened out of a conversation. What is not given is what the messages tell."""

    subject: Subject | None = None


class StaffTicket(Ticket, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket as its staff reads it. `missing`: fields that its issue type needs and that it does not have; `labels`:
    its status in words, by language.
    """

    id: str
    missing: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}


class CustomerTicket(PublicTicket, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket as its customer reads it."""

    id: str


# --- opening


async def open_ticket(call: Call[NoParameters, NewTicket]) -> Answer:
    """Open a ticket of what is given."""
    wanted = call.body
    if wanted.conversation is not None:
        document, _ = await call.hub.open(call.identity, head_name(wanted.conversation))
        call.hub.unpin(document)
    opening = Opening(subject=wanted.subject, via=VIA, conversation=wanted.conversation)
    return await _opened(call, _with(opening, wanted))


async def open_out_of_conversation(call: Call[NoParameters, NewConversationTicket]) -> Answer:
    """Open a ticket of what is given and what the messages tell."""
    head, messages, found = await extracted(call)
    opening = suggested_opening(call.path["id"], head, messages, found, via=VIA)
    subject = call.body.subject or opening.subject
    return await _opened(call, _with(opening._replace(subject=subject), call.body))


def _with(opening: Opening, wanted: TicketWords) -> Opening:
    """The opening with what the caller says in the place of what was read."""
    changes: dict[str, Any] = {
        name: value
        for name in ("customer", "language", "issue_type", "priority")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.issue_type is not None:
        changes["issue_confidence"] = None
    read = tuple(one for one in opening.fields if one.name not in wanted.fields)
    return opening._replace(**changes, fields=read, values=wanted.fields)


async def _opened(call: Call[Any, Any], opening: Opening) -> Answer:
    """Open it, and wait a moment for its number."""
    hub, tenant, ticket = call.hub, call.identity.tenant, call.body.id or new_id()
    if await hub.tickets.state(tenant, ticket) is not None:
        return Answer(await _staff_ticket(call, ticket))
    await hub.tickets.create(call.identity, opening, id=ticket)

    async def is_numbered() -> bool:
        state = await hub.tickets.state(tenant, ticket)
        return state is not None and state.number is not None

    await until(is_numbered, timeout_s=SHORT_WAIT_S)
    return Answer(await _staff_ticket(call, ticket), status=HTTPStatus.CREATED)


# --- reading


async def show(call: Call[NoParameters, None]) -> Answer:
    """The whole of it for the staff, the public side for its customer."""
    ticket = call.path["id"]
    if call.identity.role is not Role.CUSTOMER:
        return Answer(await _staff_ticket(call, ticket))
    await _check_access(call, DocumentKind.TICKET_PUBLIC, ticket)
    public = await call.hub.tickets.public(call.identity.tenant, ticket)
    if public is None:
        raise _no_ticket(ticket)
    return Answer(CustomerTicket(id=ticket, **_fields_of(public)))


async def readable_ticket(call: Call[Any, Any], ticket: str) -> Ticket:
    """The ticket, which the caller may read as its staff does. Raises `RefusedUpdate`."""
    await _check_access(call, DocumentKind.TICKET, ticket)
    state = await call.hub.tickets.state(call.identity.tenant, ticket)
    if state is None:
        raise _no_ticket(ticket)
    return state


async def _staff_ticket(call: Call[Any, Any], ticket: str) -> StaffTicket:
    state = await readable_ticket(call, ticket)
    return StaffTicket(
        id=ticket,
        missing=_missing(state, call.hub.configuration.current),
        labels=dict(STAFF_LABELS[state.status]),
        **_fields_of(state),
    )


async def _check_access(call: Call[Any, Any], kind: DocumentKind, ticket: str) -> None:
    if await call.hub.rights.access(call.identity, DocumentName(kind, ticket)) is Access.NONE:
        raise RefusedUpdate(RefusalCode.FORBIDDEN, f"{call.identity.user} may not read ticket {ticket}")


def _no_ticket(ticket: str) -> RefusedUpdate:
    return RefusedUpdate(RefusalCode.NOT_FOUND, f"there is no ticket {ticket}")


def _missing(state: Ticket, configuration: Configuration) -> tuple[str, ...]:
    issue_type = None if state.issue_type is None else configuration.issue_types.get(str(state.issue_type.value))
    there = {name for name, field in state.fields.items() if field.value not in {None, ""}}
    return () if issue_type is None else tuple(name for name in issue_type.required if name not in there)


def _fields_of(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


# --- listing


class TicketQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`status`: of a ticket, or `open`; `group`: the group it is with; `assignee`: who works on it; `mine`: the caller
    does; `cursor`: where the page before ended.
    """

    status: StatusAsked | UnsetType = UNSET
    group: Word | UnsetType = UNSET
    assignee: UserId | UnsetType = UNSET
    mine: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT
    cursor: str = ""


async def list_tickets(call: Call[TicketQuery, None]) -> Answer:
    """Tickets that the caller may read, the newest first."""
    query, user = call.query, call.identity.user
    status, group, assignee = or_none(query.status), or_none(query.group), or_none(query.assignee)
    if call.identity.role is Role.CUSTOMER and (status or group or assignee or query.mine):
        raise Problem(ProblemCode.FORBIDDEN, "a customer's tickets are not narrowed by what the staff sees")
    if query.mine and assignee not in {None, user}:
        return Answer(TicketPage(tickets=()))  # nobody else's are mine
    projections = await projected(call.hub)
    page = await projections.tickets(
        call.identity,
        status=status,
        group=group,
        assignee=user if query.mine else assignee,
        limit=query.limit,
        cursor=query.cursor or None,
    )
    return Answer(page)


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/tickets",
        id="list_tickets",
        summary="Tickets, the newest first; by status, group, who works on them",
        who="everyone, of what they may see",
        run=list_tickets,
        query=TicketQuery,
        answers={HTTPStatus.OK: TicketPage},
        problems=frozenset({ProblemCode.FORBIDDEN, ProblemCode.NOT_FOUND}),
    ),
    Operation(
        method="POST",
        path="/v1/tickets",
        id="open_ticket",
        summary="Opens a ticket; of an `id` that is there already, answers what is there",
        who="staff",
        roles=STAFF,
        run=open_ticket,
        body=NewTicket,
        answers={HTTPStatus.CREATED: StaffTicket, HTTPStatus.OK: StaffTicket},
        problems=frozenset({ProblemCode.NOT_FOUND, ProblemCode.CONFLICT}),
    ),
    Operation(
        method="POST",
        path="/v1/conversations/{id}/tickets",
        id="open_ticket_of_conversation",
        summary="Opens a ticket out of a conversation: what is not given is taken from its messages, with the source",
        who="staff who may read the conversation",
        roles=STAFF,
        run=open_out_of_conversation,
        body=NewConversationTicket,
        body_required=False,
        answers={HTTPStatus.CREATED: StaffTicket, HTTPStatus.OK: StaffTicket},
        problems=frozenset({ProblemCode.CONFLICT}),
    ),
    Operation(
        method="GET",
        path="/v1/tickets/{id}",
        id="show_ticket",
        summary="How a ticket stands; for its customer, as customers see it",
        who="staff who may read it, auditors; its customer",
        run=show,
        answers={HTTPStatus.OK: StaffTicket | CustomerTicket},
        problems=NOBODY_ELSE,
    ),
)
