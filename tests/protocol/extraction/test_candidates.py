"""Which of several values is a field's."""

import pytest
from support.extraction import rules, talk
from syncline_protocol.extraction.candidates import Candidate, Claims, pick
from syncline_protocol.extraction.heard import hear

RULES = rules('[[extraction.field]]\nname = "early"\nvalue = "x"\nfirst = true')
HEARD = hear(talk("aa", "> bb", "cc", "dd"), RULES)


def candidate(value: str, confidence: int, message: int, *, corrects: bool = False, field: str = "late") -> Candidate:
    return Candidate(field, value, confidence, message, 0, 2, corrects)


@pytest.mark.parametrize(
    ("candidates", "value"),
    [
        ([candidate("a", 50, 0), candidate("c", 50, 2)], "c"),
        ([candidate("a", 60, 0), candidate("c", 50, 2)], "a"),
        ([candidate("a", 50, 0, field="early"), candidate("c", 50, 2, field="early")], "a"),
        ([candidate("a", 50, 0, field="product"), candidate("c", 50, 2, field="product")], "a"),
        ([candidate("a", 40, 0), candidate("b", 99, 1)], "a"),
        ([candidate("b", 99, 1), candidate("c", 40, 2)], "c"),
        ([candidate("a", 95, 0), candidate("c", 40, 2, corrects=True)], "c"),
        ([candidate("a", 95, 0), candidate("c", 40, 2, corrects=True), candidate("d", 95, 3)], "c"),
        ([candidate("c", 40, 2, corrects=True), candidate("d", 40, 3, corrects=True)], "d"),
    ],
)
def test_one_holds_in_whatever_order_they_come(candidates: list[Candidate], value: str) -> None:
    for order in (candidates, candidates[::-1]):
        assert [field.value for field in pick(order, HEARD, RULES.fields)] == [value]


def test_what_the_staff_says_is_less_sure() -> None:
    (field,) = pick([candidate("b", 90, 1)], HEARD, RULES.fields)
    assert (field.confidence, field.message, field.span) == (54, "m1", (0, 2))


def test_fields_stand_in_the_order_of_their_names() -> None:
    found = pick([candidate("a", 50, 0, field="z"), candidate("a", 50, 0, field="b")], HEARD, RULES.fields)
    assert [field.name for field in found] == ["b", "z"]


def test_words_are_taken_once() -> None:
    claims = Claims()
    claims.take(3, 6)
    assert [claims.free(*span) for span in ((0, 3), (0, 4), (4, 5), (5, 9), (6, 9))] == [
        True,
        False,
        False,
        False,
        True,
    ]
