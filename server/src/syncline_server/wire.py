"""How updates look to the two kinds of connection: frames of `/v1/sync`, or messages of the y-websocket protocol.

Between `relay` and `socket`. Each wire turns committed updates into framed WebSocket bytes that any number of
connections of its kind can be sent.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from syncline_protocol import codec
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.frames import Snapshot, Updates
from syncline_protocol.limits import CLIENT_ID_MAX

from syncline_server.socket import message

SYNC: Final = 0
SYNC_STEP_1: Final = 0
SYNC_STEP_2: Final = 1
SYNC_UPDATE: Final = 2
AWARENESS: Final = 1
QUERY_AWARENESS: Final = 3
VARINT_BITS: Final = 0x7F
VARINT_MORE: Final = 0x80
VARINT_BYTES_MAX: Final = 8
EMPTY_UPDATE: Final = b"\x00\x00"
"""An update of no structs and no deletes."""


class Wire(Protocol):
    """One kind of connection's encoding."""

    def updates(self, channel: int, seq: int, payloads: Sequence[bytes]) -> bytes:
        """Consecutive updates from `seq` on, as framed WebSocket messages."""

    def snapshot(self, channel: int, seq: int, payload: bytes) -> bytes:
        """A snapshot at `seq`, as framed WebSocket messages."""


class FrameWire:
    """`/v1/sync`."""

    def updates(self, channel: int, seq: int, payloads: Sequence[bytes]) -> bytes:
        """See `Wire.updates`."""
        return b"".join(map(message, codec.messages(Updates(channel, seq, list(payloads)))))

    def snapshot(self, channel: int, seq: int, payload: bytes) -> bytes:
        """See `Wire.snapshot`."""
        return b"".join(map(message, codec.messages(Snapshot(channel, seq, payload))))


class YjsWire:
    """`/yjs/<document>`: one document to a connection, no sequence numbers."""

    def updates(self, channel: int, seq: int, payloads: Sequence[bytes]) -> bytes:  # noqa: ARG002
        """See `Wire.updates`."""
        return b"".join(message(yjs_message(SYNC, SYNC_UPDATE, payload)) for payload in payloads)

    def snapshot(self, channel: int, seq: int, payload: bytes) -> bytes:  # noqa: ARG002
        """See `Wire.snapshot`."""
        return message(yjs_message(SYNC, SYNC_UPDATE, payload))


FRAMES: Final = FrameWire()
YJS: Final = YjsWire()


def yjs_message(*head_and_body: int | bytes) -> bytes:
    """A message of the y-websocket protocol: small numbers, then at most one byte string behind its length."""
    parts = [varint(part) if isinstance(part, int) else varint(len(part)) + part for part in head_and_body]
    return b"".join(parts)


def varint(number: int) -> bytes:
    """lib0's variable-length encoding of a natural number: seven bits a byte, lowest first."""
    out = bytearray()
    while number > VARINT_BITS:
        out.append(VARINT_MORE | (number & VARINT_BITS))
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A natural number up to 2^53 - 1 at `position`, and where it ends. Raises `ProtocolViolation` (4400)."""
    number = 0
    for index in range(VARINT_BYTES_MAX):
        if position + index >= len(data):
            break
        byte = data[position + index]
        number |= (byte & VARINT_BITS) << (7 * index)
        if byte < VARINT_MORE and number <= CLIENT_ID_MAX:
            return number, position + index + 1
    raise ProtocolViolation(CloseCode.MALFORMED_FRAME, "a message breaks off or has a number too large")
