"""A ticket's log for tests: devices that write apart from each other, and the server that answers what has arrived.

No server and no device runs here: a device knows the events that it wrote or was shown, names their heads, and stamps
as a hybrid clock does. What it wrote arrives when the test says so, in the order the test chooses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from support.records import NOW_MS, record_id
from syncline_protocol.clock import HybridClock
from syncline_protocol.documents.history import History
from syncline_protocol.documents.ticket import Ticket, reduce_ticket
from syncline_server.domain.answers import Rated, Situation, Unseen, answers
from syncline_server.domain.routing import Routed


class TicketLog:
    """What has arrived, in its order, with the server's answers."""

    def __init__(self, routed: Routed) -> None:
        self.routed = routed
        self.events: list[dict[str, Any]] = []
        self.unseen: Unseen | None = None
        self.rated: Sequence[Rated] = ()
        self._written = 0
        self._clock = HybridClock()

    @property
    def ticket(self) -> Ticket:
        """How the ticket stands."""
        ticket = reduce_ticket(self.events)
        assert ticket is not None
        return ticket

    def next_id(self) -> str:
        """A new event's id; ids are in the order in which they were drawn."""
        self._written += 1
        return record_id(self._written)

    def arrive(self, *events: Mapping[str, Any]) -> None:
        """What a device wrote is committed."""
        known = {event["id"] for event in self.events}
        self.events += [dict(event) for event in events if event["id"] not in known]

    def answer(self) -> list[dict[str, Any]]:
        """Let the server answer what has arrived, until nothing is missing; returns its answers."""
        written: list[dict[str, Any]] = []
        while missing := answers(self.situation()):
            self._clock = self._clock.observe(max(event["at"] for event in self.events))
            for answer in missing:
                self._clock = self._clock.tick(NOW_MS)
                written.append({**answer, "by": "server", "device": "server", "at": self._clock.at})
                self.events.append(written[-1])
            assert len(written) < 50, "the answers never end"
        return written

    def situation(self) -> Situation:
        """What the answers depend on."""
        return Situation(
            ticket=self.ticket,
            events=self.events,
            next_number=7,
            route=lambda *_: self.routed,
            unseen=self.unseen,
            rated=self.rated,
        )


class Writer:
    """A device that writes events of the ticket."""

    def __init__(self, log: TicketLog, user: str, *, ahead_ms: int = 0) -> None:
        self._log = log
        self._user = user
        self._clock = HybridClock(offset_ms=ahead_ms)
        self._known: list[dict[str, Any]] = []

    def sync(self) -> None:
        """Learn of everything that has arrived."""
        known = {event["id"] for event in self._known}
        for event in self._log.events:
            if event["id"] not in known:
                self._known.append(event)
                self._clock = self._clock.observe(event["at"])

    def write(self, type_: str, **fields: Any) -> dict[str, Any]:
        """An event that knows what this device knows. It has not arrived yet."""
        self._clock = self._clock.tick(NOW_MS)
        heads = History(self._known).head_ids()
        event = {"id": self._log.next_id(), "by": self._user, "device": f"{self._user}-phone", "at": self._clock.at}
        self._known.append({**event, "type": type_, "after": list(heads), **fields})
        return self._known[-1]
