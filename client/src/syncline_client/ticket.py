"""A ticket in a program's hands: what is known of it, and what to do about it, with or without a connection.

First on the device's way: `HANDLE → replica → outbox → …`. The staff follows `ticket/<id>`, a customer
`ticket/<id>/public`; the texts that are written together are a document of their own. Invariants:

1. Each event names in `after` the heads of what this device knows, its own unaccepted events included: what one does
   here after the other is never taken for having crossed.
2. What is shown is reduced from the same events: a claim without the server's answer shows as provisional.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from syncline_protocol.documents.fields import Scalar
from syncline_protocol.documents.identity import Role
from syncline_protocol.documents.schema import EVENTS, MESSAGE_TYPES, MESSAGES, PUBLIC
from syncline_protocol.documents.ticket import Ticket as TicketState
from syncline_protocol.documents.ticket import reduce_ticket
from syncline_protocol.documents.ticket_public import PublicTicket, reduce_public
from syncline_protocol.documents.ticket_records import TicketStatus
from syncline_protocol.names import DocumentKind, DocumentName, parse_name

from syncline_client.attendance import Attendance
from syncline_client.changes import Changes
from syncline_client.connection import Connection
from syncline_client.errors import EditNotAllowed
from syncline_client.page import Page
from syncline_client.presence import Attendant, PresenceBoard
from syncline_client.record_content import RecordContent
from syncline_client.replica import Replica, new_record_id

STATUS: Final = "status"
PRIORITY: Final = "priority"
SUBJECT: Final = "subject"
ISSUE_TYPE: Final = "issue_type"

OWN_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    STATUS: ("status", "reason", "resolution"),
    PRIORITY: ("priority",),
    SUBJECT: ("subject", "source", "confidence"),
    ISSUE_TYPE: ("issue_type", "source", "confidence"),
}
"""What is said anew of a value that is picked. Of any other field: its value and where that came from."""

EVENT_OF: Final[Mapping[str, str]] = {SUBJECT: "topic", ISSUE_TYPE: "topic", PRIORITY: "priority", STATUS: "status"}
"""Which type of event says it; of any other field: `field`."""

VIA: Final = "agent"
"""How a ticket came about that somebody opened on a device."""

LATEST_SEGMENTS: Final = 2
"""Of a conversation, when its newest message is looked for: a new segment is empty at first."""


class Ticket:
    """See the module's text. Made by `Device.ticket` and `Device.open_ticket`.

    Writing raises `NeverConnected`, `EditNotAllowed` (nobody could write this, or the ticket is not here) and
    `StoreError`; it returns the event's id once that is stored on this device. What the server refuses is in
    `Device.refused`.
    """

    def __init__(self, id: str, replica: Replica, connection: Connection, presence: PresenceBoard) -> None:  # noqa: A002 - its word
        self.id = id
        self._replica = replica
        self._connection = connection
        self._presence = presence
        self._attendance = Attendance(presence, connection)
        self._turn = asyncio.Lock()
        self._watching: list[Changes] = []

    @property
    def name(self) -> str:
        """The name of the staff's document."""
        return DocumentName(DocumentKind.TICKET, self.id).path

    @property
    def public_name(self) -> str:
        """The name of the document that its customer reads."""
        return DocumentName(DocumentKind.TICKET_PUBLIC, self.id).path

    @property
    def is_public(self) -> bool:
        """Whether this device sees the customer's side only."""
        return self._replica.role == Role.CUSTOMER

    # --- following

    async def open(self) -> None:
        """Follow the ticket. The first time it is waited for, while there is a connection."""
        await self._follow(self.public_name if self.is_public else self.name)

    async def _follow(self, name: str) -> None:
        document = await self._replica.follow(name)
        if not document.epoch and not self._replica.outbox.is_waiting(name):
            await self._connection.arrival(name)

    # --- reading

    @property
    def state(self) -> TicketState | None:
        """The ticket as its staff reads it; None if there is no such ticket here."""
        return reduce_ticket(self._replica.records(self.name, EVENTS))

    @property
    def public(self) -> PublicTicket | None:
        """The ticket as its customer reads it; None if there is nothing yet. On a device of the staff only after
        `open_public`.
        """
        return reduce_public(self._replica.records(self.public_name, PUBLIC))

    async def open_public(self) -> PublicTicket | None:
        """Follow what the customer sees as well; returns it as far as it is here."""
        await self._follow(self.public_name)
        for changes in self._watching:
            self._replica.watchers.watch_also(changes, self.public_name)
        return self.public

    async def texts(self) -> Page:
        """The texts that the staff writes together (`description`, `resolution`, `reply`), followed from now on."""
        name = DocumentName(DocumentKind.TICKET_TEXT, self.id).path
        await self._follow(name)
        return Page(name, self._replica, self._connection, self._presence)

    def event_ids(self) -> list[str]:
        """The ids of all its events that are here, own unaccepted ones last."""
        return [str(record["id"]) for record in self._replica.records(self.name, EVENTS)]

    @property
    def unaccepted(self) -> frozenset[str]:
        """Ids of events that this device wrote and the server has not accepted yet."""
        return frozenset(row.record for row in self._replica.outbox.waiting(self.name))

    @property
    def refusal(self) -> str:
        """Why the server does not let this device have the ticket; empty if it does, or has not been asked."""
        return self._connection.reason_of(self.public_name if self.is_public else self.name)

    def changes(self) -> Changes:
        """Iterates over the ticket's changes from now on, until closed."""
        names = (self.public_name,) if self.is_public else (self.name, self.public_name)
        changes = self._replica.watchers.watch(*names)
        self._watching = [one for one in self._watching if not one.is_closed] + [changes]
        return changes

    # --- who works on it

    async def claim(self) -> str:
        """Ask to work on it. The claim is provisional (`state.claims`) until the server has answered."""
        return await self._write("claim")

    async def transfer(self, *, group: str | None = None, user: str | None = None, reason: str | None = None) -> str:
        """Give it to a group, to somebody, or to both."""
        return await self._write("transfer", group=group, user=user, reason=reason)

    # --- where it stands

    async def set_status(self, status: str, *, reason: str | None = None, resolution: str | None = None) -> str:
        """Say where it stands, and up to which message of the conversation one knew when saying it."""
        seen = await self._newest_message()
        return await self._write("status", status=status, reason=reason, resolution=resolution, **seen)

    async def resolve(self, text: str | None = None) -> str:
        """It is solved; `text` says by what."""
        return await self.set_status(TicketStatus.RESOLVED, resolution=text)

    async def set_priority(self, priority: str) -> str:
        """Say how urgent it is."""
        return await self._write("priority", priority=priority)

    # --- what it is about

    async def topic(self, *, subject: str | None = None, issue_type: str | None = None) -> str:
        """Say what it is about: a subject, an issue type, or both."""
        return await self._write("topic", subject=subject, issue_type=issue_type)

    async def set_field(
        self, name: str, value: Scalar, *, source: Mapping[str, Any] | None = None, confidence: int | None = None
    ) -> str:
        """Give a field a value; None empties it. `source` (`message`, `start`, `end`): the words it was taken from."""
        own = {"name": name, "value": value, "source": source, "confidence": confidence}
        kept = {key: one for key, one in own.items() if one is not None or key == "value"}
        return (await self._append([{"type": "field", **kept}]))[0]

    async def pick(self, name: str, event: str) -> str:
        """Choose one of the values that were said at the same time: the one that `event` said of `name` (a field, or
        `status`, `priority`, `subject`, `issue_type`). It is said anew, with its source, and the others are settled.
        """
        said = {record["id"]: record for record in self._replica.records(self.name, EVENTS)}
        candidates = self.candidates(name)
        if event not in candidates or event not in said:
            known = ", ".join(sorted(candidates)) or "none"
            raise EditNotAllowed(f"event {event} says nothing of {name} that could be picked; these do: {known}")
        fields = OWN_FIELDS.get(name, ("name", "value", "source", "confidence"))
        again = {key: said[event][key] for key in fields if key in said[event]}
        if name == STATUS:
            again["status"] = candidates[event]  # which `reopened`, say, does not name
        seen = await self._newest_message() if name == STATUS else {}
        return (await self._append([{"type": EVENT_OF.get(name, "field"), **again, **seen}]))[0]

    def candidates(self, name: str) -> dict[str, Scalar]:
        """The values of `name` among which one may pick, by the events that said them."""
        state = self._known()
        if name == STATUS:
            return {state.status_event: state.status, **{one.event: one.value for one in state.status_others}}
        registers = {**state.fields, PRIORITY: state.priority, SUBJECT: state.subject, ISSUE_TYPE: state.issue_type}
        register = registers.get(name)
        if register is None:
            return {}
        return {register.event: register.value, **{one.event: one.value for one in register.others}}

    # --- what belongs to it

    async def note(self, text: str) -> str:
        """Write something for the staff alone."""
        return await self._write("note", text=text)

    async def link(
        self,
        *,
        conversation: str | None = None,
        message: str | None = None,
        blob: Mapping[str, Any] | None = None,
        ticket: str | None = None,
        relation: str | None = None,
    ) -> str:
        """Join a message (with its conversation), a conversation, a file or another ticket to it."""
        own = {"conversation": conversation, "message": message, "blob": blob, "ticket": ticket, "relation": relation}
        return await self._write("link", **own)

    async def unlink(self, link: str) -> str:
        """Take a link away again."""
        return await self._write("unlink", link=link)

    async def checklist(self, *texts: str) -> list[str]:
        """Add things to be done, in one write; returns the items' ids."""
        return await self._append([{"type": "checklist_item", "text": text} for text in texts])

    async def mark(self, item: str, *, done: bool = True) -> str:
        """An item is done, or is not after all."""
        return await self._write("checklist_mark", item=item, done=done)

    async def merge(self, into: str) -> str:
        """Go on in another ticket."""
        return await self._write("merge", into=into)

    async def unmerge(self, merge: str) -> str:
        """Take a merge back."""
        return await self._write("unmerge", merge=merge)

    async def redact(self, event: str, *, reason: str | None = None) -> str:
        """Have the content of an event erased everywhere, for good; by a supervisor or an admin."""
        return await self._write("redaction", event=event, reason=reason)

    # --- presence

    async def viewing(self, on: bool) -> None:  # noqa: FBT001 - `viewing(True)` is what it says
        """Show the others that somebody is looking at it, or no longer."""
        self._attendance.show(self._own_name, viewing=True if on else None)

    async def typing(self, what: str | None) -> None:
        """Show the others what somebody is writing (`note`, `resolution`, a field's name); None: nothing any more."""
        self._attendance.show(self._own_name, typing=what)

    def attendants(self) -> list[Attendant]:
        """Who shows something of themselves here."""
        return self._attendance.others(self._own_name)

    @property
    def _own_name(self) -> str:
        return self.public_name if self.is_public else self.name

    # --- writing

    async def begin(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write the events that open it, with ids and heads of their own (`opening_events`), in one write."""
        await self._replica.follow(self.name)
        async with self._turn:
            await self._replica.write(self.name, EVENTS, [{**event, **self._auto()} for event in events])

    async def _write(self, type_: str, **fields: Any) -> str:
        given = {key: value for key, value in fields.items() if value is not None}
        return (await self._append([{"type": type_, **given}]))[0]

    async def _append(self, events: Sequence[Mapping[str, Any]]) -> list[str]:
        """Write events, each knowing the one before it, in one transaction; returns their ids."""
        async with self._turn:
            heads = list(self._known().heads)
            whole = []
            for event in events:
                whole.append({**event, "id": new_record_id(), "after": heads, **self._auto()})
                heads = [whole[-1]["id"]]
            written = await self._replica.write(self.name, EVENTS, whole)
        return [str(one["id"]) for one in written]

    def _auto(self) -> dict[str, bool]:
        return {"auto": True} if self._replica.role == Role.BOT else {}

    def _known(self) -> TicketState:
        state = self.state
        if state is None:
            why = self.refusal or "connect this device once while it follows the ticket"
            raise EditNotAllowed(f"ticket {self.id} is not on this device: {why}")
        return state

    async def _newest_message(self) -> dict[str, Any]:
        """The newest message of the ticket's conversation that this device has and the server as well (of others it
        could not say where they stand): as `seen` and `seen_at`, empty if there is none.
        """
        names = map(parse_name, self._replica.documents)
        conversation = self._known().conversation
        segments = sorted(
            (one for one in names if one.kind is DocumentKind.SEGMENT and one.conversation == conversation),
            key=lambda one: one.segment,
        )
        messages: list[tuple[int, str]] = []
        for segment in segments[-LATEST_SEGMENTS:]:
            document = await self._replica.alone(self._replica.load(segment.path))
            assert isinstance(document.content, RecordContent), "a segment holds records"
            values = document.content.values(MESSAGES)
            messages += [(one["at"], one["id"]) for one in values if one.get("type") in MESSAGE_TYPES]
        at, message = max(messages, default=(0, ""))
        return {"seen": message, "seen_at": at} if message else {}
