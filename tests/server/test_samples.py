"""Sample dialogues: written as their authors, once, and a bad file is said to be one."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.checkout import ROOT
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.dialogues import Dialogue
from syncline_protocol.documents.messages import reduce_messages
from syncline_protocol.update import scan_records
from syncline_server import samples
from syncline_server.storage.connections import Durability
from syncline_server.storage.interface import DocumentKey

FILE = ROOT / "samples/dialogues.json"

ONE: dict[str, Any] = {
    "id": "one",
    "origin": "here",
    "language": "zh",
    "subject": "无线网络",
    "participants": {"cus": "customer", "agent.mei": "agent", "tech.bo": "technician"},
    "messages": [
        {"by": "cus", "text": "你好"},
        {"by": "agent.mei", "text": "您好！"},
        {"by": "tech.bo", "text": "在看"},
        {"by": "cus", "text": "谢谢"},
    ],
}


def file_of(folder: Path, *dialogues: dict[str, Any]) -> Path:
    """A file of dialogues."""
    path = folder / "samples.json"
    path.write_text(json.dumps({"format": 1, "dialogues": list(dialogues)}), encoding="utf-8")
    return path


async def messages_of(server: Running, dialogue: str) -> list[dict[str, Any]]:
    """The messages of a dialogue as the log has them."""
    row = await server.hub.store.read_document(DocumentKey(samples.TENANT, f"conversation/{dialogue}/1"))
    assert row is not None
    rows = await server.hub.store.read_log(row.number, after=0, bytes_max=10**9)
    values = [struct.value for one in rows for struct in scan_records(one.payload)]
    return [value for value in values if value["type"] != "system"]


async def test_the_samples_of_the_project_are_loaded_whole(tmp_path: Path) -> None:
    dialogues = samples.read(FILE)
    async with running(tmp_path / "data", durability=Durability.NORMAL) as server:
        assert await samples.load(server.hub, dialogues) == len(dialogues)
        for dialogue in dialogues:
            head = await server.hub.conversations.head(samples.TENANT, dialogue.id)
            assert head is not None
            assert (head.subject, head.language) == (dialogue.subject, dialogue.language)
            said = [(one["by"], one["text"]) for one in await messages_of(server, dialogue.id)]
            assert said == [(message.by, message.text) for message in dialogue.messages]


async def test_messages_stand_in_their_order_and_are_their_authors(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        await samples.load(server.hub, samples.read(file_of(tmp_path, ONE)))
        records = await messages_of(server, "one")
        assert [record["text"] for record in records] == ["你好", "您好！", "在看", "谢谢"]
        assert {record["device"] for record in records} == {samples.DEVICE}
        shown = [message.id for message in reduce_messages(records)]
        assert shown == [record["id"] for record in records]


async def test_each_has_a_ticket_out_of_what_was_said(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        (dialogue,) = samples.read(file_of(tmp_path, ONE))
        await samples.load(server.hub, [dialogue])
        await server.server.automation.settled()
        ticket = await server.hub.tickets.state(samples.TENANT, samples.ticket_of(dialogue))
        assert ticket is not None
        assert (ticket.number, ticket.conversation, ticket.customer) == (1, "one", "cus")


async def test_an_interrupted_loading_is_taken_up_where_it_was(tmp_path: Path) -> None:
    dialogues = samples.read(file_of(tmp_path, ONE))
    async with running(tmp_path / "data") as server:
        half = samples.read(file_of(tmp_path, ONE | {"messages": ONE["messages"][:2]}))
        await samples.load(server.hub, half)
        assert await samples.load(server.hub, dialogues) == 1
        said = [one["text"] for one in await messages_of(server, "one") if one["type"] == "text"]
        assert said == [message.text for message in dialogues[0].messages]


async def test_they_are_loaded_once(tmp_path: Path) -> None:
    dialogues = samples.read(file_of(tmp_path, ONE, ONE | {"id": "two"}))
    async with running(tmp_path / "data") as server:
        assert await samples.load(server.hub, dialogues) == 2
        assert await samples.load(server.hub, dialogues) == 0
    async with running(tmp_path / "data") as server:
        more = samples.read(file_of(tmp_path, ONE, ONE | {"id": "three"}))
        assert await samples.load(server.hub, more) == 1
        assert len(await messages_of(server, "one")) == len(await messages_of(server, "three")) == 4


async def test_a_customer_of_a_sample_can_join_in(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        await samples.load(server.hub, samples.read(file_of(tmp_path, ONE)))
        async with wire_device(server.url, server.token("cus", "customer")) as customer:
            opened = (await customer.open("conversation/one/1")).documents[0]
            assert opened.access == frames.Access.APPEND
            assert await customer.say("conversation/one/1", "还有一个问题") > 4


async def test_whoever_starts_the_server_is_told_how_to_join(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path / "data") as server:
        await samples.loader(samples.read(file_of(tmp_path, ONE)), server.settings)(server.hub)
        told = capsys.readouterr().out
        assert "无线网络" in told
        tokens = [word.removeprefix("SYNCLINE_TOKEN=") for word in told.split() if word.startswith("SYNCLINE_TOKEN=")]
        grants = [server.hub.authority.check(token, now_ms=server.hub.now_ms()) for token in tokens]
        assert [(grant.user, grant.role.value) for grant in grants] == [("cus", "customer"), ("agent.mei", "agent")]


@pytest.mark.parametrize(
    "changes",
    [
        {"participants": {"cus": "king"}},
        {"participants": {}},
        {"messages": [{"by": "stranger", "text": "hi"}]},
        {"messages": [{"by": "cus", "text": ""}]},
        {"messages": [{"by": "cus"}]},
        {"id": "a/b"},
        {"subject": 7},
    ],
    ids=str,
)
def test_a_file_that_cannot_be_loaded_is_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"samples\.json"):
        samples.read(file_of(tmp_path, ONE | changes))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1, "dialogues": []}', b"\xff", b'{"format": 1}'])
def test_a_file_of_something_else_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.json"):
        samples.read(path)
    with pytest.raises(FileNotFoundError):
        samples.read(tmp_path / "none.json")


def test_a_dialogue_is_what_the_format_says() -> None:
    assert set(Dialogue.__struct_fields__) == ONE.keys()
