"""Two people's real writing, replayed through a real server: offline spells, crashes, and one text at the end (P1-P3).

The first `SYNCLINE_TEST_TRANSACTIONS` transactions of the trace beside the checkout (26078 for all of it, then the text
must be the one the trace ends with), and a history made by a grammar. `SYNCLINE_TEST_KILLS` crashes in between.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Protocol

import pytest
from end_to_end.authors import stop
from end_to_end.sizes import report, size
from end_to_end.stock import StockClient
from end_to_end.traces import ROOT as TEXT
from end_to_end.traces import Edit, Shadows, Trace, made_trace, read_trace
from support.checkout import ROOT
from support.server import ServerProcess
from syncline_client.client import Device
from syncline_client.comparison import Verdict
from syncline_client.connection import Standing
from syncline_client.page import Page
from syncline_client.transport import ABNORMAL_CLOSURE, Transport, TransportClosed, connect_websocket
from syncline_protocol.update import scan_vector

TRANSACTIONS = size("TRANSACTIONS", 800)
KILLS = size("KILLS", 2)
OFFLINE_EVERY = 150
OFFLINE_FOR = 60
FRIENDS = ROOT.parent / "shared" / "data" / "friendsforever.json.gz"
PAGE = "page/story"
LOOK_S = 0.01
STOCK_CLIENT = 7
"""Under which the stock client's edits were written; Yjs wants the client id of a document at work for itself."""
TIME_S_MAX = 100 + TRANSACTIONS // 20


class Cable:
    """A device's way to the network; it can be pulled."""

    def __init__(self) -> None:
        self.plugged = True
        self._transports: list[Transport] = []

    async def connect(self, url: str) -> Transport:
        """See `transport.Connect`."""
        if not self.plugged:
            raise TransportClosed(ABNORMAL_CLOSURE, "the cable is not plugged in")
        self._transports.append(await connect_websocket(url))
        return self._transports[-1]

    async def pull(self) -> None:
        """Off the network."""
        self.plugged = False
        while self._transports:
            await self._transports.pop().close(1001, "pulled")


class Writer(Protocol):
    """One person's device, as the replay drives it."""

    client: int
    offline_spells: int

    async def vector(self) -> dict[int, int]:
        """What it has."""

    async def record(self, update: bytes) -> None:
        """An edit of its editor."""

    async def set_online(self, online: bool) -> None:  # noqa: FBT001 - what it is
        """On or off the network."""

    async def text(self) -> str:
        """What it shows."""


class DeviceWriter:
    """A Syncline device, its store on the disk."""

    def __init__(self, device: Device, page: Page, cable: Cable) -> None:
        self.device = device
        self.page = page
        self.cable = cable
        self.client = page.client
        self.offline_spells = 0

    async def vector(self) -> dict[int, int]:
        """See `Writer`."""
        return scan_vector(self.page.document.get_state())

    async def record(self, update: bytes) -> None:
        """See `Writer`."""
        await self.page.record_local(update)

    async def set_online(self, online: bool) -> None:  # noqa: FBT001
        """See `Writer`."""
        if online and self.device.status.connection.standing is Standing.OFFLINE:
            self.cable.plugged = True
            self.device.reconnect()  # somebody waits: not only when the backoff ends
        elif not online and self.cable.plugged:
            self.offline_spells += 1
            await self.cable.pull()

    async def text(self) -> str:
        """See `Writer`."""
        return self.page.text(TEXT)


class StockWriter:
    """A stock Yjs client."""

    def __init__(self, peer: StockClient) -> None:
        self.peer = peer
        self.client = STOCK_CLIENT
        self.offline_spells = 0
        self._online = True

    async def vector(self) -> dict[int, int]:
        """See `Writer`."""
        return await self.peer.vector()

    async def record(self, update: bytes) -> None:
        """See `Writer`."""
        await self.peer.apply(update)

    async def set_online(self, online: bool) -> None:  # noqa: FBT001
        """See `Writer`."""
        if online != self._online:
            self._online = online
            self.offline_spells += not online
            await self.peer.ask("connect" if online else "disconnect")

    async def text(self) -> str:
        """See `Writer`."""
        return await self.peer.text()


