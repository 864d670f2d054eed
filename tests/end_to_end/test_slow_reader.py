"""A subscriber that stops reading costs the server no more than its outbox, and nobody else anything (P8).

`SYNCLINE_TEST_UPDATES=100000` for the whole length.
"""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pycrdt
import pytest
from end_to_end.sizes import report, size
from support.server import ServerProcess
from support.wire import WireDevice, wire_device
from syncline_protocol import codec, frames, limits
from syncline_server.settings import Settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

UPDATES = size("UPDATES", 10_000)
KEYS = 100
BURST = 50
PAUSE_S = 0.01
PAGE = "page/busy"
TEXT = "今天下午网络又断了，路由器重启以后还是一样。" * 8
RECEIVE_BUFFER_BYTES = 32 * 1024
GROWTH_MAX = Settings().outbox_bytes + 16 * 1024 * 1024
"""More than the same updates cost without a slow reader: a page's index grows with what is written to it."""
ANSWER_S_MAX = 60


class Writer:
    """Writes all over the page, a burst at a time, and measures how long each takes to be on a device that reads."""

    def __init__(self, sender: WireDevice, reader: WireDevice) -> None:
        self._sender = sender
        self._reader = reader
        self._page = pycrdt.Doc[Any](client_id=sender.welcome.client)
        self._places = self._page.get("places", type=pycrdt.Map)
        self._written = b""
        self._subscription = self._page.observe(self._note)  # `get_update` goes through the whole page each time
        self.seq = 0
        self._unread: list[bytes] = []

    async def write(self, count: int) -> list[float]:
        """Latencies in milliseconds."""
        began: dict[bytes, float] = {}
        latencies: list[float] = []
        reading = asyncio.create_task(self._read(count, began, latencies))
        for burst in range(count // BURST):
            for place in range(BURST):
                self._places[str((burst * BURST + place) % KEYS)] = f"{burst} {TEXT}"
                began[self._written] = time.perf_counter()
                await self._sender.update(PAGE, self._written)
            await self._acknowledged()
            await asyncio.sleep(PAUSE_S)
        async with asyncio.timeout(ANSWER_S_MAX):
            await reading
        return sorted(latencies)

    def _note(self, event: pycrdt.TransactionEvent) -> None:
        self._written = event.update

    async def _acknowledged(self) -> None:
        answered = 0
        while answered < BURST:
            answered += len((await self._sender.expect(frames.Acks)).updates) // 3

    async def _read(self, count: int, began: dict[bytes, float], latencies: list[float]) -> None:
        for _ in range(count):
            if not self._unread:
                frame = await self._reader.expect(frames.Updates)
                self._unread = list(frame.payloads)
                self.seq = frame.seq + len(frame.payloads) - 1
            latencies.append((time.perf_counter() - began.pop(self._unread.pop(0))) * 1000)

    @property
    def content(self) -> Any:
        """What the page must be for everybody."""
        return self._places.to_py()


@asynccontextmanager
async def slow_device(server: ServerProcess) -> AsyncIterator[WireDevice]:
    """A device whose system holds next to nothing for it."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    narrow.connect(("127.0.0.1", server.port))
    narrow.setblocking(False)
    async with connect(
        f"{server.url}/v1/sync", sock=narrow, compression=None, max_size=None, max_queue=1, ping_interval=None
    ) as connection:
        await connection.send(
            codec.encode(frames.Hello(limits.PROTOCOL_VERSION, server.token("slow"), "slow", 0, "test"))
        )
        welcome = codec.decode_server_frame(await connection.recv(decode=False))
        assert isinstance(welcome, frames.Welcome)
        yield WireDevice(connection, welcome, "slow")


class Copy:
    """What the slow device has of the page."""

    def __init__(self) -> None:
        self.page = pycrdt.Doc[Any]()
        self.cursor = 0
        self.epoch = 0
        self.snapshots = 0
        self.connections = 1

    @property
    def content(self) -> Any:
        """What the page shows."""
        return self.page.get("places", type=pycrdt.Map).to_py()

    async def read_until(self, device: WireDevice, seq: int) -> None:
        """Read what waits, up to `seq`."""
        while self.cursor < seq:
            frame = await device.read()
            if isinstance(frame, frames.Snapshot):
                self.page.apply_update(frame.payload)
                self.cursor = frame.seq
                self.snapshots += 1
            elif isinstance(frame, frames.Updates):
                assert frame.seq == self.cursor + 1, "no hole, nothing twice"
                for payload in frame.payloads:
                    self.page.apply_update(payload)
                self.cursor += len(frame.payloads)

    async def complete(self, server: ServerProcess, device: WireDevice, seq: int) -> None:
        """Read again, after a new connection if the server gave up waiting for the answer to its pings."""
        async with asyncio.timeout(ANSWER_S_MAX):
            try:
                await self.read_until(device, seq)
            except ConnectionClosed:
                self.connections += 1
                async with wire_device(server.url, server.token("slow"), "slow") as again:
                    await again.open(PAGE, cursor=self.cursor, epoch=self.epoch)
                    await self.read_until(again, seq)


def percentile(latencies: list[float], part: float) -> float:
    return round(latencies[int(len(latencies) * part)], 1)


@pytest.mark.timeout(120 + UPDATES // 100)
async def test_a_subscriber_that_stops_reading(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", environment={"SYNCLINE_DOCUMENT_LINGER_SECONDS": "60"}) as server:
        async with (
            wire_device(server.url, server.token("mei"), "writer", queue=256) as sender,
            wire_device(server.url, server.token("li"), "reader", queue=256) as reader,
        ):
            await sender.open(PAGE)
            await reader.open(PAGE)
            writer = Writer(sender, reader)
            started = server.rss_bytes()
            alone = await writer.write(UPDATES)
            before = server.rss_bytes()
            growth_alone = before - started
            async with slow_device(server) as slow:
                opened = await slow.open(PAGE)
                assert opened.documents[0].head == UPDATES
                copy = Copy()
                copy.epoch = opened.documents[0].epoch
                highest = asyncio.create_task(watch_memory(server))
                beside = await writer.write(UPDATES)
                highest.cancel()
                growth = max(await highest, server.rss_bytes()) - before
                await copy.complete(server, slow, writer.seq)
                assert copy.content == writer.content
            behind = times_behind(server)
    report(
        updates=UPDATES, mib_written=UPDATES * len(TEXT.encode()) >> 20, rss_mib_before=before >> 20,
rss_mib_growth_alone=round(growth_alone / 2**20, 1),
        rss_mib_growth=round(growth / 2**20, 1), fell_behind=behind, p99_ms_alone=percentile(alone, 0.99),
        p99_ms_beside_slow_reader=percentile(beside, 0.99), snapshots=copy.snapshots, connections=copy.connections,
    )  # fmt: skip
    assert behind > 0, "the reader was not slow enough to matter"
    assert growth < growth_alone + GROWTH_MAX
    assert percentile(beside, 0.5) < 3 * percentile(alone, 0.5) + 20


def times_behind(server: ServerProcess) -> int:
    """How often a subscription was taken off the relay because its outbox was full."""
    (count,) = re.findall(r"^syncline_fell_behind_total (\S+)$", httpx.get(f"{server.http}/metrics").text, re.MULTILINE)
    return int(float(count))


async def watch_memory(server: ServerProcess) -> int:
    """The highest resident memory until cancelled."""
    highest = 0
    try:
        while True:
            highest = max(highest, server.rss_bytes())
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return highest
