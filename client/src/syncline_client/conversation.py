"""A conversation in a program's hands: its head, its messages, and what to say.

First on the device's way: `HANDLE → replica → outbox → …`. A conversation is one head document and segments of about
1,000 messages; the handle follows the head and the newest segment, and older ones when asked, so that opening costs
the same however long it is.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from syncline_protocol.documents.conversation import ConversationHead, reduce_conversation
from syncline_protocol.documents.messages import Message, reduce_messages
from syncline_protocol.documents.schema import CONVERSATION, MESSAGES
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_client.changes import Changes
from syncline_client.connection import Connection, Standing
from syncline_client.errors import EditNotAllowed
from syncline_client.presence import Attendant, PresenceBoard
from syncline_client.replica import Replica

HEAD_WAIT_S: Final = 5.0
"""How long to wait for a head that this device has never seen, while connected."""

FIRST_SEGMENT: Final = 1


class Conversation:
    """See the module's text. Made by `Device.conversation`."""

    def __init__(self, id: str, replica: Replica, connection: Connection, presence: PresenceBoard) -> None:  # noqa: A002 - its word
        self.id = id
        self._replica = replica
        self._connection = connection
        self._presence = presence
        self._segments: list[int] = []
        self._watching: list[Changes] = []

    @property
    def name(self) -> str:
        """The name of the head document."""
        return DocumentName(DocumentKind.CONVERSATION, self.id).path

    @property
    def segments(self) -> tuple[int, ...]:
        """The segments that are here, oldest first."""
        return tuple(self._segments)

    def segment_name(self, segment: int) -> str:
        """The name of a segment's document."""
        return DocumentName(DocumentKind.SEGMENT, self.id, segment=segment).path

    # --- following

    async def open(self) -> None:
        """Follow the head and the newest segment; those of this device's earlier life are there at once."""
        await self._replica.follow(self.name)
        if not self._replica.records(self.name, CONVERSATION):
            await self._await_head()
        await self.follow_newest()

    async def _await_head(self) -> None:
        try:
            async with asyncio.timeout(HEAD_WAIT_S):
                while not (self._replica.records(self.name, CONVERSATION) or self._connection.reason_of(self.name)):
                    if self._connection.state.standing in (Standing.OFFLINE, Standing.STOPPED):
                        return
                    await self._connection.changed()
        except TimeoutError:
            return  # what comes later is followed when it comes

    async def follow_newest(self) -> None:
        """Follow the segment that new messages go into, and the one before it no longer than this device has to."""
        newest = max(self.head.segments, default=FIRST_SEGMENT)
        if newest in self._segments:
            return
        await self._add(newest)
        for segment in self._segments[:-2]:
            await self._replica.unfollow(self.segment_name(segment))

    async def older(self) -> bool:
        """Load the segment before the oldest that is here; whether there was one."""
        known = [segment for segment in self.head.segments if segment < min(self._segments, default=FIRST_SEGMENT)]
        if not known:
            return False
        await self._add(max(known))
        return True

    async def _add(self, segment: int) -> None:
        await self._replica.follow(self.segment_name(segment))
        self._segments = sorted({*self._segments, segment})
        for changes in self._watching:
            self._replica.watchers.watch_also(changes, self.segment_name(segment))

    # --- reading

    @property
    def head(self) -> ConversationHead:
        """What the conversation is about and who takes part, as far as this device knows."""
        return reduce_conversation(self._replica.records(self.name, CONVERSATION))

    def messages(self) -> tuple[Message, ...]:
        """The messages of the segments that are here, in their order, this device's own unaccepted ones included."""
        shown = [
            message
            for segment in self._segments
            for message in reduce_messages(self._replica.records(self.segment_name(segment), MESSAGES))
        ]
        return tuple(sorted(shown, key=lambda message: (message.at, message.id)))

    @property
    def unaccepted(self) -> frozenset[str]:
        """Ids of records that this device wrote and the server has not accepted yet."""
        outbox = self._replica.outbox
        return frozenset(row.record for segment in self._segments for row in outbox.waiting(self.segment_name(segment)))

    @property
    def refusal(self) -> str:
        """Why the server does not let this device have the conversation; empty if it does, or has not been asked."""
        return self._connection.reason_of(self.name)

    def changes(self) -> Changes:
        """Iterates over the changes of the head and of the segments that are here, now and later, until closed."""
        names = [self.name, *(self.segment_name(segment) for segment in self._segments)]
        changes = self._replica.watchers.watch(*names)
        self._watching = [one for one in self._watching if not one.is_closed] + [changes]
        return changes

    # --- writing

    async def say(self, text: str, *, reply_to: str | None = None) -> str:
        """Write a text message; returns its id once it is stored on this device.

        Raises `NeverConnected`, `EditNotAllowed` (an empty or overlong text), `StoreError`.
        """
        return await self.send({"type": "text", "text": text} | ({} if reply_to is None else {"reply_to": reply_to}))

    async def send(self, record: Mapping[str, Any]) -> str:
        """Write a message of any type (its `type` and own fields); returns its id. Raises as `say` does."""
        newest = max(self.head.segments, default=FIRST_SEGMENT)
        return await self._write(newest, record)

    async def edit(self, message: str, text: str) -> str:
        """Write a new version of an own text message; returns the edit's id. Raises as `say` does."""
        return await self._write(self._segment_of(message), {"type": "edit", "message": message, "text": text})

    async def recall(self, message: str) -> str:
        """Take an own message back; returns the recall's id. Raises as `say` does."""
        return await self._write(self._segment_of(message), {"type": "recall", "message": message})

    async def react(self, message: str, emoji: str, *, on: bool = True) -> str:
        """Set or take back a reaction; returns its id. Raises as `say` does."""
        record = {"type": "reaction", "message": message, "emoji": emoji, "on": on}
        return await self._write(self._segment_of(message), record)

    async def _write(self, segment: int, record: Mapping[str, Any]) -> str:
        written = await self._replica.write(self.segment_name(segment), MESSAGES, [record])
        return str(written[0]["id"])

    def _segment_of(self, message: str) -> int:
        for segment in self._segments:
            if any(value["id"] == message for value in self._replica.records(self.segment_name(segment), MESSAGES)):
                return segment
        raise EditNotAllowed(f"there is no message {message} in the segments that are here: load older ones first")

    # --- presence

    async def typing(self, on: bool) -> None:  # noqa: FBT001 - `typing(True)` is what it says
        """Show the others that somebody is typing here, or no longer."""
        name = self.segment_name(max(self._segments, default=FIRST_SEGMENT))
        self._presence.set(name, {"typing": True} if on else None)
        self._connection.touch(name)

    def attendants(self) -> list[Attendant]:
        """Who shows something of themselves in the newest segment."""
        name = self.segment_name(max(self._segments, default=FIRST_SEGMENT))
        return self._presence.others(name, time.monotonic())
