"""The sample dialogues are what samples/README.md says they are."""

import json
import re
from typing import TypedDict

from support.checkout import ROOT, texts
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX

ORIGINS = {"abcd": 3, "multidogo": 10, "syncline": 3}
LANGUAGES = {"en", "zh"}
ROLES = {"customer", "agent"}


class Message(TypedDict):
    by: str
    text: str


class Dialogue(TypedDict):
    id: str
    origin: str
    language: str
    subject: str
    participants: dict[str, str]
    messages: list[Message]


def dialogues() -> list[Dialogue]:
    content = json.loads((ROOT / "samples/dialogues.json").read_text(encoding="utf-8"))
    assert content["format"] == 1
    found: list[Dialogue] = content["dialogues"]
    return found


def test_dialogues_have_their_fields() -> None:
    for dialogue in dialogues():
        assert set(dialogue) == set(Dialogue.__annotations__)
        assert re.fullmatch(r"[A-Za-z0-9-]+", dialogue["id"])
        assert dialogue["language"] in LANGUAGES
        assert dialogue["subject"]
        assert set(dialogue["participants"].values()) <= ROLES


def test_messages_are_written_by_participants() -> None:
    for dialogue in dialogues():
        assert {message["by"] for message in dialogue["messages"]} == set(dialogue["participants"])
        assert all(0 < len(message["text"]) <= MESSAGE_TEXT_CHARACTERS_MAX for message in dialogue["messages"])


def test_names_are_unique_and_origins_as_stated() -> None:
    found = dialogues()
    assert len({dialogue["id"] for dialogue in found}) == len(found)
    assert {origin: sum(dialogue["origin"] == origin for dialogue in found) for origin in ORIGINS} == ORIGINS


def test_every_licence_named_is_there() -> None:
    page = next(content for path, content in texts() if str(path) == "samples/README.md")
    named = set(re.findall(r"`(licences/[^`]+)`", page))
    present = {str(path.relative_to("samples")) for path, _ in texts() if path.is_relative_to("samples/licences")}
    assert named == present
