"""Numbers and text are written the one way in which they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.update.reader import NUMBER_MAX, read_text, read_varuint
from syncline_protocol.update.writer import write_text, write_varuint


@given(st.lists(st.integers(0, NUMBER_MAX), max_size=5))
def test_numbers_are_read_back(numbers: list[int]) -> None:
    out = bytearray()
    for number in numbers:
        write_varuint(out, number)
    position = 0
    for number in numbers:
        read, position = read_varuint(bytes(out), position)
        assert read == number
    assert position == len(out)


@given(st.text())
def test_text_is_read_back(text: str) -> None:
    out = bytearray(b"before")
    write_text(out, text)
    assert read_text(bytes(out), 6, 10_000) == (text, len(out))


def test_lone_surrogates_are_not_written() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        write_text(bytearray(), "\ud83d")
