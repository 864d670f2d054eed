"""The WebSocket under every session: where bytes become messages and messages bytes.

First on the data's way: `SOCKET → codec → session → admission → log → relay → outbox → SOCKET`. A subclass of
uvicorn's sans-I/O WebSocket protocol, which keeps doing the handshake, keep-alive, control frames, fragmented messages
and every error. What it adds once a session has attached itself:

1. A whole, unfragmented binary message goes straight to the session: no queue, no task switch, no event dictionary.
2. Bytes are written as they are given, already framed, so that one relayed message is framed once for all subscribers
   (`message()`); the event loop gathers what is written within one turn.
3. What waits to be written is bounded: above `outbox_bytes` the session is told to stop and to come back by cursor.

Nothing is queued for anybody before a session attached: a message that comes earlier pauses reading (uvicorn's rule).
"""

import asyncio
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from starlette.websockets import WebSocket
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part of websockets: slower, the same result
    from websockets.utils import apply_mask

EXTENSION: Final = "syncline.socket"
"""Key in the ASGI scope's extensions under which the endpoint finds its socket."""

FIN_BINARY: Final = 0x82
MASKED: Final = 0x80
SHORTEST_FRAME: Final = 2
LENGTH_16: Final = 126
LENGTH_64: Final = 127
SIZE_16_END: Final = 65_536
CONTROL: Final = 0x08
CLOSE_TEXT_REFUSED: Final = 1003


class Hold(Enum):
    """Why a peer is not read from for the moment."""

    RATE = "rate"
    """It writes faster than it may."""

    IN_FLIGHT = "in_flight"
    """What it wrote waits for the store."""


class Receiver(Protocol):
    """What attaches itself to a socket: a session."""

    def receive(self, payload: bytes) -> None:
        """One whole binary message. Must not raise: what goes wrong closes the socket by `Socket.close`."""

    def drained(self) -> None:
        """The outbox, full before, has room again."""

    def lost(self) -> None:
        """The connection is gone. Nothing more will come or go."""

    def shut_down(self) -> None:
        """The server is stopping: finish what was begun, then close."""


