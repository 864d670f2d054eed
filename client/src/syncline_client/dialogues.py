"""Dialogues out of files, as `syncline load` reads them: our own format and two published collections'.

- `*.json`: our format (`samples/README.md`), or ABCD (a list of conversations with `original`)
- `*.jsonl`: one dialogue of our format a line
- `*.tsv`: MultiDoGO, one customer turn a line (the agents' turns were not published)
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from syncline_protocol import dialogues as own_format

CUSTOMER: Final = "customer"
AGENT: Final = "agent"

SUBJECT_CHARACTERS: Final = 80
"""Of the first turn, where a collection has no subjects."""

UUID_FORM: Final = re.compile(r"[0-9a-f-]{36}")
"""What nearly all conversations of MultiDoGO are called."""

TSV_COLUMNS: Final = {"conversationId", "turnNumber", "utterance"}


class DialogueError(Exception):
    """A file holds no dialogues that can be read; the text says which and why."""


class Turn(NamedTuple):
    """One message."""

    by: str
    text: str


class Dialogue(NamedTuple):
    """One conversation. `participants`: role by user."""

    id: str
    subject: str
    language: str
    participants: Mapping[str, str]
    turns: tuple[Turn, ...]


class _Abcd(msgspec.Struct):
    convo_id: int
    original: list[tuple[str, str]]


def read_dialogues(path: Path) -> list[Dialogue]:
    """The dialogues in `path`. Raises `DialogueError`."""
    try:
        return _read(path)
    except OSError as error:
        raise DialogueError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise DialogueError(f"{path} holds no dialogues in a format known here: {error}") from error


def _read(path: Path) -> list[Dialogue]:
    match path.suffix:
        case ".tsv":
            with path.open(encoding="utf-8", newline="") as file:
                return _multidogo(path, file)
        case ".jsonl":
            return [_own(one) for one in own_format.read_dialogue_lines(path.read_bytes())]
        case ".json":
            data = path.read_bytes()
            if data.lstrip().startswith(b"["):
                return [_abcd(one) for one in msgspec.json.decode(data, type=list[_Abcd])]
            return [_own(one) for one in own_format.read_dialogues(data)]
        case _:
            raise DialogueError(f"{path}: dialogues are in files that end in .json, .jsonl or .tsv")


def _own(one: own_format.Dialogue) -> Dialogue:
    turns = tuple(Turn(message.by, message.text) for message in one.messages)
    participants = {user: role.value for user, role in one.participants.items()}
    return Dialogue(one.id, one.subject, one.language, participants, turns)


def _abcd(one: _Abcd) -> Dialogue:
    """ABCD: what the agent clicked (`action`) is no message."""
    users = {CUSTOMER: f"customer.{one.convo_id}", AGENT: "agent.abcd"}
    turns = tuple(Turn(users[speaker], text) for speaker, text in one.original if speaker in users)
    return Dialogue(
        f"abcd-original-{one.convo_id}", _subject(turns), "en", {user: role for role, user in users.items()}, turns
    )


def _multidogo(path: Path, lines: Iterable[str]) -> list[Dialogue]:
    """MultiDoGO: quotes are literal, and turns come in their order."""
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not set(rows.fieldnames or ()) >= TSV_COLUMNS:
        raise DialogueError(f"{path}: the first line does not name the columns {', '.join(sorted(TSV_COLUMNS))}")
    turns: dict[str, list[str]] = {}
    for row in rows:
        turns.setdefault(row["conversationId"], []).append(row["utterance"])
    return [_customer_only(conversation, texts) for conversation, texts in turns.items()]


def _customer_only(conversation: str, texts: Iterable[str]) -> Dialogue:
    name = conversation if UUID_FORM.fullmatch(conversation) else hashlib.sha256(conversation.encode()).hexdigest()[:32]
    user = f"customer.{name[:12]}"
    turns = tuple(Turn(user, text) for text in texts if text and text.strip())
    return Dialogue(f"multidogo-{name}", _subject(turns), "en", {user: CUSTOMER}, turns)


def _subject(turns: Iterable[Turn]) -> str:
    first = next((turn.text for turn in turns), "")
    return first[:SUBJECT_CHARACTERS] or "…"
