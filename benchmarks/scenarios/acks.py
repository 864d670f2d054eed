"""Durable acks: how many updates a second are acknowledged after their commit, and how long each takes.

Syncline alone: no peer has an acknowledgement that says an update is stored.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from benchmarks.commits import measure_commits
from benchmarks.load.author import Author
from benchmarks.load.pace import Message, undisturbed
from benchmarks.load.records import SAMPLES, device_name, read_texts
from benchmarks.load.syncline import SynclineLink
from benchmarks.readings import cpu_time
from benchmarks.scenarios.scenario import (
    MICROSECONDS,
    MILLISECONDS,
    Bound,
    Figures,
    Metric,
    Scenario,
    Size,
    participants,
    percentile,
)
from benchmarks.scenarios.window import COMPLETE_SECONDS_MAX, WARM_UP_SHARE, DeliveryFailed
from benchmarks.servers.contenders import SYNCLINE_FULL, SYNCLINE_NORMAL, SYNCLINE_WHOLE, Contender, Server, served

CONNECTIONS: Final = 50
IN_FLIGHT_EACH: Final = 64

FULL_SPEED_PER_SECOND: Final = 10_000
"""Updates of the full-speed load for each second: the goal, so that a server that reaches it takes that long."""

STEADY_PER_SECOND: Final = 2_000
"""For latency: with 3,200 in flight an ack takes as long as 3,200 updates do, whatever the server."""


class Sender:
    """One device that writes, and notes how long each acknowledgement takes."""

    def __init__(self, author: Author, link: SynclineLink) -> None:
        self.latencies_s: list[float] = []
        self._author = author
        self._load: deque[tuple[int, Message]] = deque()
        self._sent: dict[int, float] = {}
        self._awaited = 0
        self._done: asyncio.Future[None] | None = None
        self._refilling = False
        self._socket = link.socket
        link.on_acknowledged = self._acknowledged

    def prepare(self, count: int) -> None:
        """Encode the next `count` updates. They are numbered by their clock."""
        first = self._author.clock
        self._load.extend((first + place, self._author.next_message()) for place in range(count))
        self._awaited = count
        self.latencies_s = []
        self._done = asyncio.get_running_loop().create_future()

    @property
    def waiting(self) -> int:
        """How many updates are prepared and not sent."""
        return len(self._load)

    @property
    def unanswered(self) -> int:
        """How many updates are sent and not acknowledged."""
        return len(self._sent)

    def send_one(self) -> None:
        """Send the next update."""
        number, message = self._load.popleft()
        self._sent[number] = time.perf_counter()
        self._socket.send(message.payload)

    def fill(self) -> None:
        """Send as many as may be in flight; each acknowledgement then lets the next one go."""
        self._refilling = True
        for _ in range(min(IN_FLIGHT_EACH - len(self._sent), len(self._load))):
            self.send_one()

    async def acknowledged(self) -> None:
        """Wait until all is acknowledged. Raises `ConnectionLost` when something was refused."""
        assert self._done is not None, "nothing was prepared"
        await asyncio.wait({self._done, self._socket.lost}, return_when=asyncio.FIRST_COMPLETED)
        if not self._done.done():
            self._socket.lost.result()
        self._refilling = False

    def _acknowledged(self, numbers: list[int]) -> None:
        now = time.perf_counter()
        self.latencies_s += [now - self._sent.pop(number) for number in numbers]
        if self._refilling:
            self.fill()
        if len(self.latencies_s) == self._awaited and self._done is not None:
            self._done.set_result(None)


class Acked(NamedTuple):
    """What a load took until all of it was acknowledged."""

    wall_s: float
    cpu_s: float
    latencies_s: list[float]


async def join(server: Server, connections: int) -> list[Sender]:
    """Connect devices, each to a document of its own."""
    texts = read_texts(SAMPLES)
    names = [f"conversation/acks-{number}/1" for number in range(connections)]
    await server.dialect.create(names)
    senders = []
    for number, name in enumerate(names):
        link = await server.dialect.join(device_name(number), name)
        assert isinstance(link, SynclineLink)
        senders.append(Sender(Author(link, number, texts), link))
    return senders


async def measure_acks(
    server: Server, senders: Sequence[Sender], count: int, send: Callable[[Sequence[Sender]], Awaitable[None]]
) -> Acked:
    """Have `count` updates in all acknowledged, after a warm-up."""
    for share in (WARM_UP_SHARE, 1.0):
        for sender in senders:
            sender.prepare(max(1, round(count * share / len(senders))))
        with undisturbed():
            cpu, start = cpu_time(server.pid), time.perf_counter()
            await send(senders)
            await _all(senders)
            wall_s, spent = time.perf_counter() - start, cpu_time(server.pid).since(cpu)
    return Acked(wall_s, spent.exact, [one for sender in senders for one in sender.latencies_s])


async def _all(senders: Sequence[Sender]) -> None:
    try:
        async with asyncio.timeout(COMPLETE_SECONDS_MAX):
            await asyncio.gather(*(sender.acknowledged() for sender in senders))
    except TimeoutError as error:
        missing = sum(sender.unanswered for sender in senders)
        raise DeliveryFailed(f"after {COMPLETE_SECONDS_MAX:.0f} s {missing} updates are not acknowledged") from error


async def at_full_speed(senders: Sequence[Sender]) -> None:
    """Each sends what may be in flight, and the next with each acknowledgement."""
    for sender in senders:
        sender.fill()


async def steadily(senders: Sequence[Sender]) -> None:
    """In turn, by the clock."""
    start = time.perf_counter()
    for number in range(sum(sender.waiting for sender in senders)):
        await asyncio.sleep(max(0.0, start + number / STEADY_PER_SECOND - time.perf_counter()))
        senders[number % len(senders)].send_one()


async def acks(contender: Contender, size: Size) -> Figures:
    """Full speed first, then a rate at which an ack waits for its own commit and nothing else."""
    connections = size.count(CONNECTIONS)
    async with served(contender) as server:
        senders = await join(server, connections)
        count = round(FULL_SPEED_PER_SECOND * size.seconds * connections / CONNECTIONS)
        full_speed = await measure_acks(server, senders, count, at_full_speed)
        steady = await measure_acks(server, senders, round(STEADY_PER_SECOND * size.seconds), steadily)
        commits = measure_commits(server.folder)
    return {
        "acks_per_s": len(full_speed.latencies_s) / full_speed.wall_s,
        "cpu_us": full_speed.cpu_s / len(full_speed.latencies_s) * MICROSECONDS,
        "cores": full_speed.cpu_s / full_speed.wall_s,
        "full_p99_ms": percentile(full_speed.latencies_s, 0.99) * MILLISECONDS,
        "steady_p50_ms": percentile(steady.latencies_s, 0.5) * MILLISECONDS,
        "steady_p99_ms": percentile(steady.latencies_s, 0.99) * MILLISECONDS,
        "steady_p99_commits": percentile(steady.latencies_s, 0.99) / percentile(commits.sqlite, 0.5),
        "commit_p50_ms": percentile(commits.sqlite, 0.5) * MILLISECONDS,
    }


ACKS: Final = Scenario(
    key="acks",
    title="Durable acks: updates acknowledged after their commit",
    load=f"{CONNECTIONS} devices write, each to a document of its own: at full speed with {IN_FLIGHT_EACH} "
    f"unacknowledged each, then {STEADY_PER_SECOND} updates/s in all. No peer acknowledges that anything is stored.",
    metrics=(
        Metric(
            "acks_per_s",
            "acknowledged, full speed",
            "1/s",
            "≥ 10,000",
            headline=True,
            bounds=(Bound("≥ 10,000/s", plus=10_000, at_least=True),),
        ),
        Metric("cpu_us", "CPU per acknowledged update, full speed", "µs"),
        Metric("cores", "cores busy, full speed", ""),
        Metric("full_p99_ms", f"ack, full speed ({CONNECTIONS * IN_FLIGHT_EACH} in flight), p99", "ms"),
        Metric("steady_p50_ms", f"ack at {STEADY_PER_SECOND}/s, p50", "ms"),
        Metric("steady_p99_ms", f"ack at {STEADY_PER_SECOND}/s, p99", "ms"),
        Metric(
            "steady_p99_commits",
            f"ack at {STEADY_PER_SECOND}/s, p99, in commits",
            "×",
            "≤ 3",
            headline=True,
            bounds=(Bound("≤ 3 commits", plus=3),),
        ),
        Metric("commit_p50_ms", "one commit on this disk, p50", "ms"),
    ),
    participants=participants(acks, (SYNCLINE_FULL, SYNCLINE_WHOLE, SYNCLINE_NORMAL)),
)
