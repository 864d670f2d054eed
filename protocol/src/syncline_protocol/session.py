"""When each frame may be sent: the session as a table, for both sides.

A session is one WebSocket connection. It begins when the socket is accepted and ends with it; nothing of it survives,
because cursors, outboxes and leases make the next one start where this one stopped.

    device:  (connected) ── Hello ──▶ GREETING ── Welcome ──▶ READY ── close ──▶ CLOSED
    server:  GREETING ── Hello ──▶ READY ── close ──▶ CLOSED

The server reads nothing but one `Hello` (or the fragments of nothing: it has to fit one message) before it knows who
is there, and queues nothing for somebody unknown. In READY both sides send at will; answers carry the number
of what they answer. A frame that the table does not list for the state is a `ProtocolViolation`.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from syncline_protocol import frames
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.frames import Frame


class State(Enum):
    """Where a session stands, seen from either side."""

    GREETING = "greeting"
    READY = "ready"
    CLOSED = "closed"


Transitions = Mapping[State, Mapping[type[Frame], State]]

FROM_DEVICE: Final[Transitions] = MappingProxyType(
    {
        State.GREETING: {frames.Hello: State.READY},
        State.READY: dict.fromkeys(
            (
                frames.Open,
                frames.Update,
                frames.Close,
                frames.SetPresence,
                frames.Digest,
                frames.Renew,
                frames.RequestLease,
                frames.Fragment,
            ),
            State.READY,
        ),
        State.CLOSED: {},
    }
)
"""What the server may receive, and the state after it."""

FROM_SERVER: Final[Transitions] = MappingProxyType(
    {
        State.GREETING: {frames.Welcome: State.READY, frames.Busy: State.CLOSED},
        State.READY: {
            **dict.fromkeys(
                (
                    frames.Opened,
                    frames.Updates,
                    frames.Snapshot,
                    frames.Acks,
                    frames.Refused,
                    frames.Evicted,
                    frames.Presence,
                    frames.DigestChecked,
                    frames.Renewed,
                    frames.Leased,
                    frames.Fragment,
                ),
                State.READY,
            ),
            frames.Busy: State.CLOSED,
        },
        State.CLOSED: {},
    }
)
"""What a device may receive, and the state after it."""


def next_state(table: Transitions, state: State, frame: Frame) -> State:
    """The state after receiving `frame`. Raises `ProtocolViolation` (4400) if it may not come now."""
    following = table[state].get(type(frame))
    if following is None:
        raise ProtocolViolation(
            CloseCode.MALFORMED_FRAME, f"{type(frame).__name__} may not come in state {state.value}"
        )
    return following
