"""`python -m benchmarks extraction`: how often issue type and fields are read rightly."""

import platform
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import typer
from syncline_protocol.extraction import Rules

from benchmarks.extraction.corpora import Labelled, chinese, multidogo
from benchmarks.extraction.report import Part, page
from benchmarks.extraction.scores import Judged, judge

RESULTS: Final = Path(__file__).parents[1] / "results/extraction.md"
DATA: Final = Path(__file__).parents[3] / "shared/data"
"""Where the public collections lie, beside the checkout. Without them the Chinese dialogues are measured alone."""


def measure(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the MultiDoGO files.")] = DATA,
    out: Annotated[Path, typer.Option(help="The page to write.")] = RESULTS,
    wrong: Annotated[bool, typer.Option(help="Print the conversations whose issue type is wrong.")] = False,
) -> None:
    """Read every conversation of the labelled collections, and count."""
    rules = shipped_rules()
    parts: list[Part] = []
    for title, corpus in corpora(data).items():
        start = time.process_time()
        judged = judge(corpus, rules)
        messages = sum(len(one.said) for one in corpus)
        parts.append(Part(title, judged, (time.process_time() - start) / messages * 1e6))
        if wrong:
            show_wrong(title, judged)
    about = {"measured on": time.strftime("%Y-%m-%d"), "Python": platform.python_version()}
    text = page(parts, about)
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def corpora(data: Path) -> Mapping[str, Sequence[Labelled]]:
    """What there is to measure by."""
    found: dict[str, Sequence[Labelled]] = {}
    for part in ("train", "dev"):
        path = data / f"multidogo_software_{part}.tsv"
        if path.exists():
            found[f"MultiDoGO software, {part}"] = multidogo(path)
    return {**found, "Chinese, development": chinese("development"), "Chinese, evaluation": chinese("evaluation")}


def shipped_rules() -> Rules:
    """The rules as they are shipped."""
    text = (resources.files("syncline_protocol.extraction") / "default_rules.toml").read_text(encoding="utf-8")
    return Rules.read(tomllib.loads(text))


def show_wrong(title: str, judged: Sequence[Judged]) -> None:
    """Each wrong one: what it should be, what was read and why, and what the customer said."""
    for one in judged:
        guess = one.extraction.issue_type
        if one.labelled.issue_types and guess.value != one.labelled.issue_type:
            words = " / ".join(said.text for said in one.labelled.said)
            sys.stdout.write(f"{title}: {one.labelled.issue_type}, not {guess.value} {guess.because}: {words}\n")
