"""A message's text as it is matched: half-width, plain punctuation, lower case, with the way back to what was written.

`ＳＮ：Ａ１２` is matched as `SN:A12`, and the span of a match names the code points of the original.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

from syncline_protocol.extraction.said import Span

MATCHED_CHARACTERS_MAX: Final = 4_000
"""Code points of one message that are matched: a customer's case, and the bound on what patterns may cost."""

_PLAIN: Final = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-", "、": ",", "\u00a0": " "}
)


class Folded:
    """`text` keeps its case, `lower` does not; both are equally long."""

    __slots__ = ("_origins", "lower", "text")

    def __init__(self, text: str, origins: Sequence[int]) -> None:
        self.text = text
        self.lower = "".join(low if len(low := character.lower()) == 1 else character for character in text)
        self._origins = origins

    def span(self, start: int, end: int) -> Span:
        """Where `text[start:end]`, which is not empty, was written."""
        return Span(self._origins[start], self._origins[end - 1] + 1)


def fold(written: str) -> Folded:
    """The text to match, of the first `MATCHED_CHARACTERS_MAX` code points of `written`."""
    written = written[:MATCHED_CHARACTERS_MAX]
    if written.isascii():
        return Folded(written, range(len(written)))
    folded: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(written):
        plain = unicodedata.normalize("NFKC", character).translate(_PLAIN)
        folded.append(plain)
        origins.extend([index] * len(plain))
    return Folded("".join(folded), origins)
