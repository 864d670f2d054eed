"""A conversation at a terminal, line by line: narrow enough for a phone's, and plain enough for a pipe.

Beside the handles: it reads the conversation's changes and the keyboard, and knows nothing below the handle.
"""

import asyncio
import sys
import threading
from datetime import UTC, datetime
from typing import Final, NamedTuple, TextIO

from rich.console import Console
from syncline_protocol.clock import at_ms
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.messages import Message

from syncline_client.changes import ChangeKind, Changes
from syncline_client.client import Device
from syncline_client.connection import Standing
from syncline_client.conversation import Basis, Conversation
from syncline_client.errors import AnsweredMeanwhile, DeviceStopped, EditNotAllowed
from syncline_client.replica import now_ms
from syncline_client.status import StatusLanguage
from syncline_client.wording import clean, say, step_text

ACCEPT_WAIT_S: Final = 1.0
"""How long an own message is held back so that it shows as accepted at once, while there is a connection."""

LEAVE_WAIT_S: Final = 5.0
"""How long leaving waits for what was not yet accepted."""

READING_S: Final = 3.0
"""What appeared so shortly before a line was sent, whoever typed it had not read when they began."""


class Shown(NamedTuple):
    """How a message was last printed."""

    text: str
    is_accepted: bool


class Chat:
    """One person's view of one conversation."""

    def __init__(
        self,
        device: Device,
        conversation: Conversation,
        console: Console,
        *,
        keyboard: TextIO | None = None,
        language: StatusLanguage = "en",
    ) -> None:
        self._device = device
        self._conversation = conversation
        self._console = console
        self._keyboard = keyboard or sys.stdin
        self._shown: dict[str, Shown] = {}
        self._held_since_s: dict[str, float] = {}
        self._is_loading = False
        self._language: StatusLanguage = language
        self._appeared_s: dict[str, float] = {}
        self._stale = ""
        """What was typed and not sent, because somebody had answered meanwhile."""
        self._seen_by: frozenset[str] = frozenset()
        self._first_unread = ""
        self._unread = 0

    async def run(self) -> None:
        """Show what is said and say what is typed, until the end of input or /quit."""
        self._print(f"[bold]{clean(self._conversation.head.subject or self._conversation.id)}[/bold]")
        unread = await self._conversation.unread()
        self._first_unread, self._unread = (unread[0].id if unread else ""), len(unread)
        await self._conversation.viewing(True)
        self._show()
        self._appeared_s = dict.fromkeys(self._appeared_s, float("-inf"))
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
                    self._print(f"[red]{self._say('refused', reason=row.reason)}[/red]")
            self._show()
            self._show_seen()

    async def _typed(self, line: str) -> None:
        try:
            match line.partition(" "):
                case ("", _, _):
                    await self._send_stale()
                case ("/help", _, _):
                    self._print(self._say("help"))
                case ("/status", _, _):
                    self._print(clean(self._device.status.text(self._language, now_ms=now_ms())))
                case ("/older", _, _):
                    await self._older()
                case ("/edit", _, text):
                    await self._conversation.edit(self._last_own(), text)
                case ("/recall", _, _):
                    await self._conversation.recall(self._last_own())
                case ("/read", _, _):
                    await self._conversation.mark_read()
                case ("/ticket", _, subject):
                    await self._open_ticket(subject)
                case ("/drop", _, _):
                    self._stale = ""
                    self._print(f"[dim]{self._say('dropped')}[/dim]")
                case _:
                    await self._say_unless_stale(line)
        except EditNotAllowed as error:
            self._print(f"[red]{clean(str(error))}[/red]")
        self._show()

    async def _say_unless_stale(self, line: str) -> None:
        """Say it, unless somebody else of the staff answered when it was half written."""
        is_customer = self._device.replica.role == Role.CUSTOMER
        try:
            await self._conversation.say(line, unless_answered_since=None if is_customer else self._basis())
        except AnsweredMeanwhile as answered:
            self._show()  # what they answered, before the question what to do
            self._stale = line
            names = ", ".join(dict.fromkeys(self._name(one.by) for one in answered.messages))
            self._print(f"[yellow]{self._say('answered_meanwhile', names=names)}[/yellow]")
        else:
            await self._conversation.mark_read()

    async def _send_stale(self) -> None:
        if self._stale:
            line, self._stale = self._stale, ""
            await self._conversation.say(line)
            await self._conversation.mark_read()

    def _basis(self) -> Basis:
        until_s = asyncio.get_running_loop().time() - READING_S
        return Basis(frozenset(message for message, at_s in self._appeared_s.items() if at_s <= until_s))

    async def _open_ticket(self, subject: str) -> None:
        ticket = await self._device.open_ticket(self._conversation.id, subject=subject or None)
        self._print(f"[dim]{self._say('ticket_opened', ticket=ticket.id)}[/dim]")

    async def _older(self) -> None:
        self._is_loading = True
        try:
            if not await self._conversation.older():
                self._print(f"[dim]{self._say('nothing_older')}[/dim]")
                return
            async with asyncio.timeout(LEAVE_WAIT_S):
                await self._device.settled()
            self._shown.clear()  # from the beginning, in their order
        except TimeoutError:
            self._print(f"[dim]{self._say('older_offline')}[/dim]")
        finally:
            self._is_loading = False

    async def _leave(self) -> None:
        """Give what was said (and read) a moment to be accepted, and say what was not."""
        await self._device.own.flush()
        try:
            async with asyncio.timeout(LEAVE_WAIT_S if self._device.status.waiting else 0.1):
                await self._device.settled()
        except TimeoutError:
            await asyncio.sleep(0)
        except DeviceStopped as stopped:
            self._print(f"[red]{clean(str(stopped))}[/red]")
        self._show()
        if self._device.status.waiting or self._device.refused:
            self._print(clean(self._device.status.text(self._language, now_ms=now_ms())))

    def _last_own(self) -> str:
        me = self._device.replica.identity.user
        own = [message for message in self._conversation.messages() if message.by == me and not message.recalled_by]
        if not own:
            raise EditNotAllowed(say("said_nothing", self._language))
        return own[-1].id

    # --- showing

    def _show(self) -> None:
        """Print what is new, and what shows differently from how it was printed."""
        if self._is_loading:
            return
        unaccepted = self._conversation.unaccepted
        now_s = asyncio.get_running_loop().time()
        for message in self._conversation.messages():
            self._appeared_s.setdefault(message.id, now_s)
            now = Shown(self._text(message), message.id not in unaccepted)
            before = self._shown.get(message.id)
            if now != before and not self._is_held_back(message.id, now):
                if message.id == self._first_unread and before is None:
                    self._print(f"[dim]── {self._say('unread_here', count=self._unread)} ──[/dim]")
                self._print(self._line(message, now, before))
                self._shown[message.id] = now

    def _show_seen(self) -> None:
        """Who has read one's last message, when that changes."""
        messages = self._conversation.messages()
        own = [message.id for message in messages if message.by == self._device.replica.identity.user]
        behind = {message.id for message in messages[: [one.id for one in messages].index(own[-1])]} if own else set()
        seen = {user for user, message in self._conversation.seen().items() if own and message not in behind}
        if seen - self._seen_by:
            names = ", ".join(self._name(user) for user in sorted(seen))
            self._print(f"[dim]✓ {self._say('seen_by', names=names)}[/dim]")
        self._seen_by = frozenset(seen)

    def _is_held_back(self, message: str, now: Shown) -> bool:
        if now.is_accepted or self._device.connection.state.standing is not Standing.ONLINE:
            return False
        loop = asyncio.get_running_loop()
        if message not in self._held_since_s:
            self._held_since_s[message] = loop.time()
            loop.call_later(ACCEPT_WAIT_S, self._show)
        return loop.time() < self._held_since_s[message] + ACCEPT_WAIT_S

    def _line(self, message: Message, now: Shown, before: Shown | None) -> str:
        if message.type == "system":
            return f"[dim]{_time(message)} ── {clean(now.text)} ──[/dim]"
        head = f"[dim]{_time(message)}[/dim] [bold]{clean(self._name(message.by))}[/bold]"
        mark = "" if now.is_accepted else f" [yellow]{self._say('not_yet_accepted')}[/yellow]"
        if message.recalled_by is not None:
            return f"{head} [dim]{self._say('took_back')}[/dim]"
        if message.redacted:
            return f"{head} [dim]{self._say('was_erased')}[/dim]"
        if before is not None and before.text == now.text:
            accepted = f"[dim]{self._say('accepted')}[/dim] {clean(now.text)}"
            return accepted if now.is_accepted else f"{head} {clean(now.text)}{mark}"
        return f"{head}{' ✎' if before is not None or message.versions else ''} {clean(now.text)}{mark}"

    def _name(self, user: str) -> str:
        people = self._conversation.head.participants
        return (people[user].name if user in people else None) or user

    def _text(self, message: Message) -> str:
        if message.blob is not None:
            return f"[{message.type}: {message.blob.name}] {message.text or ''}".rstrip()
        step = step_text(message, self._language, self._conversation.head.language)
        return step or message.text or message.markup or message.event or ""

    def _say(self, key: str, **values: object) -> str:
        """One text in the person's language, as harmless markup."""
        return clean(say(key, self._language, **values))

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=False)


def _time(message: Message) -> str:
    return datetime.fromtimestamp(at_ms(message.at) / 1000, UTC).astimezone().strftime("%H:%M")


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
