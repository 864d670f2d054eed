"""Check digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.extraction.check_digits import imei, luhn


@pytest.mark.parametrize("digits", ["79927398713", "490154203237518", "18"])
def test_right_ones(digits: str) -> None:
    assert luhn(digits)


@pytest.mark.parametrize("digits", ["79927398710", "490154203237519", "", "4901542032375a8", "１８"])
def test_wrong_ones(digits: str) -> None:
    assert not luhn(digits)


@given(st.text("0123456789", min_size=14, max_size=14), st.integers(0, 13), st.integers(1, 9))
def test_one_mistyped_digit_is_found(digits: str, place: int, change: int) -> None:
    whole = next(digits + last for last in "0123456789" if luhn(digits + last))
    mistyped = whole[:place] + str((int(whole[place]) + change) % 10) + whole[place + 1 :]
    assert not luhn(mistyped)


def test_an_imei_has_fifteen_digits_and_is_not_nothing() -> None:
    assert imei("490154203237518")
    assert not imei("79927398713")
    assert not imei("0" * 15)
