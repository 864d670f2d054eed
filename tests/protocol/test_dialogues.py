"""Our format of dialogues: read whole, or refused with what is wrong."""

import json
from typing import Any

import pytest
from support.checkout import ROOT
from syncline_protocol.dialogues import Dialogue, Message, read_dialogue_lines, read_dialogues
from syncline_protocol.documents.identity import Role

ONE: dict[str, Any] = {
    "id": "d-1",
    "origin": "syncline",
    "language": "zh",
    "subject": "平板连不上网",
    "participants": {"li": "customer", "mei": "agent"},
    "messages": [{"by": "li", "text": "我的平板连不上网 📶"}, {"by": "mei", "text": "您好"}],
}
READ = Dialogue(
    id="d-1",
    origin="syncline",
    language="zh",
    subject="平板连不上网",
    participants={"li": Role.CUSTOMER, "mei": Role.AGENT},
    messages=(Message("li", "我的平板连不上网 📶"), Message("mei", "您好")),
)


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def test_a_file() -> None:
    assert read_dialogues(encoded({"format": 1, "dialogues": [ONE, ONE | {"id": "d-2"}]}))[0] == READ


def test_lines() -> None:
    assert read_dialogue_lines(encoded(ONE) + b"\n\n" + encoded(ONE) + b"\n") == (READ, READ)


def test_the_projects_own() -> None:
    dialogues = read_dialogues((ROOT / "samples" / "dialogues.json").read_bytes())
    assert len({one.id for one in dialogues}) == len(dialogues) == 16
    assert {one.origin for one in dialogues} == {"abcd", "multidogo", "syncline"}


@pytest.mark.parametrize(
    ("dialogue", "reason"),
    [
        (ONE | {"id": "a/b"}, "matching regex"),
        (ONE | {"id": ""}, "matching regex"),
        (ONE | {"when": "today"}, "unknown field `when`"),
        ({name: value for name, value in ONE.items() if name != "subject"}, "missing required field `subject`"),
        (ONE | {"language": "chinese!"}, r"language"),
        (ONE | {"participants": {"li": "customer", "mei": "king"}}, "king"),
        (ONE | {"participants": {"li": "customer"}}, "mei speak in d-1 and take no part in it"),
        (ONE | {"participants": {"li": "agent", "mei": "agent"}}, "nobody in dialogue d-1 is a customer"),
        (ONE | {"messages": [{"by": "li", "text": ""}]}, r"messages\[0\]\.text"),
        (ONE | {"messages": [{"by": "li"}]}, "missing required field `text`"),
    ],
)
def test_what_is_wrong_is_said(dialogue: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_dialogues(encoded({"format": 1, "dialogues": [dialogue]}))
    with pytest.raises(ValueError, match=reason):
        read_dialogue_lines(encoded(dialogue))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", encoded({"format": 2, "dialogues": [ONE]}), b'{"format": 1}'])
def test_what_is_no_file_of_dialogues(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_dialogues(data)


def test_a_file_holds_at_least_one() -> None:
    with pytest.raises(ValueError, match="length >= 1"):
        read_dialogues(encoded({"format": 1, "dialogues": []}))
    assert read_dialogue_lines(b"\n") == ()


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ValueError, match=r"[Uu]tf|UTF"):
        read_dialogues(encoded({"format": 1, "dialogues": [ONE]}).replace("您".encode(), b"\xff\xfe\xfd"))
