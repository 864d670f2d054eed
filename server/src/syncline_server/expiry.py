"""When the token of a connection ends (P9): one timer for either kind of session.

Beside the data's way. The server's clock decides and not the timer: one that rings early, since the clock was set back
meanwhile, is set again.
"""

import asyncio
from collections.abc import Callable


class Expiry:
    """Rings once the server's clock, `now_ms` (Unix time), is at the moment last given to `at`, while that is set.

    Whom it calls is known to its timer alone: a session that is gone is held by nothing, and free at once.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def at(self, expires_ms: int, expired: Callable[[], None]) -> None:
        """The token ends then: `expired` is called. An earlier word is void."""
        self.cancel()
        seconds = max(0, expires_ms - self._now_ms()) / 1000
        self._timer = self._loop.call_later(seconds, self._ring, expires_ms, expired)

    def cancel(self) -> None:
        """The connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self, expires_ms: int, expired: Callable[[], None]) -> None:
        if expires_ms > self._now_ms():
            self.at(expires_ms, expired)
        else:
            self._timer = None
            expired()
