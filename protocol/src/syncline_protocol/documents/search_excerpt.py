"""The part of a text that shows why it was found, with the places to mark: for the server's answers and for devices.

Places are looked for in the folded text and carried back to the text as it was written, character by character; where
folding joins characters (a letter and its accent), the place covers both.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from syncline_protocol.documents.search_terms import Phrase, Query, fold, numbers, pieces

EXCERPT_CHARACTERS_MAX: Final = 160
"""Code points of an excerpt: two or three lines."""

LEAD_CHARACTERS: Final = 30
"""What stands before the first match."""

SPANS_MAX: Final = 32
"""Places marked in one excerpt."""

JOINED: Final = frozenset("\uff9e\uff9f")
"""Half-width sound marks of Japanese: folding joins them to the letter before, though they are no combining marks."""

Span = tuple[int, int]
"""Code points from the first to behind the last."""


def excerpt(text: str, query: Query) -> tuple[str, tuple[Span, ...]]:
    """The part of `text`, in one line, around the first place that `query` matches, and the places in it."""
    spans = find_spans(text, query)
    start = max(0, spans[0][0] - LEAD_CHARACTERS) if spans and spans[0][1] > EXCERPT_CHARACTERS_MAX else 0
    shown = "".join(
        " " if one.isspace() or not one.isprintable() else one for one in text[start:][:EXCERPT_CHARACTERS_MAX]
    )
    places = ((first - start, min(end - start, len(shown))) for first, end in spans)
    return shown, tuple(place for place in places if place[0] < place[1])[:SPANS_MAX]


def find_spans(text: str, query: Query) -> list[Span]:
    """The places in `text` that match a clause of `query`, in their order, none over another."""
    folded, origins = _fold_with_origins(text)
    phrases = {phrase for clause in query for phrase in clause}
    found = sorted((origins[start][0], origins[end - 1][1]) for start, end in _places(folded, phrases))
    merged: list[Span] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _places(folded: str, phrases: Iterable[Phrase]) -> Iterator[Span]:
    wanted = set(phrases)
    runs = {phrase[0] + "".join(pair[-1] for pair in phrase[1:]) for phrase in wanted}
    for piece in pieces(folded):
        if piece.is_run:
            yield from _places_in_run(folded, piece.start, piece.end, runs)
        elif any((name,) in wanted for name in piece.whole) or piece.terms in wanted:
            yield piece.start, piece.end
        else:
            yield from _places_of_words(folded, piece.start, piece.terms, wanted)
    for number in numbers(folded):
        if any((name,) in wanted for name in number.whole):
            yield number.start, number.end


def _places_in_run(folded: str, start: int, end: int, runs: Iterable[str]) -> Iterator[Span]:
    for run in runs:
        at = folded.find(run, start, end)
        while at >= 0:
            yield at, at + len(run)
            at = folded.find(run, at + len(run), end)


def _places_of_words(folded: str, start: int, words: Phrase, wanted: Iterable[Phrase]) -> Iterator[Span]:
    known = {phrase for phrase in wanted if len(phrase) <= len(words)}
    at = start
    for place, word in enumerate(words):
        at = folded.index(word, at)
        for phrase in known:
            if words[place : place + len(phrase)] == phrase:
                end = at
                for one in phrase:
                    end = folded.index(one, end) + len(one)
                yield at, end
        at += len(word)


def _fold_with_origins(text: str) -> tuple[str, list[Span]]:
    """The folded text, and for each of its characters the place in `text` that it comes from."""
    folded: list[str] = []
    origins: list[Span] = []
    start = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and (unicodedata.combining(text[end]) or text[end] in JOINED):
            continue
        piece = fold(text[start:end])
        folded.append(piece)
        origins += [(start, end)] * len(piece)
        start = end
    return "".join(folded), origins
