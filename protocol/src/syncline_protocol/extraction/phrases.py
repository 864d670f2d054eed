"""Terms as an operator writes them: words, with as little besides as does.

| written | matches |
| --- | --- |
| `connection lost` | these words, in any case, full-width or half-width |
| `updat*` | the rest of a word: update, updates, updating |
| `(can't|cannot) connect` | one of these |
| `screen .. broken` | up to 12 characters in between, within a sentence |

Where a term begins or ends with a Latin letter or a digit, a word begins or ends there: `app` is not found in `apply`.
An apostrophe may be missing: customers write `cant`. Chinese has no such limits.

A term is bounded in time like a pattern (`patterns.py`): what repeats in it takes all it can and gives nothing back,
but for the gaps, of which there are at most two.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Final

import msgspec

from syncline_protocol.extraction.folded import Folded, fold

PHRASE_CHARACTERS_MAX: Final = 300
CHOICES_MAX: Final = 3
"""Times `(one|other)` in one term."""

GAPS_MAX: Final = 2
"""Times `..` in one term: each may match in 13 ways."""

FOUND_MAX: Final = 20
"""Times that one term is found in one message: who says it more often adds nothing."""

_GAP: Final = r"[^.!?。\n]{0,12}?"
_REST: Final = r"[a-z0-9']{0,15}+"
_SPACES: Final = r" {1,3}+"
_CHOICE: Final = re.compile(r"\(([^()]*)\)")
_PIECE: Final = re.compile(r" ?\.\. ?|\*| +|[^*. ]+|\.")
_WORD: Final = re.compile(r"[a-z0-9]")


class Phrase(msgspec.Struct, frozen=True):
    """A term, ready to be found. One of `needles` is in every text that `source` matches; they are looked for first,
    being cheaper, and most patterns are never needed.
    """

    written: str
    needles: tuple[str, ...]
    source: str

    def find(self, folded: Folded) -> Iterator[tuple[int, int]]:
        """Where it stands, as places of the folded text."""
        if any(needle in folded.lower for needle in self.needles):
            for match in _compiled(self.source).finditer(folded.lower):
                yield match.span()


class PhraseIndex:
    """Many phrases, found together: only those are tried of which a needle begins with two letters of the text."""

    __slots__ = ("_by_start", "_phrases")

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._phrases = tuple(phrases)
        self._by_start: dict[str, list[tuple[str, int]]] = {}
        for number, phrase in enumerate(self._phrases):
            for needle in phrase.needles:
                self._by_start.setdefault(needle[:2], []).append((needle, number))

    def find(self, folded: Folded) -> Iterator[tuple[int, int, int]]:
        """The number of each phrase that stands in the text, and where, in the order of the numbers: its first
        `FOUND_MAX` places.
        """
        lower = folded.lower
        starts = {*lower, *(lower[place : place + 2] for place in range(len(lower) - 1))}
        numbers = {number for start in starts for needle, number in self._by_start.get(start, ()) if needle in lower}
        for number in sorted(numbers):
            for match in islice(_compiled(self._phrases[number].source).finditer(lower), FOUND_MAX):
                yield number, *match.span()


def read_phrase(written: str) -> Phrase:
    """The term. Raises `ValueError` when it is none, or would cost too much to look for."""
    plain = " ".join(fold(written).lower.split())
    if not plain or len(plain) > PHRASE_CHARACTERS_MAX:
        raise ValueError(f"a term has 1 to {PHRASE_CHARACTERS_MAX} characters")
    parts = _CHOICE.split(plain)  # odd ones are what stood in parentheses
    if any(character in "()|" for part in parts[::2] for character in part):
        raise ValueError(f"{written!r}: `|` stands in parentheses, and these do not nest: (one|other)")
    if len(parts) // 2 > CHOICES_MAX or plain.count("..") > GAPS_MAX:
        raise ValueError(f"{written!r} has more than {CHOICES_MAX} choices or {GAPS_MAX} gaps")
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    needles = max((_needles(choice) for choice in choices), key=lambda found: min(map(len, found)))
    if not all(needles):
        raise ValueError(f"{written!r} needs a word that is always there")
    used = [choice for choice in choices if choice != [""]]
    pattern = "".join(
        _one_of(choice, begins=index == 0, ends=index == len(used) - 1) for index, choice in enumerate(used)
    )
    return Phrase(plain, needles, pattern)


@cache
def _compiled(source: str) -> re.Pattern[str]:
    """The pattern, compiled when it is first needed: a thousand take a second. It is of literals, and cannot fail."""
    return re.compile(source)


def _needles(choice: list[str]) -> tuple[str, ...]:
    """For each of the alternatives the longest letters that stand together in it."""
    return tuple(
        max(
            (part for piece in _PIECE.findall(one) if piece.strip(" *.") for part in piece.split("'")),
            key=len,
            default="",
        )
        for one in choice
    )


def _one_of(choice: list[str], *, begins: bool, ends: bool) -> str:
    return f"(?:{'|'.join(_expression(one, begins=begins, ends=ends) for one in choice)})"


def _expression(one: str, *, begins: bool, ends: bool) -> str:
    before = "(?<![a-z0-9])" if begins and _WORD.match(one[:1]) else ""
    after = "(?![a-z0-9])" if ends and _WORD.match(one[-1:]) else ""
    return before + "".join(map(_piece, _PIECE.findall(one))) + after


def _piece(piece: str) -> str:
    if piece.strip() == "..":
        return _GAP
    if piece == "*":
        return _REST
    if piece.isspace():
        return _SPACES
    return re.escape(piece).replace("'", "'?")
