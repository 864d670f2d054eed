"""Records of `user/<id>`, roots `read_markers`, `drafts` and `settings`. The user alone writes them."""

from typing import Annotated

from msgspec import Meta

from syncline_protocol.documents.fields import At, DocumentId, Record, RecordId, Scalar, Word
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX


class ReadMarker(Record, frozen=True, kw_only=True, tag="read_marker"):
    """The user has read the conversation up to `message`, whose `at` is `up_to`."""

    conversation: DocumentId
    up_to: At
    message: RecordId


class Draft(Record, frozen=True, kw_only=True, tag="draft"):
    """What the user has written and not sent; empty when it was sent or thrown away. Erased with what came of it
    (`user.drafts_to_erase`).
    """

    conversation: DocumentId
    text: Annotated[str, Meta(max_length=MESSAGE_TEXT_CHARACTERS_MAX)]


class Setting(Record, frozen=True, kw_only=True, tag="setting"):
    """One setting of the user's; null takes it back to its default."""

    name: Word
    value: Scalar
