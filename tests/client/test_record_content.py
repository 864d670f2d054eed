"""Confirmed records: a set, whatever order they come in, and a digest of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import record_value
from syncline_client.errors import ContentBroken
from syncline_client.record_content import RecordContent, scan
from syncline_protocol.documents.records import document_digest, record_digest
from syncline_protocol.update import RecordStruct, encode_records

ROOT = "messages"


def struct(number: int, *, client: int = 1, clock: int | None = None, **fields: Any) -> RecordStruct:
    value = record_value(number, "text", text=f"你好 {number} 😀", **fields)
    return RecordStruct(client, number if clock is None else clock, ROOT, value["id"], value)


@given(st.permutations(range(8)), st.lists(st.integers(0, 7)))
def test_order_and_repetition_do_not_show(order: list[int], again: list[int]) -> None:
    content = RecordContent()
    for number in [*order, *again]:
        content.take(scan(encode_records([struct(number)])))
    expected = [struct(number) for number in range(8)]
    assert sorted(one.clock for one in content.structs()) == list(range(8))
    assert content.digest == document_digest(record_digest(ROOT, one.key, one.value) for one in expected)


def test_only_what_is_new_is_told() -> None:
    content = RecordContent()
    assert content.take([struct(1), struct(2)]) == [struct(1), struct(2)]
    assert content.take([struct(2), struct(3)]) == [struct(3)]
    assert content.has(ROOT, struct(3).key)
    assert not content.has("settings", struct(3).key)
    assert content.values(ROOT) == [struct(number).value for number in (1, 2, 3)]
    assert content.values("settings") == []


def test_its_encoding_says_all_of_it() -> None:
    content = RecordContent()
    content.take([struct(5, client=9, clock=0), struct(1, clock=0), struct(2, clock=1)])
    again = RecordContent()
    again.take(scan(content.encode()))
    assert again.digest == content.digest
    assert {(one.client, one.clock, one.key) for one in again.structs()} == {
        (one.client, one.clock, one.key) for one in content.structs()
    }


def test_nothing_is_encoded_as_nothing() -> None:
    assert RecordContent().encode() == b""
    assert RecordContent().digest == bytes(32)


def test_times_stay_whole_numbers() -> None:
    at = 2**53 - 5
    (scanned,) = scan(encode_records([struct(1, at=at)]))
    assert (scanned.value["at"], type(scanned.value["at"])) == (at, int)


@pytest.mark.parametrize("payload", [b"", b"\x01", b"not an update", bytes(10)])
def test_what_is_no_update_of_records_is_said(payload: bytes) -> None:
    with pytest.raises(ContentBroken, match="cannot be read"):
        scan(payload)


def test_a_value_that_has_no_digest_changes_nothing() -> None:
    content = RecordContent()
    with pytest.raises(ContentBroken, match="not plain JSON"):
        content.take([struct(1), struct(2)._replace(value={"at": 0.5})])
    assert list(content.structs()) == []
    assert content.digest == bytes(32)
