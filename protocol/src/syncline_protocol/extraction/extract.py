"""From conversation to ticket: what it is about and the values that are said in it, each with its message and its
words.

A pure function of the messages and the rules: the agent's device makes the same offline as the server does. It
suggests; what goes into a ticket is written by somebody, as an event that names the message.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from syncline_protocol.extraction.bare import bare_answers
from syncline_protocol.extraction.candidates import Candidate, pick
from syncline_protocol.extraction.contacts import region_of
from syncline_protocol.extraction.fields import candidates_in
from syncline_protocol.extraction.heard import Heard, hear
from syncline_protocol.extraction.issues import guess_issue
from syncline_protocol.extraction.language import guess_language
from syncline_protocol.extraction.products import product_candidates
from syncline_protocol.extraction.rules import Rules
from syncline_protocol.extraction.said import Extracted, Extraction, Guess, Said

ATTACHMENT: Final = "attachment"
SYMPTOM: Final = "symptom"
NORMAL: Final = "normal"

SYMPTOM_CHARACTERS_MAX: Final = 500
"""Of the customer's words for what is wrong; the message itself has the rest."""

URGENT: Final = 80
UNSAID: Final = 50
CERTAIN: Final = 100


def extract(said: Sequence[Said], rules: Rules) -> Extraction:
    """What these messages, in their order, say: issue type, language, urgency, and at most one value for each field."""
    heard = hear(said, rules)
    language = guess_language(heard)
    issue_type = guess_issue(heard, rules)
    region = region_of(language.value, rules.regions)
    found = [one for number in range(len(heard)) for one in _in_message(heard, number, rules, region)]
    known = rules.issue_type(issue_type.value)
    if known is not None:
        found.extend(bare_answers(heard, rules, known, found))
    fields = (*pick(found, heard, rules.fields), *_symptom(heard, issue_type, rules), *_attachments(heard))
    return Extraction(
        issue_type=issue_type,
        language=language,
        urgency=_urgency(heard, rules),
        fields=tuple(sorted(fields, key=lambda field: field.name)),  # stable: attachments stay in their order
    )


def missing_fields(issue_type: str, fields: Collection[str], rules: Rules) -> tuple[str, ...]:
    """The names of the fields that a ticket of this issue type needs and that `fields` does not have, in the rules'
    order.

    Nothing is missing for an issue type that the rules do not know.
    """
    known = rules.issue_type(issue_type)
    return tuple(name for name in known.required if name not in fields) if known else ()


def _in_message(heard: Sequence[Heard], number: int, rules: Rules, region: str) -> Iterator[Candidate]:
    yield from candidates_in(heard, number, rules, region)
    yield from product_candidates(heard, number, rules)


def _urgency(heard: Sequence[Heard], rules: Rules) -> Guess:
    """The most urgent that the customer says."""
    for level, phrases in rules.urgency:
        for one in heard:
            for start, end in (place for phrase in phrases for place in phrase.find(one.folded)):
                if one.said.is_customer:
                    span = one.folded.span(start, end)
                    return Guess(level, URGENT, one.said.id, (one.said.text[span.start : span.end],))
    return Guess(NORMAL, UNSAID, None)


def _symptom(heard: Sequence[Heard], issue_type: Guess, rules: Rules) -> Iterator[Extracted]:
    """What is broken, in the customer's words: the message that weighed most for an issue type of broken things."""
    known = rules.issue_type(issue_type.value)
    if known is None or not known.symptom or issue_type.message is None:
        return
    said = next(one.said for one in heard if one.said.id == issue_type.message)
    text = said.text.strip()[:SYMPTOM_CHARACTERS_MAX].rstrip()
    if said.is_customer and text:
        start = said.text.index(text)
        yield Extracted(SYMPTOM, text, issue_type.confidence, said.id, (start, start + len(text)))


def _attachments(heard: Sequence[Heard]) -> Iterator[Extracted]:
    for one in heard:
        for attachment in one.said.attachments:
            yield Extracted(ATTACHMENT, attachment, CERTAIN, one.said.id, (0, 0))
