"""Plain values, in lib0's encoding and as JSON text."""

import math
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.update_bytes import NULL, number, text
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import NESTING_DEPTH_MAX
from syncline_protocol.update.budget import Budget
from syncline_protocol.update.json_value import (
    UNDEFINED,
    BigInteger,
    read_json,
    read_rare_of_content,
    read_rare_of_record,
    read_value,
    write_value,
)
from syncline_protocol.update.reader import NUMBER_MAX, UNREADABLE

NUMBERS = st.one_of(
    st.integers(-NUMBER_MAX, NUMBER_MAX), st.integers(-100, 100), st.sampled_from([2**31 - 1, 2**31, -(2**31), 2**40])
)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=5).filter(lambda name: name != "__proto__"), inner, max_size=4),
    ),
    max_leaves=12,
)


def encoded(value: Any) -> bytes:
    out = bytearray()
    write_value(out, value, NESTING_DEPTH_MAX)
    return bytes(out)


def of_record(data: bytes) -> Any:
    """The record value that these bytes are, all of them."""
    value, end = read_value(data + b"\0", 0, NESTING_DEPTH_MAX, Budget(), read_rare_of_record)
    assert end == len(data)
    return value


def of_content(data: bytes) -> Any:
    value, end = read_value(data + b"\0", 0, NESTING_DEPTH_MAX, Budget(), read_rare_of_content)
    assert end == len(data)
    return value


@given(PLAIN)
@example(0)
@example({"a": [{}, []], "键": {"": None}})
def test_plain_values_come_back(value: Any) -> None:
    for read in (of_record(encoded(value)), of_content(encoded(value))):
        assert read == value


def test_whole_numbers_of_records_are_int_however_they_came() -> None:
    for data in (b"\x7d\x05", b"\x7b" + struct.pack(">d", 5), b"\x7c" + struct.pack(">f", 5)):
        value = of_record(data)
        assert (value, type(value)) == (5, int)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, b"\x7d\x00"),
        (-1, b"\x7d\x41"),
        (63, b"\x7d\x3f"),
        (64, b"\x7d\x80\x01"),
        (2**31 - 1, b"\x7d\xbf\xff\xff\xff\x0f"),
        (-(2**31 - 1), b"\x7d\xff\xff\xff\xff\x0f"),
        (2**31, b"\x7c" + struct.pack(">f", 2**31)),
        (-(2**31), b"\x7c" + struct.pack(">f", -(2**31))),
        (2**31 + 1, b"\x7b" + struct.pack(">d", 2**31 + 1)),
        (2**53 - 1, b"\x7b" + struct.pack(">d", 2**53 - 1)),
        ((2**24 - 1) << 10, b"\x7c" + struct.pack(">f", (2**24 - 1) << 10)),
        ((2**25 - 1) << 10, b"\x7b" + struct.pack(">d", (2**25 - 1) << 10)),
        ("é", b"\x77\x02\xc3\xa9"),
        ([True, None], b"\x75\x02\x78\x7e"),
        ({"a": False}, b"\x76\x01\x01a\x79"),
    ],
)
def test_values_are_written_by_the_rules_of_lib0(value: Any, data: bytes) -> None:
    assert encoded(value) == data


@pytest.mark.parametrize(
    "value",
    [1.0, math.nan, 2**53, -(2**53), b"bytes", {1: "x"}, {"__proto__": 1}, "\ud83d", object(), {"x": {1, 2}}],
)
def test_what_no_record_may_hold_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encoded(value)


@pytest.mark.parametrize(
    "data",
    [
        b"\x7f",
        b"\x74\x01x",
        b"\x7a" + bytes(8),
        b"\x7d\x40",
        b"\x7b" + struct.pack(">d", -0.0),
        b"\x7b" + struct.pack(">d", 0.5),
        b"\x7b" + struct.pack(">d", math.nan),
        b"\x7b" + struct.pack(">d", math.inf),
        b"\x7b" + struct.pack(">d", 2.0**53),
        b"\x7c" + struct.pack(">f", 1.5),
    ],
    ids=[
        "undefined",
        "bytes",
        "big integer",
        "-0",
        "-0.0",
        "fraction",
        "NaN",
        "infinite",
        "too large",
        "short fraction",
    ],
)
def test_what_is_not_plain_is_refused_in_records_and_taken_in_content(data: bytes) -> None:
    with pytest.raises(RefusedUpdate) as caught:
        of_record(data)
    assert caught.value.code is RefusalCode.INVALID
    of_content(data)


def test_content_keeps_what_javascript_has_beyond_json() -> None:
    assert of_content(b"\x7f") is UNDEFINED
    assert repr(UNDEFINED) == "UNDEFINED"
    assert of_content(b"\x74\x02\0\xff") == b"\0\xff"
    assert math.copysign(1, of_content(b"\x7d\x40")) == -1
    assert of_content(b"\x7b" + struct.pack(">d", 0.1)) == 0.1
    big = of_content(b"\x7a" + struct.pack(">q", -5))
    assert (big, type(big)) == (-5, BigInteger)


