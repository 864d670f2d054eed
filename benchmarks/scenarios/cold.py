"""A cold document: a page with a long life, folded into a snapshot, and opened by a device that has nothing of it.

Syncline alone: no peer, at its defaults, has anything of a document once its process has ended.
"""

import asyncio
import itertools
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pycrdt import Doc, Text, TransactionEvent
from syncline_protocol import codec, frames

from benchmarks.load.pace import LOOK_EVERY_SECONDS, undisturbed
from benchmarks.load.records import SAMPLES, device_name, read_texts
from benchmarks.load.syncline import NOTHING, SynclineDevice, SynclineDialect, SynclineLink
from benchmarks.readings import resident_bytes
from benchmarks.scenarios.scenario import (
    MILLISECONDS,
    NOTHING_LEFT,
    Bound,
    Figures,
    Metric,
    Scenario,
    Size,
    participants,
    percentile,
)
from benchmarks.servers.contenders import SCRIPTS, SYNCLINE_FULL, Contender, Server, served
from benchmarks.servers.process import ServerFailed

UPDATES: Final = 100_000
IN_FLIGHT_MAX: Final = 200
PAGE: Final = "page/benchmark"

CHARACTERS_PER_RUN: Final = 40
"""After so many characters in one place the writer goes to another place of the page."""

ROOT: Final = "content"
OPENINGS: Final = 40
LINGER_SECONDS: Final = 0.2
REPETITIONS: Final = 3
"""Of what takes a moment only: compactions and starts."""

KIB: Final = 1024
MIB: Final = 1024 * 1024

LOADING: Final = {"SYNCLINE_COMPACTION": "false"}
"""The server would compact by itself; here compaction is measured alone."""
LINGER: Final = {"SYNCLINE_DOCUMENT_LINGER_SECONDS": str(LINGER_SECONDS)}
"""How long a document that nobody follows stays in memory."""


class Typist:
    """Somebody who types a page, character by character, in many places: one update each, made by pycrdt."""

    def __init__(self, client: int) -> None:
        self._updates: list[bytes] = []
        self._document: Doc[Text] = Doc(client_id=client)
        self._text = self._document.get(ROOT, type=Text)
        self._subscription = self._document.observe(self._note)
        self._length = 0

    def type(self, count: int) -> list[bytes]:
        """The updates of the next `count` characters."""
        self._updates = []
        places = random.Random(count)
        at = 0
        for number, character in enumerate(itertools.islice(_characters(), count)):
            at = places.randint(0, self._length) if number % CHARACTERS_PER_RUN == 0 else at
            self._text.insert(at, character)
            self._length += 1
            at += 1
        self._document.unobserve(self._subscription)
        return self._updates

    def _note(self, event: TransactionEvent) -> None:
        self._updates.append(event.update)


def _characters() -> Iterator[str]:
    """The characters of the samples that are one byte long (pycrdt counts places in bytes), over and over."""
    text = "\n".join(read_texts(SAMPLES))
    return itertools.cycle(character for character in text if character.isascii())


async def write_page(server: Server, count: int) -> int:
    """Type the page into the server; returns the bytes of its updates."""
    assert isinstance(server.dialect, SynclineDialect)
    link = await server.dialect.join(device_name(0), PAGE)
    updates = Typist(link.client).type(count)
    for number, update in enumerate(updates):
        while number - link.confirmed >= IN_FLIGHT_MAX:
            await _next_look(link)
        link.socket.send(link.message(number, update))
    while link.confirmed < count:
        await _next_look(link)
    await link.socket.close()
    return sum(len(update) for update in updates)


async def _next_look(link: SynclineLink) -> None:
    if link.socket.lost.done():
        link.socket.lost.result()
    await asyncio.sleep(LOOK_EVERY_SECONDS)


def compact(data: Path, says: str) -> float:
    """Run `syncline compact` on the page; returns how long it took, in seconds.

    Raises `ServerFailed` unless the command says that it did what was expected.
    """
    command = [str(SCRIPTS / "syncline"), "compact", "--data", str(data), PAGE]
    start = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0 or says not in done.stdout:
        raise ServerFailed(
            f"`syncline compact` ended with {done.returncode} and not {says!r}: {done.stdout}{done.stderr}"
        )
    return seconds


