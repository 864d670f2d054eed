"""One WebSocket of the load generator: picows, whose frames are parsed in C.

Records are counted by content as messages come in, without decoding them: some servers merge updates, so messages
say nothing. While a device joins, messages are also queued and awaited one by one; once the load runs, `take` is
replaced by what the scenario wants to know of each, called on the socket's own call, without a task or a queue between.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.load.records import MARKER

ANSWER_SECONDS_MAX: Final = 30.0
"""How long a server may take to answer while a device joins."""

FRAME_BYTES_MAX: Final = 256 * 1024 * 1024
"""Larger than any catch-up here; a limit only because picows wants one."""

SMALL_PAYLOAD_MAX: Final = 125
MEDIUM_PAYLOAD_MAX: Final = 65_535


class ConnectionLost(Exception):
    """The server closed a connection, or sent what no server should."""


class Socket(WSListener):
    """A client's side of one connection.

    `records` counts how often `marker` came, `bytes_received` WebSocket frames with their headers.
    """

    def __init__(self) -> None:
        self.marker = MARKER
        self.records = 0
        self.bytes_received = 0
        self.take: Callable[[bytes], None] = self._queue
        self.records_expected = 0
        self._complete: asyncio.Future[None] | None = None
        self._transport: WSTransport | None = None
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost.add_done_callback(_retrieve)

    # --- used by devices

    def send(self, message: bytes) -> None:
        """Send one binary message, at once."""
        if self._transport is None:
            raise ConnectionLost("the connection is not open")
        self._transport.send(WSMsgType.BINARY, message)

    async def receive(self) -> bytes:
        """The next message of those that came while `take` was not replaced. Raises `ConnectionLost`."""
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        getting = asyncio.ensure_future(self._inbox.get())
        try:
            waiting: set[asyncio.Future[Any]] = {getting, self.lost}
            await asyncio.wait(waiting, timeout=ANSWER_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            if self.lost.done():
                self.lost.result()
            raise ConnectionLost(f"no answer within {ANSWER_SECONDS_MAX:.0f} s")
        finally:
            getting.cancel()

    def expect(self, records: int) -> asyncio.Future[None]:
        """Done when so many records have come in all; fails with `ConnectionLost`."""
        self.records_expected = records
        self._complete = asyncio.get_running_loop().create_future()
        self._complete.add_done_callback(_retrieve)
        self._check_complete()
        if self.lost.done():
            self._fail_waiting()
        return self._complete

    def fail(self, reason: str) -> None:
        """Whoever waits for records is told that they will not come."""
        self._lose(reason)

    def pause(self) -> None:
        """Read nothing more for now: what the server sends stays in the operating system, then in the server."""
        if self._transport is not None:
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None:
            self._transport.underlying_transport.resume_reading()

    async def close(self) -> None:
        """Close the connection and wait until it is gone."""
        if self._transport is not None:
            self._transport.disconnect()
            await self._transport.wait_disconnected()

    # --- called by picows

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The WebSocket stands."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame; binary ones are messages."""
        if frame.msg_type is WSMsgType.BINARY and frame.fin:
            payload = frame.get_payload_as_bytes()
            self.bytes_received += len(payload) + header_bytes(len(payload))
            self.records += payload.count(self.marker)
            self.take(payload)
            if self._complete is not None:
                self._check_complete()
        elif frame.msg_type is WSMsgType.CLOSE:
            self._lose(f"the server closed with {frame.get_close_code()}: {frame.get_close_reason() or 'no reason'}")
            transport.disconnect()
        elif frame.msg_type not in (WSMsgType.PING, WSMsgType.PONG):
            self._lose(f"the server sent a frame of type {frame.msg_type}, fin {frame.fin}")
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows calls it so
        """The connection is gone."""
        self._lose("the connection was lost")

    def _lose(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_exception(ConnectionLost(reason))
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        if self._complete is not None and not self._complete.done():
            self._complete.set_exception(self.lost.exception() or ConnectionLost("the connection was lost"))

    def _check_complete(self) -> None:
        if self.records >= self.records_expected and self._complete is not None and not self._complete.done():
            self._complete.set_result(None)

    def _queue(self, payload: bytes) -> None:
        self._inbox.put_nowait(payload)


async def connect(url: str) -> Socket:
    """Open a WebSocket. Raises `ConnectionLost` when the server cannot be reached."""
    try:
        _, socket = await ws_connect(Socket, url, max_frame_size=FRAME_BYTES_MAX, websocket_handshake_timeout=30)
    except OSError as error:
        raise ConnectionLost(f"cannot connect to {url}: {error}") from error
    assert isinstance(socket, Socket)
    return socket


def header_bytes(payload_bytes: int) -> int:
    """Size of the header of an unmasked WebSocket frame (RFC 6455, section 5.2)."""
    if payload_bytes <= SMALL_PAYLOAD_MAX:
        return 2
    return 4 if payload_bytes <= MEDIUM_PAYLOAD_MAX else 10


def ignore(_: bytes) -> None:
    """For `take`: nothing is wanted but the count."""


def _retrieve(lost: asyncio.Future[None]) -> None:
    """Look at the exception, so that a loss nobody waits for is not reported as never retrieved."""
    if not lost.cancelled():
        lost.exception()
