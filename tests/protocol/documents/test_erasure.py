"""What is left of an erased record: structure, and no word of its content."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import record_id, record_value
from syncline_protocol.documents.erasure import erased, is_erased
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.update import RecordStruct, encode_records

contents = st.dictionaries(
    st.sampled_from(["text", "markup", "blob", "caption", "reply_to", "lang", "reason", "value", "source", "of"]),
    st.text(max_size=20) | st.integers(0, 100) | st.dictionaries(st.just("sha256"), st.text(max_size=5)),
)


def test_a_message_keeps_its_place_and_its_author() -> None:
    value = record_value(1, "text", text="my card is 4711", reply_to=record_id(0), lang="en")
    assert erased(value) == {**record_value(1, "redacted"), "of": "text"}


@pytest.mark.parametrize(
    ("kind", "structure", "content"),
    [
        ("edit", {"message": record_id(1)}, {"text": "my card is 4712"}),
        ("note", {"after": [record_id(1), record_id(2)]}, {"text": "calls from 555-0100"}),
        ("opened", {"after": []}, {"topic": "wifi"}),
        ("reaction", {"message": record_id(1)}, {"emoji": "👍", "on": True}),
    ],
)
def test_what_names_other_records_is_kept(kind: str, structure: dict[str, Any], content: dict[str, Any]) -> None:
    left = erased(record_value(3, kind, **structure, **content))
    assert left == {**record_value(3, "redacted"), "of": kind, **structure}
    assert is_erased(left)


@given(contents)
def test_erasing_twice_is_erasing_once_and_no_content_stays(content: dict[str, Any]) -> None:
    left = erased(record_value(1, "text", **content))
    assert left["of"] == "text"
    assert erased(left) == left
    assert set(left) == {"id", "by", "device", "at", "type", "of"}


def test_the_value_itself_is_left_as_it_was() -> None:
    value = record_value(1, "text", text="hello")
    before = dict(value)
    erased(value)
    assert value == before
    assert not is_erased(value)


def test_the_index_still_knows_author_and_message() -> None:
    value = erased(record_value(2, "edit", message=record_id(1), text="secret"))
    payload = encode_records([RecordStruct(5_000_000_000, 0, "messages", value["id"], value)])
    facts = RecordIndex.from_update(payload).records["messages", value["id"]]
    assert (facts.by, facts.type, facts.message) == ("alice", "redacted", record_id(1))
