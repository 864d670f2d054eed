"""Rules 1 to 4 of the issue type."""

import pytest
from support.extraction import rules, talk
from syncline_protocol.extraction import Guess
from syncline_protocol.extraction.heard import hear
from syncline_protocol.extraction.issues import guess_issue

RULES = rules(
    """
[[issue_type]]
name = "update"
terms = [{ weight = 6, en = ["updat*"] }, { weight = 2, en = ["version"] }]
[[issue_type]]
name = "expense"
terms = [{ weight = 6, en = ["update my expenses", "expenses"] }, { weight = 2, en = ["travel"] }]
[[issue_type]]
name = "broken"
terms = [{ weight = 6, en = ["not working"] }, { weight = 4, en = ["slow"] }, { weight = -6, en = ["just testing"] }]
[extraction]
otherwise = "other"
least = 2
"""
)


def guess(*lines: str) -> Guess:
    return guess_issue(hear(talk(*lines), RULES), RULES)


@pytest.mark.parametrize(
    ("rule", "lines", "value"),
    [
        (1, ["please update my expenses"], "expense"),
        (1, ["update, not my expenses"], "update"),
        (2, ["it is not working", "I want an update"], "broken"),
        (2, ["hello", "I want an update", "it is not working"], "update"),
        (2, ["> do you want an update?", "it is slow"], "broken"),
        (2, ["> do you want an update?", "> the version", "yes"], "other"),
        (3, ["updates updating update updated version", "not working"], "update"),
        (3, ["not working, just testing", "version"], "other"),
        (4, ["hello"], "other"),
        (4, [], "other"),
        (4, ["travel, version"], "update"),
    ],
)
def test_rules(rule: int, lines: list[str], value: str) -> None:
    assert guess(*lines).value == value, rule


def test_a_guess_says_which_message_and_which_words() -> None:
    found = guess("hello", "It is NOT  working", "and slow")
    assert (found.message, found.because) == ("m1", ("NOT  working", "slow"))


def test_more_said_is_surer_and_doubt_is_less_sure() -> None:
    weak, strong = guess("version"), guess("update the version")
    doubtful = guess("update the version", "not working, slow")
    assert weak.confidence < strong.confidence
    assert doubtful.confidence < strong.confidence
    assert guess("hello") == Guess("other", 57, None)
