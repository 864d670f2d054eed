"""A long conversation: what opening it costs a device, beside one that is a hundredth as long.

Syncline alone: it keeps messages in segments, so that a device asks for the newest ones; in a peer a conversation is
one document, and opening it is loading it.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from syncline_protocol import frames
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.limits import RECORDS_PER_SEGMENT
from syncline_protocol.update import RecordStruct, scan_records
from syncline_server.app import Server as Opened
from syncline_server.app import opened
from syncline_server.settings import Settings
from syncline_server.storage.interface import DocumentKey, LogEntry

from benchmarks.load.pace import undisturbed
from benchmarks.load.records import SAMPLES, USER, Writer, device_name, read_texts
from benchmarks.load.syncline import NOTHING, SynclineDevice, SynclineDialect
from benchmarks.readings import cpu_time
from benchmarks.scenarios.scenario import MILLISECONDS, Bound, Figures, Metric, Scenario, Size, participants, percentile
from benchmarks.scenarios.window import DeliveryFailed
from benchmarks.servers.contenders import SYNCLINE_FULL, Contender, Server, served
from benchmarks.servers.process import ServerFailed

SEGMENTS_SHORT, SEGMENTS_LONG = 1, 100
"""1,000 and 100,000 messages."""

TENANT: Final = "default"
CLIENT: Final = 1
NEWEST: Final = 2
"""Segments that a device asks for: the newest, and the one before it, since the newest may hold nothing yet."""

OPENINGS: Final = 20
KIB: Final = 1024
REST_SECONDS_MAX: Final = 180.0
LOOK_EVERY_SECONDS: Final = 0.5
IDLE_SHARE: Final = 0.05
"""Of a core: below it a server has done with what it makes of a log after its start."""


class Opening(NamedTuple):
    """One opening: how long it took from connecting to the last message, and what was received."""

    seconds: float
    bytes_received: int


async def write_conversation(server: Opened, name: str, segments: int) -> None:
    """A conversation of so many full segments, its messages straight into the store: loading is not measured."""
    agent = Identity(tenant=TENANT, user=USER, device=device_name(0), role=Role.AGENT)
    hub = server.hub
    await hub.conversations.create(agent, subject=name, channel="chat", language="en", customer=None, id=name)
    writer = Writer(CLIENT, device_name(0), read_texts(SAMPLES))
    for segment in range(1, segments + 1):
        await hub.conversations.open_segment(TENANT, name, segment)
        row = await hub.store.read_document(DocumentKey(TENANT, f"conversation/{name}/{segment}"))
        if row is None:
            raise ServerFailed(f"segment {segment} of {name} was opened and is not there")
        records = enumerate(writer.write(RECORDS_PER_SEGMENT), start=row.head + 1)
        now_ms = hub.now_ms()
        await hub.store.append([LogEntry(row.number, seq, CLIENT, now_ms, record.update) for seq, record in records])


async def write_both(data: Path, long: int) -> None:
    """Both conversations, before the server that is measured starts."""
    async with opened(Settings(data=data)) as server:
        await write_conversation(server, "short", SEGMENTS_SHORT)
        await write_conversation(server, "long", long)


async def at_rest(server: Server) -> None:
    """Wait until the server has made what it makes of a log that it finds (search, lists)."""
    deadline = time.monotonic() + REST_SECONDS_MAX
    busy = 1.0
    while busy > IDLE_SHARE and time.monotonic() < deadline:
        before = cpu_time(server.pid)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        busy = cpu_time(server.pid).since(before).exact / LOOK_EVERY_SECONDS


async def open_newest(dialect: SynclineDialect, device: str, name: str) -> Opening:
    """Connect with nothing: the conversation's head, then its newest segments. Two round trips."""
    start = time.perf_counter()
    session = await dialect.greet(device)
    segments = segments_of(await read(session, [f"conversation/{name}"]))
    newest = [f"conversation/{name}/{segment}" for segment in sorted(segments)[-NEWEST:]]
    messages = await read(session, newest)
    seconds = time.perf_counter() - start
    if len(messages) < RECORDS_PER_SEGMENT:
        raise DeliveryFailed(f"{len(messages)} messages of {name} came, {RECORDS_PER_SEGMENT} are there")
    received = session.socket.bytes_received
    await session.socket.close()
    return Opening(seconds, received)


