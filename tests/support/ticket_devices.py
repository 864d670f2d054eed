"""Devices that write events of one ticket apart from each other, and a server that answers them in the order they come.

Nothing of the device or the server runs here: no more than who knew what, hybrid clocks, and answers so simple that one
sees them to be right.
"""

from collections.abc import Iterable
from typing import Any, Final

from support.records import NOW_MS, record_id
from syncline_protocol.clock import HybridClock
from syncline_protocol.documents.identity import SERVER_USER
from syncline_protocol.documents.ticket import Ticket, reduce_ticket

Value = dict[str, Any]

IDS_PER_DEVICE: Final = 10_000


class Device:
    """Knows what it wrote and what it was shown. `ahead_ms`: how far its wall clock is ahead of the server's."""

    def __init__(self, user: str, number: int, *, ahead_ms: int = 0, is_program: bool = False) -> None:
        self.user = user
        self.events: dict[str, Value] = {}
        self._number = number
        self._ahead_ms = ahead_ms
        self._is_program = is_program
        self._clock = HybridClock()

    @property
    def ticket(self) -> Ticket:
        """The ticket as this device shows it."""
        ticket = reduce_ticket(self.events.values())
        assert ticket is not None
        return ticket

    def write(self, kind: str, *, now_ms: int = NOW_MS, **fields: Any) -> str:
        """Write an event that knows all that the device knows; returns its id."""
        self._clock = self._clock.tick(now_ms + self._ahead_ms)
        event = {
            "id": record_id(self._number * IDS_PER_DEVICE + len(self.events)),
            "by": self.user,
            "device": f"{self.user}-{self._number}",
            "at": self._clock.at,
            "type": kind,
            "after": list(self.ticket.heads) if self.events else [],
            **({"auto": True} if self._is_program else {}),
            **fields,
        }
        self.events[event["id"]] = event
        return str(event["id"])

    def meet(self, other: "Device") -> None:
        """Both know what either knew."""
        self.take(other.events.values())
        other.take(self.events.values())

    def take(self, events: Iterable[Value]) -> None:
        """Be shown these events."""
        for event in events:
            self.events[event["id"]] = event
            self._clock = self._clock.observe(event["at"])


class Server(Device):
    """Answers what a device brings. The customer's messages are known by their ids, in order."""

    def __init__(self) -> None:
        super().__init__(SERVER_USER, 9)
        self.messages: list[str] = []

    def meet(self, other: Device) -> None:
        """Take what the device brings, answer it, and show it what there is."""
        brought = [event for id_, event in other.events.items() if id_ not in self.events]
        self.take(brought)
        for event in brought:
            self._answer(event)
        other.take(self.events.values())

    def hear(self, message: str) -> None:
        """The customer's message has come."""
        self.messages.append(message)
        for event in list(self.events.values()):
            self._reopen(event)

    def _answer(self, event: Value) -> None:
        if event["type"] == "transfer":
            given: Value = {name: event[name] for name in ("group", "user") if name in event}
            self.write("assignment", cause=event["id"], **given)
        elif event["type"] == "claim":
            ticket = self.ticket
            if ticket.assignee is None and not self._crossed_a_transfer(event):
                self.write("assignment", cause=event["id"], user=event["by"])
            else:
                holder: Value = {"holder": ticket.assignee} if ticket.assignee else {}
                self.write("claim_lost", cause=event["id"], **holder)
        self._reopen(event)

    def _crossed_a_transfer(self, claim: Value) -> bool:
        """Whether a person gave the ticket away meanwhile. Of those here a claimer knows a transfer only by naming its
        answer: there are no longer chains.
        """
        answers = {one["cause"]: one["id"] for one in self.events.values() if one["type"] == "assignment"}
        transfers = [one["id"] for one in self.events.values() if one["type"] == "transfer" and "auto" not in one]
        return any(answers.get(one) not in claim["after"] for one in transfers)

    def _reopen(self, event: Value) -> None:
        """Take up again what was ended by somebody who had not seen the customer's last message."""
        if event["type"] == "status" and event["status"] == "resolved" and self.messages:
            answered = {one["ended"] for one in self.events.values() if one["type"] == "reopened"}
            if event["id"] not in answered and event.get("seen") != self.messages[-1]:
                self.write("reopened", ended=event["id"], message=self.messages[-1], unseen=True)
