"""Values that may be a field's, and which of them it is.

A value of the customer's outweighs the staff's, whatever it is: an agent repeats, guesses, and mistypes. Among values
of one side a correction outweighs what was said before it; otherwise the surer one holds, and of equally sure ones the
later (or, for fields that say so, the first).
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from syncline_protocol.extraction.heard import Heard
from syncline_protocol.extraction.rules import Field
from syncline_protocol.extraction.said import Extracted

LABELLED: Final = 92
"""Percent: the customer says what it is. "order number 4711"."""

ASKED: Final = 86
"""It was asked for, and looks like it."""

ALONE: Final = 64
"""It looks like it, and like nothing else."""

BARE: Final = 42
"""It stands where such a value is usually said."""

STAFF_SHARE: Final = 60
"""Percent of the same, if the staff says it."""


PRODUCT: Final = "product"
"""The field that the products of the rules are for: what the customer names first."""


class Candidate(NamedTuple):
    """A value for `field` in message number `message`, at `start` to `end` of its folded text."""

    field: str
    value: str
    confidence: int
    message: int
    start: int
    end: int
    corrects: bool = False


class Claims:
    """What words of a message are taken: a number is one thing only."""

    def __init__(self) -> None:
        self._taken: list[tuple[int, int]] = []

    def free(self, start: int, end: int) -> bool:
        """Whether none of it is taken."""
        return all(end <= first or last <= start for first, last in self._taken)

    def take(self, start: int, end: int) -> None:
        """Keep others from it."""
        self._taken.append((start, end))


def pick(candidates: Iterable[Candidate], heard: Sequence[Heard], fields: Sequence[Field]) -> tuple[Extracted, ...]:
    """One value for each field, in the order of their names."""
    first = {PRODUCT, *(field.name for field in fields if field.first)}
    chosen: dict[str, Candidate] = {}
    for one in sorted(candidates, key=lambda candidate: (candidate.message, candidate.start)):
        known = chosen.get(one.field)
        if known is None or _outweighs(one, known, heard, first=one.field in first):
            chosen[one.field] = one
    return tuple(_extracted(chosen[name], heard) for name in sorted(chosen))


def _outweighs(new: Candidate, old: Candidate, heard: Sequence[Heard], *, first: bool) -> bool:
    new_side, old_side = (heard[one.message].said.is_customer for one in (new, old))
    if new_side != old_side:
        return new_side
    later = new.message > old.message
    if new.corrects and later:
        return True
    if old.corrects:
        return False
    if new.confidence != old.confidence:
        return new.confidence > old.confidence
    return later and not first


def _extracted(one: Candidate, heard: Sequence[Heard]) -> Extracted:
    message = heard[one.message]
    confidence = one.confidence if message.said.is_customer else one.confidence * STAFF_SHARE // 100
    span = message.folded.span(one.start, one.end)
    return Extracted(one.field, one.value, confidence, message.said.id, (span.start, span.end))
