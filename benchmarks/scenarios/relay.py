"""Relay: one update to many devices, many updates to one device each. Server CPU per delivery and per update."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks.load.author import Author
from benchmarks.load.dialects import Link
from benchmarks.load.pace import Message, send_steadily, send_within
from benchmarks.load.records import SAMPLES, device_name, read_texts
from benchmarks.load.socket import ignore
from benchmarks.scenarios.scenario import Bound, Figures, Metric, Scenario, Size, participants, share_of
from benchmarks.scenarios.window import WARM_UP_SHARE, Send, Window, measure
from benchmarks.servers.contenders import ALL_PEERS, SYNCLINE_FULL, SYNCLINE_WHOLE, Contender, Server, served

SUBSCRIBERS: Final = 50
FAN_OUT_PER_SECOND: Final = 200
"""A rate that all keep up with: 10,000 deliveries/s take 40 % of a core from the slowest."""

FULL_SPEED_PER_SECOND: Final = 400
"""Updates of a load at full speed for each second of a steady one: the same for all, so that documents are equal."""

IN_FLIGHT_FEW, IN_FLIGHT_MANY = 8, 64
"""Updates on their way at full speed: a few people typing, and a burst. Of more there is more to gather."""

DOCUMENTS: Final = 50
MANY_IN_FLIGHT_EACH: Final = 4
"""Updates on their way in each document at full speed."""

MANY_FULL_SPEED_PER_SECOND: Final = 4_000
"""Updates of all documents at full speed for each second of the steady load."""

MANY_PER_SECOND: Final = 2_000
"""Of all documents together; the slowest needs half a core."""


class Document:
    """A document with its author and those who follow it."""

    def __init__(self, author: Author, readers: Sequence[Link]) -> None:
        self.author = author
        self.readers = readers


async def join(server: Server, name: str, *, readers: int, number: int, texts: list[str]) -> Document:
    """Connect a writer and `readers` to a document. `number` is that of the first device's name."""
    await server.dialect.create([name])
    writer = await server.dialect.join(device_name(number), name)
    following = [await server.dialect.join(device_name(number + 1 + place), name) for place in range(readers)]
    for link in following:
        link.socket.take = ignore
    return Document(Author(writer, number, texts), following)


def round_robin(documents: Sequence[Document], count: int) -> list[Message]:
    """`count` records, over all documents in turn."""
    return [documents[place % len(documents)].author.next_message() for place in range(count)]


async def relay(server: Server, documents: Sequence[Document], count: int, send: Send) -> Window:
    """Relay `count` records, after a warm-up of the same kind."""
    for share in (WARM_UP_SHARE, 1.0):
        for document in documents:
            document.author.forget()
        load = round_robin(documents, max(len(documents), round(count * share)))
        awaited = {link.socket: document.author.written for document in documents for link in document.readers}
        window = await measure(server.pid, load, awaited, send)
    return window


async def full_speed(server: Server, document: Document, count: int, in_flight_max: int) -> Window:
    """Relay `count` records of one document as fast as its slowest reader takes them."""
    readers = [link.socket for link in document.readers]

    async def send(load: Sequence[Message]) -> list[float]:
        before = min(socket.records for socket in readers)
        return await send_within(load, in_flight_max, lambda: min(socket.records for socket in readers) - before)

    return await relay(server, [document], count, send)


async def full_speed_of_all(server: Server, documents: Sequence[Document], count: int) -> Window:
    """Relay `count` records over all documents as fast as they are read, some in flight for each document."""
    readers = [link.socket for document in documents for link in document.readers]

    async def send(load: Sequence[Message]) -> list[float]:
        before = sum(socket.records for socket in readers)
        in_flight_max = MANY_IN_FLIGHT_EACH * len(documents)
        return await send_within(load, in_flight_max, lambda: sum(socket.records for socket in readers) - before)

    return await relay(server, documents, count, send)


async def fan_out(contender: Contender, size: Size) -> Figures:
    """One document, many subscribers. Full speed comes first: it warms compilers up for the steady load."""
    subscribers = size.count(SUBSCRIBERS)
    async with served(contender) as server:
        document = await join(
            server, "conversation/fan-out/1", readers=subscribers, number=0, texts=read_texts(SAMPLES)
        )
        count = round(FULL_SPEED_PER_SECOND * size.seconds)
        burst = await full_speed(server, document, count, IN_FLIGHT_MANY)
        brisk = await full_speed(server, document, count, IN_FLIGHT_FEW)
        updates = round(FAN_OUT_PER_SECOND * size.seconds)
        steady = await relay(server, [document], updates, partial(send_steadily, per_second=FAN_OUT_PER_SECOND))
    return {
        "steady_us": steady.cpu_us(updates * subscribers),
        "steady_lateness": steady.wall_s / (updates / FAN_OUT_PER_SECOND),
        "steady_p50_ms": steady.latency_ms(0.5),
        "steady_p99_ms": steady.latency_ms(0.99),
        "brisk_us": brisk.cpu_us(count * subscribers),
        "brisk_per_s": count * subscribers / brisk.wall_s,
        "burst_us": burst.cpu_us(count * subscribers),
        "burst_per_s": count * subscribers / burst.wall_s,
        "generator_busy": brisk.generator_busy * 100,
    }


