"""How much a device may have on its way at once, and how fast it may write.

Between socket and session. A device over a bound is first not read from for a while, which costs it nothing but time;
only beyond that is it refused, or its connection ended. Bounds: updates in flight by number and by bytes, and the
rates.
"""

import asyncio
from typing import Final

from syncline_protocol import limits
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate

from syncline_server.rates import Rates
from syncline_server.socket import Hold, Socket

IN_FLIGHT_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes of a device's updates that wait for the store: above it, nothing more is read from the device."""

HOLD_S_MAX: Final = 2.0
"""A device over its rate is not read from for at most this long; beyond that its updates are refused."""


class Intake:
    """One connection's updates between the socket and their answers."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._bytes = 0.0
        self._held = False
        self.count = 0

    def enter(self, size: int) -> None:
        """An update of so many bytes has come. Raises `ProtocolViolation` (4529) beyond `UPDATES_IN_FLIGHT_MAX`."""
        self.count += 1
        self._bytes += size
        if self.count > limits.UPDATES_IN_FLIGHT_MAX:
            raise ProtocolViolation(CloseCode.TOO_MANY, f"over {limits.UPDATES_IN_FLIGHT_MAX} updates in flight")
        if self._bytes > IN_FLIGHT_BYTES_MAX:
            self._held = True
            self._socket.hold(Hold.IN_FLIGHT)

    def leave(self) -> None:
        """An update is answered. Its size is taken to be the average of those in flight: exact when none is left."""
        self._bytes -= self._bytes / self.count
        self.count -= 1
        if self._held and self._bytes <= IN_FLIGHT_BYTES_MAX / 2:
            self._held = False
            self._socket.release(Hold.IN_FLIGHT)

    def hold(self, identity: Identity, rates: Rates) -> None:
        """Count an update against its device's and its tenant's rate. Raises `RefusedUpdate` (rate_limited)."""
        seconds = rates.take(identity, self._loop.time())
        if seconds > HOLD_S_MAX:
            detail = {"retry_after_ms": int(seconds * 1000)}
            raise RefusedUpdate(RefusalCode.RATE_LIMITED, "too many updates", detail=detail)
        if seconds > 0:
            self._socket.hold(Hold.RATE)
            self._loop.call_later(seconds, self._socket.release, Hold.RATE)
