"""From a conversation to the ticket that it suggests: between reading (`messages.py`), extraction and `opening.py`.

Pure, so that an agent's device makes the same of the same messages without a connection as the server does. It
suggests; whoever opens the ticket puts in its place what they know better.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from syncline_protocol.documents.conversation import ConversationHead
from syncline_protocol.documents.fields import SUBJECT_CHARACTERS_MAX, Blob
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.messages import Message
from syncline_protocol.documents.opening import Opening
from syncline_protocol.extraction import Extracted, Extraction, Said

ATTACHMENT: Final = "attachment"
"""What extraction calls a file. A ticket has links to files, not fields."""

LINKS_MAX: Final = 50
"""Messages and files that an opening links by itself; the conversation has the rest."""

NO_SUBJECT: Final = "…"


def said_in(head: ConversationHead, messages: Sequence[Message]) -> tuple[Said, ...]:
    """What was said in a conversation, for extraction. What was taken back or erased was not said, nor was what the
    server said of itself.
    """
    customers = {user for user, one in head.participants.items() if one.role is Role.CUSTOMER}
    customers |= {head.customer} if head.customer is not None else set()
    return tuple(
        Said(
            id=one.id,
            by=one.by,
            text=one.text or one.markup or "",
            is_customer=one.by in customers,
            at=one.at,
            attachments=() if one.blob is None else (one.blob.name,),
        )
        for one in messages
        if one.type != "system" and (one.text or one.markup or one.blob is not None)
    )


def suggested_opening(
    conversation: str, head: ConversationHead, messages: Sequence[Message], extraction: Extraction, *, via: str
) -> Opening:
    """How a ticket of this conversation begins: its subject, who the customer is, what was extracted, each value with
    its source, and links to the messages that were read for it and to every file.
    """
    fields = tuple(one for one in extraction.fields if one.name != ATTACHMENT)
    blobs = {one.id: one.blob for one in messages if one.blob is not None}
    return Opening(
        subject=_subject(head, messages, fields),
        via=via,
        conversation=conversation,
        customer=head.customer,
        language=head.language if extraction.language.message is None else extraction.language.value,
        issue_type=None if extraction.issue_type.message is None else extraction.issue_type.value,
        issue_confidence=extraction.issue_type.confidence,
        priority=None if extraction.urgency.message is None else extraction.urgency.value,
        fields=fields,
        links=_links(conversation, [extraction.issue_type.message, *(one.message for one in fields)], messages, blobs),
    )


def _subject(head: ConversationHead, messages: Sequence[Message], fields: Sequence[Extracted]) -> str:
    symptom = next((one.value for one in fields if one.name == "symptom"), None)
    first = next((one.text for one in messages if one.text and one.by == head.customer), None)
    text = " ".join((head.subject or symptom or first or NO_SUBJECT).split())
    return text[:SUBJECT_CHARACTERS_MAX] or NO_SUBJECT


def _links(
    conversation: str, read: Sequence[str | None], messages: Sequence[Message], blobs: Mapping[str, Blob]
) -> tuple[dict[str, Any], ...]:
    """In the order of the messages, one each."""
    wanted = {*read, *blobs}
    links: list[dict[str, Any]] = []
    for message in messages:
        if message.id in wanted and len(links) < LINKS_MAX:
            blob = blobs.get(message.id)
            own = {} if blob is None else {"blob": msgspec.to_builtins(blob)}
            links.append({"conversation": conversation, "message": message.id, **own})
    return tuple(links)
