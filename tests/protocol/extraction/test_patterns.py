"""Patterns of operators are bounded before they run."""

import time

import pytest
from syncline_protocol.extraction.folded import MATCHED_CHARACTERS_MAX
from syncline_protocol.extraction.patterns import PATTERN_CHARACTERS_MAX, compile_pattern


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"[A-Z]{1,4}-?[0-9]{4,16}", "SN-20240001"),
        (r"0x[0-9a-f]{4,8}|E\d{2,4}", "0x80070005"),
        (r"(?:AB|CD){1,3}", "ABCD"),
        (r"(?=[a-z]{0,9}+\d)[a-z0-9]{2,20}+", "abc12"),
        (r"[]a-]{2}\b(?<!x)", "]-]a"),
        (r"a\+\{2\}", "a+{2}"),
        (r"^v?(\d{1,3})$", "v12"),
    ],
)
def test_what_is_bounded_is_allowed(source: str, text: str) -> None:
    assert compile_pattern(source).search(text)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "1 to"),
        ("a" * (PATTERN_CHARACTERS_MAX + 1), "1 to"),
        ("a+", r"\{1,20\}"),
        ("a*", r"\{1,20\}"),
        ("a{2,}", "without an end"),
        ("a{1,99}", "at most 64"),
        ("a{5,2}", "at least as many"),
        ("(a{1,20}){1,20}", "ways"),
        ("(?:a|a){1,20}b", "ways"),
        ("a{0,40}a{0,40}a{0,40}b", "ways"),
        (r"(a)\1", "reference"),
        ("(?P<name>a)", "a group is"),
        ("(?i:a)", "a group is"),
        ("(a", "without `\\)`"),
        ("a)", "without `\\("),
        ("[a", "without `]`"),
        ("a**", "without an end"),
        ("?a", "repeats nothing"),
        ("(" * 10 + "a" + ")" * 10, "levels"),
        ("(?<=a{1,2})b", "no pattern"),
        ("[z-a]", "no pattern"),
        ("a\\", "reference"),
    ],
)
def test_what_is_not_is_refused_with_what_to_write(source: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_pattern(source)


@pytest.mark.parametrize("source", ["a{0,20}a{0,20}b", "(?:a|aa){0,7}b", "(?:a{1,3}){1,5}b", "(?:(?:aa?){1,3}){1,2}b"])
def test_the_worst_text_for_what_is_allowed_takes_no_time(source: str) -> None:
    """Nothing matches, and the matcher tries every way at every place."""
    pattern = compile_pattern(source)
    start = time.process_time()
    assert pattern.search("a" * MATCHED_CHARACTERS_MAX) is None
    assert time.process_time() - start < 3


def test_case_counts_unless_it_is_said_not_to() -> None:
    assert compile_pattern("AB").search("ab") is None
    assert compile_pattern("AB", any_case=True).search("ab")
