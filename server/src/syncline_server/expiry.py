"""When the token of a connection ends (P9): one timer for either kind of session.

Beside the data's way. The server's clock decides and not the timer: one that rings early, since the clock was set back
meanwhile, is set again.
"""

import asyncio
from collections.abc import Callable


class Expiry:
    """Calls `expired` once `now_ms` (Unix time) is at the moment last given to `at`, and only while it is set."""

    def __init__(self, now_ms: Callable[[], int], expired: Callable[[], None]) -> None:
        self._now_ms = now_ms
        self._expired = expired
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def at(self, expires_ms: int) -> None:
        """The token ends then; an earlier word is void."""
        self.cancel()
        seconds = max(0, expires_ms - self._now_ms()) / 1000
        self._timer = self._loop.call_later(seconds, self._ring, expires_ms)

    def cancel(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self, expires_ms: int) -> None:
        if expires_ms > self._now_ms():
            self.at(expires_ms)
        else:
            self._expired()
