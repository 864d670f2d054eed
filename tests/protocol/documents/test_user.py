from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.record_sets import PEOPLE, segment_records, user_records
from support.records import record_id, record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.messages import reduce_messages
from syncline_protocol.documents.user import ReadPosition, drafts_to_erase, reduce_user, unread_count

VECTORS = read_vectors("reducers")["user"]
DRAFTS_TO_ERASE = read_vectors("reducers")["drafts_to_erase"]
UNREAD = read_vectors("reducers")["unread"]

Rooted = tuple[str, dict[str, Any]]

conversations = st.sampled_from(["c1", "c2"])
fields: dict[tuple[str, str], st.SearchStrategy[dict[str, Any]]] = {
    ("read_markers", "read_marker"): st.fixed_dictionaries(
        {"conversation": conversations, "up_to": st.integers(0, 4), "message": st.integers(0, 4).map(record_id)}
    ),
    ("drafts", "draft"): st.fixed_dictionaries(
        {"conversation": conversations, "text": st.sampled_from(["", "a", "b"])}
    ),
    ("settings", "setting"): st.fixed_dictionaries(
        {"name": st.sampled_from(["theme", "sounds"]), "value": st.none() | st.booleans() | st.just("dark")}
    ),
    ("mutes", "mute"): st.fixed_dictionaries({"conversation": conversations}),
}


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Rooted], list[Rooted]]:
    """Records of a user, and the same in another order, some of them more than once."""
    places = draw(st.lists(st.sampled_from([*fields]), max_size=12))
    records = [
        (place[0], record_value(number, place[1], **draw(fields[place]), at=draw(st.integers(0, 6))))
        for number, place in enumerate(places)
    ]
    repeated = draw(st.lists(st.sampled_from(records), max_size=6)) if records else []
    return records, draw(st.permutations(records + repeated))


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_records_make_the_state_that_the_vectors_say(case: dict[str, Any]) -> None:
    records = [(one["root"], one["value"]) for one in case["records"]]
    assert as_json(reduce_user(records)) == case["shown"]


@given(deliveries())
def test_neither_order_nor_repetition_matters(delivery: tuple[list[Rooted], list[Rooted]]) -> None:
    records, delivered = delivery
    assert reduce_user(delivered) == reduce_user(records)


@given(deliveries())
def test_read_markers_never_move_back(delivery: tuple[list[Rooted], list[Rooted]]) -> None:
    _, delivered = delivery
    for count in range(len(delivered)):
        before, after = reduce_user(delivered[:count]), reduce_user(delivered[: count + 1])
        assert all(after.read[conversation] >= position for conversation, position in before.read.items())


@pytest.mark.parametrize("case", DRAFTS_TO_ERASE, ids=lambda case: case["name"])
def test_those_drafts_go_that_the_vectors_say(case: dict[str, Any]) -> None:
    records = [(one["root"], one["value"]) for one in case["records"]["records"]]
    assert drafts_to_erase(records, case["records"]["erased"]) == case["shown"]


@given(st.integers(0, 2**32).map(Random), st.integers(0, 8))
def test_erasing_drafts_is_done_once_and_leaves_the_later_ones_shown(random: Random, last: int) -> None:
    records = user_records(random)
    gone = drafts_to_erase(records, {"c1": last})
    left = [(root, erased(value) if value["id"] in gone else value) for root, value in records]
    assert drafts_to_erase(left, {"c1": last}) == []
    before, after = reduce_user(records), reduce_user(left)
    assert (after.read, after.settings) == (before.read, before.settings)
    later = [value["at"] > last for _, value in left if value["type"] == "draft" and value["conversation"] == "c1"]
    assert all(later)
    assert after.drafts == (before.drafts if later else {k: v for k, v in before.drafts.items() if k != "c1"})


@pytest.mark.parametrize("case", UNREAD, ids=lambda case: case["name"])
def test_so_many_are_unread_as_the_vectors_say(case: dict[str, Any]) -> None:
    asked = case["records"]
    position = None if asked["position"] is None else ReadPosition(**asked["position"])
    assert unread_count(reduce_messages(asked["messages"]), position, asked["user"]) == case["shown"]


@given(st.integers(0, 2**32).map(Random))
def test_reading_on_leaves_less_unread(random: Random) -> None:
    messages = reduce_messages(segment_records(random))
    positions = [None, *(ReadPosition(up_to=one.at, message=one.id) for one in messages)]
    for user in PEOPLE:
        counts = [unread_count(messages, position, user) for position in positions]
        assert counts == sorted(counts, reverse=True)
        assert counts[-1] == 0
        assert counts[0] <= sum(one.by != user for one in messages)


def test_a_malformed_record_is_an_error() -> None:
    with pytest.raises(ValueError, match="up_to"):
        reduce_user([("read_markers", record_value(1, "read_marker", conversation="c1", message=record_id(0)))])
