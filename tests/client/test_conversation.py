"""A conversation's handle: segments, messages, presence."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client.conftest import ServedPeer, new_conversation
from support.records import record_value
from support.server import ServerProcess
from syncline_client import AnsweredMeanwhile, Conversation, Device, EditNotAllowed, session
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

    def add(self, user: str, role: str) -> None:
        self.append(f"conversation/{self.id}", "conversation", "participant_added", user=user, role=role)

    def say(self, segment: int, text: str, **fields: Any) -> None:
        self.append(f"conversation/{self.id}/{segment}", "messages", "text", text=text, **fields)


async def until(conversation: Conversation, texts: list[str]) -> None:
    await happens(lambda: [message.text for message in conversation.messages()] == texts)


async def happens(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
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


async def test_a_bots_messages_are_marked(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with asyncio.timeout(WAIT_S), Device(server.url, token=server.token("robo", "bot")) as device:
        conversation = await device.conversation(id_)
        first = await conversation.say("beep")
        await conversation.edit(first, "boop")
        await conversation.send({"type": "rich_text", "markup": "*beep*"})
        await device.settled()
        assert not device.refused
        assert [one.text or one.markup for one in conversation.messages()] == ["boop", "*beep*"]


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


# --- while one is writing


async def test_an_answer_by_somebody_else_while_one_was_writing_is_told_before_sending(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.add("li", "customer")
    head.add("wu", "agent")
    head.say(1, "my parcel?", by="li")
    async with Device(peer.url, token="ann") as device:
        conversation = await device.conversation("c")
        await until(conversation, ["my parcel?"])
        basis = conversation.basis()
        assert conversation.answered_since(basis) == ()
        head.say(1, "hello??", by="li")
        head.say(1, "a ticket was opened", by="server")
        await conversation.say("let me see", unless_answered_since=basis)
        head.say(1, "it is on its way", by="wu")
        await happens(lambda: len(conversation.messages()) == 5)
        with pytest.raises(AnsweredMeanwhile, match="wu answered while you were writing") as stale:
            await conversation.say("tomorrow", unless_answered_since=basis)
        assert [one.text for one in stale.value.messages] == ["it is on its way"]
        assert len(conversation.messages()) == 5, "nothing was stored"
        await conversation.say("tomorrow", unless_answered_since=conversation.basis())
        assert len(conversation.messages()) == 6


async def test_a_draft_goes_along_to_the_other_device_and_is_done_with_when_sent(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with Device(peer.url, token="ann", device="a") as phone, Device(peer.url, token="ann", device="b") as desk:
        on_phone, on_desk = await phone.conversation("c"), await desk.conversation("c")
        assert await on_desk.draft() == ""
        await on_phone.save_draft("I will loo")
        await happens(lambda: desk.own.draft("c") == "I will loo")
        assert await on_desk.draft() == "I will loo"
        await on_desk.say("I will look into it")
        await happens(lambda: phone.own.draft("c") == "")
        assert await on_phone.draft() == ""


async def test_a_draft_that_has_grown_elsewhere_stays_when_one_sends(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with Device(peer.url, token="ann", device="a") as phone, Device(peer.url, token="ann", device="b") as desk:
        on_phone, on_desk = await phone.conversation("c"), await desk.conversation("c")
        assert await on_phone.draft() == ""
        await on_desk.save_draft("short")
        await happens(lambda: phone.own.draft("c") == "short")
        await on_phone.save_draft("short, and then two thousand words")
        await happens(lambda: desk.own.draft("c") == "short, and then two thousand words")
        await on_desk.say("short")
        await desk.settled()
        assert await on_desk.draft() == "short, and then two thousand words"


async def test_what_is_read_on_one_device_is_read_on_the_other(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    for text in ("one", "two", "three"):
        head.say(1, text)
    head.append("conversation/c/1", "messages", "system", event="told", text="li was told", by="server")
    async with Device(peer.url, token="ann", device="a") as phone, Device(peer.url, token="ann", device="b") as desk:
        on_phone, on_desk = await phone.conversation("c"), await desk.conversation("c")
        await until(on_phone, ["one", "two", "three", "li was told"])
        await until(on_desk, ["one", "two", "three", "li was told"])
        await on_desk.say("mine")
        assert [one.text for one in await on_desk.unread()] == ["one", "two", "three"], (
            "not the server's, not one's own"
        )
        with on_desk.changes() as changes:
            await on_phone.mark_read(on_phone.messages()[1].id)
            await on_phone.mark_read(on_phone.messages()[0].id)
            async for change in changes:
                if change.document == "user/ann":
                    break
        assert [one.text for one in await on_desk.unread()] == ["three"]
        await on_desk.mark_read()
        assert await on_desk.unread() == ()
        await desk.own.flush()
        await desk.settled()
        head.say(1, "four")
        await happens(lambda: on_phone.messages()[-1].text == "four")
        await happens(lambda: phone.own.read_up_to("c") == desk.own.read_up_to("c"))
        assert [one.text for one in await on_phone.unread()] == ["four"]


async def test_the_others_see_how_far_one_has_read(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    for text in ("one", "two"):
        head.say(1, text)
    async with Device(peer.url, token="ann") as ann, Device(peer.url, token="bob") as bob:
        mine, theirs = await ann.conversation("c"), await bob.conversation("c")
        await until(mine, ["one", "two"])
        await until(theirs, ["one", "two"])
        first, second = (one.id for one in mine.messages())
        await mine.viewing(True)
        await mine.mark_read(first)
        await happens(lambda: theirs.seen() == {"ann": first})
        await mine.mark_read(second)
        await happens(lambda: theirs.seen() == {"ann": second})
        assert [one.state for one in theirs.attendants()] == [{"viewing": True, "seen": second}]


async def test_a_message_is_redacted_and_a_ticket_rated(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "my card number is 4111 …")
    async with Device(peer.url, token="ann") as device:
        conversation = await device.conversation("c")
        await until(conversation, ["my card number is 4111 …"])
        await conversation.redact(conversation.messages()[0].id, reason="card number")
        await conversation.rate("t-1", 4, "quick")
        await conversation.rate("t-2", 5)
        await device.settled()
        redaction, first, second = peer.document("conversation/c/1").records()[1:]
        assert (redaction["type"], redaction["reason"]) == ("redaction", "card number")
        assert (first["type"], first["ticket"], first["score"], first["text"]) == ("satisfaction", "t-1", 4, "quick")
        assert "text" not in second
        with pytest.raises(EditNotAllowed, match="score"):
            await conversation.rate("t-1", 6)


async def test_reading_needs_no_connection_once_there_was_one(peer: ServedPeer, tmp_path: Path) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "one")
    async with Device(peer.url, token="ann", store=tmp_path / "phone.db") as device:
        conversation = await device.conversation("c")
        await until(conversation, ["one"])
        assert len(await conversation.unread()) == 1
    async with Device("http://127.0.0.1:1", token="none", store=tmp_path / "phone.db") as offline:
        conversation = await offline.conversation("c")
        await conversation.mark_read()
        assert await conversation.unread() == ()
    async with Device(peer.url, token="ann", store=tmp_path / "phone.db") as device:
        await device.settled()
        assert [one["type"] for one in peer.document("user/ann").records()] == ["read_marker"]


async def test_a_conversation_that_nobody_uses_is_closed_for_another_and_followed_when_asked_for(
    peer: ServedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CHANNELS_MAX", 4)  # two conversations: each has its head and a segment
    heads = {id_: Head(peer, id_) for id_ in ("a", "b", "c")}
    for head in heads.values():
        head.open_segment(1)
    async with Device(peer.url, token="ann") as device:
        first = await device.conversation("a")
        with (await device.conversation("b")).changes():
            third = await device.conversation("c")
            await device.settled()
            followed = {one.name for one in device.documents() if one.followed}
            assert followed == {"conversation/b", "conversation/b/1", "conversation/c", "conversation/c/1"}
            with third.changes():
                await first.say("still here")
                await happens(lambda: device.status.unopened == 1)
                assert device.status.waiting == 1
                assert not device.refused
            assert (await device.conversation("a")) is first
            await device.settled()
            heads["a"].say(1, "welcome back")
            await until(first, ["still here", "welcome back"])
            assert device.status.unopened == 0