class Crashes:
    """Kills the server at moments spread over the replay."""

    def __init__(self, server: ServerProcess, total: int) -> None:
        self._server = server
        self._at = [total * (number + 1) // (KILLS + 1) for number in range(KILLS)]
        self._done = 0
        self._lock = asyncio.Lock()
        self.count = 0

    async def edit_made(self) -> None:
        """One more edit; now and then the server dies of it, and starts again while everybody writes on."""
        self._done += 1
        if self._at and self._done >= self._at[0]:
            self._at.pop(0)
            async with self._lock:
                self.count += 1
                self._server.kill()
                await asyncio.to_thread(self._server.start)


def covers(vector: dict[int, int], needs: dict[int, int]) -> bool:
    """Whether everything needed is there."""
    return all(vector.get(client, 0) >= clock for client, clock in needs.items())


async def write(writer: Writer, edits: Sequence[Edit], made: Callable[[], Awaitable[None]], random: Random) -> None:
    """Make this writer's edits, each as soon as what it builds on is there."""
    offline_until = 0
    for number, edit in enumerate(edits):
        if number >= offline_until and random.random() < 1 / OFFLINE_EVERY:
            offline_until = number + OFFLINE_FOR
            await writer.set_online(False)
        while not covers(await writer.vector(), edit.needs):
            await writer.set_online(True)
            await asyncio.sleep(LOOK_S)
        await writer.record(edit.update)
        if number >= offline_until:
            await writer.set_online(True)
        await made()
    await writer.set_online(True)


async def replay(server: ServerProcess, writers: Sequence[Writer], trace: Trace) -> tuple[str, Crashes]:
    """Let both write all of it; the text that everybody must end with."""
    shadows = Shadows([writer.client for writer in writers])
    edits = [shadows.apply(transaction) for transaction in trace.transactions]
    crashes = Crashes(server, len(edits))
    tasks = [
        asyncio.create_task(
            write(writer, [edit for edit in edits if edit.agent == agent], crashes.edit_made, Random(agent))
        )
        for agent, writer in enumerate(writers)
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        await stop(tasks)
    return shadows.end(), crashes


async def new_device(stack: AsyncExitStack, server: ServerProcess, user: str, store: Path | None) -> DeviceWriter:
    """A connected device of this user with the page open."""
    cable = Cable()
    token = server.token(user)
    device = await stack.enter_async_context(Device(server.http, token=token, store=store, connect=cable.connect))
    await device.connected()
    return DeviceWriter(device, await device.page(PAGE), cable)


async def check(server: ServerProcess, writers: Sequence[Writer], end: str, expected: dict[int, int]) -> None:
    """Everybody, and a fresh device, shows the text, has every edit once, and has the server's digest."""
    async with AsyncExitStack() as stack:
        fresh = await new_device(stack, server, "fresh", None)
        for writer in [*writers, fresh]:
            while await writer.text() != end or await writer.vector() != expected:
                await asyncio.sleep(LOOK_S)
            if isinstance(writer, DeviceWriter):
                await writer.device.settled()
                assert not writer.device.refused
                assert (await writer.device.compare(PAGE)).verdict is Verdict.EQUAL


def traces() -> dict[str, Trace]:
    """What is replayed; the real one only where it is beside the checkout."""
    found = {"made": made_trace(11, min(TRANSACTIONS, 400))}
    if FRIENDS.exists():
        whole = read_trace(FRIENDS)
        complete = len(whole.transactions) <= TRANSACTIONS
        found["friends"] = Trace(whole.transactions[:TRANSACTIONS], whole.end if complete else "")
    return found


@pytest.mark.timeout(TIME_S_MAX)
@pytest.mark.parametrize("stock", [False, True], ids=["two devices", "a stock client and a device"])
@pytest.mark.parametrize("name", traces())
async def test_everybody_ends_with_the_same_text(tmp_path: Path, name: str, stock: bool) -> None:  # noqa: FBT001
    trace = traces()[name]
    async with AsyncExitStack() as stack:
        server = stack.enter_context(ServerProcess(tmp_path / "data"))
        writers: list[Writer] = [await new_device(stack, server, "an", tmp_path / "an.db")]
        if stock:
            peer = await stack.enter_async_context(StockClient(server.url, PAGE, server.token("bo")))
            await peer.ask("connect")
            await peer.event(event="sync", synced=True)
            writers.append(StockWriter(peer))
        else:
            writers.append(await new_device(stack, server, "bo", tmp_path / "bo.db"))
        writers.sort(key=lambda writer: writer.client)  # of two insertions at one place the lower id's comes first
        end, crashes = await replay(server, writers, trace)
        assert trace.end in ("", end) or name == "made"
        async with asyncio.timeout(60):
            await check(server, writers, end, expected_vector(writers, trace))
        report(
            trace=name, stock=stock, transactions=len(trace.transactions), characters=len(end), kills=crashes.count,
            offline_spells=sum(writer.offline_spells for writer in writers),
        )  # fmt: skip
        assert crashes.count == KILLS


def expected_vector(writers: Sequence[Writer], trace: Trace) -> dict[int, int]:
    """The next clock of each writer when everything is there once."""
    shadows = Shadows([writer.client for writer in writers])
    for transaction in trace.transactions:
        shadows.apply(transaction)
    return shadows.vector()