@pytest.mark.parametrize("tag", [0, 0x73, 0x80, 0xFF])
def test_unknown_types_of_values_are_malformed(tag: int) -> None:
    with pytest.raises(RefusedUpdate) as caught:
        of_content(bytes((tag,)) + bytes(20))
    assert caught.value.code is RefusalCode.MALFORMED


@pytest.mark.parametrize("level", [b"\x75\x01", b"\x76\x01\x01a"])
@pytest.mark.parametrize("read", [of_record, of_content])
def test_depth_ends_at_its_limit_and_costs_no_stack(level: bytes, read: Any) -> None:
    read(level * NESTING_DEPTH_MAX + NULL)
    for depth in (NESTING_DEPTH_MAX + 1, 60_000):
        with pytest.raises(RefusedUpdate, match="nested deeper"):
            read(level * depth + NULL)


@pytest.mark.parametrize(
    "data", [b"\x75" + number(2**26), b"\x76" + number(2**26), b"\x75\x03\x7e\x7e", b"\x76\x01\x7e"]
)
def test_announced_and_not_there_is_malformed(data: bytes) -> None:
    with pytest.raises(RefusedUpdate, match="announces"):
        read_value(data, 0, NESTING_DEPTH_MAX, Budget(), read_rare_of_content)


@pytest.mark.parametrize("names", [("a", "a"), ("__proto__",)])
def test_names_that_engines_read_differently_are_malformed(names: tuple[str, ...]) -> None:
    data = b"\x76" + number(len(names)) + b"".join(text(name) + NULL for name in names)
    for read in (of_record, of_content):
        with pytest.raises(RefusedUpdate, match="a field twice"):
            read(data)


def test_values_of_all_containers_are_counted_together() -> None:
    budget = Budget()
    budget.values = 5
    data = b"\x75\x02\x75\x00\x75\x03\x7e\x7e\x7e\0"
    assert read_value(data, 0, NESTING_DEPTH_MAX, budget, read_rare_of_content)[0] == [[], [None, None, None]]
    assert (budget.values, budget.depth) == (0, 2)
    with pytest.raises(RefusedUpdate) as caught:
        read_value(data, 0, NESTING_DEPTH_MAX, budget, read_rare_of_content)
    assert caught.value.code is RefusalCode.TOO_LARGE


@given(PLAIN, st.data())
def test_values_cut_short_are_unreadable_or_refused(value: Any, data: st.DataObject) -> None:
    whole = encoded(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        read, end = read_value(whole[:cut], 0, NESTING_DEPTH_MAX, Budget(), read_rare_of_record)
    except (*UNREADABLE, RefusedUpdate):
        return
    assert end > cut, f"{read} was read out of the beginning of {value}"


# --- JSON text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b"null", None),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'{"a":[1,-2.5,1e3]}', {"a": [1, -2.5, 1000.0]}),
        (b"9223372036854775807", 2**63 - 1),
        (b"18446744073709551616", 2**64),
        (b"[[],{}]", [[], {}]),
    ],
)
def test_json_text_is_read(written: bytes, value: Any) -> None:
    assert read_json(written, Budget()) == value


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"{",
        b"[1,]",
        b"NaN",
        b"Infinity",
        b"01",
        b"undefined",
        b"1 2",
        b'"\\ud800"',
        b'"\xff"',
        b'"\x01"',
        b"1e999",
        b"'a'",
    ],
)
def test_text_that_is_no_json_is_malformed(written: bytes) -> None:
    with pytest.raises((RefusedUpdate, UnicodeDecodeError)) as caught:
        read_json(written, Budget())
    if isinstance(caught.value, RefusedUpdate):
        assert caught.value.code is RefusalCode.MALFORMED


@pytest.mark.parametrize("written", [b"9223372036854775808", b'{"a":[18446744073709551615]}'])
def test_numbers_that_yrs_cannot_read_are_refused(written: bytes) -> None:
    with pytest.raises(RefusedUpdate, match="not every engine"):
        read_json(written, Budget())


def test_json_depth_ends_at_its_limit() -> None:
    budget = Budget()
    deepest = b"[" * NESTING_DEPTH_MAX + b"]" * NESTING_DEPTH_MAX
    read_json(deepest, budget)
    assert budget.depth == NESTING_DEPTH_MAX
    read_json(b'{"a":[1]}', shallow := Budget())
    assert shallow.depth == 2
    for depth in (NESTING_DEPTH_MAX + 1, 500):
        with pytest.raises(RefusedUpdate, match="nested deeper"):
            read_json(b"[" * depth + b"]" * depth, Budget())
    with pytest.raises(RefusedUpdate):
        read_json(b"[" * 100_000 + b"]" * 100_000, Budget())


def test_json_values_are_counted() -> None:
    budget = Budget()
    budget.values = 3
    read_json(b"[1,2,3]", budget)
    assert budget.values == 0
    with pytest.raises(RefusedUpdate) as caught:
        read_json(b"[1]", budget)
    assert caught.value.code is RefusalCode.TOO_LARGE
