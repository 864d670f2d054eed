"""The figures of extraction do not fall, and are counted as they are said to be."""

from pathlib import Path

import pytest
from syncline_protocol.extraction import Extracted, Extraction, Guess, Said

from benchmarks.extraction.command import DATA, shipped_rules
from benchmarks.extraction.corpora import INTENTS, Labelled, chinese, comparable, multidogo
from benchmarks.extraction.report import Part, page
from benchmarks.extraction.scores import Judged, Score, accuracy, any_label, by_class, by_field, judge, read_anew

GOAL = 0.90


def share(counts: tuple[int, int]) -> float:
    return counts[0] / counts[1]


@pytest.mark.parametrize("part", ["development", "evaluation"])
def test_chinese_dialogues_are_read(part: str) -> None:
    judged = judge(chinese(part), shipped_rules())
    assert share(accuracy(judged)) >= GOAL
    fields = by_field(judged)
    for name in ("phone", "email", "imei", "serial", "order_number", "version", "error_code", "model"):
        assert fields[name].recall >= GOAL, name


@pytest.mark.parametrize("path", sorted(DATA.glob("multidogo_software_dev.tsv")), ids=lambda path: path.stem)
def test_multidogo_is_read(path: Path) -> None:
    """Where the collection lies beside the checkout."""
    judged = judge(multidogo(path), shipped_rules())
    assert share(accuracy([one for one in judged if one.labelled.issue_types])) >= GOAL


def test_the_evaluation_set_is_what_its_page_says() -> None:
    evaluation, development = chinese("evaluation"), chinese("development")
    assert (len(evaluation), len(development)) == (64, 34)
    rules = shipped_rules()
    for one in (*evaluation, *development):
        assert {said.by for said in one.said} == {"customer", "agent"}
        assert rules.issue_type(one.issue_type or "") is not None


def test_no_rule_names_a_conversation() -> None:
    source = Path(__file__).resolve().parents[2] / "protocol/src/syncline_protocol/extraction"
    text = "".join(path.read_text(encoding="utf-8") for path in (*source.glob("*.py"), *source.glob("*.toml")))
    assert not [one.id for part in ("development", "evaluation") for one in chinese(part) if one.id in text]


HEADER = "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent\n"


def test_a_conversation_of_multidogo_is_about_its_first_intent(tmp_path: Path) -> None:
    rows = [
        ("a", "hi", "O", "openinggreeting"),
        ("a", 'my "skype" hangs', "O software_name O", "reportbrokensoftware<div>softwareupdate"),
        ("a", "john smith 42", "name name account_number", "contentonly"),
        ("a", "update it", "O O", "softwareupdate"),
        ("b", "a joke", "O O", "outofdomain"),
        ("c", "42 dollars", "cost cost", "contentonly"),
        ("d", "", "", ""),
    ]
    lines = [
        f"{name}\t{number}\t{name}{number}\t{text}\t{slots}\t{intent}\n"
        for number, (name, text, slots, intent) in enumerate(rows)
    ]
    path = tmp_path / "x.tsv"
    path.write_text(HEADER + "".join(lines), encoding="utf-8")
    a, b, c = multidogo(path)
    assert (a.issue_type, a.issue_types) == (INTENTS[0], frozenset(INTENTS[:2]))
    assert a.values == {"product": {"skype"}, "customer": {"johnsmith"}, "account_number": {"42"}}
    assert (b.issue_type, b.issue_types, c.issue_type) == ("outofdomain", frozenset(), None)
    assert c.values == {"amount": {"42"}}


def judged(gold: str | None, said: str, *, field: str = "A-1", others: tuple[str, ...] = ()) -> Judged:
    labels = frozenset({*others, gold} if gold else others)
    labelled = Labelled(
        "x", (Said("m", "c", f"sn {field}", is_customer=True),), gold, labels, {"serial": frozenset({"a1"})}, "m"
    )
    fields = (Extracted("serial", field, 90, "m", (3, 3 + len(field))), Extracted("symptom", "x", 9, "m", (0, 1)))
    return Judged(labelled, Extraction(Guess(said, 50, "m"), Guess("en", 9, None), Guess("normal", 9, None), fields))


def test_counting() -> None:
    some = [judged("a", "a"), judged("a", "b", others=("b",)), judged("b", "b"), judged(None, "b", field="B-2")]
    assert accuracy(some) == (2, 3)
    assert any_label(some) == (3, 3)
    assert read_anew(some) == (0, 0)
    assert by_class(some) == {"a": Score(1, 0, 1), "b": Score(1, 1, 0)}
    assert by_field(some) == {"serial": Score(3, 1, 1), "symptom": Score(4, 0, 0)}
    assert (Score(1, 1, 0).precision, Score(1, 0, 1).recall, Score(1, 1, 1).f1) == (0.5, 0.5, 0.5)
    assert comparable(" A-1。") == "a1"


def test_the_page_has_every_figure() -> None:
    text = page([Part("some", [judged("a", "a"), judged(None, "b")], 12.4)], {"measured on": "today"})
    assert "- measured on: today" in text
    assert "| some | 2, 1 without label | **1.000 (1/1)** | 1.000 (1/1) | 1.000 (1/1) | – | 12 |" in text
    assert "| a | 1 | 1 | 1.000 | 1.000 | 1.000 |" in text
