"""The measured window: send a load, wait until everybody has seen all of it, and read what that cost the server."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from benchmarks.load.pace import Message, undisturbed
from benchmarks.load.records import ids_in
from benchmarks.load.socket import Socket, ignore
from benchmarks.readings import CpuTime, cpu_time
from benchmarks.scenarios.scenario import MICROSECONDS, MILLISECONDS, percentile

COMPLETE_SECONDS_MAX: Final = 120.0
"""How long the slowest server may take until everybody has seen everything."""

WARM_UP_SHARE: Final = 0.25
"""Before each window, this share of its load runs unmeasured: compilers warm up, caches fill."""


class DeliveryFailed(Exception):
    """A device did not get what was written, or got it twice: figures of such a run mean nothing."""


Send = Callable[[Sequence[Message]], Awaitable[list[float]]]
"""Sends a load at some pace; returns when each of its messages was sent."""


class Window(NamedTuple):
    """What a load cost. `cpu` is the server's, `generator_busy` the share of the window that the generator computed.

    `latencies_s` are the seconds from sending a record to its arrival, as witnesses saw them.
    """

    wall_s: float
    cpu: CpuTime
    generator_busy: float
    latencies_s: list[float]

    def cpu_us(self, count: int) -> float:
        """The server's CPU time per one of `count`, in microseconds."""
        return self.cpu.exact / count * MICROSECONDS

    def latency_ms(self, share: float) -> float:
        """The latency that this share of records stays within, in milliseconds."""
        return percentile(self.latencies_s, share) * MILLISECONDS


class Witness:
    """A reader whose messages are kept with their time of arrival, and compared with what was written id by id."""

    def __init__(self, socket: Socket, awaited: AbstractSet[bytes]) -> None:
        self._socket = socket
        self._awaited = awaited
        self._messages: list[tuple[float, bytes]] = []
        socket.take = self._take

    def _take(self, payload: bytes) -> None:
        self._messages.append((time.perf_counter(), payload))

    def arrivals(self) -> dict[bytes, float]:
        """When each awaited record came; ends the watch. Raises `DeliveryFailed` when one did not."""
        self._socket.take = ignore
        came = {record: at for at, payload in self._messages for record in ids_in(payload) & self._awaited}
        if len(came) < len(self._awaited):
            raise DeliveryFailed(f"{len(self._awaited) - len(came)} of {len(self._awaited)} records never came")
        return came


async def measure(
    pid: int, load: Sequence[Message], readers: Mapping[Socket, AbstractSet[bytes]], send: Send
) -> Window:
    """Send `load` and wait until each of `readers` has seen the records whose ids it is to see, each once.

    Raises `DeliveryFailed` or `ConnectionLost`.
    """
    due = {socket: socket.records + len(ids) for socket, ids in readers.items()}
    complete = [socket.expect(count) for socket, count in due.items()]
    watching = [Witness(socket, readers[socket]) for socket in one_of_each(readers)]
    with undisturbed():
        cpu, generator, start = cpu_time(pid), time.process_time(), time.perf_counter()
        sent = await send(load)
        await _all(complete, due)
        wall_s = time.perf_counter() - start
        spent, busy = cpu_time(pid).since(cpu), (time.process_time() - generator) / wall_s
    went = {message.record: at for message, at in zip(load, sent, strict=True)}
    latencies = [at - went[record] for witness in watching for record, at in witness.arrivals().items()]
    return Window(wall_s, spent, busy, latencies)


def one_of_each(readers: Mapping[Socket, AbstractSet[bytes]]) -> list[Socket]:
    """One reader of each set of records."""
    first: dict[int, Socket] = {}
    for socket, ids in readers.items():
        first.setdefault(id(ids), socket)
    return list(first.values())


async def _all(complete: Sequence[asyncio.Future[None]], due: Mapping[Socket, int]) -> None:
    try:
        async with asyncio.timeout(COMPLETE_SECONDS_MAX):
            await asyncio.gather(*complete)
    except TimeoutError as error:
        seen = [f"{socket.records}/{count}" for socket, count in due.items() if socket.records < count]
        raise DeliveryFailed(
            f"after {COMPLETE_SECONDS_MAX:.0f} s {len(seen)} devices wait: {', '.join(seen[:5])}"
        ) from error
    twice = sum(socket.records > count for socket, count in due.items())
    if twice:
        raise DeliveryFailed(f"{twice} devices were sent more records than were written")
