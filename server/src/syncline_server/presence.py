"""Who is there and what they are doing in a document: typing, viewing, a cursor. Never stored, never in the log.

Identity is the session's, set here; a state that is not renewed is withdrawn after its time to live.
"""

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from syncline_protocol import codec, frames, limits
from syncline_protocol.documents.identity import Identity
from syncline_protocol.errors import CloseCode, ProtocolViolation

if TYPE_CHECKING:
    from syncline_server.document import Document

State = dict[str, Any]


class Attendant(Protocol):
    """A session, as presence sees it."""

    id: str
    identity: Identity

    @property
    def awareness_client(self) -> int:
        """The client id under which stock Yjs clients see this session."""

    def show_presence(self, document: "Document", of: "Attendant", state: State | None) -> None:
        """Pass on another session's state; None: withdrawn."""


class PresenceBoard:
    """The states of all sessions in all documents."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._states: dict[int, dict[Attendant, tuple[State, asyncio.TimerHandle]]] = {}

    def set(self, document: "Document", of: Attendant, state: State | None) -> None:
        """Show `state` to the others in the document. Raises `ProtocolViolation` when it is too large or no JSON."""
        if state is None:
            self.withdraw(document, of)
            return
        if not _is_json(state, limits.NESTING_DEPTH_MAX):
            raise ProtocolViolation(
                CloseCode.MALFORMED_FRAME,
                f"a presence state holds JSON values only, nested at most {limits.NESTING_DEPTH_MAX} deep",
            )
        if len(codec.encode(frames.SetPresence(0, state))) > limits.PRESENCE_BYTES_MAX:
            raise ProtocolViolation(CloseCode.TOO_LARGE, f"a presence state is over {limits.PRESENCE_BYTES_MAX} bytes")
        states = self._states.setdefault(document.number, {})
        if of in states:
            states[of][1].cancel()
        timer = asyncio.get_running_loop().call_later(self._ttl_s, self.withdraw, document, of)
        states[of] = (state, timer)
        self._tell(document, of, state)

    def withdraw(self, document: "Document", of: Attendant) -> None:
        """Take a session's state back, if it has one."""
        states = self._states.get(document.number, {})
        if of not in states:
            return
        states.pop(of)[1].cancel()
        if not states:
            del self._states[document.number]
        self._tell(document, of, None)

    def show(self, to: Attendant, documents: Sequence["Document"]) -> None:
        """Show a newcomer who is there."""
        for document in documents:
            for of, (state, _) in self._states.get(document.number, {}).items():
                if of is not to:
                    to.show_presence(document, of, state)

    def _tell(self, document: "Document", of: Attendant, state: State | None) -> None:
        for attendant in list(document.subscriptions):
            if attendant is not of:
                attendant.show_presence(document, of, state)


def _is_json(value: object, levels: int) -> bool:
    """Whether stock Yjs clients, whose states are JSON, can be told `value`; MessagePack can say more."""
    if isinstance(value, dict):
        return levels > 0 and all(isinstance(key, str) and _is_json(one, levels - 1) for key, one in value.items())
    if isinstance(value, list):
        return levels > 0 and all(_is_json(one, levels - 1) for one in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)
