"""What this device shows of itself in one document, entry by entry: typing, viewing, seen. And what others show there.

Beside the handles: `handle → ATTENDANCE → presence → session`. A presence state is replaced as a whole; the handles'
verbs each know one entry of it.
"""

import time
from typing import Any

from syncline_client.connection import Connection
from syncline_client.presence import Attendant, PresenceBoard


class Attendance:
    """See the module's text. It is in one document at a time: showing something in another one withdraws it."""

    def __init__(self, board: PresenceBoard, connection: Connection) -> None:
        self._board = board
        self._connection = connection
        self._name = ""
        self._shown: dict[str, Any] = {}

    def show(self, name: str, **entries: Any) -> None:
        """Show these entries besides the others; None takes one back."""
        shown = {key: value for key, value in {**self._shown, **entries}.items() if value is not None}
        if (name, shown) == (self._name, self._shown):
            return
        if self._name not in ("", name):
            self._set(self._name, {})
        self._name, self._shown = name, shown
        self._set(name, shown)

    def others(self, name: str) -> list[Attendant]:
        """Who shows something in the document, by user and session."""
        return self._board.others(name, time.monotonic())

    def _set(self, name: str, shown: dict[str, Any]) -> None:
        self._board.set(name, shown or None)
        self._connection.touch(name)
