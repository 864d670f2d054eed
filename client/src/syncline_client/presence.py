"""Who is there and what they are doing: typing, viewing, a cursor. Never stored; gone when not renewed.

Beside the session. Both directions are here: what this device shows of itself, and what others show.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from syncline_protocol.frames import Presence as PresenceFrame
from syncline_protocol.limits import PRESENCE_TTL_MS

RENEWAL_S: Final = PRESENCE_TTL_MS / 1000 / 2
"""An own state is shown again after half its time to live: one lost renewal does no harm."""

State = Mapping[str, Any]


class Attendant(NamedTuple):
    """Another session in a document. `user` and `device` are the server's word."""

    session: str
    user: str
    device: str
    state: State


class _Seen(NamedTuple):
    attendant: Attendant
    until_s: float


class PresenceBoard:
    """The states in all documents. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._own: dict[str, State] = {}
        self._shown_at_s: dict[str, float] = {}
        self._withdraw: set[str] = set()
        self._others: dict[str, dict[str, _Seen]] = {}

    # --- what this device shows

    def set(self, document: str, state: State | None) -> None:
        """Show `state` to the others in the document from now on; None withdraws it."""
        self._shown_at_s.pop(document, None)
        if state is not None:
            self._own[document] = state
        elif self._own.pop(document, None) is not None:
            self._withdraw.add(document)

    def due(self, document: str, now_s: float) -> tuple[State | None] | None:
        """What to tell the server now: a one-tuple of the state (or None to withdraw it); None if nothing is due."""
        if document in self._withdraw:
            self._withdraw.discard(document)
            return (None,)
        state = self._own.get(document)
        shown_at_s = self._shown_at_s.get(document)
        if state is None or (shown_at_s is not None and now_s < shown_at_s + RENEWAL_S):
            return None
        self._shown_at_s[document] = now_s
        return (state,)

    def own_documents(self) -> list[str]:
        """Documents in which this device shows something, or has something to withdraw."""
        return [*self._own, *self._withdraw]

    # --- what others show

    def see(self, document: str, frame: PresenceFrame, now_s: float) -> None:
        """Take what the server tells of another session."""
        seen = self._others.setdefault(document, {})
        if frame.state is None:
            seen.pop(frame.session, None)
        else:
            attendant = Attendant(frame.session, frame.user, frame.device, frame.state)
            seen[frame.session] = _Seen(attendant, now_s + PRESENCE_TTL_MS / 1000)
        if not seen:
            del self._others[document]

    def others(self, document: str, now_s: float) -> list[Attendant]:
        """Who is there now, by user and session."""
        seen = self._others.get(document, {})
        present = (one.attendant for one in seen.values() if one.until_s > now_s)
        return sorted(present, key=lambda one: (one.user, one.session))

    def disconnected(self) -> None:
        """The connection is gone: nobody is known to be there, and everything of one's own is to be shown again."""
        self._others.clear()
        self._shown_at_s.clear()
        self._withdraw.clear()
