"""A ticket as its customer reads it."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.record_sets import public_steps, shuffled
from support.records import record_id, record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.ticket_public import reduce_public

VECTORS = read_vectors("reducers")["public"]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_steps_make_the_ticket_that_the_vectors_say(case: dict[str, Any]) -> None:
    assert as_json(reduce_public(case["records"])) == case["shown"]


@given(st.integers(0, 2**32).map(Random))
def test_neither_order_nor_repetition_matters(random: Random) -> None:
    steps = public_steps(random)
    assert reduce_public(shuffled(random, steps)) == reduce_public(steps)


@given(st.integers(0, 2**32).map(Random))
def test_it_stands_as_the_last_step_says_and_all_of_them_are_its_timeline(random: Random) -> None:
    steps = [step for step in public_steps(random) if step["type"] == "step"]
    ticket = reduce_public(steps)
    if ticket is None:
        assert not steps
        return
    assert sorted(step["id"] for step in steps) == sorted(step.id for step in ticket.timeline)
    last = ticket.timeline[-1]
    assert (ticket.status, ticket.labels, ticket.responsible) == (last.status, last.labels, last.responsible)
    since = [step for step in ticket.timeline if step.at >= ticket.since and step.status != ticket.status]
    assert all(step.at == ticket.since for step in since)  # of another status at most at the very stamp


def test_a_malformed_step_is_an_error() -> None:
    with pytest.raises(ValueError, match="labels"):
        reduce_public([record_value(1, "step", cause=record_id(0), number=1, status="new")])
