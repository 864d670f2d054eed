"""The language a customer writes."""

import pytest
from support.extraction import rules, talk
from syncline_protocol.extraction import Guess
from syncline_protocol.extraction.heard import hear
from syncline_protocol.extraction.language import guess_language


@pytest.mark.parametrize(
    ("lines", "language"),
    [
        (["平板搜不到 WiFi"], "zh"),
        (["my tablet does not find the wifi"], "en"),
        (["Wi-Fi が見つかりません"], "ja"),
        (["와이파이가 안 돼요"], "ko"),
        (["не работает"], "ru"),
        (["الجهاز لا يعمل"], "ar"),
        (["> 您好", "hello, is anyone there"], "en"),
        (["> 您好", "13918274650"], "zh"),
        (["AX3000M", "固件掉线"], "zh"),
        (["123", "?"], "und"),
        ([], "und"),
    ],
)
def test_by_its_letters(lines: list[str], language: str) -> None:
    assert guess_language(hear(talk(*lines), rules(""))).value == language


def test_it_says_how_sure_it_is_and_where() -> None:
    heard = hear(talk("12", "ab字", "字"), rules(""))
    assert guess_language(heard) == Guess("zh", 75, "m1")