async def open_in_turn(dialect: SynclineDialect) -> dict[str, list[Opening]]:
    """Openings of both, by name; each device has a name of its own."""
    openings: dict[str, list[Opening]] = {"short": [], "long": []}
    for number in range(OPENINGS):
        for name, made in openings.items():
            made.append(await open_newest(dialect, device_name(number), name))
    return openings


async def read(session: SynclineDevice, names: Sequence[str]) -> list[RecordStruct]:
    """Open documents of which the device has nothing; all their records."""
    answers = await session.open(dict.fromkeys(names, NOTHING))
    due = {answer.channel: answer.head for answer in answers.values() if answer.head}
    records: list[RecordStruct] = []
    while due:
        frame = await session.receive()
        if not isinstance(frame, frames.Updates | frames.Snapshot):
            raise DeliveryFailed(f"{type(frame).__name__} came where a document was due")
        payloads = frame.payloads if isinstance(frame, frames.Updates) else [frame.payload]
        records += [record for payload in payloads for record in scan_records(payload, trusted=True)]
        last = frame.seq + len(payloads) - 1 if isinstance(frame, frames.Updates) else frame.seq
        if last >= due[frame.channel]:
            del due[frame.channel]
    return records


def segments_of(head: Sequence[RecordStruct]) -> list[int]:
    """The segments that a conversation's head names."""
    return [record.value["segment"] for record in head if record.value["type"] == "segment_opened"]


async def long(contender: Contender, size: Size) -> Figures:
    """Open both, in turn."""
    with tempfile.TemporaryDirectory(prefix="syncline-benchmark-") as temporary:
        home = Path(temporary)
        segments = size.count(SEGMENTS_LONG, least=2)
        await write_both(home / "data", segments)
        async with served(contender, folder=home) as server:
            assert isinstance(server.dialect, SynclineDialect)
            await at_rest(server)
            with undisturbed():
                openings = await open_in_turn(server.dialect)
    milliseconds = {
        name: percentile([one.seconds for one in made], 0.5) * MILLISECONDS for name, made in openings.items()
    }
    received = {name: made[-1].bytes_received for name, made in openings.items()}
    return {
        "short_ms": milliseconds["short"],
        "long_ms": milliseconds["long"],
        "time_ratio": milliseconds["long"] / milliseconds["short"],
        "short_kib": received["short"] / KIB,
        "long_kib": received["long"] / KIB,
        "bytes_ratio": received["long"] / received["short"],
    }


TWICE: Final = (Bound("≤ 2 × one of 1,000 messages", plus=2),)

LONG: Final = Scenario(
    key="long",
    title="A long conversation: 100,000 messages",
    load="A device that has nothing connects and opens a conversation of 1,000 messages, then one of 100,000: its "
    f"head, then its {NEWEST} newest segments. Medians of {OPENINGS} openings each, decoding included.",
    metrics=(
        Metric("short_ms", "opening one of 1,000, p50", "ms"),
        Metric("long_ms", "opening one of 100,000, p50", "ms"),
        Metric("time_ratio", "the same, as a ratio", "×", "≤ 2", bounds=TWICE),
        Metric("short_kib", "bytes received for 1,000", "KiB"),
        Metric("long_kib", "bytes received for 100,000", "KiB"),
        Metric("bytes_ratio", "the same, as a ratio", "×", "≤ 2", bounds=TWICE),
    ),
    participants=participants(long, (SYNCLINE_FULL,)),
)
