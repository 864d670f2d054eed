"""The chat at a terminal: what is printed, what is typed, and nobody steers the terminal but its owner."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

import pytest
from client.conftest import ServedPeer
from client.test_conversation import Head
from rich.console import Console
from syncline_client import Device
from syncline_client.chat import Chat, lines_of
from syncline_client.status import StatusLanguage
from syncline_client.transport import Transport, TransportClosed, connect_websocket
from syncline_protocol.errors import CloseCode, RefusalCode, RefusedUpdate

WAIT_S = 10.0
PHONE_WIDTH = 40


class Terminal:
    """A chat with its keyboard and its screen."""

    def __init__(self, device: Device, keyboard: TextIO) -> None:
        self.device = device
        self.screen = io.StringIO()
        self._keyboard = keyboard

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without the times."""
        return [line.partition(" ")[2] if line[2:3] == ":" else line for line in self.screen.getvalue().splitlines()]

    @property
    def words(self) -> str:
        """What is on the screen, however its lines are broken."""
        return " ".join(self.screen.getvalue().split())

    async def type(self, line: str) -> None:
        """Type a line."""
        self._keyboard.write(line + "\n")
        self._keyboard.flush()

    async def says(self, words: str) -> None:
        """Wait until these words are there, however their lines are broken."""
        async with asyncio.timeout(WAIT_S):
            while words not in self.words:
                await asyncio.sleep(0.02)

    async def shows(self, *expected: str) -> None:
        """Wait until these lines are there, in this order."""
        try:
            async with asyncio.timeout(WAIT_S):
                while [line for line in self.lines if line in expected] != list(expected):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"expected {expected}, the screen shows {self.lines}")


@asynccontextmanager
async def chatting(peer: ServedPeer, token: str = "ann", *, language: StatusLanguage = "en") -> AsyncIterator[Terminal]:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reads, os.fdopen(write_end, "w") as writes:
        async with Device(peer.url, token=token, device="phone") as device:
            await device.connected()
            terminal = Terminal(device, writes)
            console = Console(file=terminal.screen, width=PHONE_WIDTH, force_terminal=False)
            chat = Chat(device, await device.conversation("c"), console, keyboard=reads, language=language)
            running = asyncio.create_task(chat.run())
            try:
                yield terminal
            finally:
                writes.close()
                async with asyncio.timeout(WAIT_S):
                    await running


async def test_what_others_say_appears_and_what_is_typed_is_said(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "are you there?")
    async with chatting(peer) as terminal:
        await terminal.shows("alice are you there?")
        await terminal.type("yes")
        await terminal.shows("ann yes")
        assert peer.document("conversation/c/1").records()[1]["text"] == "yes"
        head.say(1, "good")
        await terminal.shows("ann yes", "alice good")


