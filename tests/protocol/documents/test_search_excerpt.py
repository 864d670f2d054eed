"""Excerpts: the places that are marked are those that were found."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.documents.search_excerpt import EXCERPT_CHARACTERS_MAX, excerpt, find_spans
from syncline_protocol.documents.search_terms import fold, index_terms, matches, parse_query

TEXTS = st.text(alphabet=st.sampled_from("上海东边ハﾊﾞaBé8０1-/ .。e\u0301ß"), max_size=30)


@pytest.mark.parametrize(
    ("text", "q", "marked"),
    [
        ("我家在上海东边", "上海", ["上海"]),
        ("上海上海", "上海", ["上海", "上海"]),
        ("我家在上海东边", "海", ["海"]),
        ("see SN-8842/A1!", "sn8842a1", ["SN-8842/A1"]),
        ("see SN-8842/A1!", "8842", ["8842"]),
        ("see SN-8842/A1!", "sn-8842", ["SN-8842"]),
        ("电话 138 0013 8000。", "13800138000", ["138 0013 8000"]),
        ("ﾊﾞｯﾃﾘｰが", "バッテリー", ["ﾊﾞｯﾃﾘｰ"]),
        ("ＷｉＦｉ wifi", "wifi", ["ＷｉＦｉ", "wifi"]),
        ("Straße", "STRASSE", ["Straße"]),
        ("cafe\u0301!", "café", ["cafe\u0301"]),
        ("nothing here", "wifi", []),
        ("", "wifi", []),
    ],
)
def test_places(text: str, q: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in find_spans(text, parse_query(q))] == marked


@given(TEXTS, TEXTS)
def test_what_is_found_has_a_place_and_what_is_marked_was_looked_for(text: str, q: str) -> None:
    query = parse_query(q)
    spans = find_spans(text, query)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    if matches(index_terms(text), query):
        assert spans
    terms = {one for clause in query for phrase in clause for one in phrase}
    for start, end in spans:
        assert terms & set(index_terms(text[start:end])), (terms, fold(text[start:end]))


def test_an_excerpt_begins_before_the_first_match_and_is_one_line() -> None:
    text = "x" * 20 + " one\ntwo\tthree " * 40 + "needle\0 here " + "y " * 200
    shown, spans = excerpt(text, parse_query("needle"))
    assert len(shown) == EXCERPT_CHARACTERS_MAX
    ((start, end),) = spans
    assert shown[start:end] == "needle"
    assert shown.isprintable()
    assert shown[start - 6 : start] == "three "


def test_an_excerpt_of_a_short_text_is_all_of_it() -> None:
    assert excerpt("WiFi连不上", parse_query("wifi 不上")) == ("WiFi连不上", ((0, 4), (5, 7)))
    assert excerpt("x" * 500, parse_query("nothing")) == ("x" * EXCERPT_CHARACTERS_MAX, ())
