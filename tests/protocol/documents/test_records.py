import json
import subprocess
from itertools import permutations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.records import record_id, record_value
from support.vectors import FOLDER, read_vectors
from syncline_protocol.documents.records import (
    DIGEST_BYTES,
    INTEGER_MAX,
    canonical,
    document_digest,
    plain,
    record_digest,
)
from syncline_protocol.limits import NESTING_DEPTH_MAX

VECTORS = read_vectors("digests")

RecordTuple = tuple[str, str, dict[str, Any]]

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))
maps = st.dictionaries(text, values, max_size=8)


def in_javascript(records: list[RecordTuple]) -> dict[str, Any]:
    """What the reference in JavaScript makes of the records."""
    run = subprocess.run(
        ["node", FOLDER / "reference.mjs"], input=json.dumps(records).encode(), capture_output=True, check=True
    )
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


@pytest.mark.parametrize("case", VECTORS["canonical"], ids=lambda case: case["canonical"][:40])
def test_the_canonical_form_is_as_the_vectors_say(case: dict[str, Any]) -> None:
    assert canonical(case["value"]).decode() == case["canonical"]


@pytest.mark.parametrize("case", VECTORS["documents"], ids=lambda case: case["name"])
def test_digests_are_as_the_vectors_say(case: dict[str, Any]) -> None:
    digests = [record_digest(one["root"], one["key"], one["value"]) for one in case["records"]]
    assert [digest.hex() for digest in digests] == [one["digest"] for one in case["records"]]
    assert document_digest(digests).hex() == case["digest"]


def test_javascript_agrees_with_the_vectors() -> None:
    answer = in_javascript([("r", "k", case["value"]) for case in VECTORS["canonical"]])
    assert answer["canonical"] == [case["canonical"] for case in VECTORS["canonical"]]
    for case in VECTORS["documents"]:
        answer = in_javascript([(one["root"], one["key"], one["value"]) for one in case["records"]])
        assert answer["digests"] == [one["digest"] for one in case["records"]]
        assert answer["document"] == case["digest"]


@settings(max_examples=30)
@given(st.lists(st.tuples(text, text, maps), max_size=6))
@example([("r", "k", {"\U0001f600": 1, "\uffff": 2, "a": {'\x7f\u2028"\\/': ["\x00\x1f\b\t\n\f\r"]}, "10": 1, "9": 2})])
def test_javascript_agrees(records: list[RecordTuple]) -> None:
    answer = in_javascript(records)
    assert answer["canonical"] == [canonical(value).decode() for _, _, value in records]
    digests = [record_digest(*record) for record in records]
    assert answer["digests"] == [digest.hex() for digest in digests]
    assert answer["document"] == document_digest(digests).hex()


@given(values)
def test_the_canonical_form_reads_back_as_the_same_value(value: Any) -> None:
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.integers(-INTEGER_MAX, INTEGER_MAX).filter(lambda number: int(float(number)) == number))
def test_a_whole_number_is_the_same_as_floating_point(number: int) -> None:
    assert canonical({"at": float(number)}) == canonical({"at": number})
    assert record_digest("r", "k", {"at": float(number)}) == record_digest("r", "k", {"at": number})
    assert type(plain({"at": float(number)})["at"]) is int


def nested(levels: int) -> Any:
    """A map in a map in a map …"""
    value: Any = {}
    for _ in range(levels - 1):
        value = {"": value}
    return value


def test_values_nest_so_deep_and_no_deeper() -> None:
    assert canonical(nested(NESTING_DEPTH_MAX))
    with pytest.raises(ValueError, match="levels"):
        canonical(nested(NESTING_DEPTH_MAX + 1))
    with pytest.raises(ValueError, match="levels"):
        canonical(nested(NESTING_DEPTH_MAX * 1000))


@pytest.mark.parametrize(
    "value",
    [0.5, float("nan"), float("inf"), -float("inf"), 2**53, -(2**53), 2.0**53, b"bytes", {1, 2}, {1: "a"}, object()],
    ids=repr,
)
@pytest.mark.parametrize(
    "wrap", [lambda value: {"a": value}, lambda value: {"a": [{"b": value}]}], ids=["flat", "deep"]
)
def test_what_is_no_plain_value_has_no_canonical_form(value: Any, wrap: Any) -> None:
    with pytest.raises(ValueError, match=r"whole number|plain JSON|no key"):
        canonical(wrap(value))


def test_lone_surrogates_have_no_canonical_form() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical({"text": "a\ud83d"})


def test_root_and_key_tell_records_apart() -> None:
    value = record_value(1, "text", text="hi")
    places = [("messages", record_id(1)), ("messages", record_id(2)), ("drafts", record_id(1))]
    assert len({record_digest(root, key, value) for root, key in places}) == 3


def test_the_order_of_records_does_not_show_in_the_digest() -> None:
    digests = [record_digest("messages", record_id(n), record_value(n, "text", text="hi")) for n in range(4)]
    assert {document_digest(order) for order in permutations(digests)} == {document_digest(digests)}
    assert document_digest(digests[:3]) != document_digest(digests)
    assert document_digest([]) == bytes(DIGEST_BYTES)


def test_the_sum_wraps() -> None:
    assert document_digest([b"\xff" * DIGEST_BYTES, (2).to_bytes(DIGEST_BYTES, "little")]) == (1).to_bytes(32, "little")
