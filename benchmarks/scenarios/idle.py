"""Idle connections: what a device that is merely there costs the server in memory, and what it leaves behind.

Memory is resident memory of the process tree. A slope between two numbers of connections is measured, so that what the
server needs for itself does not count.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from benchmarks.load.dialects import SOCKETS_OPENING_MAX
from benchmarks.load.records import device_name
from benchmarks.load.socket import Socket
from benchmarks.readings import resident_bytes
from benchmarks.scenarios.scenario import NOTHING_LEFT, Bound, Figures, Metric, Scenario, Size, participants
from benchmarks.servers.contenders import ALL_PEERS, SYNCLINE_FULL, Contender, Server, served

CONNECTIONS: Final = 1_000
WARM_UP_CONNECTIONS: Final = 100
"""Connected before the first reading, so that code is loaded and pools are there."""

GENERATIONS: Final = 13
"""How often as many devices as that come, each to a document of its own, and leave again."""

GENERATIONS_COMPARED: Final = 2
"""What memory grows by from one of the last generations to the next is what documents leave behind. Before, caches fill
up, which are bounded: of Syncline two of 8 MiB for pages of the database, and the interpreter's free lists."""

SETTLE_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 0.5
LINGER: Final = {"SYNCLINE_DOCUMENT_LINGER_SECONDS": str(LINGER_SECONDS)}
"""How long Syncline keeps a document that nobody follows; shorter than its default, so that the wait is short."""

KIB: Final = 1024


Opened = TypeVar("Opened")


def name(number: int) -> str:
    """The document of device `number`: each has one of its own."""
    return f"conversation/idle-{number}/1"


async def opened(numbers: range, connect: Callable[[int], Awaitable[Opened]]) -> list[Opened]:
    """A connection for each number, some at a time."""
    sockets: list[Opened] = []
    for start in range(numbers.start, numbers.stop, SOCKETS_OPENING_MAX):
        some = range(start, min(numbers.stop, start + SOCKETS_OPENING_MAX))
        sockets += await asyncio.gather(*(connect(number) for number in some))
    return sockets


async def resident(server: Server) -> int:
    """The server's memory once it has come to rest."""
    await asyncio.sleep(SETTLE_SECONDS)
    return resident_bytes(server.pid)


async def close(sockets: Sequence[Socket]) -> None:
    """Close them all."""
    await asyncio.gather(*(socket.close() for socket in sockets))


async def bare_kib(contender: Contender, size: Size) -> float | None:
    """Memory of a connection without a document, in KiB; None where there is no such thing."""
    count, warm_up = size.count(CONNECTIONS), size.count(WARM_UP_CONNECTIONS)
    async with served(contender) as server:

        async def connect(number: int) -> Socket | None:
            return await server.dialect.connect(device_name(number))

        if None in await opened(range(warm_up), connect):
            return None
        before = await resident(server)
        sockets = await opened(range(warm_up, warm_up + count), connect)
        after = await resident(server)
        await close([socket for socket in sockets if socket is not None])
    return (after - before) / count / KIB


async def joined_kib(contender: Contender, size: Size) -> tuple[float, float]:
    """Memory of a connection with a document of its own, and of such a document once it was left, in KiB."""
    count, warm_up = size.count(CONNECTIONS), size.count(WARM_UP_CONNECTIONS)
    async with served(contender, environment=LINGER) as server:

        async def join(number: int) -> Socket:
            return (await server.dialect.join(device_name(number), name(number))).socket

        await server.dialect.create([name(number) for number in range(warm_up + GENERATIONS * count)])
        staying = await opened(range(warm_up), join)
        before = await resident(server)
        readings: list[int] = []
        for start in range(warm_up, warm_up + GENERATIONS * count, count):
            sockets = await opened(range(start, start + count), join)
            readings.append(await resident(server))
            await close(sockets)
            await asyncio.sleep(LINGER_SECONDS)
        await close(staying)
    left = (readings[-1] - readings[-1 - GENERATIONS_COMPARED]) / GENERATIONS_COMPARED
    return (readings[0] - before) / count / KIB, left / count / KIB


async def idle(contender: Contender, size: Size) -> Figures:
    """Each on a server of its own: what one leaves behind would lessen the other."""
    bare = await bare_kib(contender, size)
    joined, left = await joined_kib(contender, size)
    return {"joined_kib": joined, "left_kib": left} | ({} if bare is None else {"bare_kib": bare})


IDLE: Final = Scenario(
    key="idle",
    title="Idle connections: memory",
    load=f"{CONNECTIONS} devices connect and do nothing: without a document, then each with one of its own. Those "
    f"leave, and as many others come to other documents, {GENERATIONS} times: what memory grows by in the end, when "
    "caches are full, is what documents that were left still hold.",
    metrics=(
        Metric(
            "bare_kib",
            "resident memory per connection, no document open",
            "KiB",
            "≤ 40",
            headline=True,
            bounds=(Bound("≤ 40 KiB", plus=40),),
        ),
        Metric("joined_kib", "resident memory per connection with a document of its own", "KiB", headline=True),
        Metric(
            "left_kib", "resident memory per document that nobody follows any more", "KiB", "0", bounds=(NOTHING_LEFT,)
        ),
    ),
    participants=participants(idle, (SYNCLINE_FULL, *ALL_PEERS)),
)