def time_compaction(data: Path) -> tuple[float, float]:
    """Compact copies of `data`, and at last `data` itself; returns the command's median time, with work and without."""
    with_work, without_work = [], []
    for number in range(REPETITIONS):
        copy = data.with_name(f"{data.name}-{number}")
        shutil.copytree(data, copy)
        with_work.append(compact(copy, "compacted"))
        without_work.append(compact(copy, "nothing to do"))
        shutil.rmtree(copy)
    compact(data, "compacted")
    return percentile(with_work, 0.5), percentile(without_work, 0.5)


async def open_page(session: SynclineDevice) -> tuple[frames.OpenedDocument, float]:
    """Open the page with nothing; returns the answer, and the seconds until all of the page is here."""
    start = time.perf_counter()
    opened = (await session.open({PAGE: NOTHING}))[PAGE]
    seq = 0
    while seq < opened.head:
        frame = await session.receive()
        if isinstance(frame, frames.Snapshot):
            seq = frame.seq
        elif isinstance(frame, frames.Updates):
            seq = frame.seq + len(frame.payloads) - 1
    return opened, time.perf_counter() - start


async def open_cold(server: Server) -> tuple[float, int]:
    """The seconds and bytes of the first opening after a start."""
    assert isinstance(server.dialect, SynclineDialect)
    session = await server.dialect.greet(device_name(1))
    before = session.socket.bytes_received
    with undisturbed():
        _, seconds = await open_page(session)
    await session.socket.close()
    return seconds, session.socket.bytes_received - before


async def growth(server: Server, openings: int) -> float:
    """By how many bytes an opening makes the server grow, each being left again before the next. The first half fills
    caches, which are bounded.
    """
    assert isinstance(server.dialect, SynclineDialect)
    session = await server.dialect.greet(device_name(2))
    readings = []
    for _ in range(openings):
        opened, _ = await open_page(session)
        session.socket.send(codec.encode(frames.Close(opened.channel)))
        await asyncio.sleep(2 * LINGER_SECONDS)
        readings.append(resident_bytes(server.pid))
    await session.socket.close()
    half = openings // 2
    return (readings[-1] - readings[half - 1]) / (openings - half)


async def cold(contender: Contender, size: Size) -> Figures:
    """Type, fold, start anew, open."""
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as name:
        folder = Path(name)
        async with served(contender, folder=folder, environment=LOADING) as server:
            updates_bytes = await write_page(server, size.count(UPDATES))
            from_log_s, _ = await open_cold(server)
        with_work_s, without_work_s = await asyncio.to_thread(time_compaction, folder / "data")
        openings = []
        for _ in range(REPETITIONS):
            async with served(contender, folder=folder, environment=LINGER) as server:
                openings.append(await open_cold(server))
        async with served(contender, folder=folder, environment=LINGER) as server:
            grown = await growth(server, size.count(OPENINGS, least=2))
    return {
        "log_mib": updates_bytes / MIB,
        "from_log_ms": from_log_s * MILLISECONDS,
        "compaction_s": with_work_s - without_work_s,
        "command_s": with_work_s,
        "open_ms": percentile([seconds for seconds, _ in openings], 0.5) * MILLISECONDS,
        "snapshot_kib": openings[0][1] / KIB,
        "left_kib": grown / KIB,
    }


COLD: Final = Scenario(
    key="cold",
    title="A cold document: a page of 100,000 typed characters",
    load=f"{UPDATES:,} updates of one typed character each, in runs of {CHARACTERS_PER_RUN} all over a page. The log "
    "is folded by `syncline compact`; the server is started anew and a device that has nothing opens the page (the "
    f"file may be in the operating system's memory). Then {OPENINGS} more openings, each left again.",
    metrics=(
        Metric("log_mib", "bytes of the updates", "MiB"),
        Metric("from_log_ms", "opening before compaction, from the log", "ms"),
        Metric(
            "compaction_s",
            "compaction (the command, less the same with nothing to do)",
            "s",
            "≤ 1",
            bounds=(Bound("≤ 1 s", plus=1),),
        ),
        Metric("command_s", "the command itself, with the interpreter's start", "s"),
        Metric("open_ms", "first opening after a start", "ms", "≤ 50", bounds=(Bound("≤ 50 ms", plus=50),)),
        Metric("snapshot_kib", "bytes received by it", "KiB"),
        Metric(
            "left_kib", "growth of resident memory per opening, once it was left", "KiB", "0", bounds=(NOTHING_LEFT,)
        ),
    ),
    participants=participants(cold, (SYNCLINE_FULL,)),
)
