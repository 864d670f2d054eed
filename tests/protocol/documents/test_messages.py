from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import record_id, record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.messages import Message, Messages, reduce_messages, reduce_ratings
from syncline_protocol.documents.schema import MESSAGE_TYPES

VECTORS = read_vectors("reducers")["messages"]
RATINGS = read_vectors("reducers")["ratings"]

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
        "redaction": st.fixed_dictionaries({"message": named}),
        "satisfaction": st.fixed_dictionaries({"ticket": st.just("t1"), "score": st.integers(1, 5)}),
        "poll": st.fixed_dictionaries({"message": named}),
    }
    records = [
        record_value(number, kind, **draw(fields[kind]), by=draw(people), at=draw(st.integers(0, 6)))
        for number in range(count)
        if (kind := draw(st.sampled_from(["text", "text", *fields])))
    ]
    rest = draw(st.sets(st.integers(0, count), max_size=2))
    return [erased(record) if number in rest else record for number, record in enumerate(records)]


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


@pytest.mark.parametrize("case", RATINGS, ids=lambda case: case["name"])
def test_what_customers_say_of_tickets_shows_as_the_vectors_say(case: dict[str, list[Value]]) -> None:
    assert as_json(reduce_ratings(case["records"])) == case["shown"]


@given(deliveries())
def test_neither_order_nor_repetition_matters_to_ratings(delivery: tuple[list[Value], list[Value]]) -> None:
    records, delivered = delivery
    assert reduce_ratings(delivered) == reduce_ratings(records)


@given(segments())
def test_a_message_shows_the_same_before_the_history_is_rewritten_and_afterwards(records: list[Value]) -> None:
    """The server rewrites the messages and ratings that redactions name, and what was written about them."""
    named = {record["message"] for record in records if record["type"] == "redaction"}
    gone = {one["id"] for one in records if one["id"] in named and one["type"] in MESSAGE_TYPES | {"satisfaction"}}
    rewritten = [
        erased(one) if one["id"] in gone or (one.get("message") in gone and one["type"] != "redaction") else one
        for one in records
    ]
    assert reduce_messages(rewritten) == reduce_messages(records)
    assert reduce_ratings(rewritten) == reduce_ratings(records)


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


def test_nothing_of_a_redacted_message_is_left() -> None:
    original = record_value(1, "text", text="secret", lang="en", reply_to=record_id(99))
    records = [
        original,
        record_value(2, "edit", message=original["id"], text="secret too"),
        record_value(3, "reaction", message=original["id"], emoji="🤫", on=True),
        record_value(4, "recall", message=original["id"]),
        record_value(5, "redaction", message=original["id"], reason="secret", by="sue"),
    ]
    (message,) = reduce_messages(records)
    shown = msgspec.json.encode(message).decode()
    assert not any(hidden in shown for hidden in ("secret", "🤫", "versions", '"en"', "recalled", record_id(99)))
    assert (message.type, message.redacted, message.redacted_by) == ("text", True, "sue")


def test_a_message_that_is_redacted_later_shows_it_at_once() -> None:
    messages = added([record_value(1, "text", text="secret"), record_value(2, "recall", message=record_id(1))])
    changed = messages.add(record_value(3, "redaction", message=record_id(1)))
    assert changed is not None
    assert (changed.redacted, changed.recalled_by, changed.text) == (True, None, None)
    assert messages.add(record_value(4, "edit", message=record_id(1), text="secret again")) is None


@pytest.mark.parametrize("reduce", [lambda value: reduce_messages([value]), lambda value: Messages().add(value)])
def test_a_malformed_record_is_an_error_and_no_message(reduce: Any) -> None:
    with pytest.raises(ValueError, match="text"):
        reduce(record_value(1, "text", text=7))


def test_an_absent_message_is_none() -> None:
    assert Messages().message(record_id(1)) is None
