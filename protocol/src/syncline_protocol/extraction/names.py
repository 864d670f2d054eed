"""Names of people and firms in a text: what follows "my name is" or 我叫, and where it ends.

Nothing tells a name from a word but its place, so these are asked for only where a label, a question or a telephone
number beside it says that a name is there.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

from syncline_protocol.extraction.folded import Folded
from syncline_protocol.extraction.rules import Field, Rules

NAME_WORDS_MAX: Final = 3
BESIDE: Final = re.compile(
    r"[\s,.:;/]{0,3}+(?:电话|手机|tel|phone|mobile)?[\s,.:;号是]{0,3}+[+(]{0,2}[0-9]{3}", re.IGNORECASE
)
"""A telephone number begins here."""

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z.'&-]{0,30}")
_HAN_RUN: Final = re.compile(r"[\u4e00-\u9fff·]{2,}")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_COMPOUND_SURNAME_CHARACTERS: Final = 2
_GIVEN_CHARACTERS_MAX: Final = 2


def words_at(folded: Folded, at: int, most: int, stop: Collection[str]) -> tuple[int, int] | None:
    """Up to `most` Latin words from `at` on, ending before a stop word, a digit or a sign."""
    start, end, count = at, at, 0
    while count < most:
        word = _WORD.match(folded.text, end if count == 0 else _behind_space(folded, end))
        if word is None or word[0].lower().strip(".'") in stop:
            break
        end = word.end()
        count += 1
    end = start + len(folded.text[start:end].rstrip(".'&- "))
    return (start, end) if end > start else None


def _behind_space(folded: Folded, at: int) -> int:
    """Past one space, or to where no word can begin."""
    return at + 1 if folded.text[at : at + 1] == " " else len(folded.text)


def han_name_at(folded: Folded, at: int, rules: Rules) -> tuple[int, int] | None:
    """A Chinese name that begins at `at`: a surname, and one or two characters more."""
    for length in (_COMPOUND_SURNAME_CHARACTERS, 1):
        if folded.text[at : at + length] in rules.surnames and len(folded.text[at : at + length]) == length:
            end = at + length
            while end < at + length + _GIVEN_CHARACTERS_MAX and _HAN.match(folded.text, end):
                end += 1
            if end > at + length and folded.lower[at:end] not in rules.stop:
                return at, end
    return None


def han_names(folded: Folded, rules: Rules) -> Iterator[tuple[int, int]]:
    """Chinese names that stand by themselves: between signs, spaces or digits, and nothing but a name."""
    for run in _HAN_RUN.finditer(folded.text):
        found = han_name_at(folded, run.start(), rules)
        if found == run.span():
            yield found


def labelled_name(folded: Folded, at: int, rules: Rules) -> tuple[int, int] | None:
    """The name that begins behind a label which ends at `at`."""
    return han_name_at(folded, at, rules) or words_at(folded, at, NAME_WORDS_MAX, rules.stop)


def asked_name(folded: Folded, rules: Rules) -> tuple[int, int] | None:
    """The name in an answer to who one is: the first that stands by itself, or the words that the answer begins
    with.
    """
    found = next(han_names(folded, rules), None)
    if found is not None:
        return found
    start = len(folded.text) - len(folded.text.lstrip())
    words = words_at(folded, start, NAME_WORDS_MAX, rules.stop)
    if words is None:
        return None
    following = folded.text[words[1] :].lstrip(" ,.!-(+")
    return words if not following or following[0].isdigit() or following.lower().startswith(("and ", "my ")) else None


def labelled_words(folded: Folded, at: int, field: Field, rules: Rules) -> tuple[int, int] | None:
    """What stands behind a label that ends at `at`: by the field's own pattern, or so many words."""
    own = field.value.match(folded.text, at) if field.value else None
    return own.span() if own else words_at(folded, at, field.words, rules.stop)
