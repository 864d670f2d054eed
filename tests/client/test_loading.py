"""Loading dialogues into the real server."""

import time
import uuid

import pytest
from support.checkout import ROOT
from support.server import ServerProcess
from syncline_client import Device
from syncline_client.dialogues import Dialogue, Turn, read_dialogues
from syncline_client.loading import Loaded, LoadError, TokenFor, device_name, load_dialogues, message_id
from syncline_client.tokens import Issuer, read_secret
from syncline_protocol.limits import DEVICE_BYTES_MAX

DIALOGUE = Dialogue(
    "loaded-1",
    "Two turns",
    "en",
    {"li": "customer", "mei": "agent", "wu": "agent"},
    (Turn("li", "one"), Turn("mei", "two"), Turn("li", "three"), Turn("wu", "four")),
)


def tokens_of(server: ServerProcess) -> TokenFor:
    now_ms = time.time_ns() // 1_000_000
    return Issuer(read_secret(server.data), tenant="default", now_ms=now_ms, ttl_s=600).token


async def load(server: ServerProcess, *dialogues: Dialogue) -> list[Loaded]:
    came: list[Loaded] = []
    await load_dialogues(dialogues, server.url, tokens_of(server), on_loaded=came.append)
    return came


async def test_every_turn_is_its_authors_and_in_order(server: ServerProcess) -> None:
    assert await load(server, DIALOGUE) == [Loaded("loaded-1", 4, ())]
    async with Device(server.url, token=server.token("reader")) as device:
        conversation = await device.conversation("loaded-1")
        await device.settled()
        assert [(one.by, one.text) for one in conversation.messages()] == list(DIALOGUE.turns)
        assert (conversation.head.subject, conversation.head.customer) == ("Two turns", "li")


async def test_a_bot_speaks_too(server: ServerProcess) -> None:
    dialogue = DIALOGUE._replace(id="robotic", participants={"li": "customer", "mei": "bot", "wu": "integration"})
    assert await load(server, dialogue) == [Loaded("robotic", 4, ())]


async def test_loading_again_adds_only_what_is_missing(server: ServerProcess) -> None:
    await load(server, DIALOGUE._replace(id="again", turns=DIALOGUE.turns[:2]))
    await load(server, DIALOGUE._replace(id="again"))
    assert await load(server, DIALOGUE._replace(id="again")) == [Loaded("again", 4, ())]
    async with Device(server.url, token=server.token("reader")) as device:
        conversation = await device.conversation("again")
        await device.settled()
        assert sorted(one.text or "" for one in conversation.messages()) == ["four", "one", "three", "two"]


async def test_the_samples_are_loaded_whole(server: ServerProcess) -> None:
    dialogues = read_dialogues(ROOT / "samples" / "dialogues.json")
    came = await load(server, *dialogues)
    assert sum(one.messages for one in came) == sum(len(one.turns) for one in dialogues)
    assert not [one for one in came if one.refused]


async def test_what_is_refused_is_told_with_its_reason(server: ServerProcess) -> None:
    await load(server, DIALOGUE._replace(id="taken"))
    stranger = Dialogue("taken", "x", "en", {"eve": "customer"}, (Turn("eve", "let me in"),))
    (one,) = await load(server, stranger)
    assert (one.messages, len(one.refused)) == (0, 1)
    assert "may not open" in one.refused[0]


async def test_a_customer_alone_opens_their_own(server: ServerProcess) -> None:
    alone = Dialogue("alone", "x", "en", {"li": "customer"}, (Turn("li", "hello?"),))
    assert await load(server, alone) == [Loaded("alone", 1, ())]


async def test_no_server_is_said() -> None:
    with pytest.raises(ExceptionGroup) as group:
        await load_dialogues([DIALOGUE], "http://127.0.0.1:1", lambda _user, _role: "t", on_loaded=lambda _: None)
    assert "no server at http://127.0.0.1:1" in str(group.value.exceptions[0])


async def test_what_the_server_does_not_take_is_said(server: ServerProcess) -> None:
    with pytest.raises(ExceptionGroup) as group:
        await load(server, DIALOGUE._replace(id="not an id"))
    assert "not an id: the server answered 422" in str(group.value.exceptions[0])
    with pytest.raises(ExceptionGroup) as group:
        await load(server, DIALOGUE._replace(participants={}))
    assert isinstance(group.value.exceptions[0], LoadError)


def test_ids_are_uuids_of_version_7_and_always_the_same() -> None:
    ids = {message_id(dialogue, place) for dialogue in ("a", "b") for place in range(100)}
    assert len(ids) == 200
    assert all((uuid.UUID(one).version, uuid.UUID(one).variant) == (7, uuid.RFC_4122) for one in ids)
    assert message_id("a", 1) == message_id("a", 1)
    assert len(device_name("x" * 500).encode()) <= DEVICE_BYTES_MAX
