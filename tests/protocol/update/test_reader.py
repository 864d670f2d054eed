"""One encoding for each number, strict UTF-8, and nothing allocated for what is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.update_bytes import number
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update.reader import (
    NUMBER_MAX,
    UNREADABLE,
    read_bytes,
    read_count,
    read_text,
    read_varint,
    read_varuint,
    unreadable,
)

NUMBERS = st.one_of(st.integers(0, NUMBER_MAX), st.sampled_from([0, 127, 128, 2**31, 2**53 - 1]))


@given(NUMBERS, st.binary(max_size=3))
def test_numbers_come_back(value: int, after: bytes) -> None:
    encoded = number(value)
    assert read_varuint(b"\xff" + encoded + after, 1) == (value, 1 + len(encoded))


@pytest.mark.parametrize(
    "encoded",
    [b"\x80\0", b"\xff\0", b"\x85\x80\0", number(2**53), number(2**63), b"\xff" * 9 + b"\1", b"\x80" * 40 + b"\1"],
)
def test_other_spellings_and_larger_numbers_are_malformed(encoded: bytes) -> None:
    with pytest.raises(RefusedUpdate) as caught:
        read_varuint(encoded, 0)
    assert caught.value.code is RefusalCode.MALFORMED


def test_a_long_varint_is_not_read_to_its_end() -> None:
    """100 kB of continued bytes cost nothing: research has seen 15 s for 400 kB elsewhere."""
    with pytest.raises(RefusedUpdate, match="too long"):
        read_varuint(b"\xff" * 100_000, 0)
    with pytest.raises(RefusedUpdate, match="too long"):
        read_varint(b"\xff" * 100_000, 0)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\x00", 0),
        (b"\x40", 0),
        (b"\x41", -1),
        (b"\x3f", 63),
        (b"\x80\x01", 64),
        (b"\xc0\x01", -64),
        (b"\xbf\xff\xff\xff\x0f", 2**31 - 1),
        (b"\xff\xff\xff\xff\x0f", -(2**31 - 1)),
        (b"\xbf\xff\xff\xff\xff\xff\xff\x3f", 2**54 - 1),
    ],
)
def test_signed_numbers_as_lib0_writes_them(encoded: bytes, value: int) -> None:
    if abs(value) > NUMBER_MAX:
        with pytest.raises(RefusedUpdate):
            read_varint(encoded, 0)
    else:
        assert read_varint(encoded, 0) == (value, len(encoded))


@pytest.mark.parametrize("encoded", [b"\x80\0", b"\xc1\x80\0", b"\xff" * 8 + b"\1"])
def test_other_spellings_of_signed_numbers_are_malformed(encoded: bytes) -> None:
    with pytest.raises(RefusedUpdate):
        read_varint(encoded, 0)


def test_a_count_is_held_to_the_bytes_left() -> None:
    assert read_count(b"\2abcd", 0, 2) == (2, 1)
    with pytest.raises(RefusedUpdate, match="announces 3 entries"):
        read_count(b"\3abcd", 0, 2)
    with pytest.raises(RefusedUpdate):
        read_count(number(2**27), 0, 1)


def test_bytes_are_held_to_the_bytes_left_and_the_limit() -> None:
    assert read_bytes(b"\3abcd", 0, 3) == (b"abc", 4)
    with pytest.raises(RefusedUpdate) as caught:
        read_bytes(b"\3abcd", 0, 2)
    assert caught.value.code is RefusalCode.TOO_LARGE
    with pytest.raises(RefusedUpdate, match="more than are left"):
        read_bytes(b"\5abcd", 0, 9)


@pytest.mark.parametrize("text", ["", "a", "你好", "😀" * 50, "\0", "x" * 200])
def test_text_comes_back(text: str) -> None:
    encoded = number(len(text.encode())) + text.encode()
    assert read_text(encoded, 0, 1000) == (text, len(encoded))


@pytest.mark.parametrize(
    "encoded", [b"\xff", b"\xf0\x9f", b"\xed\xa0\xbd", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"]
)
def test_text_that_is_no_strict_utf8_is_malformed(encoded: bytes) -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        read_text(number(len(encoded)) + encoded, 0, 9)
    refusal = unreadable(caught.value)
    assert refusal.code is RefusalCode.MALFORMED
    assert "UTF-8" in refusal.reason


def test_reading_behind_the_end_is_malformed() -> None:
    for read in (read_varuint, read_varint):
        for data in (b"", b"\x80", b"\xff\xff"):
            with pytest.raises(UNREADABLE) as caught:
                read(data, 0)
            assert isinstance(caught.value, IndexError)
            assert unreadable(caught.value).code is RefusalCode.MALFORMED
