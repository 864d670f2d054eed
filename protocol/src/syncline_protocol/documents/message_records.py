"""Records of `conversation/<id>/<n>`, root `messages`: messages, and records about one.

Markup is the plain source text of a small Markdown subset: `*emphasis*`, `**strong**`, `` `code` ``, fenced code
blocks, `- ` and `1. ` lists, `> ` quotes, `[text](https://…)` links. It is stored as written and never read as HTML:
a device shows every `<` and `&` as that character, opens links to http, https, mailto and tel only, and shows whatever
else it does not understand as the text it is.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from syncline_protocol.documents.fields import (
    DATA_ENTRIES_MAX,
    Blob,
    Caption,
    DocumentId,
    LanguageTag,
    Record,
    RecordId,
    Scalar,
    Score,
    Text,
    Word,
)


class PersonMessage(Record, frozen=True, kw_only=True):
    """What people's messages share. `reply_to` may name a message of another segment. `auto`: written by a program, and
    so no answer by a person of the staff.
    """

    auto: Literal[True] | UnsetType = UNSET
    reply_to: RecordId | UnsetType = UNSET
    lang: LanguageTag | UnsetType = UNSET


class TextMessage(PersonMessage, frozen=True, kw_only=True, tag="text"):
    """Plain text."""

    text: Text


class RichTextMessage(PersonMessage, frozen=True, kw_only=True, tag="rich_text"):
    """Text with markup, as source (see the module's text)."""

    markup: Text


class BlobMessage(PersonMessage, frozen=True, kw_only=True):
    """What messages with a file share."""

    blob: Blob
    caption: Caption | UnsetType = UNSET


class ImageMessage(BlobMessage, frozen=True, kw_only=True, tag="image"):
    """A picture."""


class VoiceMessage(BlobMessage, frozen=True, kw_only=True, tag="voice"):
    """A spoken message."""


class VideoMessage(BlobMessage, frozen=True, kw_only=True, tag="video"):
    """A clip."""


class FileMessage(BlobMessage, frozen=True, kw_only=True, tag="file"):
    """Any other file."""


class SystemMessage(Record, frozen=True, kw_only=True, tag="system"):
    """What the server says, e.g. that somebody joined. Devices word it by `event` and `data`, else by `text`."""

    event: Word
    text: Caption | UnsetType = UNSET
    data: Annotated[dict[Word, Scalar], Meta(max_length=DATA_ENTRIES_MAX)] | UnsetType = UNSET


class Edit(Record, frozen=True, kw_only=True, tag="edit"):
    """A new version of a message's text, markup or caption, by the message's author. Exactly one of the two is set."""

    message: RecordId
    text: Text | UnsetType = UNSET
    markup: Text | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.text is UNSET) == (self.markup is UNSET):
            raise ValueError("an edit has either `text` or `markup`")


class Recall(Record, frozen=True, kw_only=True, tag="recall"):
    """Takes a message back: by its author, a supervisor or an admin."""

    message: RecordId


class Redaction(Record, frozen=True, kw_only=True, tag="redaction"):
    """Erases a message and all that was written about it, for good: the server takes the content out of the log, the
    snapshot and every replica. By a supervisor or an admin.
    """

    message: RecordId
    reason: Caption | UnsetType = UNSET


class Rating(Record, frozen=True, kw_only=True, tag="satisfaction"):
    """How satisfied the customer is with what became of a ticket: from 1 to `SCORE_MAX`."""

    ticket: DocumentId
    score: Score
    text: Caption | UnsetType = UNSET


class Reaction(Record, frozen=True, kw_only=True, tag="reaction"):
    """Sets or takes back one's reaction to a message."""

    message: RecordId
    emoji: Annotated[str, Meta(pattern=r"\A[^\s\x00-\x1f\x7f]{1,32}\Z")]
    on: bool
