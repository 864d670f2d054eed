"""What a better extractor is asked over HTTP, and what it may answer: the seam that `docs/guide.md` describes.

The HTTP is the server's (`extractor.py` there). Here is the shape of both bodies, and the check of an answer: whoever
computes it, nothing enters a ticket that points to words which are not there.

1. Messages that are named exist; issue types and fields that are named are in the rules.
2. A span lies within its message's text, is not empty, and `quote` is those code points exactly. Who counts bytes or
   UTF-16 is found out by this.
3. Each field comes once; what is sure is a percentage.
4. Attachments are not asked for: they are known.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from syncline_protocol.extraction.candidates import PRODUCT
from syncline_protocol.extraction.extract import ATTACHMENT, SYMPTOM
from syncline_protocol.extraction.heard import MESSAGES_FIRST, MESSAGES_LAST
from syncline_protocol.extraction.products import MODEL
from syncline_protocol.extraction.rules import URGENCIES, Rules
from syncline_protocol.extraction.said import Extracted, Extraction, Guess, Said

FORMAT: Final = 1

VALUE_CHARACTERS_MAX: Final = 4_000
"""Code points of a value: what a ticket's field takes."""

Percent = Annotated[int, Meta(ge=0, le=100)]
Place = Annotated[int, Meta(ge=0)]
Value = Annotated[str, Meta(min_length=1, max_length=VALUE_CHARACTERS_MAX)]


class AskedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was written. `at`: its stamp, 0 if unknown."""

    id: str
    by: str
    text: str
    is_customer: bool
    at: int
    attachments: tuple[str, ...]


class AskedType(msgspec.Struct, frozen=True, kw_only=True):
    """An issue type to choose from, and what people call it."""

    name: str
    label: dict[str, str]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the extractor gets. `otherwise`: the issue type for everything else; `fields`: the names that it may
    answer.
    """

    format: int
    messages: tuple[AskedMessage, ...]
    issue_types: tuple[AskedType, ...]
    otherwise: str
    fields: tuple[str, ...]


class AnsweredGuess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guess about the whole conversation. `message`: the one that decided, or null."""

    value: Annotated[str, Meta(min_length=1, max_length=64)]
    confidence: Percent
    message: str | None = None


class AnsweredField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value, in its normal form, and the words it was read from: `quote` is code points `span[0]` to `span[1]`."""

    name: str
    value: Value
    confidence: Percent
    message: str
    span: tuple[Place, Place]
    quote: Value


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the extractor says. Without language or urgency those of the rules stand."""

    issue_type: AnsweredGuess
    fields: tuple[AnsweredField, ...]
    language: AnsweredGuess | None = None
    urgency: AnsweredGuess | None = None


_decode: Final = msgspec.json.Decoder(Answer).decode
_encode: Final = msgspec.json.Encoder().encode


def request_body(said: Sequence[Said], rules: Rules) -> bytes:
    """The body of the request, JSON. Of a long conversation its beginning and its end, as `extract` reads them."""
    if len(said) > MESSAGES_FIRST + MESSAGES_LAST:
        said = [*said[:MESSAGES_FIRST], *said[-MESSAGES_LAST:]]
    return _encode(
        Request(
            format=FORMAT,
            messages=tuple(AskedMessage(**one._asdict()) for one in said),
            issue_types=tuple(AskedType(name=one.name, label=dict(one.label)) for one in rules.issue_types),
            otherwise=rules.otherwise,
            fields=field_names(rules),
        )
    )


def field_names(rules: Rules) -> tuple[str, ...]:
    """The fields that may be answered, in the order of their names."""
    return tuple(sorted({SYMPTOM, PRODUCT, MODEL, *(field.name for field in rules.fields)}))


def read_answer(body: bytes, said: Sequence[Said], rules: Rules, local: Extraction) -> Extraction:
    """The extraction that an answer stands for. What was not answered, and the attachments, are those of `local`.

    Raises `ValueError`, which says what is wrong, when the answer breaks one of the rules above.
    """
    try:
        answer = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"the answer is not of the shape: {error}") from error
    texts = {one.id: one.text for one in said}
    issue_types = {rules.otherwise, *(one.name for one in rules.issue_types)}
    attachments = [field for field in local.fields if field.name == ATTACHMENT]
    fields = [_field(f"fields[{place}]", field, texts) for place, field in enumerate(answer.fields)]
    names = [field.name for field in fields]
    allowed = field_names(rules)
    for place, name in enumerate(names):
        _require(name in allowed, f"fields[{place}].name", f"{name!r} is no field of the rules")
        _require(name not in names[:place], f"fields[{place}].name", f"{name!r} is there already")
    _require(answer.issue_type.value in issue_types, "issue_type.value", "no issue type of the rules")
    urgency = answer.urgency
    _require(urgency is None or urgency.value in {"normal", *URGENCIES}, "urgency.value", "no urgency")
    return Extraction(
        issue_type=_guess("issue_type", answer.issue_type, texts),
        language=_guess("language", answer.language, texts) if answer.language else local.language,
        urgency=_guess("urgency", urgency, texts) if urgency else local.urgency,
        fields=tuple(sorted([*fields, *attachments], key=lambda field: field.name)),
    )


def _guess(place: str, guess: AnsweredGuess, texts: dict[str, str]) -> Guess:
    _require(guess.message is None or guess.message in texts, f"{place}.message", f"no message {guess.message!r}")
    return Guess(guess.value, guess.confidence, guess.message)


def _field(place: str, field: AnsweredField, texts: dict[str, str]) -> Extracted:
    start, end = field.span
    _require(field.message in texts, f"{place}.message", f"no message {field.message!r}")
    text = texts[field.message]
    _require(start < end <= len(text), f"{place}.span", f"[{start}, {end}] are no words of {len(text)} code points")
    _require(text[start:end] == field.quote, f"{place}.quote", "not what the message says there")
    return Extracted(field.name, field.value, field.confidence, field.message, field.span)


def _require(holds: Any, place: str, reason: str) -> None:
    if not holds:
        raise ValueError(f"{place}: {reason}")
