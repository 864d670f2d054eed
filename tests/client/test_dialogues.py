"""Dialogues out of files."""

import json
from pathlib import Path

import pytest
from support.checkout import ROOT
from syncline_client.dialogues import Dialogue, DialogueError, Turn, read_dialogues

DATA = ROOT.parent / "shared" / "data"
"""Published collections, where they are there."""

OWN = {
    "id": "d-1",
    "origin": "syncline",
    "language": "zh",
    "subject": "平板连不上网",
    "participants": {"li": "customer", "mei": "agent"},
    "messages": [{"by": "li", "text": "我的平板连不上网"}, {"by": "mei", "text": "您好"}],
}
READ = Dialogue(
    "d-1",
    "平板连不上网",
    "zh",
    {"li": "customer", "mei": "agent"},
    (Turn("li", "我的平板连不上网"), Turn("mei", "您好")),
)


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


PUBLISHED = [("abcd_sample.json", 3, 63), ("multidogo_software_dev.tsv", 237, 1844)]


def write_like(path: Path) -> tuple[Path, int, int]:
    """A file in the format of the collection of this name, for a checkout that stands alone."""
    if path.suffix == ".tsv":
        rows = [f"c{number % 5}\t{number}\tu\tturn {number}\tO\tx" for number in range(50)]
        return (
            write(path, "\n".join(["conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent", *rows])),
            5,
            50,
        )
    turns = [["customer", "hi"], ["action", "looked it up"], ["agent", "hello"]]
    return write(path, [{"convo_id": number, "original": turns} for number in range(4)]), 4, 8


def test_our_format(tmp_path: Path) -> None:
    assert read_dialogues(write(tmp_path / "a.json", {"format": 1, "dialogues": [OWN]})) == [READ]


def test_our_format_line_by_line(tmp_path: Path) -> None:
    line = json.dumps(OWN, ensure_ascii=False)
    assert read_dialogues(write(tmp_path / "a.jsonl", f"{line}\n\n{line}\n")) == [READ, READ]


def test_the_samples() -> None:
    dialogues = read_dialogues(ROOT / "samples" / "dialogues.json")
    assert len(dialogues) == 16
    assert all(one.turns and one.subject for one in dialogues)


def test_abcd(tmp_path: Path) -> None:
    turns = [["agent", "Hi!"], ["action", "Account pulled up"], ["customer", "my order"]]
    (one,) = read_dialogues(write(tmp_path / "a.json", [{"convo_id": 3592, "original": turns, "delexed": []}]))
    assert one.turns == (Turn("agent.abcd", "Hi!"), Turn("customer.3592", "my order"))
    assert one.participants == {"agent.abcd": "agent", "customer.3592": "customer"}
    assert (one.id, one.subject) == ("abcd-original-3592", "Hi!")


def test_multidogo(tmp_path: Path) -> None:
    uuid = "5f926ca5-a1c8-4635-899d-88e3b811e179"
    rows = [
        "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent",
        f'{uuid}\t0\tu\the said "hi\tO O\topening',
        f"{uuid}\t2\tu\tbye",
        f"{uuid}\t4\tu\t\tO\tnothing",
        "a b/c\t0\tu\twhere am i\tO\topening",
    ]
    first, second = read_dialogues(write(tmp_path / "a.tsv", "\n".join(rows)))
    assert [turn.text for turn in first.turns] == ['he said "hi', "bye"], "quotes are literal, labels may be missing"
    assert first.id == f"multidogo-{uuid}"
    assert second.id.removeprefix("multidogo-").isalnum(), "whatever it was called, it can be part of a document's name"
    assert list(first.participants.values()) == ["customer"]


@pytest.mark.parametrize(("name", "dialogues", "turns"), PUBLISHED)
def test_the_published_collections_are_read_whole(tmp_path: Path, name: str, dialogues: int, turns: int) -> None:
    path = DATA / name
    if not path.exists():
        path, dialogues, turns = write_like(tmp_path / name)
    read = read_dialogues(path)
    assert (len(read), sum(len(one.turns) for one in read)) == (dialogues, turns)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", "no dialogues in a format known here"),
        ("a.json", {"format": 1}, "no dialogues in a format known here"),
        ("a.jsonl", "{}", "no dialogues in a format known here"),
        ("a.tsv", "who\twhat\n", "does not name the columns conversationId, turnNumber, utterance"),
        ("a.csv", "x", r"files that end in \.json, \.jsonl or \.tsv"),
        ("a.json", {"format": 1, "dialogues": [OWN | {"participants": {"li": "customer"}}]}, "mei speak in d-1"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: object, message: str) -> None:
    with pytest.raises(DialogueError, match=message):
        read_dialogues(write(tmp_path / name, content))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DialogueError, match=r"cannot read .*: No such file"):
        read_dialogues(tmp_path / "nothing.json")
