"""A conversation in a program's hands: its head, its messages, and what to say.

First on the device's way: `HANDLE → replica → outbox → …`. A conversation is one head document and segments of about
1,000 messages; the handle follows the head and the newest segment, and older ones when asked, so that opening costs
the same however long it is.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from syncline_protocol.documents.conversation import ConversationHead, LinkedTicket, reduce_conversation
from syncline_protocol.documents.identity import PROGRAMS, SERVER_USER, Role
from syncline_protocol.documents.messages import Message, reduce_messages
from syncline_protocol.documents.schema import CONVERSATION, MESSAGE_TYPES, MESSAGES
from syncline_protocol.documents.user import ReadPosition, unread_count
from syncline_protocol.names import DocumentKind, DocumentName

from syncline_client.attendance import Attendance
from syncline_client.changes import Changes
from syncline_client.connection import Connection
from syncline_client.errors import AnsweredMeanwhile, EditNotAllowed
from syncline_client.own_state import OwnState
from syncline_client.presence import Attendant, PresenceBoard
from syncline_client.replica import Replica

FIRST_SEGMENT: Final = 1


class Basis(NamedTuple):
    """What one had before one's eyes on beginning to write: the ids of the messages that were here."""

    known: frozenset[str]


class Conversation:
    """See the module's text. Made by `Device.conversation`."""

    def __init__(
        self,
        id: str,  # noqa: A002 - its word
        replica: Replica,
        connection: Connection,
        presence: PresenceBoard,
        own: OwnState,
    ) -> None:
        self.id = id
        self._replica = replica
        self._connection = connection
        self._own = own
        self._attendance = Attendance(presence, connection)
        self._draft = ""
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

    @property
    def _newest(self) -> int:
        return max(self.head.segments, default=FIRST_SEGMENT)

    # --- following

    async def open(self) -> None:
        """Follow the head and the newest segment. Those of this device's earlier life are there at once, others are
        waited for while there is a connection.
        """
        await self._replica.follow(self.name)
        if not self._replica.records(self.name, CONVERSATION):
            await self._connection.arrival(self.name)
        await self.follow_newest()
        for segment in self._segments[-2:]:  # again, because what was long unused is not followed any more
            await self._replica.follow(self.segment_name(segment))
        newest = self.segment_name(self._segments[-1])
        if not self._replica.document(newest).epoch:
            await self._connection.arrival(newest)

    async def follow_newest(self) -> None:
        """Follow the segment that new messages go into, and the one before it no longer than this device has to."""
        if self._newest in self._segments:
            return
        await self._add(self._newest)
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

    @property
    def tickets(self) -> tuple[LinkedTicket, ...]:
        """The tickets that came out of it, as far as the server has numbered them."""
        return self.head.tickets

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
        """Iterates over the changes of the head, of the segments that are here, now and later, and of one's own read
        markers and drafts, until closed.
        """
        names = [self.name, *(self.segment_name(segment) for segment in self._segments)]
        if self._replica.identity.user:
            names.append(self._own.name)
        changes = self._replica.watchers.watch(*names)
        self._watching = [one for one in self._watching if not one.is_closed] + [changes]
        return changes

    # --- writing

    async def say(self, text: str, *, reply_to: str | None = None, unless_answered_since: Basis | None = None) -> str:
        """Write a text message; returns its id once it is stored on this device. One's draft is done with, unless it
        has grown on another device meanwhile.

        Raises `AnsweredMeanwhile` when others of the staff have answered since `unless_answered_since`;
        `NeverConnected`, `EditNotAllowed` (an empty or overlong text), `StoreError`.
        """
        if unless_answered_since is not None and (answers := self.answered_since(unless_answered_since)):
            raise AnsweredMeanwhile(answers)
        message = await self.send({"type": "text", "text": text} | ({} if reply_to is None else {"reply_to": reply_to}))
        if self._draft:
            draft, self._draft = self._draft, ""
            if self._own.draft(self.id) == draft:
                self._own.note_draft(self.id, "")
        return message

    async def send(self, record: Mapping[str, Any]) -> str:
        """Write a message of any type (its `type` and own fields); returns its id. Raises as `say` does."""
        is_auto = self._replica.role in PROGRAMS and record["type"] in MESSAGE_TYPES
        return await self._write(self._newest, {**record, "auto": True} if is_auto else record)

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

    async def redact(self, message: str, *, reason: str | None = None) -> str:
        """Have a message erased everywhere, for good; by a supervisor or an admin. Returns the redaction's id. Raises
        as `say` does.
        """
        record = {"type": "redaction", "message": message} | ({} if reason is None else {"reason": reason})
        return await self._write(self._segment_of(message), record)

    async def rate(self, ticket: str, score: int, text: str | None = None) -> str:
        """Say how satisfied one is with what became of a ticket, from 1 to 5; by its customer. Returns the rating's id.
        Raises as `say` does.
        """
        record = {"type": "satisfaction", "ticket": ticket, "score": score}
        return await self.send(record | ({} if text is None else {"text": text}))

    async def _write(self, segment: int, record: Mapping[str, Any]) -> str:
        written = await self._replica.write(self.segment_name(segment), MESSAGES, [record])
        return str(written[0]["id"])

    def _segment_of(self, message: str) -> int:
        for segment in self._segments:
            if any(value["id"] == message for value in self._replica.records(self.segment_name(segment), MESSAGES)):
                return segment
        raise EditNotAllowed(f"there is no message {message} in the segments that are here: load older ones first")

    # --- while one is writing

    def basis(self) -> Basis:
        """What is here now: to be taken when one begins to write."""
        return Basis(frozenset(message.id for message in self.messages()))

    def answered_since(self, basis: Basis) -> tuple[Message, ...]:
        """What others of the staff have said since: it may make one's own answer stale."""
        customers = {user for user, one in self.head.participants.items() if one.role is Role.CUSTOMER}
        silent = {self._replica.identity.user, SERVER_USER, self.head.customer, *customers}
        return tuple(one for one in self.messages() if one.id not in basis.known and one.by not in silent)

    async def draft(self) -> str:
        """What oneself has written here and not sent, on whichever device; empty if nothing. Raises `NeverConnected`,
        `StoreError`.
        """
        await self._own.open()
        self._draft = self._own.draft(self.id)
        return self._draft

    async def save_draft(self, text: str) -> None:
        """Keep what is written and not sent, for all one's devices: a moment later, and at the latest when the device
        stops. Raises `NeverConnected`, `EditNotAllowed` (an overlong text), `StoreError`.
        """
        await self._own.open()
        self._own.note_draft(self.id, text)
        self._draft = text

    # --- what is read

    async def mark_read(self, message: str | None = None) -> None:
        """One has read up to here (by default: everything that is here), on all one's devices; who has the
        conversation open as well sees it. Going back changes nothing. Raises `NeverConnected`, `StoreError`.
        """
        await self._own.open()
        read = [one for one in self.messages() if message in (None, one.id)]
        if not read:
            return
        last = read[-1]
        if self._own.note_read(self.id, ReadPosition(up_to=last.at, message=last.id)):
            self._show(seen=last.id)

    async def unread(self) -> tuple[Message, ...]:
        """The messages here that others wrote and oneself has not read. Raises `NeverConnected`, `StoreError`."""
        await self._own.open()
        position, me = self._own.read_up_to(self.id), self._replica.identity.user
        return tuple(one for one in self.messages() if unread_count([one], position, me))

    # --- presence

    async def typing(self, on: bool) -> None:  # noqa: FBT001 - `typing(True)` is what it says
        """Show the others that somebody is typing here, or no longer."""
        self._show(typing=True if on else None)

    async def viewing(self, on: bool) -> None:  # noqa: FBT001 - `viewing(True)` is what it says
        """Show the others that somebody is looking at it, or no longer."""
        self._show(viewing=True if on else None)

    def attendants(self) -> list[Attendant]:
        """Who shows something of themselves in the newest segment."""
        return self._attendance.others(self._presence_name)

    def seen(self) -> dict[str, str]:
        """Up to which message each of the others who are there has read, by user."""
        order = {message.id: place for place, message in enumerate(self.messages())}
        seen: dict[str, str] = {}
        for one in self.attendants():
            message = one.state.get("seen")
            if message in order and order[message] >= order.get(seen.get(one.user, ""), -1):
                seen[one.user] = message
        return seen

    def _show(self, **entries: Any) -> None:
        self._attendance.show(self._presence_name, **entries)

    @property
    def _presence_name(self) -> str:
        return self.segment_name(max(self._segments, default=FIRST_SEGMENT))
