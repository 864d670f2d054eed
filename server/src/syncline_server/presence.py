"""Who is there and what they are doing in a document: typing, viewing, a cursor. Never stored, never in the log.

Identity is the session's, set here; a state that is not renewed is withdrawn after its time to live.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from syncline_protocol import codec, frames, limits
from syncline_protocol.documents.rules import Identity
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
        """Show `state` to the others in the document. Raises `ProtocolViolation` when it is too large."""
        if state is None:
            self.withdraw(document, of)
            return
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
