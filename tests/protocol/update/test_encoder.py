"""Records are written byte for byte as Yjs writes them, and never so that a server would refuse them."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import record_value
from support.yjs import Node
from syncline_protocol.limits import CLIENT_ID_MAX, CLOCK_MAX, KEY_BYTES_MAX, NESTING_DEPTH_MAX, RECORD_BYTES_MAX
from syncline_protocol.update.encoder import encode_records
from syncline_protocol.update.record_scanner import RecordStruct, scan_records

CLIENT = 2**41 + 12345

NAMES = st.text(max_size=8).filter(lambda name: name != "__proto__" and not name.isdecimal())
"""JavaScript would move names like array indices to the front."""

NUMBERS = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.integers(-200, 200),
    st.builds(lambda bits, shift: bits << shift, st.integers(1, 2**26), st.integers(0, 26)),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=12), st.sampled_from(["平板电脑", "👨‍👩‍👧 𠮷"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


@st.composite
def updates(draw: st.DrawFn) -> list[RecordStruct]:
    """Records of up to three clients, each with its clocks one after the other, all under keys of their own."""
    records = []
    clients = draw(st.lists(st.integers(1, 2**42 - 1), min_size=1, max_size=3, unique=True))
    for client in clients:
        clock = draw(st.sampled_from([0, 1, 5]))
        for value in draw(st.lists(OBJECTS, min_size=1, max_size=3)):
            root = draw(st.sampled_from(["messages", "m", "消息"]))
            records.append(RecordStruct(client, clock, root, f"{client}-{clock}", value))
            clock += 1
    return records


@pytest.fixture(scope="module")
def yjs() -> Iterator[Node]:
    with Node("records.mjs") as node:
        yield node


@given(records=updates())
@settings(max_examples=200)
def test_bytes_are_those_of_yjs(yjs: Node, records: list[RecordStruct]) -> None:
    assert encode_records(records).hex() == yjs.ask(records)


@given(updates(), st.randoms(use_true_random=False))
def test_records_are_read_back(records: list[RecordStruct], random: Any) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    update = encode_records(shuffled)
    assert update == encode_records(records)
    assert scan_records(update) == sorted(records, key=lambda record: (-record.client, record.clock))


def test_no_records_are_the_empty_update() -> None:
    assert encode_records([]) == b"\0\0"
    assert scan_records(b"\0\0") == []


def record(**changes: Any) -> RecordStruct:
    return RecordStruct(CLIENT, 7, "messages", "key", record_value(1, "text", text="hi"))._replace(**changes)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([record(), record(clock=9)], "do not follow each other"),
        ([record(), record()], "do not follow each other"),
        ([record(client=CLIENT_ID_MAX + 1)], "out of range"),
        ([record(client=-1)], "out of range"),
        ([record(clock=-1)], "out of range"),
        ([record(clock=CLOCK_MAX)], "out of range"),
        ([record(key="k" * (KEY_BYTES_MAX + 1))], "longer than"),
        ([record(root="根" * KEY_BYTES_MAX)], "longer than"),
        ([record(value=[1])], "list is not an object"),
        ([record(value={"a": 0.5})], "record key: float is not plain"),
        ([record(value={"a": "\ud800"})], "record key"),
        ([record(value={"text": "x" * RECORD_BYTES_MAX})], "at most"),
    ],
)
def test_what_a_server_would_refuse_is_not_written(records: list[RecordStruct], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encode_records(records)


def test_depth_ends_where_the_scanner_ends() -> None:
    value: dict[str, Any] = {}
    for _ in range(NESTING_DEPTH_MAX - 1):
        value = {"a": value}
    assert scan_records(encode_records([record(value=value)]))[0].value == value
    with pytest.raises(ValueError, match="nested deeper"):
        encode_records([record(value={"a": value})])


def test_a_record_may_be_as_long_as_its_limit() -> None:
    overhead = len(encode_records([record(value={"text": ""})])) - len(encode_records([]))
    space = RECORD_BYTES_MAX - overhead
    sizes = []
    for length in range(space - 20, space + 20):
        try:
            update = encode_records([record(value={"text": "x" * length})])
        except ValueError:
            continue
        scan_records(update)
        sizes.append(length)
    assert 0 < len(sizes) < 40
    assert sizes == list(range(sizes[0], sizes[0] + len(sizes)))
