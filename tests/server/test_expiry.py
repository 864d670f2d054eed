"""A connection's token ends by the server's clock, once, and not after it was renewed or the connection left."""

import asyncio

from syncline_server.expiry import Expiry

START_MS = 1_790_000_000_000


class Clock:
    """Unix time that is set by hand."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        """What it shows."""
        return self.ms


async def rang(expired: asyncio.Event, *, within_s: float = 2.0) -> bool:
    """Whether it rings within a time."""
    try:
        async with asyncio.timeout(within_s):
            await expired.wait()
    except TimeoutError:
        return False
    return True


async def test_it_rings_when_the_token_has_ended() -> None:
    clock, expired = Clock(), asyncio.Event()
    Expiry(clock.now_ms).at(START_MS - 1, expired.set)
    assert not expired.is_set(), "not in the middle of the call"
    assert await rang(expired)


async def test_a_clock_that_was_set_back_decides() -> None:
    clock, expired = Clock(), asyncio.Event()
    Expiry(clock.now_ms).at(START_MS + 20, expired.set)
    clock.ms -= 50  # the timer rings after 20 ms, 70 before the end
    assert not await rang(expired, within_s=0.06)
    clock.ms += 100
    assert await rang(expired)


async def test_a_renewed_token_counts_alone() -> None:
    clock, expired = Clock(), asyncio.Event()
    expiry = Expiry(clock.now_ms)
    expiry.at(START_MS, expired.set)
    expiry.at(START_MS + 60_000, expired.set)
    assert not await rang(expired, within_s=0.05)
    expiry.at(START_MS, expired.set)
    assert await rang(expired)


async def test_it_does_not_ring_for_a_connection_that_is_gone() -> None:
    clock, expired = Clock(), asyncio.Event()
    expiry = Expiry(clock.now_ms)
    expiry.cancel()
    expiry.at(START_MS, expired.set)
    expiry.cancel()
    assert not await rang(expired, within_s=0.05)
