"""The records-only language: new records, and nothing else can be said."""

from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import record_value
from support.update_bytes import (
    ARRAY,
    DELETED,
    FORMAT,
    NULL,
    SKIP,
    STRING,
    SUBDOCUMENT,
    TYPE,
    VALUES,
    collected,
    item,
    number,
    section,
    text,
    update,
    values,
)
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import (
    CLIENTS_PER_UPDATE_MAX,
    CLOCK_MAX,
    KEY_BYTES_MAX,
    RECORD_BYTES_MAX,
    UPDATE_BYTES_MAX,
)
from syncline_protocol.update.encoder import encode_records
from syncline_protocol.update.record_scanner import RecordStruct, scan_records

OBJECT = b"\x76\x01\x01a\x7d\x01"

LONG_KEY = "k" * (KEY_BYTES_MAX + 1)
DEEP_OBJECT = b"\x76\x01\x01a" + b"\x75\x01" * 60_000 + NULL

ONE = item(VALUES, values(OBJECT), parent="m", key="k")


def test_a_record_is_read_with_its_place() -> None:
    value = record_value(1, "text", text="我的平板电脑 😀")
    update_ = encode_records([RecordStruct(5, 7, "messages", "k1", value), RecordStruct(5, 8, "messages", "k2", {})])
    assert scan_records(update_) == [(5, 7, "messages", "k1", value), (5, 8, "messages", "k2", {})]


def test_a_record_by_pycrdt_is_read_alike() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=9)
    value = {"text": "é😀", "n": [1, -2, True, None, {"x": "你"}]}
    doc.get("messages", type=pycrdt.Map)["k"] = value
    [read] = scan_records(encode_records([RecordStruct(9, 0, "messages", "k", value)]))
    assert read.value == value
    copy: pycrdt.Doc[Any] = pycrdt.Doc()
    copy.apply_update(encode_records([read]))
    assert copy.get("messages", type=pycrdt.Map).to_py() == doc.get("messages", type=pycrdt.Map).to_py()
    assert [one.key for one in scan_records(copy.get_update())] == ["k"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (update(section(5, 0, item(VALUES, values(OBJECT), origin=(5, 0), key="k"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(VALUES, values(OBJECT), right_origin=(5, 0)))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(VALUES, values(OBJECT), parent=(5, 0), key="k"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(VALUES, values(OBJECT), parent="m"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, ONE), deletes={5: [(0, 1)]}), RefusalCode.FORBIDDEN),
        (update(deletes={6: [(0, 1)]}), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(STRING, text("x"), parent="m"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(TYPE, ARRAY, parent="m", key="k"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(FORMAT, text("b") + text("1"), parent="m"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(DELETED, number(1), parent="m", key="k"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, item(SUBDOCUMENT, text("g") + NULL, parent="m", key="k"))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, collected(3))), RefusalCode.FORBIDDEN),
        (update(section(5, 0, bytes((SKIP, 3)) + bytes(9))), RefusalCode.MALFORMED),
        (update(section(5, 0, bytes((0x1F, 3)) + bytes(9))), RefusalCode.MALFORMED),
        (update(section(5, 0, item(VALUES, values(OBJECT, OBJECT), parent="m", key="k"))), RefusalCode.INVALID),
        (update(section(5, 0, item(VALUES, values() + bytes(5), parent="m", key="k"))), RefusalCode.INVALID),
        (update(section(5, 0, item(VALUES, values(NULL) + bytes(5), parent="m", key="k"))), RefusalCode.INVALID),
        (update(section(5, 0, item(VALUES, values(b"\x75\x01" + OBJECT), parent="m", key="k"))), RefusalCode.INVALID),
        (update(section(5, 0, item(VALUES, values(b"\x76\x01\x01a\x7f"), parent="m", key="k"))), RefusalCode.INVALID),
    ],
    ids=[
        "overwrites", "before another", "in a nested type", "without a key", "deletes its own", "deletes another's",
        "text", "shared type", "mark", "deleted already", "subdocument", "collected", "Skip", "unknown kind",
        "two values", "no value", "null", "array", "undefined",
    ],
)  # fmt: skip
def test_nothing_but_records_is_taken(data: bytes, code: RefusalCode) -> None:
    with pytest.raises(RefusedUpdate) as caught:
        scan_records(data)
    assert caught.value.code is code


def test_a_refused_record_is_named() -> None:
    for content in (values(NULL) + bytes(5), values(b"\x76\x01\x01a" + text_value("x" * RECORD_BYTES_MAX))):
        with pytest.raises(RefusedUpdate) as caught:
            scan_records(update(section(5, 0, item(VALUES, content, parent="m", key="the key"))))
        assert caught.value.detail == {"record": "the key"}


def text_value(letters: str) -> bytes:
    return b"\x77" + text(letters)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (update(section(5, 0)), RefusalCode.MALFORMED),
        (update(section(5, 0), section(5, 0)), RefusalCode.MALFORMED),
        (update(section(5, 0, ONE), section(5, 1, ONE)), RefusalCode.MALFORMED),
        (update(section(5, CLOCK_MAX, ONE)), RefusalCode.MALFORMED),
        (update(section(5, 2**53 - 1, ONE)), RefusalCode.MALFORMED),
        (update(section(5, 0, ONE)) + b"\0", RefusalCode.MALFORMED),
        (number(2**27), RefusalCode.MALFORMED),
        (number(1) + number(2**27) + bytes(9), RefusalCode.MALFORMED),
        (b"", RefusalCode.MALFORMED),
        (b"\1\1\5\0\x28\1\1\xff\1k\1" + OBJECT + b"\0", RefusalCode.MALFORMED),
        (b"\1\1\5\0\x28\1\2\xed\xa0\1k\1" + OBJECT + b"\0", RefusalCode.MALFORMED),
        (b"\1\1\5\0\x28\1\x81\0m\1k\1" + OBJECT + b"\0", RefusalCode.MALFORMED),
        (update(section(5, 0, item(VALUES, values(OBJECT), parent="m", key=LONG_KEY))), RefusalCode.TOO_LARGE),
        (update(section(5, 0, item(VALUES, values(DEEP_OBJECT), parent="m", key="k"))), RefusalCode.TOO_LARGE),
        (update(*(section(client, 0, ONE) for client in range(CLIENTS_PER_UPDATE_MAX + 1))), RefusalCode.TOO_LARGE),
        (bytes(UPDATE_BYTES_MAX + 1), RefusalCode.TOO_LARGE),
    ],
    ids=[
        "empty section", "empty sections", "client twice", "clock wraps", "clock above all", "bytes behind",
        "many clients announced", "many structs announced", "empty", "bad UTF-8", "lone surrogate",
        "length not minimal", "long key", "deep", "many clients", "long",
    ],
)  # fmt: skip
def test_hostile_bytes_are_refused(data: bytes, code: RefusalCode) -> None:
    with pytest.raises(RefusedUpdate) as caught:
        scan_records(data)
    assert caught.value.code is code


