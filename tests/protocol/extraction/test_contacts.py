"""Telephone numbers and addresses in one form."""

import pytest
from support.extraction import shipped
from syncline_protocol.extraction.contacts import emails, mobiles, phones, region_of
from syncline_protocol.extraction.folded import fold


@pytest.mark.parametrize(
    ("text", "region", "numbers"),
    [
        ("电话 136 0257 8841", "CN", ["+8613602578841"]),
        ("０２１－６４４５１２３４", "CN", ["+862164451234"]),
        ("+49 30 901820", "CN", ["+4930901820"]),
        ("(977) 625-2661", "US", []),
        ("call (201) 555-0123", "US", ["+12015550123"]),
        ("136 0257 8841", "", []),
        ("订单 88237711902", "CN", []),
        ("12", "CN", []),
    ],
)
def test_numbers_are_those_of_the_numbering_plan(text: str, region: str, numbers: list[str]) -> None:
    assert [number for _, _, number in phones(fold(text), region)] == numbers


def test_the_place_of_a_number_is_where_it_was_written() -> None:
    text = "打１３６０２５７８８４１吧"
    folded = fold(text)
    ((start, end, _),) = phones(folded, "CN")
    span = folded.span(start, end)
    assert text[span.start : span.end] == "１３６０２５７８８４１"


def test_a_mobile_number_is_one_in_whatever_language() -> None:
    assert [number for _, _, number in mobiles(fold("call 13602578841, 2015550123"), ["US", "CN"])] == [
        "+8613602578841"
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("邮箱 Tan.Qi@Outlook.com，谢谢", ["tan.qi@outlook.com"]),
        ("a@b.co.uk; c+d@e-f.cn", ["a@b.co.uk", "c+d@e-f.cn"]),
        ("ｌｉ＠ｑｑ．ｃｏｍ", ["li@qq.com"]),
        ("@home, a@b, a@b.c", []),
    ],
)
def test_addresses(text: str, found: list[str]) -> None:
    assert [address for _, _, address in emails(fold(text))] == found


def test_the_region_is_that_of_the_language() -> None:
    regions = shipped().regions
    assert [region_of(language, regions) for language in ("zh", "zh-Hans", "en", "ko", "und")] == [
        "CN",
        "CN",
        "US",
        "",
        "",
    ]
