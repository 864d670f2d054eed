"""How long to wait before the next attempt to connect.

Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015): thousands of devices that
lost one server at one moment come back spread over the whole wait.
"""

from random import Random
from typing import Final

FIRST_WAIT_S: Final = 0.5
"""The longest wait after the first failure."""

WAIT_S_MAX: Final = 30.0
"""The longest wait at all: somebody may be looking at the screen."""

DOUBLINGS_MAX: Final = 10
"""More would only overflow."""


class Backoff:
    """Counts failures in a row."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0

    def succeeded(self) -> None:
        """The next failure is the first again."""
        self._failures = 0

    def wait_s(self, *, retry_after_ms: int = 0) -> float:
        """How long to wait after one more failure: at least what the server asked for."""
        longest = min(WAIT_S_MAX, FIRST_WAIT_S * 2 ** min(self._failures, DOUBLINGS_MAX))
        self._failures += 1
        return retry_after_ms / 1000 + self._random.uniform(0.0, longest)
