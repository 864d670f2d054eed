"""Which waiting edit of one document goes out next on one connection, at which clock, and what an answer means.

On the device's way: `outbox → SENDER → session → transport`. The server takes a client's structs only at consecutive
clocks, so after one refusal everything behind it in flight is refused as well (`gap`). The sender then waits until all
answers are in and starts over behind the last acknowledged edit: it *rewinds*.

Invariants:

1. Edits go out in the order of writing, each at most once between two rewinds.
2. The edits in flight under one client id have consecutive clocks.
3. After a refusal nothing goes out before everything in flight is answered.
4. After a rewind the first edit goes out at the clock of the first refusal, or where the server's vector says; behind
   that only if more of this client's was found in the log since.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from syncline_client.store import Row

WaitingAfter = Callable[[int], Iterator[Row]]
"""Gives a document's waiting edits written after an id, in the order of writing."""


class InFlight(NamedTuple):
    """An update that was sent and not answered: which edit it carries, under which client id and clock, and its
    bytes.
    """

    row: int
    client: int
    clock: int
    payload: bytes


class Sender:
    """See the module's text. `client` is the lease and `clock` the next clock to write at."""

    def __init__(self, client: int, clock: int) -> None:
        self.client = client
        self.clock = clock
        self._in_flight: dict[int, InFlight] = {}
        self._sent_up_to = 0
        self._moved_to = clock
        self._rewind_to: int | None = None
        self._clock_after_rewind: int | None = None

    @property
    def in_flight(self) -> int:
        """How many updates wait for their answers."""
        return len(self._in_flight)

    @property
    def is_rewinding(self) -> bool:
        """Whether it waits for the last answers before it starts over."""
        return self._rewind_to is not None

    def next(self, waiting: WaitingAfter) -> Row | None:
        """The edit to send now, if any."""
        if self._rewind_to is not None:
            return None
        return next(waiting(self._sent_up_to), None)

    def sent(self, id: int, row: Row, payload: bytes) -> None:  # noqa: A002 - the wire's word
        """The update `id` carries `row` at `clock`."""
        assert self._rewind_to is None, "nothing goes out before everything in flight is answered"
        assert row.id > self._sent_up_to, "edits go out in the order of writing"
        self._in_flight[id] = InFlight(row.id, self.client, self.clock, payload)
        self._sent_up_to = row.id
        self.clock += 1

    def acknowledged(self, id: int) -> InFlight | None:  # noqa: A002 - the wire's word
        """The update is durable. None if this connection sent no such update or it was answered already."""
        answered = self._in_flight.pop(id, None)
        if answered is not None:
            self._settle()
        return answered

    def refused(self, id: int, *, server_clock: int | None) -> InFlight | None:  # noqa: A002 - the wire's word
        """The update was not taken; `server_clock` is the next clock of this client by the server's vector, if it was
        told.
        """
        answered = self._in_flight.pop(id, None)
        if answered is None:
            return None
        if self._rewind_to is None:
            self._rewind_to = answered.row - 1
        if answered.client == self.client:
            known = self._clock_after_rewind
            told = answered.clock if server_clock is None else server_clock
            self._clock_after_rewind = told if known is None or server_clock is not None else min(known, told)
        self._settle()
        return answered

    def renumber(self, client: int, clock: int) -> None:
        """From now on write under `client` from `clock` on. What is in flight keeps its numbers."""
        self.client = client
        self.clock = self._moved_to = clock
        self._clock_after_rewind = None

    def move_on(self, clock: int) -> None:
        """The log is known to hold everything below `clock` of this client. Told again, it is older than what a refusal
        has said since.
        """
        if clock > self._moved_to:
            self._moved_to = clock
            self.clock = max(self.clock, clock)

    def start_over(self) -> None:
        """Send everything that waits again once all answers are in."""
        self._rewind_to = 0
        self._settle()

    def _settle(self) -> None:
        if self._rewind_to is None or self._in_flight:
            return
        self._sent_up_to = self._rewind_to
        self._rewind_to = None
        if self._clock_after_rewind is not None:
            self.clock = self._clock_after_rewind
        self._clock_after_rewind = None
