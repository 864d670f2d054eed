"""Terms and queries: what is found in what."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.documents.search_terms import (
    CLAUSES_MAX,
    PHRASE_TERMS_MAX,
    WORD_CHARACTERS_MAX,
    fold,
    index_terms,
    matches,
    numbers,
    parse_query,
)

TEXTS = st.text(alphabet=st.sampled_from("上海东边のハﾊﾞ กaBé8０1-/._ +(）。\0\"'*😀\u0301नि"), max_size=30)


def finds(q: str, text: str) -> bool:
    return matches(index_terms(text), parse_query(q))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("我家在上海", ["我家", "家在", "在上", "上海", "海", "我", "家", "在", "上"]),
        ("上", ["上"]),
        ("WiFi连不上", ["wifi", "连不", "不上", "上", "连", "不"]),
        ("SN-8842/A1", ["sn", "8842", "a1", "sn8842a1"]),
        ("ＷＩＦＩ ｶﾞ", ["wifi", "ガ"]),
        ("don't", ["don", "t", "dont"]),
        ("Füße ÉTÉ", ["füsse", "été"]),
        ("e\u0301te\u0301", ["été"]),
        ("नमस्ते", ["नमस्ते"]),
        ("ann@example.com", ["ann", "example", "com", "annexamplecom"]),
        ("138 0013 8000", ["138", "0013", "8000", "13800138000"]),
        (
            "+86 (20) 8888-9999",
            ["86", "20", "8888", "9999", "88889999", *("862088889999", "62088889999"), "2088889999"],
        ),
        ("1 2 3", ["1", "2", "3"]),
        ('" OR * NEAR(', ["or", "near"]),
        ("", []),
        ("。，！?\0 \n😀", []),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    found = index_terms(text)
    assert found[: len(terms)] == terms[: len(found)] or set(terms) <= set(found)
    assert set(terms) <= set(found)
    if not terms:
        assert found == []


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("上海", "我家在上海东边"),
        ("海", "我家在上海东边"),
        ("边", "我家在上海东边"),
        ("连不上", "我的WiFi连不上了"),
        ("WiFi连不上", "连不上wifi"),
        ("sn8842a1", "see SN-8842/A1 please"),
        ("SN 8842", "see SN-8842/A1 please"),
        ("sn-8842", "see SN-8842/A1 please"),
        ("８８４２", "see SN-8842/A1 please"),
        ("13800138000", "电话138 0013 8000"),
        ("138-0013-8000", "call 13800138000"),
        ("138 0013 8000", "+86 138-0013-8000"),
        ("+86 138 0013 8000", "13800138000"),
        ("008613800138000", "138-0013-8000"),
        ("02088889999", "+86 20 8888 9999"),
        ("バッテリー", "ﾊﾞｯﾃﾘｰが膨らむ"),
        ("STRASSE", "in der Straße"),
        ("世界", "こんにちは世界"),
        ("안녕", "안녕하세요"),
        ("不上 连", "连不上"),
    ],
)
def test_found(q: str, text: str) -> None:
    assert finds(q, text)


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("上海东", "上海。东边"),
        ("海上", "我家在上海东边"),
        ("wif", "wifi"),
        ("8842a1", "SN-8842/A1"),
        ("wifi 连上", "WiFi连不上"),
        ("13800138001", "138 0013 8000"),
        ("1234567", "a1234567"),
        ("", "anything"),
        ("*", "anything"),
        ('"', "anything"),
    ],
)
def test_not_found(q: str, text: str) -> None:
    assert not finds(q, text)


@given(TEXTS)
def test_a_text_finds_itself(text: str) -> None:
    if parse_query(text):
        assert finds(text, text)


@given(TEXTS, TEXTS)
def test_half_and_full_width_and_case_are_one(text: str, q: str) -> None:
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)
    assert index_terms(wide) == index_terms(text)
    assert finds(q, text) == finds(q, fold(text)) == finds(q.swapcase(), text)


@given(st.text(max_size=60))
def test_terms_are_plain_words_whatever_the_text(text: str) -> None:
    for term in (*index_terms(text), *(one for clause in parse_query(text) for phrase in clause for one in phrase)):
        assert term
        assert len(term) <= WORD_CHARACTERS_MAX
        assert not any(one.isspace() or (one.isascii() and not one.isalnum()) for one in term)


@pytest.mark.parametrize("piece", ["x", "漢", "a ", "a-", "1 ", "1-", '"', "+", "(", "1((", "\u0301", "a\u0301", "9 9"])
def test_hostile_texts_cost_what_they_are_long(piece: str) -> None:
    text = piece * (16_000 // len(piece))
    start = time.process_time()
    index_terms(text)
    query = parse_query(text)
    assert time.process_time() - start < 1
    assert len(query) <= CLAUSES_MAX
    assert all(len(phrase) <= PHRASE_TERMS_MAX for clause in query for phrase in clause)


def test_numbers_as_long_as_a_telephone_s_are_taken_together() -> None:
    assert [one.whole for one in numbers("123 456")] == []
    assert [one.whole[0] for one in numbers("12 34 567, 1234567890123456")] == ["1234567"]
    assert [one.whole for one in numbers("0123 4567")] == [("01234567", "1234567")]
