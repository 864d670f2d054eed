"""Values in one message: behind their labels, in answer to a question, or by what they look like.

In this order, and what is taken once is taken: in "order 3348917502" the ten digits are no telephone number.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from syncline_protocol.extraction.candidates import ALONE, ASKED, LABELLED, Candidate, Claims
from syncline_protocol.extraction.check_digits import IMEI_DIGITS, imei
from syncline_protocol.extraction.contacts import emails, mobiles, phones
from syncline_protocol.extraction.folded import Folded
from syncline_protocol.extraction.heard import Heard
from syncline_protocol.extraction.names import BESIDE, asked_name, han_names, labelled_name, labelled_words
from syncline_protocol.extraction.rules import Field, Rules

SURE: Final = 95
"""A checked form that hardly anything else has: an address, a check digit."""

CORRECTED: Final = 84
LOOKED_BACK_MAX: Final = 6
"""Messages in which to look for what a correction corrects."""

Found = tuple[int, int, str]
"""Start and end in the folded text, and the value."""

_BETWEEN: Final = re.compile(
    r"(?:[\s:#=,\"'(]{1,4}+|号码|号|编号|码|是|为|叫|的|填的|写的|(?:is|are|was|number|num|no|code|id|name|as)\b\.?){0,6}+",
    re.IGNORECASE,
)
"""What stands between a label and its value."""

_IMEI: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{2}(?:[ -]?[0-9]){12}[ -]?[0-9](?![0-9A-Za-z])")
_WORD_CHARACTER: Final = re.compile(r"[A-Za-z0-9_]")
_NOT_A_DIGIT: Final = re.compile(r"[^0-9]")


def candidates_in(heard: Sequence[Heard], number: int, rules: Rules, region: str) -> Iterator[Candidate]:
    """All values of message `number`; numbers without a country code are of `region`."""
    one = heard[number]
    claims = Claims()
    found = (
        *_labelled(one.folded, rules, region, claims),
        *_by_form(one.folded, rules, region, claims),
        *_answers(one, rules, region, claims),
        *_alone(one.folded, rules, claims),
    )
    for field, confidence, (start, end, value) in found:
        yield Candidate(field, value, confidence, number, start, end, one.corrects)
    if one.corrects and not found:
        yield from _corrected(heard, number, rules)


def _labelled(folded: Folded, rules: Rules, region: str, claims: Claims) -> Iterator[tuple[str, int, Found]]:
    """Values behind labels (or before units), the longest label of a place first."""
    places = [
        (start, end, field) for field in rules.fields for phrase in field.label for start, end in phrase.find(folded)
    ]
    for start, end, field in sorted(places, key=lambda place: (place[0] - place[1], place[0])):
        between = _BETWEEN.match(folded.text, end)
        at = between.end() if between else end
        value = _value_at(folded, at, field, rules, region)
        if value is not None and claims.free(start, value[1]) and _allowed(value, field):
            claims.take(start, value[1])
            yield field.name, LABELLED, value
    for field in rules.fields:
        for phrase in field.unit:
            for start, _ in phrase.find(folded):
                value = _value_before(folded, start, field)
                if value is not None and claims.free(value[0], value[1]) and _allowed(value, field):
                    claims.take(value[0], value[1])
                    yield field.name, LABELLED, value


def _value_at(folded: Folded, at: int, field: Field, rules: Rules, region: str) -> Found | None:
    match field.kind:
        case "name":
            span = labelled_name(folded, at, rules)
        case "words":
            span = labelled_words(folded, at, field, rules)
        case "phone":
            return next((found for found in phones(folded, region) if found[0] - at in range(3)), None)
        case "email":
            return next((found for found in emails(folded) if found[0] == at), None)
        case "imei":
            return next((found for found in imeis(folded) if found[0] == at), None)
        case _:
            return _match_at(folded, at, field)
    return (*span, folded.text[span[0] : span[1]]) if span else None


def _match_at(folded: Folded, at: int, field: Field) -> Found | None:
    match = field.value.match(folded.text, at) if field.value else None
    return _whole(folded, match) if match else None


def _whole(folded: Folded, match: re.Match[str]) -> Found | None:
    """The match, if it is a word or several and no part of one. Its value is what stands in parentheses, if anything
    does.
    """
    start, end = match.span()
    if start == end:
        return None
    before, after = folded.text[start - 1 : start], folded.text[end : end + 1]
    if _WORD_CHARACTER.match(before) and _WORD_CHARACTER.match(folded.text[start]):
        return None
    if _WORD_CHARACTER.match(after) and _WORD_CHARACTER.match(folded.text[end - 1]):
        return None
    group = match.lastindex or 0
    return *match.span(group), match[group]


def _value_before(folded: Folded, end: int, field: Field) -> Found | None:
    """The value that ends where a unit begins, with a space in between or none."""
    if field.value is None:
        return None
    for match in field.value.finditer(folded.text, max(end - 24, 0), end):
        if folded.text[match.end() : end].strip() == "":
            before = folded.text[match.start() - 1 : match.start()] if match.start() else ""
            return None if _WORD_CHARACTER.match(before) else (match.start(), match.end(), match[0])
    return None


def _allowed(value: Found, field: Field) -> bool:
    return field.but is None or field.but.fullmatch(value[2]) is None


def _by_form(folded: Folded, rules: Rules, region: str, claims: Claims) -> Iterator[tuple[str, int, Found]]:
    """What can be nothing else: e-mail addresses, IMEIs by their check digit, mobile numbers of the regions."""
    regions = dict.fromkeys((region, *rules.regions.values()))
    yield from _claimed("email", SURE, emails(folded), claims)
    yield from _claimed("imei", SURE, imeis(folded), claims)
    yield from _claimed("phone", ASKED, mobiles(folded, regions), claims)


def _claimed(name: str, confidence: int, found: Iterable[Found], claims: Claims) -> Iterator[tuple[str, int, Found]]:
    for value in found:
        if claims.free(value[0], value[1]):
            claims.take(value[0], value[1])
            yield name, confidence, value


def _answers(one: Heard, rules: Rules, region: str, claims: Claims) -> Iterator[tuple[str, int, Found]]:
    """Values for the question that stands over the message, and other telephone numbers: these first if they are asked
    for, else last. Ten digits are an order number as well.
    """
    numbers = _claimed("phone", ASKED, phones(one.folded, region), claims)
    if any(field.kind == "phone" for field in one.asked):
        yield from numbers
    yield from _asked(one, rules, claims)
    yield from numbers


def imeis(folded: Folded) -> Iterator[Found]:
    """IMEIs with a right check digit, without the spaces and hyphens in them."""
    for match in _IMEI.finditer(folded.text):
        digits = _NOT_A_DIGIT.sub("", match[0])
        if len(digits) == IMEI_DIGITS and imei(digits):
            yield match.start(), match.end(), digits


def _asked(one: Heard, rules: Rules, claims: Claims) -> Iterator[tuple[str, int, Found]]:
    """Values for the question that stands over the message."""
    for field in one.asked:
        if field.kind == "name":
            span = asked_name(one.folded, rules)
            found = [(*span, one.folded.text[span[0] : span[1]])] if span else []
        elif field.kind in {"pattern", "words"}:
            found = list(_matches(one.folded, field))
        else:
            continue  # by form already
        for value in found:
            if claims.free(value[0], value[1]):
                claims.take(value[0], value[1])
                yield field.name, ASKED, value
                break


def _matches(folded: Folded, field: Field) -> Iterator[Found]:
    """What looks like the field's value: by the stricter pattern first."""
    for pattern in (field.alone, field.value):
        for match in pattern.finditer(folded.text) if pattern else ():
            value = _whole(folded, match)
            if value is not None and _allowed(value, field):
                yield value


