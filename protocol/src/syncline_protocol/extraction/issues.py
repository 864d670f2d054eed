"""What a conversation is about: the issue type for which the most is said.

1. A term counts where it is said first. Said within the words of a longer term, of whatever issue type, it counts for
   nothing: in "update my expenses" nobody updates anything.
2. What the customer says first weighs most: of the messages in which anything was found, the first counts whole, later
   ones less. What the staff says counts little: it may only have asked.
3. For an issue type the heaviest term counts whole, the next by half, the next by a quarter: saying it often is not
   saying it better. What speaks against it counts whole.
4. The greatest sum decides; of equal ones the type that stands first in the rules. Below `least` it is none of them.

Numbers are whole, so that every device comes to the same.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from syncline_protocol.extraction.heard import Heard
from syncline_protocol.extraction.rules import Rules, Term
from syncline_protocol.extraction.said import Guess

CUSTOMER_SHARES: Final = (100, 70, 50, 40)
"""Percent that a term counts in the first, second, … message of the customer in which one was found."""

STAFF_SHARE: Final = 15
BECAUSE_MAX: Final = 5
"""Words kept as the reason."""

DOUBT: Final = 150
"""What is added to the other side of a guess: one weak term alone is not certainty."""


class Hit(NamedTuple):
    """A term found in a message: its issue type (its place in the rules) and where it stands in the folded text."""

    start: int
    end: int
    type: int
    term: Term


class Point(NamedTuple):
    """What one term counts for an issue type."""

    score: int
    message: int
    words: str


def guess_issue(heard: Sequence[Heard], rules: Rules) -> Guess:
    """The issue type, by the rules above."""
    points = _points(heard, rules)
    scores = [_sum(points.get(index, {})) for index in range(len(rules.issue_types))]
    order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    best = scores[order[0]] if order else 0
    least = rules.least * CUSTOMER_SHARES[0]
    if best < least:
        return Guess(rules.otherwise, 100 * least // (least + max(best, 0) + DOUBT), None)
    second = max(scores[order[1]], 0) if len(order) > 1 else 0
    found = sorted(points[order[0]].values(), key=lambda point: (-point.score, point.message))
    return Guess(
        value=rules.issue_types[order[0]].name,
        confidence=100 * best // (best + second + DOUBT),
        message=heard[_heaviest(found)].said.id,
        because=tuple(dict.fromkeys(point.words for point in found if point.score > 0))[:BECAUSE_MAX],
    )


def _points(heard: Sequence[Heard], rules: Rules) -> dict[int, dict[str, Point]]:
    """By issue type and term, what it counts."""
    points: dict[int, dict[str, Point]] = defaultdict(dict)
    spoken = 0  # messages of the customer in which something was found
    for index, one in enumerate(heard):
        hits = _hits(one, rules)
        if not hits:
            continue
        share = STAFF_SHARE
        if one.said.is_customer:
            share = CUSTOMER_SHARES[min(spoken, len(CUSTOMER_SHARES) - 1)]
            spoken += 1
        for hit in hits:
            span = one.folded.span(hit.start, hit.end)
            point = Point(hit.term.weight * share, index, one.said.text[span.start : span.end])
            known = points[hit.type].get(hit.term.phrase.written)
            if known is None or abs(point.score) > abs(known.score):
                points[hit.type][hit.term.phrase.written] = point
    return points


def _hits(one: Heard, rules: Rules) -> list[Hit]:
    """The terms in a message that do not lie within longer ones."""
    found = [Hit(start, end, number, term) for number, term, start, end in rules.terms.find(one.folded)]
    return [hit for hit in found if hit.term.weight < 0 or not any(_within(hit, other) for other in found)]


def _within(hit: Hit, other: Hit) -> bool:
    longer = other.end - other.start > hit.end - hit.start
    return longer and other.term.weight > 0 and other.start <= hit.start and hit.end <= other.end


def _sum(points: dict[str, Point]) -> int:
    scores = sorted((point.score for point in points.values()), reverse=True)
    gained = sum(score >> place for place, score in enumerate(scores) if score > 0)
    return gained + sum(score for score in scores if score < 0)


def _heaviest(found: Sequence[Point]) -> int:
    """The message in which most was said, the earliest of several."""
    totals: dict[int, int] = defaultdict(int)
    for point in found:
        totals[point.message] += point.score
    return max(sorted(totals), key=lambda message: totals[message])
