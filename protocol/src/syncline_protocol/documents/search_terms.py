"""What can be found in a text, and what a query looks for: one tokenizer for the server's index and for devices that
search what they hold.

Text is folded (NFKC, case, NFKC again), so that half and full width and both cases are one. Then

- a *run* of a script that puts no spaces between words (Chinese, Japanese, Thai, …) or long words (Korean) becomes its
  overlapping pairs and its last character: 上海东边 → 上海 海东 东边 边. A query of it is the phrase of its pairs, so
  上海 is found in 我家在上海东边. The other single characters stand behind the text's terms, for queries of one
  character.
- a *compound*, words joined by single hyphens, slashes, dots and the like (a serial, an order number, a mail address),
  becomes its words, and behind the text's terms all of it in one: SN-8842/A1 → sn 8842 a1 … sn8842a1.
- a *number* of as many digits as a telephone has, however grouped, stands there in one as well, without its signs of
  the country or the trunk: +86 138-0013-8000 → … 8613800138000 13800138000.

All of a query's clauses have to be found; whatever else it holds (operators, quotes, NULs) separates words.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

WORD_CHARACTERS_MAX: Final = 64
"""Of a longer word only the beginning counts: it is somebody's Base64."""

QUERY_CHARACTERS_MAX: Final = 1_000
"""What is looked at of a query: more than anybody types; a pasted paragraph."""

CLAUSES_MAX: Final = 16
"""Clauses of a query; further ones are passed over, and more is found."""

PHRASE_TERMS_MAX: Final = 32
"""Terms of one phrase; the rest of a longer one is passed over."""

NUMBER_DIGITS_MIN: Final = 7
NUMBER_DIGITS_MAX: Final = 15
"""Digits of a telephone number with its country code (ITU-T E.164); orders and devices have numbers like that too."""

COUNTRY_DIGITS_MAX: Final = 3
"""Digits of a country code."""

_UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1100-\u11ff\u1780-\u17ff"  # Myanmar, Hangul letters, Khmer
    "\u3005\u3007\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese, Hangul
)
_MARKS: Final = "\u0300-\u036f\u0900-\u0dff"
"""Signs within words that are no letters by themselves: accents, vowels of Indic scripts."""

_LETTERS: Final = rf"[^\W_{_UNSPACED}{_MARKS}]"
_WORDS: Final = rf"(?:{_LETTERS}+(?:[{_MARKS}]+{_LETTERS}*)*|(?:[{_MARKS}]+{_LETTERS}*)+)"
"""The two sets have nothing in common, so that there is one way only to read a word, however long."""

_JOINER: Final = r"[-_/.'’:@+#&\\\u2010-\u2015\u2212]"
_PIECE: Final = re.compile(rf"([{_UNSPACED}]+)|{_WORDS}(?:{_JOINER}{_WORDS})*")
_WORD: Final = re.compile(_WORDS)
_DIGITS: Final = re.compile(r"[0-9]+")
_NUMBER: Final = re.compile(
    rf"(?<![0-9a-z_/.\-])\+?\(?[0-9]+\)?(?:[ ./()\-\u2010-\u2015]{{1,2}}[0-9]+)*(?!{_JOINER}?{_LETTERS})"
)

Phrase = tuple[str, ...]
"""Terms that follow each other."""

Clause = tuple[Phrase, ...]
"""Any one of these is to be found."""

Query = tuple[Clause, ...]
"""Each of these is to be found; none: nothing is."""


class Piece(NamedTuple):
    """A stretch of a folded text, from `start` to `end`: the terms it consists of, and what it is called in one."""

    start: int
    end: int
    terms: Phrase
    whole: tuple[str, ...]
    is_run: bool


def fold(text: str) -> str:
    """The form in which texts are compared."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def index_terms(text: str) -> list[str]:
    """The terms under which `text` is to be found: those that stand in it in their order, then those for all of a
    compound or number, and single characters. None contains a space, a quote or a control character.
    """
    folded = fold(text)
    terms: list[str] = []
    beside: dict[str, None] = {}
    for match in _PIECE.finditer(folded):
        written = match.group()
        if match.lastindex:
            terms += map("".join, pairwise(written))
            terms.append(written[-1])
            beside.update(dict.fromkeys(written))
        elif written.isalnum():
            terms.append(written[:WORD_CHARACTERS_MAX])
        else:
            piece = _compound(match)
            terms += piece.terms
            beside.update(dict.fromkeys(piece.whole))
    for number in numbers(folded):
        beside.update(dict.fromkeys(number.whole))
    for term in terms:
        beside.pop(term, None)
    return [*terms, *beside]


def parse_query(text: str) -> Query:
    """What `text`, as somebody typed it, looks for."""
    folded = fold(text[:QUERY_CHARACTERS_MAX])[:QUERY_CHARACTERS_MAX]
    grouped = [number for number in numbers(folded) if len(number.terms) > 1 or number.whole != number.terms]
    clauses: dict[Clause, None] = {}
    for piece in sorted((*grouped, *pieces(folded)), key=lambda one: (one.start, -one.end)):
        if piece not in grouped and any(one.start <= piece.start < one.end for one in grouped):
            continue
        alternatives = dict.fromkeys((name,) for name in piece.whole)
        clauses[tuple(alternatives | {piece.terms[:PHRASE_TERMS_MAX]: None})] = None
    return tuple(clauses)[:CLAUSES_MAX]


def matches(terms: Sequence[str], query: Query) -> bool:
    """Whether a text with these `index_terms` is what `query` looks for."""
    return bool(query) and all(any(_stands_in(terms, phrase) for phrase in clause) for clause in query)


def pieces(folded: str) -> Iterator[Piece]:
    """The runs and compounds of a folded text, in their order."""
    for match in _PIECE.finditer(folded):
        if match.lastindex:
            run = match.group()
            pairs = tuple(map("".join, pairwise(run))) or (run,)
            yield Piece(*match.span(), pairs, (), is_run=True)
        else:
            yield _compound(match)


def _compound(match: re.Match[str]) -> Piece:
    words = _WORD.findall(match.group())
    whole = ("".join(words)[:WORD_CHARACTERS_MAX],) if len(words) > 1 else ()
    return Piece(*match.span(), tuple(word[:WORD_CHARACTERS_MAX] for word in words), whole, is_run=False)


def numbers(folded: str) -> Iterator[Piece]:
    """What may be a telephone number in a folded text; `whole` has it in one, with and without signs in front."""
    if _DIGITS.search(folded) is None:
        return
    for match in _NUMBER.finditer(folded):
        groups = _DIGITS.findall(match.group())
        digits = "".join(groups)
        if NUMBER_DIGITS_MIN <= len(digits) <= NUMBER_DIGITS_MAX:
            forms = [digits, *_without_signs(digits, is_international=match.group().startswith("+"))]
            yield Piece(*match.span(), tuple(groups), tuple(dict.fromkeys(forms)), is_run=False)


def _without_signs(digits: str, *, is_international: bool) -> list[str]:
    """A number as it may be written without the codes in front of it."""
    if digits.startswith("00"):
        digits, is_international = digits[2:], True
    if is_international:
        forms = [digits, *(digits[code:] for code in range(1, COUNTRY_DIGITS_MAX + 1))]
    else:
        forms = [digits[1:]] if digits.startswith("0") else []
    return [form for form in forms if len(form) >= NUMBER_DIGITS_MIN]


def _stands_in(terms: Sequence[str], phrase: Phrase) -> bool:
    last = len(terms) - len(phrase)
    return any(tuple(terms[start : start + len(phrase)]) == phrase for start in range(last + 1))
