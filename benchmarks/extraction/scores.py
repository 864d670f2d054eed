"""Counting how often extraction is right, by class and by field."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from syncline_protocol.extraction import Extraction, Rules, extract

from benchmarks.extraction.corpora import Labelled, comparable


class Score(NamedTuple):
    """Right ones, wrongly said ones, and ones not said."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Of what is said, how much is right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Of what there is, how much is said."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 0.0


class Judged(NamedTuple):
    """A conversation and what was read in it."""

    labelled: Labelled
    extraction: Extraction


def judge(corpus: Iterable[Labelled], rules: Rules) -> list[Judged]:
    """Read every conversation."""
    return [Judged(one, extract(one.said, rules)) for one in corpus]


def accuracy(judged: Sequence[Judged]) -> tuple[int, int]:
    """How many have the right issue type, of how many that have a label."""
    labelled = [one for one in judged if one.labelled.issue_type is not None]
    right = sum(one.extraction.issue_type.value == one.labelled.issue_type for one in labelled)
    return right, len(labelled)


def any_label(judged: Sequence[Judged]) -> tuple[int, int]:
    """The same, where any issue type that a turn is labelled with counts as right."""
    labelled = [one for one in judged if one.labelled.issue_types]
    return sum(one.extraction.issue_type.value in one.labelled.issue_types for one in labelled), len(labelled)


def read_anew(judged: Sequence[Judged]) -> tuple[int, int]:
    """The same for all conversations, by what was read anew in those without a label of the domain; of none, if any
    has not been read.
    """
    if any(one.labelled.read_as is None for one in judged):
        return 0, 0
    return sum(one.extraction.issue_type.value == one.labelled.read_as for one in judged), len(judged)


def by_class(judged: Sequence[Judged]) -> dict[str, Score]:
    """For each issue type that is labelled or said."""
    right, said, there = Counter[str](), Counter[str](), Counter[str]()
    for one in judged:
        if one.labelled.issue_type is not None:
            there[one.labelled.issue_type] += 1
            said[one.extraction.issue_type.value] += 1
            right[one.labelled.issue_type] += one.extraction.issue_type.value == one.labelled.issue_type
    return {
        name: Score(right[name], said[name] - right[name], there[name] - right[name])
        for name in sorted({*said, *there})
    }


def by_field(judged: Sequence[Judged]) -> dict[str, Score]:
    """For each field that is labelled anywhere in the corpus, by conversation: the value said is among those labelled,
    or not.

    The words that it was read from count as well as the value, which may be a normal form. Of a product a part will do.
    A symptom is right if its message is.
    """
    measured = {field for one in judged for field in one.labelled.values}
    counts: dict[str, Counter[str]] = {field: Counter() for field in sorted(measured | {"symptom"})}
    for one in judged:
        texts = {said.id: said.text for said in one.labelled.said}
        found = {field.name: field for field in one.extraction.fields}
        for name, count in counts.items():
            gold = one.labelled.values.get(name, frozenset())
            field = found.get(name)
            if name == "symptom":
                gold = frozenset({one.labelled.symptom} if one.labelled.symptom is not None else ())
                said = {field.message} if field else set()
            else:
                said = (
                    {comparable(field.value), comparable(texts[field.message][slice(*field.span)])} if field else set()
                )
            right = bool(said & gold) or (name == "product" and _within(said, gold))
            count["right"] += right
            count["wrong"] += bool(said) and not right
            count["missed"] += bool(gold) and not right
    return {
        name: Score(count["right"], count["wrong"], count["missed"])
        for name, count in counts.items()
        if count["right"] + count["missed"]
    }


def _within(said: Collection[str], gold: Collection[str]) -> bool:
    """Whether one stands within the other: keyboards in "musical keyboards"."""
    return any(one in other or other in one for one in said for other in gold)
