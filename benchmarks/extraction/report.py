"""The figures as a page of Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Final, NamedTuple

from benchmarks.extraction.corpora import OUT_OF_DOMAIN
from benchmarks.extraction.scores import Judged, Score, accuracy, any_label, by_class, by_field, read_anew

PACKAGES: Final = ("syncline-protocol", "phonenumbers", "msgspec")


COLUMNS: Final = (
    "corpus",
    "conversations",
    "issue type right",
    "any label of the conversation",
    "with *out of domain* as labelled",
    "all conversations, the unlabelled read anew",
    "µs per message",
)


class Part(NamedTuple):
    """One corpus, read. `fields`: whether its labels of fields are of the same kind as ours."""

    title: str
    judged: Sequence[Judged]
    microseconds: float


def page(parts: Sequence[Part], about: Mapping[str, str]) -> str:
    """All figures."""
    return "\n".join(_lines(parts, about)) + "\n"


def _lines(parts: Sequence[Part], about: Mapping[str, str]) -> Iterator[str]:
    yield "# Extraction"
    yield ""
    yield "By `.venv/bin/python -m benchmarks extraction`; how it is counted: `benchmarks/extraction/README.md`."
    yield ""
    for name, value in {**about, **{package: metadata.version(package) for package in PACKAGES}}.items():
        yield f"- {name}: {value}"
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for part in parts:
        domain = [one for one in part.judged if one.labelled.issue_types]
        unlabelled = len(part.judged) - accuracy(part.judged)[1]
        note = f", {unlabelled} without label" if unlabelled else ""
        counts = (accuracy(domain), any_label(domain), accuracy(part.judged), read_anew(part.judged))
        figures = [_share(*count) for count in counts]
        first = f"| {part.title} | {len(part.judged)}{note} | **{figures[0]}** |"
        yield f"{first} {figures[1]} | {figures[2]} | {figures[3]} | {part.microseconds:.0f} |"
    for part in parts:
        domain = [one for one in part.judged if one.labelled.issue_types]
        yield from _table(f"{part.title}: issue types", "issue type", by_class(domain))
        if len(domain) < len(part.judged):
            yield from _unlabelled(part)
        yield from _table(f"{part.title}: fields", "field", by_field(part.judged))


def _table(title: str, what: str, scores: Mapping[str, Score]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield f"| {what} | labelled | right | precision | recall | F1 |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, score in scores.items():
        figures = f"{score.precision:.3f} | {score.recall:.3f} | {score.f1:.3f}"
        yield f"| {name} | {score.right + score.missed} | {score.right} | {figures} |"


def _unlabelled(part: Part) -> Iterator[str]:
    """What is said of conversations in which no turn has an intent of the domain."""
    yield ""
    yield f"Conversations without a label of the domain ({part.title}), by what is read in them:"
    yield ""
    said: dict[str, list[int]] = {}
    for one in part.judged:
        if not one.labelled.issue_types:
            counts = said.setdefault(one.extraction.issue_type.value, [0, 0])
            counts[one.labelled.issue_type != OUT_OF_DOMAIN] += 1
    yield "| read as | labelled out of domain | not labelled |"
    yield "| --- | --- | --- |"
    for name, (labelled, not_labelled) in sorted(said.items()):
        yield f"| {name} | {labelled} | {not_labelled} |"


def _share(right: int, total: int) -> str:
    return f"{right / total:.3f} ({right}/{total})" if total else "–"