def test_every_beginning_of_an_update_is_malformed() -> None:
    whole = encode_records(
        [RecordStruct(2**40, 3, "messages", "k", record_value(1, "text", text="你好 😀", n=[2**40, {}]))]
    )
    for cut in range(len(whole)):
        with pytest.raises(RefusedUpdate) as caught:
            scan_records(whole[:cut])
        assert caught.value.code is RefusalCode.MALFORMED


def test_a_snapshot_of_ours_may_be_larger_than_an_update() -> None:
    value = {"text": "x" * 60_000}
    records = [RecordStruct(5, clock, "m", str(clock), value) for clock in range(UPDATE_BYTES_MAX // 60_000 + 2)]
    snapshot = encode_records(records)
    assert len(snapshot) > UPDATE_BYTES_MAX
    assert len(scan_records(snapshot, trusted=True)) == len(records)
    with pytest.raises(RefusedUpdate) as caught:
        scan_records(snapshot)
    assert caught.value.code is RefusalCode.TOO_LARGE


@given(st.binary(max_size=60))
def test_any_bytes_are_records_or_refused(data: bytes) -> None:
    try:
        records = scan_records(data)
    except RefusedUpdate:
        return
    assert scan_records(encode_records(records)) == sorted(records, key=lambda record: (-record.client, record.clock))


@given(st.data())
def test_a_changed_update_is_refused_or_reads_as_records(data: st.DataObject) -> None:
    whole = bytearray(encode_records([RecordStruct(5, 0, "m", "k", {"a": 1, "b": ["x", None], "c": {"d": -70000}})]))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        records = scan_records(bytes(whole))
    except RefusedUpdate:
        return
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(bytes(whole))
    for record in records:
        assert doc.get(record.root, type=pycrdt.Map)[record.key] == record.value
