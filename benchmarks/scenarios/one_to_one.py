"""One to one: two devices in one document write in turn. Latency from one to the other, and server CPU per update."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.commits import measure_commits
from benchmarks.load.author import Author
from benchmarks.load.pace import send_steadily
from benchmarks.load.records import SAMPLES, device_name, read_texts
from benchmarks.scenarios.scenario import (
    MILLISECONDS,
    Bound,
    Figures,
    Metric,
    Participant,
    Scenario,
    Size,
    participants,
    percentile,
)
from benchmarks.scenarios.window import WARM_UP_SHARE, Window, measure
from benchmarks.servers.contenders import ALL_PEERS, SYNCLINE_FULL, SYNCLINE_NORMAL, Contender, Server, served

LIGHT_PER_SECOND: Final = 20
"""A lively chat. Latency is that of an otherwise idle server."""

LIGHT_SECONDS_SHARE: Final = 2.0
"""The light load runs so much longer than the others: 20/s gives few samples."""

BUSY_PER_SECOND: Final = 500
"""CPU is measured under more load, since that of 20 updates/s drowns in what an idle process does."""

DOCUMENT: Final = "conversation/one-to-one/1"


async def join(server: Server, texts: list[str]) -> Sequence[Author]:
    """Both devices. Each socket counts only what the other wrote: some servers send back what came."""
    await server.dialect.create([DOCUMENT])
    authors = [Author(await server.dialect.join(device_name(number), DOCUMENT), number, texts) for number in (0, 1)]
    for number, author in enumerate(authors):
        author.link.socket.marker = device_name(1 - number).encode()
    return authors


async def exchange(server: Server, authors: Sequence[Author], count: int, per_second: float) -> Window:
    """Let both write in turn, `count` records in all, after a warm-up."""
    for share in (WARM_UP_SHARE, 1.0):
        for author in authors:
            author.forget()
        load = [authors[place % 2].next_message() for place in range(max(2, round(count * share)))]
        awaited = {authors[place].link.socket: authors[1 - place].written for place in (0, 1)}
        window = await measure(server.pid, load, awaited, partial(send_steadily, per_second=per_second))
    return window


async def one_to_one(contender: Contender, size: Size) -> Figures:
    """CPU first: it warms compilers up for the light load."""
    busy_count = round(BUSY_PER_SECOND * size.seconds)
    async with served(contender) as server:
        authors = await join(server, read_texts(SAMPLES))
        busy = await exchange(server, authors, busy_count, BUSY_PER_SECOND)
        light_count = round(LIGHT_PER_SECOND * size.seconds * LIGHT_SECONDS_SHARE)
        light = await exchange(server, authors, light_count, LIGHT_PER_SECOND)
    return {
        "light_p50_ms": light.latency_ms(0.5),
        "light_p99_ms": light.latency_ms(0.99),
        "light_us": light.cpu_us(light_count),
        "busy_us": busy.cpu_us(busy_count),
        "busy_p50_ms": busy.latency_ms(0.5),
        "busy_p99_ms": busy.latency_ms(0.99),
    }


async def disk(_: Size) -> Figures:
    """The unit: one commit on the disk that the servers' data are on."""
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as folder:
        times = measure_commits(Path(folder))
    return {
        "light_p50_ms": percentile(times.sqlite, 0.5) * MILLISECONDS,
        "light_p99_ms": percentile(times.sqlite, 0.99) * MILLISECONDS,
    }


DISK: Final = Participant(
    "disk", "one commit", "one row, SQLite, WAL, synchronous=FULL, on this disk and nothing else going on", disk
)

ONE_TO_ONE: Final = Scenario(
    key="one-to-one",
    title="One to one: latency and CPU of two devices",
    load=f"Two devices of one document write in turn: {BUSY_PER_SECOND} updates/s, then {LIGHT_PER_SECOND}/s.",
    metrics=(
        Metric(
            "light_p50_ms",
            f"latency at {LIGHT_PER_SECOND}/s, p50",
            "ms",
            "full: one commit + 1 ms; normal: ≤ Hocuspocus",
            headline=True,
            bounds=(
                Bound("full: ≤ one commit + 1 ms", plus=1.0, than="disk"),
                Bound("normal: ≤ Hocuspocus", than="hocuspocus", of="syncline-normal"),
            ),
        ),
        Metric("light_p99_ms", f"latency at {LIGHT_PER_SECOND}/s, p99", "ms"),
        Metric("light_us", f"CPU per update at {LIGHT_PER_SECOND}/s", "µs"),
        Metric("busy_us", f"CPU per update at {BUSY_PER_SECOND}/s", "µs", headline=True),
        Metric("busy_p50_ms", f"latency at {BUSY_PER_SECOND}/s, p50", "ms"),
        Metric("busy_p99_ms", f"latency at {BUSY_PER_SECOND}/s, p99", "ms"),
    ),
    participants=[*participants(one_to_one, (SYNCLINE_FULL, SYNCLINE_NORMAL, *ALL_PEERS)), DISK],
)
