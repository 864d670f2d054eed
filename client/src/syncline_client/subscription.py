"""One document on one connection: whether it is open, how far it is, and what was asked about it.

Part of the session, which decides by it. Nothing of it survives the connection.
"""

from enum import Enum
from typing import Final

from syncline_protocol.frames import OpenedDocument

from syncline_client.local_document import LocalDocument
from syncline_client.sender import Sender

STRIKES_MAX: Final = 5
"""Refusals of one edit that each had a next step and led nowhere, before it is refused for good."""

RESYNCS_MAX: Final = 2
"""Times that a document is loaded anew on one connection, before it is left alone until the next."""


NOT_COMPARED: Final = -1
"""No cursor: digests are to be compared whatever was found before."""


class Phase(Enum):
    """Where a document stands on the connection."""

    WANTED = "wanted"
    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    """The server does not let this device have it; asked for again on the next connection, or when it is edited."""


class Subscription:
    """Times are seconds of a monotonic clock. `sender` outlives a closing, because its updates are still answered."""

    def __init__(self, name: str, client: int) -> None:
        self.name = name
        self.phase = Phase.WANTED
        self.reason = ""
        """Why it is closed, or cannot be written."""
        self.channel = 0
        self.head = 0
        self.said_pending = False
        self.open_after_s = 0.0
        self.send_after_s = 0.0
        self.quarantined = False
        self.is_old_copy = False
        """The server has more of this page by this device than the device knows: nothing is sent before that is
        cleared up."""
        self.sender = Sender(client, 0)
        self._struck = 0
        self._strikes = 0
        self.resyncs = 0
        self.digest_asked = False
        self.digest_after_s = 0.0
        self.digest_equal_at = 0
        """The cursor at which digests were last found equal. (Of nothing at all they are.)"""

    def opened(self, answer: OpenedDocument, client: int, clock: int) -> None:
        """The server has opened it; the first edit goes out under `client` at `clock`."""
        self.phase = Phase.OPEN
        self.reason = ""
        self.channel = answer.channel
        self.head = answer.head
        self.digest_asked = False
        self.sender.renumber(client, clock)
        self.sender.start_over()

    def closed(self, reason: str) -> None:
        """It is not to be had."""
        self.phase = Phase.CLOSED
        self.reason = reason

    def ask_again(self, after_s: float) -> None:
        """It is to be opened (again), not before `after_s`."""
        self.phase = Phase.WANTED
        self.open_after_s = after_s

    def strike(self, row: int) -> bool:
        """The edit `row` was refused once more, with a next step; whether that was once too often. Edits go out in
        order, so none is struck again after one behind it was: what another has on its account is gone with it.
        """
        self._struck, self._strikes = row, self._strikes + 1 if row == self._struck else 1
        return self._strikes > STRIKES_MAX

    def is_caught_up(self, document: LocalDocument) -> bool:
        """Whether the device has all that there was when it was opened, and all that came since."""
        return self.phase is Phase.OPEN and document.cursor.position >= self.head

    def may_send(self, document: LocalDocument) -> bool:
        """Whether edits may go out, once it is `send_after_s`."""
        return self.is_caught_up(document) and not self.quarantined and not self.is_old_copy
