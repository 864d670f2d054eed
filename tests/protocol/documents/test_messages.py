from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import record_id, record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.messages import Message, Messages, reduce_messages

VECTORS = read_vectors("reducers")["messages"]

Value = dict[str, Any]

people = st.sampled_from(["alice", "bo"])
emoji = st.sampled_from(["👍", "❤️"])


@st.composite
def segments(draw: st.DrawFn) -> list[Value]:
    """Records of a segment: few messages, people and stamps, so that much of it meets."""
    count = draw(st.integers(0, 14))
    named = st.integers(0, max(count - 1, 0)).map(record_id)
    fields: dict[str, st.SearchStrategy[Value]] = {
        "text": st.fixed_dictionaries({"text": st.just("hi")}),
        "rich_text": st.fixed_dictionaries({"markup": st.just("*hi*")}),
        "edit": st.fixed_dictionaries({"message": named, "text": st.sampled_from(["a", "b"])}),
        "recall": st.fixed_dictionaries({"message": named}),
        "reaction": st.fixed_dictionaries({"message": named, "emoji": emoji, "on": st.booleans()}),
        "poll": st.fixed_dictionaries({"message": named}),
    }
    return [
        record_value(number, kind, **draw(fields[kind]), by=draw(people), at=draw(st.integers(0, 6)))
        for number in range(count)
        if (kind := draw(st.sampled_from(["text", "text", *fields])))
    ]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Value], list[Value]]:
    """Records, and the same in another order, some of them more than once."""
    records = draw(segments())
    repeated = draw(st.lists(st.sampled_from(records), max_size=6)) if records else []
    return records, draw(st.permutations(records + repeated))


def added(records: list[Value]) -> Messages:
    """The records, added one by one."""
    messages = Messages()
    for record in records:
        messages.add(record)
    return messages


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_records_show_as_the_vectors_say(case: dict[str, list[Value]]) -> None:
    assert as_json(reduce_messages(case["records"])) == case["shown"]
    assert as_json(added(case["records"]).ordered()) == case["shown"]


@given(deliveries())
def test_neither_order_nor_repetition_matters(delivery: tuple[list[Value], list[Value]]) -> None:
    records, delivered = delivery
    assert reduce_messages(delivered) == reduce_messages(records)


@given(deliveries())
def test_record_by_record_shows_what_all_at_once_shows(delivery: tuple[list[Value], list[Value]]) -> None:
    records, delivered = delivery
    assert added(delivered).ordered() == reduce_messages(records)


@given(deliveries())
def test_what_add_returns_is_what_changed(delivery: tuple[list[Value], list[Value]]) -> None:
    _, delivered = delivery
    messages = Messages()
    shown: dict[str, Message] = {}
    for record in delivered:
        before = dict(shown)
        changed = messages.add(record)
        if changed is not None:
            shown[changed.id] = changed
            assert messages.message(changed.id) == changed
            assert before.get(changed.id) != changed
        assert {one.id: one for one in messages.ordered()} == shown


def test_nothing_of_a_recalled_message_is_left() -> None:
    original = record_value(1, "text", text="secret", lang="en")
    records = [
        original,
        record_value(2, "edit", message=original["id"], text="secret too"),
        record_value(3, "reaction", message=original["id"], emoji="🤫", on=True),
        record_value(4, "recall", message=original["id"]),
    ]
    (message,) = reduce_messages(records)
    shown = msgspec.json.encode(message).decode()
    assert not any(hidden in shown for hidden in ("secret", "🤫", "versions", '"en"'))


@pytest.mark.parametrize("reduce", [lambda value: reduce_messages([value]), lambda value: Messages().add(value)])
def test_a_malformed_record_is_an_error_and_no_message(reduce: Any) -> None:
    with pytest.raises(ValueError, match="text"):
        reduce(record_value(1, "text", text=7))


def test_an_absent_message_is_none() -> None:
    assert Messages().message(record_id(1)) is None
