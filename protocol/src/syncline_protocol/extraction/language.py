"""In what language a customer writes, as far as the script tells: enough to choose who answers, and in what words."""

import re
from collections.abc import Sequence
from typing import Final

from syncline_protocol.extraction.heard import Heard
from syncline_protocol.extraction.said import Guess

UNKNOWN: Final = "und"
"""No letters, no language (BCP 47)."""

_SCRIPTS: Final = (
    ("ja", re.compile(r"[\u3040-\u30ff]"), 1),
    ("ko", re.compile(r"[\uac00-\ud7af]"), 1),
    ("zh", re.compile(r"[\u4e00-\u9fff]"), 3),
    ("ru", re.compile(r"[\u0400-\u04ff]"), 1),
    ("ar", re.compile(r"[\u0600-\u06ff]"), 1),
    ("en", re.compile(r"[A-Za-z]"), 1),
)
"""Language, its letters, and what one weighs: a Chinese character is half a word, and product names are Latin
everywhere.
"""

_KANA_SHARE: Final = 5
"""Japanese has Chinese characters as well: every fifth letter in kana makes it Japanese."""


def guess_language(heard: Sequence[Heard]) -> Guess:
    """The language that most of the customer's letters are of (the staff's, if the customer has written none)."""
    for customer in (True, False):
        guess = _most_written([one for one in heard if one.said.is_customer is customer])
        if guess is not None:
            return guess
    return Guess(UNKNOWN, 0, None)


def _most_written(heard: Sequence[Heard]) -> Guess | None:
    totals = dict.fromkeys((language for language, _, _ in _SCRIPTS), 0)
    first: dict[str, str] = {}
    for one in heard:
        for language, letters, weight in _SCRIPTS:
            count = len(letters.findall(one.folded.text))
            if count:
                totals[language] += count * weight
                first.setdefault(language, one.said.id)
    if not first:
        return None
    if totals["ja"] and totals["ja"] * _KANA_SHARE >= totals["zh"]:
        totals["ja"] += totals.pop("zh")
    best = max(totals, key=lambda language: totals[language])
    return Guess(best, 100 * totals[best] // sum(totals.values()), first[best])
