from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.conversation import ConversationHead, reduce_conversation

VECTORS = read_vectors("reducers")["conversation"]

Value = dict[str, Any]

users = st.sampled_from(["alice", "bo"])
roles = st.sampled_from(["customer", "agent"])
fields: dict[str, st.SearchStrategy[Value]] = {
    "opened": st.fixed_dictionaries(
        {"subject": st.sampled_from("ab"), "channel": st.just("chat"), "language": st.sampled_from(["en", "zh"])},
        optional={"customer": users},
    ),
    "participant_added": st.fixed_dictionaries({"user": users, "role": roles}, optional={"name": st.just("Bo")}),
    "participant_removed": st.fixed_dictionaries({"user": users}),
    "subject_changed": st.fixed_dictionaries({"subject": st.sampled_from("cd")}),
    "segment_opened": st.fixed_dictionaries({"segment": st.integers(1, 3)}),
    "closed": st.just({}),
    "reopened": st.just({}),
    "ticket_linked": st.fixed_dictionaries({"ticket": st.sampled_from(["t1", "t2"]), "number": st.integers(0, 2)}),
    "archived": st.just({}),
}


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Value], list[Value]]:
    """Records of a head, and the same in another order, some of them more than once."""
    kinds = draw(st.lists(st.sampled_from([*fields]), max_size=12))
    records = [
        record_value(number, kind, **draw(fields[kind]), by="server", at=draw(st.integers(0, 6)))
        for number, kind in enumerate(kinds)
    ]
    repeated = draw(st.lists(st.sampled_from(records), max_size=6)) if records else []
    return records, draw(st.permutations(records + repeated))


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_records_make_the_head_that_the_vectors_say(case: dict[str, Any]) -> None:
    assert as_json(reduce_conversation(case["records"])) == case["shown"]


@given(deliveries())
def test_neither_order_nor_repetition_matters(delivery: tuple[list[Value], list[Value]]) -> None:
    records, delivered = delivery
    assert reduce_conversation(delivered) == reduce_conversation(records)


def test_heads_share_nothing() -> None:
    assert ConversationHead().participants is not ConversationHead().participants


def test_a_malformed_record_is_an_error() -> None:
    with pytest.raises(ValueError, match="role"):
        reduce_conversation([record_value(1, "participant_added", user="bo", role="boss")])
