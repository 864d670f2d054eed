"""Telephone numbers and e-mail addresses: found by what they are, written in one form.

Numbers are those of the numbering plans that `phonenumbers` keeps, in E.164. A number of another country is understood
with its country code, otherwise as one of the conversation's region.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import phonenumbers

from syncline_protocol.extraction.folded import Folded

EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}+@(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
"""What is written in practice of RFC 5321: no quoted names, no literal addresses."""

DIGITS_MIN: Final = 5
"""No subscriber's number is shorter."""

_DIGITS: Final = re.compile(r"\d")


def emails(folded: Folded) -> Iterator[tuple[int, int, str]]:
    """Addresses with their places, in lower case: so they are compared, and so mail servers deliver them."""
    if "@" in folded.text:
        for match in EMAIL.finditer(folded.text):
            yield match.start(), match.end(), match[0].lower()


def phones(folded: Folded, region: str) -> Iterator[tuple[int, int, str]]:
    """Valid numbers with their places, in E.164. `region`: two letters, or empty if only full numbers count."""
    for start, end, number in _numbers(folded, region):
        yield start, end, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mobiles(folded: Folded, regions: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Numbers that can only be mobile ones in one of the regions: telephone numbers, whatever is spoken."""
    for region in regions:
        for start, end, number in _numbers(folded, region):
            if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE:
                yield start, end, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _numbers(folded: Folded, region: str) -> Iterator[tuple[int, int, phonenumbers.PhoneNumber]]:
    if len(_DIGITS.findall(folded.text)) < DIGITS_MIN:
        return  # the matcher is slow, and nearly every message ends here
    for match in phonenumbers.PhoneNumberMatcher(folded.text, region or None, leniency=phonenumbers.Leniency.VALID):
        yield match.start, match.end, match.number


def region_of(language: str, regions: Mapping[str, str]) -> str:
    """The region whose numbers a conversation in `language` has; empty if the rules say nothing of it."""
    return regions.get(language) or regions.get(language.partition("-")[0]) or ""
