"""Slow readers: devices that follow a document and stop reading, while much is written to it. Memory for each.

Syncline alone: the goal is a limit of its own, and the peers end a connection that does not answer their pings.
"""

import asyncio
from typing import Final

from benchmarks.load.author import Author
from benchmarks.load.pace import send_within
from benchmarks.load.records import device_name
from benchmarks.load.socket import Socket, ignore
from benchmarks.readings import resident_bytes
from benchmarks.scenarios.catch_up import wait_for
from benchmarks.scenarios.scenario import Bound, Figures, Metric, Scenario, Size, participants
from benchmarks.scenarios.window import COMPLETE_SECONDS_MAX, DeliveryFailed
from benchmarks.servers.contenders import SYNCLINE_FULL, Contender, Server, served

READERS: Final = 100
"""So many that what the server does besides with the updates is little for each."""

TEXT: Final = "The router was restarted twice and the antenna replaced; the line still drops in the afternoon. " * 80
"""7.7 KB."""

UPDATES: Final = 1_000
"""7.3 MiB for each reader: more than the operating system's buffers (4 MiB) and Syncline's outbox hold."""

IN_FLIGHT_MAX: Final = 32
SETTLE_SECONDS: Final = 1.0
NAME: Final = "conversation/slow/1"
OUTBOX_MIB: Final = 1.0
"""Syncline's default (`outbox_bytes`)."""

MIB: Final = 1024 * 1024


async def write(author: Author, count: int) -> None:
    """Write so many updates, and wait until the server has confirmed them."""
    before = author.link.confirmed
    load = [author.next_message() for _ in range(count)]
    await send_within(load, IN_FLIGHT_MAX, lambda: author.link.confirmed - before)
    await wait_for(lambda: author.link.confirmed - before, count, "confirmed")


async def grown(server: Server, author: Author, count: int) -> int:
    """By how many bytes the server grows while so many updates are written."""
    before = resident_bytes(server.pid)
    await write(author, count)
    await asyncio.sleep(SETTLE_SECONDS)
    return resident_bytes(server.pid) - before


async def slow_reader(server: Server, number: int) -> Socket:
    """A device that follows the document and does not read any more."""
    socket = (await server.dialect.join(device_name(number), NAME)).socket
    socket.take = ignore
    socket.pause()
    return socket


async def slow(contender: Contender, size: Size) -> Figures:
    """Write with nobody slow, then the same with slow readers, who in the end read and have all of it."""
    count, readers = size.count(UPDATES, least=100), size.count(READERS)
    async with served(contender) as server:
        await server.dialect.create([NAME])
        author = Author(await server.dialect.join(device_name(0), NAME), 0, [TEXT])
        await grown(server, author, count)
        alone = await grown(server, author, count)
        sockets = [await slow_reader(server, 1 + number) for number in range(readers)]
        await asyncio.sleep(SETTLE_SECONDS)
        growth = await grown(server, author, count) - alone
        complete = [socket.expect(3 * count) for socket in sockets]
        for socket in sockets:
            socket.resume()
        await _all(complete, sockets)
    return {"growth_mib": growth / readers / MIB}


async def _all(complete: list[asyncio.Future[None]], sockets: list[Socket]) -> None:
    try:
        async with asyncio.timeout(COMPLETE_SECONDS_MAX):
            await asyncio.gather(*complete)
    except TimeoutError as error:
        least = min(socket.records for socket in sockets)
        raise DeliveryFailed(f"a slow reader that reads again has {least} records and no more") from error


SLOW: Final = Scenario(
    key="slow",
    title="Slow readers: memory",
    load=f"{READERS} devices follow a document and stop reading; {UPDATES:,} updates of {len(TEXT) // 1000} KB are "
    "written to it. What the server grows by, for each of them, beyond what the same updates cost without them; then "
    "they read, and have to end up with everything.",
    metrics=(
        Metric(
            "growth_mib",
            "growth of resident memory per slow reader",
            "MiB",
            f"≤ its outbox, {OUTBOX_MIB:g}",
            headline=True,
            bounds=(Bound("≤ its outbox", plus=OUTBOX_MIB),),
        ),
    ),
    participants=participants(slow, (SYNCLINE_FULL,)),
)