def message(payload: bytes) -> bytes:
    """`payload` as one unmasked binary WebSocket message (RFC 6455 section 5.2), to be written to any number of
    sockets.
    """
    size = len(payload)
    if size < LENGTH_16:
        return bytes((FIN_BINARY, size)) + payload
    if size < SIZE_16_END:
        return bytes((FIN_BINARY, LENGTH_16)) + size.to_bytes(2, "big") + payload
    return bytes((FIN_BINARY, LENGTH_64)) + size.to_bytes(8, "big") + payload


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket connection. Before `attach` it is uvicorn's; after it, the session's."""

    receiver: Receiver | None = None
    full = False
    """Whether the outbox is over its bound. Writing goes on being possible; relaying stops."""

    _buffer: bytes = b""
    _in_fragments = False
    _holds: frozenset[Hold] = frozenset()

    # --- for the session

    def attach(self, receiver: Receiver, *, outbox_bytes: int) -> None:
        """Hand every further binary message to `receiver`; bound what waits to be written to `outbox_bytes`."""
        self.receiver = receiver
        self.transport.set_write_buffer_limits(high=outbox_bytes, low=outbox_bytes // 4)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def write(self, wire: bytes) -> None:
        """Write bytes that are framed already. Silently nothing when the connection is closing: its device resumes by
        cursor.
        """
        if not self.close_sent and not self.disconnected:
            self.transport.write(wire)

    def send_message(self, payload: bytes) -> None:
        """Frame `payload` as one binary message and write it."""
        self.write(message(payload))

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; the connection ends when the peer answers, or after `close_timeout`."""
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        try:
            self.conn.send_close(code, reason.encode()[:120].decode(errors="ignore"))
        except InvalidState:  # the peer's own close crossed ours
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self._holds = frozenset()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def hold(self, reason: Hold) -> None:
        """Do not read from the peer until this reason, and every other, is gone."""
        self._holds |= {reason}
        if self.transport.is_reading():
            self.transport.pause_reading()

    def release(self, reason: Hold) -> None:
        """This reason not to read is gone."""
        if reason in self._holds:
            self._holds -= {reason}
            if not self._holds and not self.transport.is_closing():
                self.transport.resume_reading()

    @property
    def waiting_bytes(self) -> int:
        """Bytes written and not yet taken by the operating system."""
        return self.transport.get_write_buffer_size()

    # --- from uvicorn

    def handle_connect(self, event: Any) -> None:
        """Let the endpoint find its socket in the scope."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            cast("dict[str, Any]", self.scope["extensions"])[EXTENSION] = self

    def data_received(self, data: bytes) -> None:
        """Take messages out of what the operating system delivered.

        Frames are cut here, and only whole ones passed on, so that the parser of the library always stands at a frame's
        beginning and the common frame (whole, binary, masked) need not pass through it.
        """
        if not self.handshake_initiated or self.conn.parser_exc is not None:
            super().data_received(data)
            return
        if self._buffer:
            data = self._buffer + data
        position = 0
        size = len(data)
        while size - position >= SHORTEST_FRAME and self.conn.parser_exc is None:
            end = self._frame_end(data, position)
            if end > size:
                break
            self._take_frame(data, position, end)
            position = end
        self._buffer = data[position:] if position < size else b""

    def _frame_end(self, data: bytes, start: int) -> int:
        """Where the frame at `start` ends; beyond `data` when it is not all there. A frame over the size limit ends at
        its header.
        """
        length = data[start + 1] & 0x7F
        header = 2 + (4 if data[start + 1] & MASKED else 0)
        if length < LENGTH_16:
            return start + header + length
        extended = 2 if length == LENGTH_16 else 8
        header += extended
        if len(data) < start + 2 + extended:
            return len(data) + 1
        length = int.from_bytes(data[start + 2 : start + 2 + extended], "big")
        if length > self.config.ws_max_size:
            return min(start + header, len(data))
        return start + header + length

    def _take_frame(self, data: bytes, start: int, end: int) -> None:
        receiver = self.receiver
        whole = data[start] == FIN_BINARY and data[start + 1] >= MASKED and not self._in_fragments
        if whole and receiver is not None and not self.close_sent:
            length = data[start + 1] & 0x7F
            mask = start + 2 if length < LENGTH_16 else start + 4 if length == LENGTH_16 else start + 10
            if length != LENGTH_64 or end > mask + 4:  # a 64-bit length without payload is one over the limit
                receiver.receive(apply_mask(data[mask + 4 : end], data[mask : mask + 4]))
                return
        if not data[start] & CONTROL:
            self._in_fragments = not data[start] & MASKED
        super().data_received(data[start:end])

    def send_receive_event_to_app(self) -> None:
        """A message that came in fragments, or as text, or before a session attached."""
        if self.receiver is None:
            super().send_receive_event_to_app()
            return
        payload = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "text":
            self.close(CLOSE_TEXT_REFUSED, "messages are binary")
        else:
            self.receiver.receive(bytes(payload))

    def pause_writing(self) -> None:
        """The outbox is full."""
        super().pause_writing()
        self.full = True

    def resume_writing(self) -> None:
        """The outbox has drained to a quarter."""
        super().resume_writing()
        self.full = False
        if self.receiver is not None:
            self.receiver.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session, once."""
        super().connection_lost(exc)
        self._buffer = b""
        if self.handshake_initiated and self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            cast("dict[str, Any]", self.scope["extensions"]).pop(EXTENSION, None)  # so that nothing keeps us alive
        if self.receiver is not None:
            self.receiver.lost()
            self.receiver = None

    def shutdown(self) -> None:
        """The server stops: a session is asked to finish, anything else is closed as uvicorn does it."""
        if self.receiver is not None:
            self.receiver.shut_down()
        else:
            super().shutdown()


class HttpConnection(HttpToolsProtocol):
    """uvicorn's HTTP connection, which lets go of its parser when it becomes a WebSocket, as it does when it ends.

    The two hold each other, and the parser what the greeting was: 4 KB for each device that was ever there, until
    Python looks for cycles among all that has grown old.
    """

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        super().handle_websocket_upgrade()
        self.parser = cast("Any", None)


async def accept(websocket: WebSocket) -> Socket:
    """Complete the handshake of an endpoint's WebSocket and return its socket.

    Raises `RuntimeError` when the server runs another WebSocket implementation than `Socket`.
    """
    socket = websocket.scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(socket, Socket):
        raise RuntimeError("syncline_server needs uvicorn to run with ws=syncline_server.socket.Socket")
    await websocket.accept()
    return socket


async def closed(websocket: WebSocket) -> None:
    """Wait until the connection of an attached socket is over."""
    while True:
        event = await websocket.receive()
        if event["type"] == "websocket.disconnect":
            return
        await asyncio.sleep(0)
