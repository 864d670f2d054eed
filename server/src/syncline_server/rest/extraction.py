"""What a conversation says of its problem: issue type and fields, each with the words that it was read from."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from syncline_protocol.documents.conversation import ConversationHead
from syncline_protocol.documents.messages import Message
from syncline_protocol.documents.suggestion import said_in
from syncline_protocol.extraction import Extraction

from syncline_server.rest.conversations import NOBODY_ELSE, readable_head
from syncline_server.rest.declaration import READING_STAFF, Answer, Call, NoParameters, Operation
from syncline_server.rest.messages import newest_messages

MESSAGES_READ_MAX: Final = 2_000
"""Of a longer conversation the newest: what it is about now."""


async def show(call: Call[NoParameters, None]) -> Answer:
    """What the messages say."""
    _, _, found = await extracted(call)
    return Answer(found)


async def extracted(call: Call[Any, Any]) -> tuple[ConversationHead, Sequence[Message], Extraction]:
    """The conversation in the path, its messages, and what they say. Raises `RefusedUpdate`."""
    head = await readable_head(call)
    messages = await newest_messages(call, head, MESSAGES_READ_MAX)
    return head, messages, await call.extractor.extract(said_in(head, messages))


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/conversations/{id}/extraction",
        id="show_extraction",
        summary="Issue type and fields that the messages tell, each with its confidence (percent), message and words",
        who="staff and auditors who may read the conversation",
        roles=READING_STAFF,
        run=show,
        answers={HTTPStatus.OK: Extraction},
        problems=NOBODY_ELSE,
    ),
)
