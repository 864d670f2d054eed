"""The whole: what a conversation says."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.extraction import read, shipped, talk, values
from syncline_protocol.extraction import Extraction, Said, extract, missing_fields
from syncline_protocol.extraction.folded import MATCHED_CHARACTERS_MAX

TABLET = (
    "你好，我的平板突然搜不到家里的 Wi-Fi 了，急！",
    "> 请问型号和序列号是多少？",
    "型号 Slate 11，序列号 SL11-2409-00375",
    "> 怎么称呼您？",
    "陈志远，13918274650",
)


def test_a_conversation_becomes_a_ticket() -> None:
    found = read(*TABLET)
    assert (found.issue_type.value, found.issue_type.message) == ("networkfault", "m0")
    assert (found.language.value, found.urgency.value, found.urgency.because) == ("zh", "high", ("急",))
    assert [(field.name, field.value, field.message) for field in found.fields] == [
        ("customer", "陈志远", "m4"),
        ("model", "Slate 11", "m2"),
        ("phone", "+8613918274650", "m4"),
        ("product", "tablet", "m0"),
        ("serial", "SL11-2409-00375", "m2"),
        ("symptom", TABLET[0], "m0"),
    ]


def test_in_english() -> None:
    found = values(
        "Hi, my router keeps losing the internet connection since the firmware update to 1.4.7",
        "> Sorry to hear that. May I have your name and phone number?",
        "Crystal Minh, (201) 555-0123",
    )
    assert found["product"] == "router"
    assert found["version"] == "1.4.7"
    assert (found["customer"], found["phone"]) == ("Crystal Minh", "+12015550123")


def test_files_are_fields() -> None:
    said = (
        Said("m0", "li.na", "", is_customer=True, attachments=("image/png", "video/mp4")),
        Said("m1", "li.na", "", is_customer=True, attachments=("log.txt",)),
    )
    found = [(field.name, field.value, field.message, field.span) for field in extract(said, shipped()).fields]
    assert found == [
        ("attachment", "image/png", "m0", (0, 0)),
        ("attachment", "video/mp4", "m0", (0, 0)),
        ("attachment", "log.txt", "m1", (0, 0)),
    ]


def test_nothing_said_is_nothing_read() -> None:
    found = extract((), shipped())
    assert (found.issue_type.value, found.language.value, found.urgency.value, found.fields) == (
        "outofdomain",
        "und",
        "normal",
        (),
    )


def test_only_a_customer_has_a_symptom_and_is_in_a_hurry() -> None:
    found = read("> 是屏幕花屏吗？", "> 不急的话明天再看")
    assert "symptom" not in {field.name for field in found.fields}
    assert found.urgency.value == "normal"


def test_what_is_still_missing() -> None:
    rules = shipped()
    assert missing_fields("networkfault", {"product", "phone"}, rules) == ("customer", "model", "symptom")
    assert missing_fields("networkfault", {"customer", "product", "model", "symptom"}, rules) == ()
    assert missing_fields("unknown", (), rules) == ()


PIECES = st.sampled_from(
    [
        *"，。 \n:-/@.",
        "ＳＮ",
        "序列号",
        "订单号",
        "是",
        "不对",
        "王磊",
        "13602578841",
        "A12B34",
        "1.2.3",
        "手机",
        "闪退",
        "sorry",
        "…",
        "㎏",
        "İ",
        "👍",
    ]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.lists(PIECES, max_size=12).map("".join)), max_size=6))
def test_every_value_points_to_words_that_are_there(lines: list[tuple[bool, str]]) -> None:
    said = [Said(f"m{number}", "x", text, is_customer) for number, (is_customer, text) in enumerate(lines)]
    texts = {one.id: one.text for one in said}
    found = extract(said, shipped())
    for field in found.fields:
        start, end = field.span
        assert 0 <= start < end <= len(texts[field.message])
        assert 0 <= field.confidence <= 100
        assert field.value
    names = [field.name for field in found.fields]
    assert names == sorted(set(names))
    assert found.issue_type.message is None or found.issue_type.message in texts
    assert extract(said, shipped()) == found


def test_what_customers_say_of_names_of_messages_does_not_matter() -> None:
    """No rule looks at ids, authors or times: the same words under others are read the same."""
    numbers = random.Random(7)
    said = talk(*TABLET)
    others = [
        one._replace(id=f"x{index}{numbers.random()}", by="z", at=numbers.randrange(10**9))
        for index, one in enumerate(said)
    ]
    assert content(extract(others, shipped())) == content(extract(said, shipped()))


def content(found: Extraction) -> list[tuple[str, str, int]]:
    return [(field.name, field.value, field.confidence) for field in found.fields]


@pytest.mark.parametrize(
    "unit",
    ["a", "1", "1.", "a-", "A1 ", "王", "公司", "a@b.", "换 ", "138 1234 ", "not work ", "( 1 ", "0x", "sn ", "订单 "],
)
def test_hostile_text_takes_no_time(unit: str) -> None:
    text = unit * (MATCHED_CHARACTERS_MAX // len(unit))
    start = time.process_time()
    extract(talk(text, "sorry " + text), shipped())
    assert time.process_time() - start < 2