async def many_documents(contender: Contender, size: Size) -> Figures:
    """Many documents, two devices each."""
    texts = read_texts(SAMPLES)
    async with served(contender) as server:
        documents = await asyncio.gather(
            *(
                join(server, f"conversation/many-{place}/1", readers=1, number=2 * place, texts=texts)
                for place in range(size.count(DOCUMENTS, least=2))
            )
        )
        per_second = MANY_PER_SECOND * len(documents) / DOCUMENTS
        count = round(MANY_FULL_SPEED_PER_SECOND * len(documents) / DOCUMENTS * size.seconds)
        burst = await full_speed_of_all(server, documents, count)
        updates = round(per_second * size.seconds)
        steady = await relay(server, documents, updates, partial(send_steadily, per_second=per_second))
    return {
        "steady_us": steady.cpu_us(updates),
        "burst_us": burst.cpu_us(count),
        "burst_per_s": count / burst.wall_s,
        "steady_lateness": steady.wall_s / (updates / per_second),
        "steady_p50_ms": steady.latency_ms(0.5),
        "steady_p99_ms": steady.latency_ms(0.99),
        "generator_busy": steady.generator_busy * 100,
    }


AT_STEADY_RATE: Final = (
    Metric("steady_p50_ms", "latency at that rate, p50", "ms"),
    Metric("steady_p99_ms", "latency at that rate, p99", "ms"),
    Metric("steady_lateness", "time taken ÷ time planned at that rate (1: kept up)", "×"),
)
GENERATOR: Final = Metric("generator_busy", "the load generator's own CPU meanwhile", "% of a core")

MANY_GOAL: Final = "≤ 1/3 Hocuspocus, ≤ 1/2 y-websocket"
MANY_BOUNDS: Final = (share_of("hocuspocus", "Hocuspocus", 3), share_of("y-websocket", "y-websocket", 2))
FAN_OUT_GOAL: Final = "≤ 1/4 Hocuspocus, ≤ 1/6 y-websocket, < C"
FAN_OUT_BOUNDS: Final = (share_of("hocuspocus", "Hocuspocus", 4), share_of("y-websocket", "y-websocket", 6))


def fan_out_bounds(metric_of_c: str) -> tuple[Bound, ...]:
    """Against the peers, and below one write for each delivery in C at the same pace."""
    c = Bound("≤ one write in C", than="c", in_scenario="c-write", metric=metric_of_c)
    return (*FAN_OUT_BOUNDS, c)


FAN_OUT_STEADY: Final = fan_out_bounds("steady_us")
FAN_OUT_FULL_SPEED: Final = fan_out_bounds("full_speed_us")

FAN_OUT: Final = Scenario(
    key="fanout",
    title="Fan-out: one document, 50 subscribers",
    load=f"One device writes to a document that {SUBSCRIBERS} others follow: as fast as the slowest of them takes it, "
    f"with {IN_FLIGHT_MANY} and with {IN_FLIGHT_FEW} updates on their way; then {FAN_OUT_PER_SECOND}/s, one by one.",
    metrics=(
        Metric(
            "steady_us",
            f"CPU per delivery at {FAN_OUT_PER_SECOND} updates/s",
            "µs",
            FAN_OUT_GOAL,
            headline=True,
            bounds=FAN_OUT_STEADY,
        ),
        *AT_STEADY_RATE,
        Metric(
            "brisk_us",
            f"CPU per delivery at full speed, {IN_FLIGHT_FEW} in flight",
            "µs",
            FAN_OUT_GOAL,
            headline=True,
            bounds=FAN_OUT_FULL_SPEED,
        ),
        Metric("brisk_per_s", f"deliveries at full speed, {IN_FLIGHT_FEW} in flight", "1/s"),
        Metric(
            "burst_us",
            f"CPU per delivery at full speed, {IN_FLIGHT_MANY} in flight",
            "µs",
            FAN_OUT_GOAL,
            headline=True,
            bounds=FAN_OUT_FULL_SPEED,
        ),
        Metric("burst_per_s", f"deliveries at full speed, {IN_FLIGHT_MANY} in flight", "1/s"),
        GENERATOR,
    ),
    participants=participants(fan_out, (SYNCLINE_FULL, SYNCLINE_WHOLE, *ALL_PEERS)),
)

MANY: Final = Scenario(
    key="many",
    title="Many documents: 50 documents, two devices each",
    load=f"In each of {DOCUMENTS} documents one device writes and one follows: as fast as they are read, with "
    f"{MANY_IN_FLIGHT_EACH} updates on their way in each; then {MANY_PER_SECOND}/s in all, one by one.",
    metrics=(
        Metric(
            "steady_us",
            f"CPU per update at {MANY_PER_SECOND} updates/s",
            "µs",
            MANY_GOAL,
            headline=True,
            bounds=MANY_BOUNDS,
        ),
        Metric(
            "burst_us",
            f"CPU per update at full speed, {MANY_IN_FLIGHT_EACH} in flight in each document",
            "µs",
            MANY_GOAL,
            headline=True,
            bounds=MANY_BOUNDS,
        ),
        Metric("burst_per_s", "updates at full speed", "1/s"),
        *AT_STEADY_RATE,
        GENERATOR,
    ),
    participants=participants(many_documents, (SYNCLINE_FULL, SYNCLINE_WHOLE, *ALL_PEERS)),
)
