"""What extraction reads and what it says: messages in, guesses and values out.

On the data's way: `messages of a conversation → EXTRACTION → fields of a ticket`. Nothing here is stored: an agent's
device and the server make the same of the same messages and rules, at any time, online or not.
"""

from typing import NamedTuple

import msgspec


class Said(NamedTuple):
    """One message: its `id`, who wrote it, its text, and whether that was the customer. `at`: when (a stamp).

    `attachments`: media types or names of the files with it.
    """

    id: str
    by: str
    text: str
    is_customer: bool
    at: int = 0
    attachments: tuple[str, ...] = ()


class Span(NamedTuple):
    """Code points `start` to `end` of a message's text as it was written, the end not included."""

    start: int
    end: int


class Extracted(msgspec.Struct, frozen=True):
    """A field's value in its normal form, how sure it is (percent), and the words it was read from.

    An attachment stands in no words: its span is empty.
    """

    name: str
    value: str
    confidence: int
    message: str
    span: tuple[int, int]


class Guess(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a conversation is about (or its language, or its urgency), how sure that is (percent), and the message that
    weighed most: None when nothing was said for it. `because`: the words that decided, for a person.
    """

    value: str
    confidence: int
    message: str | None
    because: tuple[str, ...] = ()


IssueGuess = Guess


class Extraction(msgspec.Struct, frozen=True):
    """All that is read out of a conversation. `fields` stand in the order of their names, one each; several attachments
    in the order in which they came.
    """

    issue_type: Guess
    language: Guess
    urgency: Guess
    fields: tuple[Extracted, ...]
