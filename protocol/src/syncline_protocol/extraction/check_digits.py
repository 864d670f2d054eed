"""Check digits: what tells a mistyped number from a right one."""

from typing import Final

IMEI_DIGITS: Final = 15


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    if not digits.isascii() or not digits.isdigit():
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if place % 2 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - the sum of its two digits
    return total % 10 == 0


def imei(digits: str) -> bool:
    """Whether it is an IMEI: 15 digits (3GPP TS 23.003, annex B). All zeros pass the sum, and are none."""
    return len(digits) == IMEI_DIGITS and luhn(digits) and digits.strip("0") != ""
