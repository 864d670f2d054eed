"""Terms match what the guide says, and are found together as they are alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncline_protocol.extraction.folded import MATCHED_CHARACTERS_MAX, fold
from syncline_protocol.extraction.phrases import PHRASE_CHARACTERS_MAX, PhraseIndex, read_phrase


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("app", "The APP crashed", ["APP"]),
        ("app", "apply", []),
        ("app", "打开App闪退", ["App"]),
        ("updat*", "updating and updates", ["updating", "updates"]),
        (
            "(can't|cannot) connect",
            "cant connect, can't connect, cannot  connect",
            ["cant connect", "can't connect", "cannot  connect"],
        ),
        ("screen .. broken", "screen is badly broken", ["screen is badly broken"]),
        ("screen .. broken", "screen. It is broken", []),
        ("screen .. broken", "screen is really quite badly broken", []),
        ("(搜|找)不到 .. wifi", "平板搜不到家里的ＷｉＦｉ了", ["搜不到家里的ＷｉＦｉ"]),
        ("$", "costs $5", ["$"]),
        ("开(一下|)票", "开票，开一下票", ["开票", "开一下票"]),
    ],
)
def test_a_term_matches(term: str, text: str, found: list[str]) -> None:
    folded = fold(text)
    spans = [folded.span(start, end) for start, end in read_phrase(term).find(folded)]
    assert [text[span.start : span.end] for span in spans] == found


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        (" ", "1 to"),
        ("x" * (PHRASE_CHARACTERS_MAX + 1), "1 to"),
        ("a|b", "parentheses"),
        ("((a|b)|c)", "parentheses"),
        ("a .. b .. c .. d", "gaps"),
        ("(a|b)(a|b)(a|b)(a|b)", "choices"),
        ("* ..", "always there"),
        ("(a|)", "always there"),
    ],
)
def test_what_is_no_term_is_refused(term: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_phrase(term)


@given(
    st.lists(st.text("ab退货 ", min_size=1, max_size=5).filter(str.strip), max_size=8), st.text("ab退货 .", max_size=30)
)
def test_the_index_finds_what_each_finds_alone(terms: list[str], text: str) -> None:
    phrases = [read_phrase(term) for term in terms]
    folded = fold(text)
    alone = [(number, *span) for number, phrase in enumerate(phrases) for span in phrase.find(folded)]
    assert list(PhraseIndex(phrases).find(folded)) == alone


def test_the_worst_text_for_a_term_takes_no_time() -> None:
    phrase = read_phrase("a* .. a* .. (a|aa|aaa)b")
    start = time.process_time()
    assert not list(phrase.find(fold("a b" + "a " * (MATCHED_CHARACTERS_MAX // 2))))
    assert time.process_time() - start < 1
