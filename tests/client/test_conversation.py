"""A conversation's handle: segments, messages, presence."""

import asyncio
from typing import Any

import pytest
from client.conftest import ServedPeer, new_conversation
from support.records import record_value
from support.server import ServerProcess
from syncline_client import Conversation, Device, EditNotAllowed
from syncline_protocol.update import RecordStruct, encode_records

WAIT_S = 10.0
SERVER = 6_000_000_000


class Head:
    """Writes a conversation's head and segments as the server does."""

    def __init__(self, peer: ServedPeer, id_: str = "c") -> None:
        self.peer = peer
        self.id = id_
        self.clocks: dict[str, int] = {}

    def append(self, name: str, root: str, kind: str, **fields: Any) -> None:
        number = sum(self.clocks.values())
        value = record_value(number, kind, **fields)
        clock = self.clocks.get(name, 0)
        self.clocks[name] = clock + 1
        self.peer.append(name, encode_records([RecordStruct(SERVER, clock, root, value["id"], value)]))

    def open_segment(self, number: int) -> None:
        self.append(f"conversation/{self.id}", "conversation", "segment_opened", segment=number)

    def say(self, segment: int, text: str) -> None:
        self.append(f"conversation/{self.id}/{segment}", "messages", "text", text=text)


async def until(conversation: Conversation, texts: list[str]) -> None:
    async with asyncio.timeout(WAIT_S):
        while [message.text for message in conversation.messages()] != texts:
            await asyncio.sleep(0.01)


async def test_opening_loads_the_newest_segment_and_older_ones_when_asked(peer: ServedPeer) -> None:
    head = Head(peer)
    for segment in (1, 2, 3):
        head.open_segment(segment)
        head.say(segment, f"in {segment}")
    async with Device(peer.url, token="ann") as device:
        conversation = await device.conversation("c")
        assert conversation.segments == (3,)
        await until(conversation, ["in 3"])
        assert "conversation/c/1" not in device.replica.documents
        assert await conversation.older()
        assert await conversation.older()
        assert not await conversation.older()
        await until(conversation, ["in 1", "in 2", "in 3"])


async def test_new_messages_go_into_a_new_segment_and_late_ones_still_arrive(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    async with Device(peer.url, token="ann") as device:
        conversation = await device.conversation("c")
        await conversation.say("first")
        changes = conversation.changes()
        with changes:
            head.open_segment(2)
            async with asyncio.timeout(WAIT_S):
                while conversation.segments != (1, 2):
                    await asyncio.sleep(0.01)
            await conversation.say("second")
            await device.settled()
            head.say(1, "late")
            async with asyncio.timeout(WAIT_S):
                while sorted(one.text or "" for one in conversation.messages()) != ["first", "late", "second"]:
                    await asyncio.sleep(0.01)
        documents = {change.document async for change in changes}
        assert documents == {"conversation/c", "conversation/c/1", "conversation/c/2"}, "the new segment's too"
        assert [one["text"] for one in peer.document("conversation/c/2").records()] == ["second"]


async def test_a_segment_long_past_is_no_longer_followed(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    async with Device(peer.url, token="ann") as device:
        conversation = await device.conversation("c")
        for number in (2, 3):
            head.open_segment(number)
            async with asyncio.timeout(WAIT_S):
                while number not in conversation.segments:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(WAIT_S):
            while device.replica.document("conversation/c/1").followed:
                await asyncio.sleep(0.01)
        assert device.replica.document("conversation/c/2").followed


async def test_the_same_handle_for_everybody(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with Device(peer.url, token="ann") as device:
        assert await device.conversation("c") is await device.conversation("c")


async def test_messages_are_edited_recalled_and_reacted_to(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with asyncio.timeout(WAIT_S), Device(server.url, token=server.token("mei")) as device:
        conversation = await device.conversation(id_)
        assert conversation.head.subject == "平板连不上网"
        first = await conversation.say("frist")
        second = await conversation.say("second", reply_to=first)
        await conversation.edit(first, "first")
        await conversation.react(first, "👍")
        await conversation.recall(second)
        await conversation.send({"type": "rich_text", "markup": "*third*"})
        await device.settled()
        one, two, three = conversation.messages()
        assert (one.text, len(one.versions), one.reactions[0].emoji) == ("first", 2, "👍")
        assert (two.recalled_by, two.text) == ("mei", None)
        assert three.markup == "*third*"
        assert not device.refused
        with pytest.raises(EditNotAllowed, match="there is no message nothing"):
            await conversation.edit("nothing", "x")


async def test_typing_is_seen_by_the_others(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with (
        asyncio.timeout(WAIT_S),
        Device(server.url, token=server.token("li", "customer")) as phone,
        Device(server.url, token=server.token("mei")) as desk,
    ):
        mine, theirs = await phone.conversation(id_), await desk.conversation(id_)
        await phone.settled()
        await desk.settled()
        await mine.typing(True)
        while not theirs.attendants():
            await asyncio.sleep(0.01)
        assert [(one.user, one.state) for one in theirs.attendants()] == [("li", {"typing": True})]
        await mine.typing(False)
        while theirs.attendants():
            await asyncio.sleep(0.01)
