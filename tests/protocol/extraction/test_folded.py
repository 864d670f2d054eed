"""Text is matched half-width; spans are those of what was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.extraction.folded import MATCHED_CHARACTERS_MAX, fold


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("ＳＮ：ＡＢ１２", "SN:AB12"),
        ("can’t—“now”", 'can\'t-"now"'),
        ("㎏", "kg"),
        ("plain", "plain"),
        ("等等…", "等等..."),
    ],
)
def test_it_is_folded(written: str, text: str) -> None:
    assert fold(written).text == text


def test_a_span_names_what_was_written() -> None:
    written = "我的㎏是ＡＢ１２，谢谢"
    folded = fold(written)
    start = folded.text.index("AB12")
    span = folded.span(start, start + 4)
    assert written[span.start : span.end] == "ＡＢ１２"


@given(st.text(max_size=40))
def test_every_span_folds_to_what_it_stands_for(written: str) -> None:
    folded = fold(written)
    assert len(folded.lower) == len(folded.text)
    for place in range(len(folded.text)):
        span = folded.span(place, place + 1)
        assert folded.text[place] in fold(written[span.start : span.end]).text


def test_of_a_long_text_the_beginning_is_matched() -> None:
    assert len(fold("字" * (MATCHED_CHARACTERS_MAX + 1)).text) == MATCHED_CHARACTERS_MAX
