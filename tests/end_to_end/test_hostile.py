"""Hostile devices beside honest ones: no crash, no stall, no growth, and honest devices notice nothing (P4).

`SYNCLINE_TEST_CASES=200000` for the whole length.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pycrdt
import pytest
from end_to_end.attackers import (
    PageMaker,
    RecordMaker,
    Target,
    hold_connections,
    send_bytes,
    send_frames,
    send_updates,
)
from end_to_end.authors import Author, check, connected, converge, new_conversation, read_all, stop, writing
from end_to_end.journal import Journal
from end_to_end.sizes import report, size
from support.checkout import ROOT
from support.server import ServerProcess
from support.updates import UpdateMaker
from support.wire import wire_device
from syncline_protocol import frames
from syncline_server.wire import SYNC, SYNC_STEP_1, SYNC_UPDATE, varint, yjs_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

CASES = size("CASES", 5_000)
HELD = 30
SETTLE_S_MAX = 60 + CASES // 500
"""For devices to come to rest afterwards: they have written all the while."""
RSS_GROWTH_MAX = 24 * 1024 * 1024
LATENCY_MS_P99_MAX = 250
HOSTILE_CASES = ROOT.parent / "shared" / "data" / "hostile-cases.json"
FAILED = re.compile(r"\bfailed\b|Traceback|panicked|exception", re.IGNORECASE)
QUOTA = {"page": 0.5, "record": 0.25, "frame": 0.15, "byte": 0.1}
"""Shares of the attacks among the cases."""


async def feel(server: ServerProcess, segment: str, latencies_ms: list[float]) -> None:
    """Send a message again and again, and note how long each takes to be on another device, until cancelled."""
    async with (
        wire_device(server.url, server.token("pulse"), "from") as sender,
        wire_device(server.url, server.token("pulse"), "to") as receiver,
    ):
        await sender.open(segment)
        await receiver.open(segment)
        await receiver.silence(0.2)
        while True:
            update = sender.encode(segment, sender.record("still here?"))
            began = time.perf_counter()
            await sender.update(segment, update)
            while update not in (await receiver.expect(frames.Updates)).payloads:
                pass
            latencies_ms.append((time.perf_counter() - began) * 1000)
            await sender.expect(frames.Acks)  # who does not read is not reached by a pong either
            sender.forget()
            await asyncio.sleep(0.02)


async def attack(server: ServerProcess, segment: str) -> Counter[str]:
    """All attacks at once; what came of them."""
    over = asyncio.Event()
    holding = asyncio.create_task(hold_connections(server, HELD, over))
    pages, records = int(CASES * QUOTA["page"] / 2), int(CASES * QUOTA["record"])
    outcomes = await asyncio.gather(
        send_updates(server, Target("page/shared", "mallory", "agent"), lambda client: PageMaker(1, client), pages),
        send_updates(server, Target("page/other", "trudy", "agent"), lambda client: PageMaker(2, client), pages),
        send_updates(server, Target(segment, "cus", "customer"), lambda client: RecordMaker(3, client), records),
        send_frames(server, 4, int(CASES * QUOTA["frame"])),
        send_bytes(server, 5, int(CASES * QUOTA["byte"])),
    )
    over.set()
    total: Counter[str] = Counter()
    for outcome in (*outcomes, await holding):
        total += outcome
    return total


@pytest.mark.timeout(120 + CASES // 50)
async def test_honest_devices_notice_nothing(tmp_path: Path) -> None:
    journal = Journal()
    latencies_ms: list[float] = []
    with ServerProcess(tmp_path / "data") as server:
        shared = await new_conversation(server, customer="cus")
        documents = [shared, await new_conversation(server), "page/plan"]
        authors = [Author(number, server, documents, journal) for number in range(3)]
        watcher = Author(9, server, ["page/shared", "page/other"], Journal())
        async with connected([*(author.device for author in authors), watcher.device], server.url), writing(authors):
            feeling = asyncio.create_task(feel(server, documents[1], latencies_ms))
            await asyncio.sleep(1.0)
            pid, before = server.pid, server.rss_bytes()
            began = time.monotonic()
            outcomes = await attack(server, shared)
            took = time.monotonic() - began
            after = server.rss_bytes()
            assert not feeling.done(), feeling
            await stop([feeling])
        contents = await converge(server, authors, journal, within_s=SETTLE_S_MAX)
        figures = check(journal, contents, authors)
        await check_attacked_pages(server, watcher)
        assert server.pid == pid
        assert all(device.reconnects == 0 for device in (author.device for author in authors))
        log = [line for line in server.log_path.read_text(encoding="utf-8").splitlines() if FAILED.search(line)]
    latencies_ms.sort()
    p99 = latencies_ms[int(len(latencies_ms) * 0.99)]
    report(
        cases=CASES, seconds=round(took, 1), rss_mib_before=before >> 20, rss_mib_after=after >> 20,
        latency_ms_p50=round(latencies_ms[len(latencies_ms) // 2], 1), latency_ms_p99=round(p99, 1), **figures,
    )  # fmt: skip
    report(**dict(sorted(outcomes.items())))
    assert not log, log[:5]
    assert p99 < LATENCY_MS_P99_MAX
    assert after - before < RSS_GROWTH_MAX


async def check_attacked_pages(server: ServerProcess, watcher: Author) -> None:
    """What was admitted on the attacked pages is the same on a device that followed live and on a fresh one."""
    names = list(watcher.device.copies)
    fresh: dict[str, pycrdt.Doc[Any]] = {name: pycrdt.Doc() for name in names}
    await read_all(server, names, take=lambda name, payload: fresh[name].apply_update(payload), within_s=SETTLE_S_MAX)
    for name in names:
        async with connected([watcher.device], server.url), asyncio.timeout(SETTLE_S_MAX):
            await watcher.device.reach(name, watcher.device.heads[name])
        assert watcher.pages[name].get_state() == fresh[name].get_state()


# --- known cases


def known_cases() -> Iterator[tuple[str, bytes, bytes]]:
    """Name, base and update of every known case; of our own making where the file is not there."""
    if not HOSTILE_CASES.exists():
        maker = UpdateMaker(Random(7), client=2**41)
        yield from ((f"made-{number}", b"", b"\xff" + maker.hostile()) for number in range(40))
        return
    cases = json.loads(HOSTILE_CASES.read_text(encoding="utf-8"))
    for name, case in cases.items():
        if isinstance(case, dict):
            updates = case.get("update") or case.get("utf8_segv") or []
            for update in [updates] if isinstance(updates, str) else updates:
                yield name, before_of(case.get("base", "")), expand(update)


def expand(text: str) -> bytes:
    """`0102 + 3*0a0b` as bytes."""
    parts = (part.strip().rpartition("*") for part in text.split("+"))
    return b"".join(bytes.fromhex(digits) * int(times or 1) for times, _, digits in parts)


def before_of(text: str) -> bytes:
    """What the document holds before."""
    if re.fullmatch(r"[0-9a-f]+", text):
        return bytes.fromhex(text)
    doc = pycrdt.Doc[Any](client_id=1)
    doc.get("t", type=pycrdt.Text).insert(0, "hello")
    doc.get("m", type=pycrdt.Map)["a"] = 1
    return doc.get_update()


async def test_known_cases_are_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    """By a device, and by a stock client, which may write under the small client ids these cases have."""
    with ServerProcess(tmp_path / "data") as server:
        pid, rss = server.pid, server.rss_bytes()
        segment = await new_conversation(server)
        count = 0
        for name, before, update in known_cases():
            count += 1
            for document in (segment, f"page/device-{name}-{count}"):
                await check_device_refused(server, document, update)
            await check_stock_refused(server, f"page/stock-{name}-{count}", before, update)
        await check_vectors_refused(server)
        assert server.pid == pid
        assert not [line for line in server.log_path.read_text(encoding="utf-8").splitlines() if FAILED.search(line)]
        report(cases=count, rss_mib_before=rss >> 20, rss_mib_after=server.rss_bytes() >> 20)
        assert server.rss_bytes() - rss < RSS_GROWTH_MAX


async def head_of(server: ServerProcess, document: str) -> int:
    """How many updates the log of a document has."""
    async with wire_device(server.url, server.token("reader"), "reader") as reader:
        return (await reader.open(document)).documents[0].head


async def check_device_refused(server: ServerProcess, document: str, update: bytes) -> None:
    async with wire_device(server.url, server.token("mallory")) as wire:
        await wire.open(document)
        refused = await wire.refusal(document, update)
        assert refused.code in {"malformed", "not_yours", "gap", "forbidden", "too_large"}, (document, refused)
    assert await head_of(server, document) == 0


async def close_code(socket: ClientConnection) -> int:
    """The code with which the server closes, saying nothing before."""
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(5):
            await socket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def check_stock_refused(server: ServerProcess, document: str, before: bytes, update: bytes) -> None:
    """Whether what was before is taken or not: the update is not."""
    user = document.replace("/", "-")
    for payload in filter(None, (before, update)):
        async with connect(f"{server.url}/yjs/{document}?token={server.token(user)}", compression=None) as socket:
            await socket.recv()
            head = await head_of(server, document)
            await socket.send(yjs_message(SYNC, SYNC_UPDATE, payload))
            if payload is update:
                assert await close_code(socket) == 4422, document
                assert await head_of(server, document) == head
            else:
                await asyncio.sleep(0.05)


async def check_vectors_refused(server: ServerProcess) -> None:
    """State vectors that promise more than comes, or are not written the shortest way."""
    for vector in (*(varint(2 << shift) for shift in (26, 28, 30)), b"\x01\x80\x00\x01", b"\xff" * 300_000):
        async with connect(f"{server.url}/yjs/page/vectors?token={server.token('v')}", compression=None) as socket:
            await socket.recv()
            await socket.send(yjs_message(SYNC, SYNC_STEP_1, vector))
            assert await close_code(socket) in {4400, 4422}