async def test_what_is_said_offline_is_marked_until_it_is_accepted(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with chatting(peer) as terminal:
        await terminal.shows("c")
        terminal.device.connection._connect = no_network
        for session in list(peer.sessions):
            session.end(CloseCode.INTERNAL, "gone")
        await asyncio.sleep(0.1)
        await terminal.type("in the lift")
        await terminal.shows("ann in the lift … not yet accepted")
        await terminal.type("/status")
        await terminal.says("1 edit not yet accepted")
        terminal.device.connection._connect = connect_websocket
        terminal.device.reconnect()
        await terminal.shows("✓ accepted: in the lift")


async def no_network(_: str) -> Transport:
    raise TransportClosed(1006, "no network")


async def test_a_message_can_be_edited_and_taken_back(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with chatting(peer) as terminal:
        await terminal.type("/recall")
        await terminal.shows("you have said nothing here yet")
        await terminal.type("frist")
        await terminal.shows("ann frist")
        await terminal.type("/edit first")
        await terminal.shows("ann frist", "ann ✎ first")
        await terminal.type("/recall")
        await terminal.shows("ann ✎ first", "ann took a message back")


async def test_a_refused_message_is_shown_with_the_reason(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    peer.rule = lambda _, payload: RefusedUpdate(RefusalCode.FORBIDDEN, "be polite") if b"rude" in payload else None
    async with chatting(peer) as terminal:
        await terminal.type("rude words")
        await terminal.shows("✗ refused: be polite")
    assert "1 edit refused: be polite" in terminal.words


async def test_older_segments_come_when_asked(peer: ServedPeer) -> None:
    head = Head(peer)
    for number in (1, 2):
        head.open_segment(number)
        head.say(number, f"in {number}")
    async with chatting(peer) as terminal:
        await terminal.shows("alice in 2")
        await terminal.type("/older")
        await terminal.shows("alice in 2", "alice in 1", "alice in 2")
        await terminal.type("/older")
        await terminal.shows("there is nothing older")
        await terminal.type("/help")
        await terminal.says("/recall")


async def test_an_answer_that_came_while_one_was_writing_is_told_before_sending(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "where is my parcel?", by="li")
    head.add("li", "customer")
    async with chatting(peer) as terminal:
        await terminal.shows("li where is my parcel?")
        head.say(1, "on its way", by="wu")
        await terminal.shows("wu on its way")
        await terminal.type("let me look")
        await terminal.says("wu answered while you were writing: press Enter to send it all the same, /drop")
        assert "ann let me look" not in terminal.lines
        await terminal.type("")
        await terminal.shows("ann let me look")
        head.say(1, "it is there", by="wu")
        await terminal.shows("wu it is there")
        await terminal.type("too late")
        await terminal.type("/drop")
        await terminal.shows("dropped")
        await terminal.type("")
        await terminal.type("thanks, wu")
        await terminal.type("")
        await terminal.shows("ann let me look", "ann thanks, wu")
    assert [one["text"] for one in peer.document("conversation/c/1").records() if one["by"] == "ann"] == [
        "let me look",
        "thanks, wu",
    ]


async def test_a_customer_is_not_held_up_by_answers(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    async with chatting(peer, "li:customer") as terminal:
        head.say(1, "one moment", by="wu")
        await terminal.shows("wu one moment")
        await terminal.type("thanks")
        await terminal.shows("li thanks")


async def test_unread_messages_begin_at_a_line_and_are_read_when_one_says_so(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    for text in ("one", "two"):
        head.say(1, text)
    async with chatting(peer) as terminal:
        await terminal.shows("── 2 unread ──", "alice one", "alice two")
        await terminal.type("/read")
        async with asyncio.timeout(WAIT_S):
            while not peer.document("user/ann").records():
                await asyncio.sleep(0.02)
    async with chatting(peer) as terminal:
        await terminal.shows("alice one", "alice two")
        assert "unread" not in terminal.words


async def test_who_has_read_ones_last_message_shows(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with chatting(peer) as terminal, Device(peer.url, token="li:customer") as phone:
        await terminal.type("here you are")
        await terminal.shows("ann here you are")
        theirs = await phone.conversation("c")
        async with asyncio.timeout(WAIT_S):
            while not theirs.messages():
                await asyncio.sleep(0.02)
        await theirs.mark_read()
        await terminal.shows("✓ seen by li")


async def test_a_tickets_steps_are_told_in_the_persons_language(peer: ServedPeer) -> None:
    head = Head(peer)
    head.append("conversation/c", "conversation", "opened", subject="wifi", channel="chat", language="zh")
    head.open_segment(1)
    data = {"ticket": "t", "number": 7, "status": "in_progress"}
    head.append("conversation/c/1", "messages", "system", event="ticket_step", text="工单 #7：在修啦", data=data)
    async with chatting(peer) as terminal:
        await terminal.shows("── Ticket #7: In progress ──")
    async with chatting(peer, language="zh") as terminal:
        await terminal.shows("── 工单 #7：在修啦 ──")
        await terminal.type("/recall")
        await terminal.shows("您在这里还没有说过话")


async def test_a_ticket_is_opened_out_of_the_conversation(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "my phone is 13812345678", by="li")
    async with chatting(peer) as terminal:
        await terminal.shows("li my phone is 13812345678")
        await terminal.type("/ticket no wifi")
        await terminal.says("opened ticket ")
        (name,) = [name for name in terminal.device.replica.documents if name.startswith("ticket/")]
        async with asyncio.timeout(WAIT_S):
            while not peer.document(name).records():
                await asyncio.sleep(0.02)
        opened = peer.document(name).records()[0]
        assert (opened["type"], opened["subject"], opened["conversation"]) == ("opened", "no wifi", "c")
    async with chatting(peer, "li:customer") as terminal:
        await terminal.type("/ticket no wifi")
        await terminal.shows("tickets are opened by the staff")


async def test_an_erased_message_says_nothing_any_more(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "my card is 4111")
    async with chatting(peer) as terminal:
        await terminal.shows("alice my card is 4111")
        message = terminal.device.records("conversation/c/1", "messages")[0]["id"]
        head.append("conversation/c/1", "messages", "redaction", message=message)
        await terminal.shows("alice my card is 4111", "alice had a message erased")


async def test_lines_come_as_they_are_typed_and_end_with_none() -> None:
    lines = lines_of(io.StringIO("one\n  two \n"))
    async with asyncio.timeout(WAIT_S):
        assert [await lines.get() for _ in range(3)] == ["one", "two", None]
