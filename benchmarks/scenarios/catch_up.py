"""Catch-up: a device that was offline for a week comes back to 500 documents, 100 of them with news."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.load.author import Author
from benchmarks.load.dialects import Place
from benchmarks.load.pace import send_within
from benchmarks.load.records import SAMPLES, device_name, read_texts
from benchmarks.load.socket import Socket
from benchmarks.readings import cpu_time
from benchmarks.scenarios.scenario import MILLISECONDS, Bound, Figures, Metric, Scenario, Size, participants
from benchmarks.scenarios.window import COMPLETE_SECONDS_MAX, DeliveryFailed
from benchmarks.servers.contenders import ALL_PEERS, SYNCLINE_FULL, Contender, Server, served

CHANGED_DOCUMENTS: Final = 100
UNCHANGED_DOCUMENTS: Final = 400
UPDATES_EACH: Final = 100
"""In each changed document, while the device was away: 10,000 in all."""

RECORDS_BEFORE: Final = 10
"""What each document held when the device went."""

AT_ONCE: Final = 50
IN_FLIGHT_MAX: Final = 200
LOOK_EVERY_SECONDS: Final = 0.001


class Cost(NamedTuple):
    """What coming back took, and what it took of the server."""

    bytes_received: int
    round_trips: int
    connections: int
    wall_s: float
    cpu_s: float


def names(count: int) -> list[str]:
    """The names of the documents."""
    return [f"conversation/catch-up-{number}/1" for number in range(count)]


async def join(server: Server, count: int) -> list[Author]:
    """A device for each document, which stays: some servers forget a document when the last one leaves."""
    texts = read_texts(SAMPLES)
    documents = names(count)
    await server.dialect.create(documents)
    authors: list[Author] = []
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(count, start + AT_ONCE))
        links = await asyncio.gather(*(server.dialect.join(device_name(one), documents[one]) for one in numbers))
        authors += [Author(link, number, texts) for number, link in zip(numbers, links, strict=True)]
    return authors


async def write(authors: Sequence[Author], each: int) -> None:
    """Let every author write `each` records, and wait until the server has confirmed them."""
    before = sum(author.link.confirmed for author in authors)
    load = [author.next_message() for _ in range(each) for author in authors]
    await send_within(load, IN_FLIGHT_MAX, lambda: sum(author.link.confirmed for author in authors) - before)
    await wait_for(lambda: sum(author.link.confirmed for author in authors) - before, len(load), "confirmed")


async def come_back(server: Server, known: dict[str, Place], records: int) -> Cost:
    """Come back as a device that has `known` of its documents, until it has `records` more."""
    cpu, start = cpu_time(server.pid), time.perf_counter()
    caught_up = await server.dialect.catch_up(device_name(len(known)), known)
    sockets: Sequence[Socket] = caught_up.sockets
    await wait_for(lambda: sum(socket.records for socket in sockets), records, "received")
    wall_s, spent = time.perf_counter() - start, cpu_time(server.pid).since(cpu)
    received = sum(socket.bytes_received for socket in sockets)
    for socket in sockets:
        await socket.close()
    return Cost(received, caught_up.round_trips, len(sockets), wall_s, spent.exact)


async def wait_for(count: Callable[[], int], wanted: int, what: str) -> None:
    """Wait until `count` reaches `wanted`. Raises `DeliveryFailed` when it takes too long or goes beyond."""
    deadline = time.perf_counter() + COMPLETE_SECONDS_MAX
    while count() < wanted:
        if time.perf_counter() > deadline:
            raise DeliveryFailed(f"{count()} of {wanted} records were {what} after {COMPLETE_SECONDS_MAX:.0f} s")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    if count() > wanted:
        raise DeliveryFailed(f"{count()} records were {what}, {wanted} were due")


def places(authors: Sequence[Author], epochs: Mapping[str, int]) -> dict[str, Place]:
    """What a device has of each document when it has all of it."""
    return {name: Place(epoch, author.clocks) for author, (name, epoch) in zip(authors, epochs.items(), strict=True)}


async def catch_up(contender: Contender, size: Size) -> Figures:
    """Go, have others write, come back; then come back once more to find nothing new."""
    changed, unchanged = size.count(CHANGED_DOCUMENTS), size.count(UNCHANGED_DOCUMENTS)
    async with served(contender) as server:
        authors = await join(server, changed + unchanged)
        await write(authors, RECORDS_BEFORE)
        epochs = await server.dialect.read_epochs(device_name(len(authors)), names(len(authors)))
        known = places(authors, epochs)
        for author in authors:
            author.forget()
        await write(authors[:changed], UPDATES_EACH)
        news = await come_back(server, known, changed * UPDATES_EACH)
        nothing = await come_back(server, places(authors, epochs), 0)
    updates_bytes = sum(author.update_bytes for author in authors)
    return {
        "bytes_ratio": news.bytes_received / updates_bytes,
        "round_trips": news.round_trips,
        "connections": news.connections,
        "wall_ms": news.wall_s * MILLISECONDS,
        "cpu_ms": news.cpu_s * MILLISECONDS,
        "unchanged_bytes": nothing.bytes_received / len(authors),
        "unchanged_ms": nothing.wall_s * MILLISECONDS,
    }


CATCH_UP: Final = Scenario(
    key="catch-up",
    title="Catch-up: a device comes back after a week",
    load=f"A device knows {CHANGED_DOCUMENTS + UNCHANGED_DOCUMENTS} documents. While it was away {UPDATES_EACH} "
    f"updates each were written to {CHANGED_DOCUMENTS} of them. It comes, asks for all; then again, for nothing new.",
    metrics=(
        Metric(
            "bytes_ratio",
            "bytes received ÷ bytes of the updates",
            "×",
            "≤ 1.1",
            headline=True,
            bounds=(Bound("≤ 1.1 × the updates", plus=1.1),),
        ),
        Metric(
            "round_trips",
            "round trips after connecting",
            "",
            "1 per 500 documents",
            bounds=(Bound("1 per 500 documents", plus=1),),
        ),
        Metric("connections", "connections", ""),
        Metric("wall_ms", "time from connecting to the last record", "ms"),
        Metric("cpu_ms", "server CPU", "ms"),
        Metric(
            "unchanged_bytes",
            "nothing new: bytes received per document, greeting included",
            "B",
            "≤ 16",
            headline=True,
            bounds=(Bound("≤ 16 B", plus=16),),
        ),
        Metric("unchanged_ms", "nothing new: time", "ms"),
    ),
    participants=participants(catch_up, (SYNCLINE_FULL, *ALL_PEERS)),
)
