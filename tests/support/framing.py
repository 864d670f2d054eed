"""WebSocket messages in bytes that were written ready framed, as an independent library reads them."""

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State


def messages_in(wire: bytes) -> list[bytes]:
    """The binary messages in `wire`, which holds whole ones and nothing else."""
    client = Protocol(Side.CLIENT, state=State.OPEN, max_size=None)
    client.receive_data(wire)
    assert client.parser_exc is None
    events = client.events_received()
    frames = [event for event in events if isinstance(event, Frame) and event.opcode is Opcode.BINARY and event.fin]
    assert len(frames) == len(events)
    assert sum(len(frame.data) + header_bytes(len(frame.data)) for frame in frames) == len(wire)
    return [bytes(frame.data) for frame in frames]


def header_bytes(size: int) -> int:
    """How long the header of an unmasked message is (RFC 6455, section 5.2)."""
    return 2 if size < 126 else 4 if size < 65_536 else 10
