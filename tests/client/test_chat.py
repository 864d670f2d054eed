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
from syncline_client.chat import Chat, clean, lines_of
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

    async def shows(self, *expected: str) -> None:
        """Wait until these lines are there, in this order."""
        try:
            async with asyncio.timeout(WAIT_S):
                while [line for line in self.lines if line in expected] != list(expected):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"expected {expected}, the screen shows {self.lines}")


@asynccontextmanager
async def chatting(peer: ServedPeer) -> AsyncIterator[Terminal]:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reads, os.fdopen(write_end, "w") as writes:
        async with Device(peer.url, token="ann", device="phone") as device:
            await device.connected()
            terminal = Terminal(device, writes)
            console = Console(file=terminal.screen, width=PHONE_WIDTH, force_terminal=False)
            chat = Chat(device, await device.conversation("c"), console, keyboard=reads)
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
        async with asyncio.timeout(WAIT_S):
            while "1 edit not yet accepted" not in terminal.words:
                await asyncio.sleep(0.02)
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
        async with asyncio.timeout(WAIT_S):
            while "/recall" not in terminal.words:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 你好 😀", "plain 你好 😀"),
        ("[bold]not markup[/bold]", r"\[bold]not markup\[/bold]"),
        ("\x1b[2Jgone", "�[2Jgone"),
        ("a\u202eb", "a�b"),
        ("👩\u200d🔧", "👩\u200d🔧"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_others_write_neither_formats_nor_steers_the_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown


async def test_lines_come_as_they_are_typed_and_end_with_none() -> None:
    lines = lines_of(io.StringIO("one\n  two \n"))
    async with asyncio.timeout(WAIT_S):
        assert [await lines.get() for _ in range(3)] == ["one", "two", None]
