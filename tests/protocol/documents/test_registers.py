"""Registers: one value among several that were said, and the others kept."""

from collections.abc import Sequence

import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.history import History
from syncline_protocol.documents.registers import Candidate, Register, register

Setting = tuple[Scalar, tuple[int, ...], str]
"""A value, the events (by number, from 1) that its author knew, and `auto` if that is a program."""


def said(*settings: Setting, by_length: bool = False) -> Register | None:
    """The register of these settings; `by_length`: a rule for which longer texts rank higher."""
    history = History(
        record_value(
            number,
            "field",
            name="x",
            value=value,
            after=[record_id(one) for one in after],
            **({"auto": True} if auto else {}),
        )
        for number, (value, after, auto) in enumerate(settings, start=1)
    )
    candidates = [Candidate(event=event, value=settings[event.place][0]) for event in history.events]
    return register(history, candidates, rank=len) if by_length else register(history, candidates)


@pytest.mark.parametrize(
    ("settings", "shown", "others"),
    [
        ([("a", (), "")], "a", []),
        ([("a", (), ""), ("b", (1,), "")], "b", []),
        ([("a", (), ""), ("b", (), "")], "b", ["a"]),
        ([("a", (), ""), ("b", (), ""), ("c", (1, 2), "")], "c", []),
        ([("a", (), ""), ("b", (), ""), ("c", (1,), "")], "c", ["b"]),
        ([("a", (), ""), ("b", (), "auto")], "a", ["b"]),
        ([("a", (), "auto"), ("b", (), "auto")], "b", ["a"]),
        ([("a", (), ""), ("b", (1,), "auto")], "b", []),
        ([("a", (), ""), (None, (1,), "")], None, []),
        ([("a", (), ""), (None, (), "")], None, ["a"]),
        ([("a", (), ""), ("a", (), "")], "a", ["a"]),
        ([("a", (), ""), ("b", (), ""), ("c", (), "")], "c", ["a", "b"]),
    ],
)
def test_the_heads_decide(settings: Sequence[Setting], shown: Scalar, others: list[Scalar]) -> None:
    result = said(*settings)
    assert result is not None
    assert (result.value, [one.value for one in result.others]) == (shown, others)


def test_a_rule_ranks_people_s_words_among_themselves() -> None:
    urgent = said(("aaa", (), ""), ("b", (), ""), by_length=True)
    assert urgent is not None
    assert (urgent.value, [one.value for one in urgent.others]) == ("aaa", ["b"])
    human = said(("aaa", (), "auto"), ("b", (), ""), by_length=True)
    assert human is not None
    assert human.value == "b"


def test_nothing_said_is_nothing() -> None:
    assert register(History([]), []) is None


def test_who_said_it_and_when_stays_with_it() -> None:
    result = said(("a", (), ""), ("b", (), ""))
    assert result is not None
    assert (result.event, result.by, result.at) == (record_id(2), "alice", record_value(2, "field")["at"])
    (other,) = result.others
    assert (other.event, other.by, other.at) == (record_id(1), "alice", record_value(1, "field")["at"])
