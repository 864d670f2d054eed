"""Answers without questions: conversations of which only the customer's side was kept.

There, "john 8795" answers who one is and which account, in the order in which such things are asked for an issue type
(`answers` of the rules). That is a guess, and has the least confidence of all. Where the staff's side is there, its
questions say what was meant, and nothing is done here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from syncline_protocol.extraction.candidates import BARE, Candidate
from syncline_protocol.extraction.heard import Heard, says
from syncline_protocol.extraction.names import words_at
from syncline_protocol.extraction.rules import NO_FIELD, Field, IssueType, Rules

WORDS_MAX: Final = 8
"""More words are a sentence."""

WORDS_FEW: Final = 4
WEIGHT_MAX_SHORT: Final = 5
"""A few words may have a weak term in them: firms are called after software and music as well."""


def bare_answers(
    heard: Sequence[Heard], rules: Rules, issue_type: IssueType, known: Sequence[Candidate]
) -> Iterator[Candidate]:
    """Values in short messages of which nothing else is known."""
    if any(not one.said.is_customer for one in heard):
        return
    fields = {field.name: field for field in rules.fields}
    begins: dict[int, int] = {}  # where the first known value of a message stands
    for value in known:
        begins[value.message] = min(value.start, begins.get(value.message, value.start))
    there = {value.field for value in known}
    waiting = [name for name in issue_type.answers if name not in there]
    for number, one in enumerate(heard):
        if not _is_answer(one, rules):
            continue
        if number in begins and waiting[:1] == [NO_FIELD]:
            del waiting[0]
        at, end = 0, begins.get(number, len(one.folded.text))
        while waiting and at < end:
            at = _past_signs(one.folded.text, at)
            reached, span = _answer(one, at, waiting[0], fields, rules)
            if reached == at or reached > end:
                break
            if span is not None:
                yield Candidate(waiting[0], one.folded.text[slice(*span)], BARE, number, *span)
            del waiting[0]
            at = reached


def _is_answer(one: Heard, rules: Rules) -> bool:
    """Whether the message may be an answer: short, and neither a greeting nor the concern itself."""
    words = len(one.folded.text.split())
    if not 0 < words <= WORDS_MAX or says(one.folded, rules.fillers):
        return False
    weights = [abs(term.weight) for _, term, _, _ in rules.terms.find(one.folded)]
    return max(weights, default=0) < (WEIGHT_MAX_SHORT if words <= WORDS_FEW else 1)


def _past_signs(text: str, at: int) -> int:
    at += len(text[at:]) - len(text[at:].lstrip(" ,.:;-"))
    return at + 4 if text[at : at + 4].lower() == "and " else at


def _answer(
    one: Heard, at: int, name: str, fields: Mapping[str, Field], rules: Rules
) -> tuple[int, tuple[int, int] | None]:
    """How far the answer for `name` goes that begins at `at` (no further: none does), and the value in it."""
    text = one.folded.text
    field = fields.get(name)
    if name == NO_FIELD or field is None:
        return len(text), None
    if field.kind in {"name", "words"}:
        span = words_at(one.folded, at, field.words, rules.stop)
        return (span[1], span) if span else (at, None)
    for match in field.value.finditer(text, at) if field.value else ():
        if field.but is None or field.but.fullmatch(match[0]) is None:
            return match.end(), match.span()
    return at, None
