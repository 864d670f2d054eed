"""Which product it is about, and which model of it, by the products of the rules."""

from collections.abc import Iterator, Sequence
from typing import Final

from syncline_protocol.extraction.candidates import PRODUCT, Candidate
from syncline_protocol.extraction.contacts import emails
from syncline_protocol.extraction.heard import Heard
from syncline_protocol.extraction.rules import Product, Rules

MODEL: Final = "model"

NAMED: Final = 80
"""Percent: the product is named."""

BY_MODEL: Final = 72
"""A model of it is."""

MODEL_KNOWN: Final = 90
"""It looks like a model of a product in the rules."""


def product_candidates(heard: Sequence[Heard], number: int, rules: Rules) -> Iterator[Candidate]:
    """The products that a message names, and their models."""
    one = heard[number]
    for product in rules.products:
        for start, end in _mentions(one, product):
            yield Candidate(PRODUCT, product.name, NAMED, number, start, end)
        for pattern in product.models:
            for match in pattern.finditer(one.folded.text):
                yield Candidate(MODEL, match[0], MODEL_KNOWN, number, *match.span(), one.corrects)
                yield Candidate(PRODUCT, product.name, BY_MODEL, number, *match.span())


def _mentions(one: Heard, product: Product) -> Iterator[tuple[int, int]]:
    """Where it is named, but for words in which its name is part of something else: 手机 in 手机号, Outlook in an
    address.
    """
    other = [span for phrase in product.but for span in phrase.find(one.folded)]
    other.extend((start, end) for start, end, _ in emails(one.folded))
    for phrase in product.terms:
        for start, end in phrase.find(one.folded):
            if not any(first <= start and end <= last for first, last in other):
                yield start, end
