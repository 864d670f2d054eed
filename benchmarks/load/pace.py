"""How fast the load goes: steadily by the clock, or as fast as the slowest reader takes it."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from benchmarks.load.socket import Socket

LOOK_EVERY_SECONDS: Final = 0.001
"""The event loop's own resolution."""


class Message(NamedTuple):
    """One message of the load, ready to go: the record in it, and the connection it goes over."""

    record: bytes
    socket: Socket
    payload: bytes


async def send_steadily(load: Sequence[Message], per_second: float) -> list[float]:
    """Send at a fixed rate, by the clock: being late once does not slow the rest down. Returns when each was sent."""
    sent = []
    start = time.perf_counter()
    for number, (_, socket, payload) in enumerate(load):
        await asyncio.sleep(max(0.0, start + number / per_second - time.perf_counter()))
        sent.append(time.perf_counter())
        socket.send(payload)
    return sent


async def send_within(load: Sequence[Message], in_flight_max: int, seen: Callable[[], int]) -> list[float]:
    """Send as fast as goes with at most `in_flight_max` messages that not everybody has `seen`.

    Returns when each was sent.
    """
    sent: list[float] = []
    while len(sent) < len(load):
        waiting = load[len(sent) : seen() + in_flight_max]
        for _, socket, payload in waiting:
            sent.append(time.perf_counter())
            socket.send(payload)
        await asyncio.sleep(0 if waiting else LOOK_EVERY_SECONDS)
    return sent


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection in the generator meanwhile: a pause of it would show as the server's latency."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
