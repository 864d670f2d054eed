"""Conversations: opening one, what its head says, and who takes part."""

from http import HTTPStatus
from typing import Any, Literal

import msgspec
from syncline_protocol.documents.conversation import ConversationHead
from syncline_protocol.documents.fields import LanguageTag, Subject, UserId, Word
from syncline_protocol.documents.identity import STAFF, Role
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.listings import SeenBy, SeenList
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.conversations import head_name, segment_name
from syncline_server.rest.declaration import WRITERS, Answer, Call, NewId, NoParameters, Operation
from syncline_server.rest.problems import Problem, ProblemCode
from syncline_server.rest.projected import projected

NOBODY_ELSE = frozenset({ProblemCode.FORBIDDEN})

GivenRole = Literal["customer", "agent", "technician", "supervisor", "admin", "auditor", "bot", "integration"]
"""Every role but the server's own."""


class NewConversation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A conversation to be opened. With an `id` of the caller's, sending it again makes nothing new."""

    subject: Subject
    channel: Word
    customer: UserId | None = None
    language: LanguageTag = "zh"
    id: NewId | None = None


class ConversationMade(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation, and its documents on the sockets: the head, and the segment that takes messages."""

    id: str
    document: str
    segment: str


class NewParticipant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to take part."""

    user: UserId
    role: GivenRole = "agent"


async def create(call: Call[NoParameters, NewConversation]) -> Answer:
    """Staff for any customer; a customer for themselves."""
    wanted, identity = call.body, call.identity
    if identity.role is Role.CUSTOMER and wanted.customer not in {None, identity.user}:
        raise Problem(ProblemCode.FORBIDDEN, "a customer opens conversations of their own only")
    conversation = await call.hub.conversations.create(
        identity,
        subject=wanted.subject,
        channel=wanted.channel,
        language=wanted.language,
        customer=identity.user if identity.role is Role.CUSTOMER else wanted.customer,
        id=wanted.id,
    )
    name = DocumentName(DocumentKind.CONVERSATION, conversation)
    if await call.hub.rights.access(identity, name) is Access.NONE:
        detail = f"there is a conversation {conversation}, and {identity.user} does not take part: choose another id"
        raise Problem(ProblemCode.EXISTS, detail)
    made = ConversationMade(id=conversation, document=head_name(conversation), segment=segment_name(conversation, 1))
    return Answer(made, status=HTTPStatus.CREATED)


async def show(call: Call[NoParameters, None]) -> Answer:
    """What the head says: subject, people, segments."""
    return Answer(await readable_head(call))


async def readable_head(call: Call[Any, Any]) -> ConversationHead:
    """The head of the conversation in the path, which the caller may read. Raises `RefusedUpdate`."""
    conversation = call.path["id"]
    document, _ = await call.hub.open(call.identity, head_name(conversation))
    call.hub.unpin(document)
    head = await call.hub.conversations.head(call.identity.tenant, conversation)
    if head is None:
        raise RefusedUpdate(RefusalCode.NOT_FOUND, f"there is no conversation {conversation}")
    return head


async def seen(call: Call[NoParameters, None]) -> Answer:
    """How far everybody has read."""
    await readable_head(call)
    projections = await projected(call.hub)
    found = await projections.seen_by(call.identity.tenant, call.path["id"])
    return Answer(SeenList(seen=tuple(SeenBy(**one._asdict()) for one in found)))


async def add_participant(call: Call[NoParameters, NewParticipant]) -> Answer:
    """Let a user take part."""
    await readable_head(call)
    wanted, conversations = call.body, call.hub.conversations
    await conversations.add_participant(call.identity.tenant, call.path["id"], wanted.user, wanted.role)
    return Answer(status=HTTPStatus.NO_CONTENT)


async def remove_participant(call: Call[NoParameters, None]) -> Answer:
    """Let a user take part no longer; what they have open is withdrawn at once."""
    await readable_head(call)
    await call.hub.conversations.remove_participant(call.identity.tenant, call.path["id"], call.path["user"])
    return Answer(status=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/conversations",
        id="open_conversation",
        summary="Opens a conversation; with an `id` of the caller's it may be sent twice",
        who="staff; customers for themselves",
        roles=WRITERS,
        run=create,
        body=NewConversation,
        answers={HTTPStatus.CREATED: ConversationMade},
        problems=frozenset({ProblemCode.EXISTS}),
    ),
    Operation(
        method="GET",
        path="/v1/conversations/{id}",
        id="show_conversation",
        summary="Subject, participants, segments, tickets",
        who="whoever may read it",
        run=show,
        answers={HTTPStatus.OK: ConversationHead},
        problems=NOBODY_ELSE,
    ),
    Operation(
        method="GET",
        path="/v1/conversations/{id}/seen",
        id="show_seen",
        summary="How far everybody has read",
        who="whoever may read the conversation",
        run=seen,
        answers={HTTPStatus.OK: SeenList},
        problems=NOBODY_ELSE,
    ),
    Operation(
        method="POST",
        path="/v1/conversations/{id}/participants",
        id="add_participant",
        summary="Lets a user take part, under a role",
        who="staff who may read the conversation",
        roles=STAFF,
        run=add_participant,
        body=NewParticipant,
        answers={HTTPStatus.NO_CONTENT: None},
    ),
    Operation(
        method="DELETE",
        path="/v1/conversations/{id}/participants/{user}",
        id="remove_participant",
        summary="Ends it; what that user has open is withdrawn at once",
        who="staff who may read the conversation",
        roles=STAFF,
        run=remove_participant,
        answers={HTTPStatus.NO_CONTENT: None},
    ),
)
