"""A conversation at a terminal, line by line: narrow enough for a phone's, and plain enough for a pipe.

Beside the handles: it reads the conversation's changes and the keyboard, and knows nothing below the handle.
"""

import asyncio
import sys
import threading
from datetime import UTC, datetime
from typing import Final, NamedTuple, TextIO

from rich.console import Console
from rich.markup import escape
from syncline_protocol.clock import at_ms
from syncline_protocol.documents.messages import Message

from syncline_client.changes import ChangeKind, Changes
from syncline_client.client import Device
from syncline_client.connection import Standing
from syncline_client.conversation import Conversation
from syncline_client.errors import DeviceStopped, EditNotAllowed
from syncline_client.replica import now_ms

ACCEPT_WAIT_S: Final = 1.0
"""How long an own message is held back so that it shows as accepted at once, while there is a connection."""

LEAVE_WAIT_S: Final = 5.0
"""How long leaving waits for what was not yet accepted."""

JOINER: Final = "\u200d"
"""Joins emoji into one; of the characters that do not print, the only one that is let through."""

HELP: Final = """/edit TEXT   replace your last message
/recall      take your last message back
/older       load older messages
/status      how this device stands
/quit        leave"""


class Shown(NamedTuple):
    """How a message was last printed."""

    text: str
    is_accepted: bool


class Chat:
    """One person's view of one conversation."""

    def __init__(
        self, device: Device, conversation: Conversation, console: Console, *, keyboard: TextIO | None = None
    ) -> None:
        self._device = device
        self._conversation = conversation
        self._console = console
        self._keyboard = keyboard or sys.stdin
        self._shown: dict[str, Shown] = {}
        self._held_since_s: dict[str, float] = {}
        self._is_loading = False

    async def run(self) -> None:
        """Show what is said and say what is typed, until the end of input or /quit."""
        self._print(f"[bold]{clean(self._conversation.head.subject or self._conversation.id)}[/bold]")
        self._show()
        lines = lines_of(self._keyboard)
        with self._conversation.changes() as changes:
            watching = asyncio.create_task(self._watch(changes))
            try:
                while (line := await lines.get()) is not None and line != "/quit":
                    await self._typed(line)
                await self._leave()
            finally:
                watching.cancel()

    async def _watch(self, changes: Changes) -> None:
        async for change in changes:
            if change.kind is ChangeKind.CLOSED:
                self._print(f"[red]{clean(self._conversation.refusal)}[/red]")
            for row in self._device.refused:
                if change.kind is ChangeKind.REFUSED and row.record in change.records:
                    self._print(f"[red]✗ refused: {clean(row.reason)}[/red]")
            self._show()

    async def _typed(self, line: str) -> None:
        try:
            match line.partition(" "):
                case ("", _, _):
                    return
                case ("/help", _, _):
                    self._print(HELP)
                case ("/status", _, _):
                    self._print(clean(self._device.status.text(now_ms=now_ms())))
                case ("/older", _, _):
                    await self._older()
                case ("/edit", _, text):
                    await self._conversation.edit(self._last_own(), text)
                case ("/recall", _, _):
                    await self._conversation.recall(self._last_own())
                case _:
                    await self._conversation.say(line)
        except EditNotAllowed as error:
            self._print(f"[red]{clean(str(error))}[/red]")
        self._show()

    async def _older(self) -> None:
        self._is_loading = True
        try:
            if not await self._conversation.older():
                self._print("[dim]there is nothing older[/dim]")
                return
            async with asyncio.timeout(LEAVE_WAIT_S):
                await self._device.settled()
            self._shown.clear()  # from the beginning, in their order
        except TimeoutError:
            self._print("[dim]offline: older messages come with the connection[/dim]")
        finally:
            self._is_loading = False

    async def _leave(self) -> None:
        """Give what was said a moment to be accepted, and say what was not."""
        try:
            async with asyncio.timeout(LEAVE_WAIT_S if self._device.status.waiting else 0.1):
                await self._device.settled()
        except TimeoutError:
            await asyncio.sleep(0)
        except DeviceStopped as stopped:
            self._print(f"[red]{clean(str(stopped))}[/red]")
        self._show()
        if self._device.status.waiting or self._device.refused:
            self._print(clean(self._device.status.text(now_ms=now_ms())))

    def _last_own(self) -> str:
        me = self._device.replica.identity.user
        own = [message for message in self._conversation.messages() if message.by == me and not message.recalled_by]
        if not own:
            raise EditNotAllowed("you have said nothing here yet")
        return own[-1].id

    # --- showing

    def _show(self) -> None:
        """Print what is new, and what shows differently from how it was printed."""
        if self._is_loading:
            return
        unaccepted = self._conversation.unaccepted
        for message in self._conversation.messages():
            now = Shown(_text(message), message.id not in unaccepted)
            before = self._shown.get(message.id)
            if now != before and not self._is_held_back(message.id, now):
                self._print(self._line(message, now, before))
                self._shown[message.id] = now

    def _is_held_back(self, message: str, now: Shown) -> bool:
        if now.is_accepted or self._device.connection.state.standing is not Standing.ONLINE:
            return False
        loop = asyncio.get_running_loop()
        if message not in self._held_since_s:
            self._held_since_s[message] = loop.time()
            loop.call_later(ACCEPT_WAIT_S, self._show)
        return loop.time() < self._held_since_s[message] + ACCEPT_WAIT_S

    def _line(self, message: Message, now: Shown, before: Shown | None) -> str:
        people = self._conversation.head.participants
        name = (people[message.by].name if message.by in people else None) or message.by
        head = f"[dim]{_time(message)}[/dim] [bold]{clean(name)}[/bold]"
        mark = "" if now.is_accepted else " [yellow]… not yet accepted[/yellow]"
        if message.recalled_by is not None:
            return f"{head} [dim]took a message back[/dim]"
        if before is not None and before.text == now.text:
            return f"[dim]✓ accepted:[/dim] {clean(now.text)}" if now.is_accepted else f"{head} {clean(now.text)}{mark}"
        return f"{head}{' ✎' if before is not None or message.versions else ''} {clean(now.text)}{mark}"

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=False)


def _text(message: Message) -> str:
    if message.blob is not None:
        return f"[{message.type}: {message.blob.name}] {message.text or ''}".rstrip()
    return message.text or message.markup or message.event or ""


def _time(message: Message) -> str:
    return datetime.fromtimestamp(at_ms(message.at) / 1000, UTC).astimezone().strftime("%H:%M")


def clean(text: str) -> str:
    """`text` as harmless markup: what others wrote neither formats nor steers the terminal."""
    return escape("".join(one if one.isprintable() or one in ("\n", JOINER) else "�" for one in text))


def lines_of(keyboard: TextIO) -> asyncio.Queue[str | None]:
    """The lines as they are typed, and None at the end. A thread waits for them, because a terminal cannot be awaited;
    it is a daemon, because nothing can wake it.
    """
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            for line in keyboard:
                loop.call_soon_threadsafe(lines.put_nowait, line.strip())
            loop.call_soon_threadsafe(lines.put_nowait, None)
        except RuntimeError:
            return  # the chat has ended meanwhile, and its loop with it

    threading.Thread(target=read, daemon=True, name="keyboard").start()
    return lines
