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


def bare_answers(
    heard: Sequence[Heard], rules: Rules, issue_type: IssueType, known: Sequence[Candidate]
) -> Iterator[Candidate]:
    """Values in short messages of which nothing else is known."""
    if any(not one.said.is_customer for one in heard):
        return
    fields = {field.name: field for field in rules.fields}
    taken = {one.message for one in known}
    there = {one.field for one in known}
    waiting = [name for name in issue_type.answers if name not in there]
    for number, one in enumerate(heard):
        text = one.folded.text
        if number in taken or not 0 < len(text.split()) <= WORDS_MAX or says(one.folded, rules.fillers):
            continue
        at = 0
        while waiting and at < len(text):
            at += len(text[at:]) - len(text[at:].lstrip(" ,.:;-"))
            if text[at : at + 4].lower() == "and ":
                at += 4
            end, value = _answer(one, at, waiting[0], fields, rules)
            if end == at:
                break
            if value is not None:
                yield Candidate(waiting[0], text[slice(*value)], BARE, number, *value)
            del waiting[0]
            at = end


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
