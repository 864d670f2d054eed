"""The hybrid logical clock: what a device writes into `at`, so that a reply never sorts before what it answers.

A stamp is Unix time in milliseconds shifted left by 10 bits plus a counter. It stays below 2^53, exact in every JSON
number, until the year 2248. A clock is a value: each step returns the next one, which the device stores beside the
record it stamped. After Kulkarni et al., "Logical Physical Clocks" (2014), with the counter in the low bits: counting
past 1,023 in one millisecond simply moves on to the next.

What holds, whatever the wall clock does:

1. Each stamp is greater than every stamp given before it, except after `correct` found those ahead of what any server
   takes.
2. Each stamp is greater than every admitted record that was observed before it, without exception.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX

COUNTER_BITS: Final = 10
"""1,024 stamps in one millisecond before they run ahead of the wall clock."""

AT_MAX: Final = 2**53 - 1
"""The greatest stamp: JavaScript's greatest exact integer."""


def at_ms(at: int) -> int:
    """The Unix time of a stamp in milliseconds."""
    return at >> COUNTER_BITS


def at_from_ms(ms: int) -> int:
    """The first stamp of a millisecond."""
    return ms << COUNTER_BITS


@dataclass(frozen=True, slots=True)
class HybridClock:
    """A device's clock. All three numbers are to be stored.

    `at` is the last stamp given or seen, `seen` the last of an admitted record, `offset_ms` what to add to the wall
    clock to have the server's time.
    """

    at: int = field(default=0, kw_only=True)
    seen: int = field(default=0, kw_only=True)
    offset_ms: int = field(default=0, kw_only=True)

    def tick(self, now_ms: int) -> Self:
        """The clock whose `at` is the stamp of a record written when the wall clock shows `now_ms`.

        Raises `OverflowError` beyond `AT_MAX`.
        """
        at = max(at_from_ms(now_ms + self.offset_ms), self.at + 1)
        if at > AT_MAX:
            raise OverflowError(
                f"no stamp beyond {AT_MAX}: the wall clock shows {now_ms} ms, corrected by {self.offset_ms}"
            )
        return replace(self, at=at)

    def observe(self, at: int) -> Self:
        """The clock after an admitted record stamped `at`, one's own included.

        There is no bound to how far it may lie ahead of the wall clock: the server took it, so it is the wall clock
        that is behind.
        """
        return replace(self, at=max(self.at, at), seen=max(self.seen, at))

    def correct(self, server_time_ms: int, now_ms: int) -> Self:
        """The clock after the server said that it is `server_time_ms` when the wall clock showed `now_ms`.

        Own stamps that no server can have admitted (further ahead than `CLOCK_AHEAD_MS_MAX`) no longer hold the clock
        up: the records that bear them are to be written again.
        """
        corrected = replace(self, offset_ms=server_time_ms - now_ms)
        if at_ms(self.at) > server_time_ms + CLOCK_AHEAD_MS_MAX:
            return replace(corrected, at=self.seen)
        return corrected
