"""Messages of a conversation: read page by page, the newest page first, and written like a device writes them.

Both go to the segments themselves: what was written before is in what is read after.
"""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from syncline_protocol.clock import at_from_ms, at_ms
from syncline_protocol.documents.conversation import ConversationHead
from syncline_protocol.documents.identity import PROGRAMS
from syncline_protocol.documents.messages import Message, reduce_messages
from syncline_protocol.documents.schema import MESSAGE_TYPES, MESSAGES
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_server.admission import RecordAdmission
from syncline_server.conversations import segment_name
from syncline_server.document import Document
from syncline_server.rest import cursors, records
from syncline_server.rest.conversations import NOBODY_ELSE, readable_head
from syncline_server.rest.declaration import WRITERS, Answer, Call, NoParameters, Operation
from syncline_server.rest.problems import Problem, ProblemCode
from syncline_server.rest.records import MessageRecord, NewMessage
from syncline_server.storage.record_reading import read_records
from syncline_server.tickets import new_id

LIMIT: Final = 50
LIMIT_MAX: Final = 200

WRITING: Final = frozenset(
    {
        ProblemCode.FORBIDDEN,
        ProblemCode.CONFLICT,
        ProblemCode.EXISTS,
        ProblemCode.QUARANTINED,
        ProblemCode.CLOCK_AHEAD,
    }
)
"""What may be wrong with a record, besides what its declaration says."""

UUID_RANDOM_BITS: Final = 80
"""A UUIDv7 is a time in milliseconds followed by so many bits."""


class MessageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`before`: the cursor of the page after which this one comes, towards the past."""

    before: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT


class MessagePage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages in the order in which they are shown, the newest last. `before`: the cursor of the page before."""

    messages: tuple[Message, ...]
    before: str | None = None


