"""Frames to bytes and back: the only module that knows how a frame looks on the wire.

Stands between the socket and the session: `socket → CODEC → session`. A frame is one MessagePack array; one that is
too large for a WebSocket message is cut into `Fragment`s and put together again by an `Assembler`.

Decoding never yields half a frame: it returns a whole, typed one, or raises `ProtocolViolation`.
"""

from typing import Final

import msgspec

from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.frames import DeviceFrame, Fragment, Frame, ServerFrame
from syncline_protocol.limits import FRAGMENT_BYTES_MAX, FRAME_BYTES_MAX

_encoder: Final = msgspec.msgpack.Encoder()
_device_decoder: Final[msgspec.msgpack.Decoder[DeviceFrame]] = msgspec.msgpack.Decoder(DeviceFrame)
_server_decoder: Final[msgspec.msgpack.Decoder[ServerFrame]] = msgspec.msgpack.Decoder(ServerFrame)

encode = _encoder.encode
"""Encode a frame: `encode(frame) -> bytes`."""


def decode_device_frame(data: bytes) -> DeviceFrame:
    """Decode what a device sent. Raises `ProtocolViolation` (4400) when it is no frame."""
    try:
        return _device_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, f"not a frame of a device: {error}") from error


def decode_server_frame(data: bytes) -> ServerFrame:
    """Decode what the server sent. Raises `ProtocolViolation` (4400) when it is no frame."""
    try:
        return _server_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation(CloseCode.MALFORMED_FRAME, f"not a frame of a server: {error}") from error


def messages(frame: Frame) -> list[bytes]:
    """The WebSocket messages that carry `frame`: one, or several `Fragment`s when it is over `FRAME_BYTES_MAX`."""
    encoded = encode(frame)
    if len(encoded) <= FRAME_BYTES_MAX:
        return [encoded]
    return [
        encode(Fragment(start + FRAGMENT_BYTES_MAX < len(encoded), encoded[start : start + FRAGMENT_BYTES_MAX]))
        for start in range(0, len(encoded), FRAGMENT_BYTES_MAX)
    ]


class Assembler:
    """Puts fragments of one direction of one connection together again, up to `bytes_max`.

    Whole frames may come between the fragments of another; fragments of two frames never interleave.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, fragment: Fragment) -> bytes | None:
        """The encoded frame when `fragment` was its last part, else None. Raises `ProtocolViolation` (4413) beyond the
        bound.
        """
        self._size += len(fragment.payload)
        if self._size > self._bytes_max:
            raise ProtocolViolation(CloseCode.TOO_LARGE, f"a frame in fragments is over {self._bytes_max} bytes")
        if not fragment.payload:
            raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "a fragment is empty")
        self._parts.append(fragment.payload)
        if fragment.more:
            return None
        whole = b"".join(self._parts)
        self._parts = []
        self._size = 0
        return whole