def _alone(folded: Folded, rules: Rules, claims: Claims) -> Iterator[tuple[str, int, Found]]:
    """What nothing announces: by the fields' patterns for that, and Chinese names beside a telephone number."""
    for field in rules.fields:
        for match in field.alone.finditer(folded.text) if field.alone else ():
            value = _whole(folded, match)
            if value is not None and _allowed(value, field) and claims.free(value[0], value[1]):
                claims.take(value[0], value[1])
                yield field.name, ALONE, value
    for field in rules.fields:
        if field.kind == "name":
            for start, end in han_names(folded, rules):
                if BESIDE.match(folded.text, end) and claims.free(start, end):
                    yield field.name, ALONE, (start, end, folded.text[start:end])


def _corrected(heard: Sequence[Heard], number: int, rules: Rules) -> Iterator[Candidate]:
    """A bare value that is taken for the last one said which looks alike: "sorry, PF3X9Q2R"."""
    one = heard[number]
    if not one.said.is_customer:
        return
    for earlier in range(number - 1, max(number - 1 - LOOKED_BACK_MAX, -1), -1):
        if not heard[earlier].said.is_customer:
            continue
        for said in candidates_in(heard, earlier, rules, ""):
            field = next((field for field in rules.fields if field.name == said.field), None)
            if field is None or field.kind != "pattern":
                continue
            for start, end, value in _matches(one.folded, field):
                if value != said.value:
                    yield Candidate(field.name, value, CORRECTED, number, start, end, corrects=True)
                    return