class Before(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Older than this message."""

    segment: int
    at: int
    id: str


async def list_messages(call: Call[MessageQuery, None]) -> Answer:
    """A page of what there is, towards the past."""
    head = await readable_head(call)
    end = cursors.decode(call.query.before, Before, "before") if call.query.before else None
    segments = [one for one in reversed(head.segments) if end is None or one <= end.segment]
    page: list[Message] = []
    for place, segment in enumerate(segments, start=1):
        shown = await shown_in(call, segment)
        if end is not None and segment == end.segment:
            shown = [one for one in shown if (one.at, one.id) < (end.at, end.id)]
        wanted = call.query.limit - len(page)
        page[:0] = shown[-wanted:]
        if len(page) == call.query.limit:
            more = len(shown) > wanted or place < len(segments)
            before = cursors.encode(Before(segment, page[0].at, page[0].id)) if more else None
            return Answer(MessagePage(messages=tuple(page), before=before))
    return Answer(MessagePage(messages=tuple(page)))


async def newest_messages(call: Call[Any, Any], head: ConversationHead, count: int) -> Sequence[Message]:
    """The newest `count` messages of the conversation in the path, and at most a segment more, in their order."""
    found: list[Message] = []
    for segment in reversed(head.segments):
        if len(found) >= count:
            break
        found[:0] = await shown_in(call, segment)
    return found


async def shown_in(call: Call[Any, Any], segment: int) -> Sequence[Message]:
    """The messages of a segment. Raises `RefusedUpdate`, `StoreError`."""
    document, _ = await call.hub.open(call.identity, segment_name(call.path["id"], segment))
    try:
        _, found = await read_records(call.hub.store, document.number)
    finally:
        call.hub.unpin(document)
    return reduce_messages(value for (root, _), value in found.items() if root == MESSAGES)


async def write(call: Call[NoParameters, Any]) -> Answer:
    """Write a record under the caller's name; one that is there already is not written again."""
    await readable_head(call)
    value = records.value_of(call.body)
    if value["type"] in MESSAGE_TYPES and call.identity.role in PROGRAMS:
        value["auto"] = True
    openings = await _openings(call)
    if "id" in value:
        for segment in _segments_at(openings, value["id"]):
            if (found := await _find(call, segment, value["id"])) is not None:
                return _found(call, found)
    value.setdefault("id", new_id())
    document, access = await call.hub.open(call.identity, await _place(call, openings, value))
    try:
        written = await _written(call, document, access, value)
        if written is None:  # by another request, at the same time
            return _found(call, await _read(call, document, value["id"]))
        return Answer(records.stored(MESSAGES, written), status=HTTPStatus.CREATED)
    finally:
        call.hub.unpin(document)


async def _written(call: Call[Any, Any], document: Document, access: Any, value: dict[str, Any]) -> Any:
    """The record as it was written, or None if it was there."""
    try:
        new = await call.author.write_missing(
            document, MESSAGES, [value], access=access, observed=_observed(value, call.hub.now_ms())
        )
    except RefusedUpdate as refusal:
        if refusal.code is RefusalCode.INVALID and _knows(document, value["id"]):
            await document.settled()
            return None
        raise
    return new[0] if new else None


def _found(call: Call[Any, Any], value: Mapping[str, Any]) -> Answer:
    if value["by"] != call.identity.user:
        detail = f"there is a record {value['id']} by {value['by']}"
        raise Problem(ProblemCode.EXISTS, detail, members={"record": value["id"]})
    return Answer(records.stored(MESSAGES, value))


# --- where a record is


async def _openings(call: Call[Any, Any]) -> dict[int, int]:
    """When each segment of the conversation was opened (Unix time in milliseconds), by its number, ascending."""
    name = DocumentName(DocumentKind.CONVERSATION, call.path["id"])
    kept = await call.hub.states.records(call.identity.tenant, name)
    values = [] if kept is None else list(kept.records.values())
    opened = [(one["segment"], at_ms(one["at"])) for one in values if one["type"] == "segment_opened"]
    return dict(sorted(opened))


def _segments_at(openings: Mapping[int, int], record: str) -> list[int]:
    """The segments in which a record of this id may be, the likeliest first: it is no older than its id says, and what
    is written goes into the newest segment.
    """
    made_ms = _id_ms(record) - CLOCK_AHEAD_MS_MAX
    segments = list(openings)
    return [
        one
        for one, following in zip(segments, [*segments[1:], None], strict=True)
        if (following is None or made_ms <= openings[following])
    ]


async def _place(call: Call[Any, Any], openings: Mapping[int, int], value: Mapping[str, Any]) -> str:
    """The document to write to: where the message is that the record is about, else the newest segment."""
    newest = max(openings, default=1)
    if "message" in value:
        for segment in _segments_at(openings, value["message"]):
            if segment != newest and await _knows_segment(call, segment, value["message"]):
                return segment_name(call.path["id"], segment)
    return segment_name(call.path["id"], newest)


async def _knows_segment(call: Call[Any, Any], segment: int, record: str) -> bool:
    document, _ = await call.hub.open(call.identity, segment_name(call.path["id"], segment))
    try:
        await call.hub.load_index(document)
        return _knows(document, record)
    finally:
        call.hub.unpin(document)


async def _find(call: Call[Any, Any], segment: int, record: str) -> Mapping[str, Any] | None:
    document, _ = await call.hub.open(call.identity, segment_name(call.path["id"], segment))
    try:
        await call.hub.load_index(document)
        if not _knows(document, record):
            return None
        await document.settled()  # what the index knows may not be durable yet
        return await _read(call, document, record)
    finally:
        call.hub.unpin(document)


def _knows(document: Document, record: str) -> bool:
    admission = document.admission
    return isinstance(admission, RecordAdmission) and (MESSAGES, record) in admission.index.records


async def _read(call: Call[Any, Any], document: Document, record: str) -> Mapping[str, Any]:
    _, found = await read_records(call.hub.store, document.number)
    value = found.get((MESSAGES, record))
    if value is None:  # the commit that was to bring it failed
        raise RefusedUpdate(RefusalCode.UNAVAILABLE, f"the record {record} was not stored: send it again")
    return value


# --- stamps


def _observed(value: Mapping[str, Any], now_ms: int) -> int:
    """The stamp behind which the record has to come: of what it answers or is about, as far as its id tells."""
    named = [value[field] for field in ("reply_to", "message") if field in value]
    latest_ms = max(map(_id_ms, named), default=0) + 1
    return at_from_ms(latest_ms) if latest_ms <= now_ms + CLOCK_AHEAD_MS_MAX // 2 else 0


def _id_ms(record: str) -> int:
    return uuid.UUID(record).int >> UUID_RANDOM_BITS


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/conversations/{id}/messages",
        id="list_messages",
        summary="Messages as they are shown, the newest page first",
        who="whoever may read the conversation",
        run=list_messages,
        query=MessageQuery,
        answers={HTTPStatus.OK: MessagePage},
        problems=NOBODY_ELSE,
    ),
    Operation(
        method="POST",
        path="/v1/conversations/{id}/messages",
        id="write_message",
        summary="Writes a message, or a record about one; of an `id` that is there already, answers what is there",
        who="whoever takes part; staff",
        roles=WRITERS,
        run=write,
        body=NewMessage,
        answers={HTTPStatus.CREATED: MessageRecord, HTTPStatus.OK: MessageRecord},
        problems=WRITING,
    ),
)
