"""The server is killed at random moments under load, again and again, in one data folder (P1, P2).

Six devices write messages and page text in four documents, two others only read; all of them keep a journal of what
they were told. `SYNCLINE_TEST_ROUNDS=1000` for the whole length.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pycrdt
import pytest
import uuid_utils
from end_to_end.device import Device
from end_to_end.journal import MARK, Journal
from end_to_end.sizes import report, size
from support.server import ServerProcess
from support.wire import now_at
from syncline_protocol.update import RecordStruct, encode_records

ROUNDS = size("ROUNDS", 10)
ROUND_S_MAX = 0.6
WRITERS = 6
READERS = 2
PAUSE_S = 0.02
OUTBOX_MAX = 100
SETTLE_S_MAX = 60


class Author:
    """A device that writes: messages into conversations, words onto pages, wherever it is online or not."""

    def __init__(self, number: int, server: ServerProcess, documents: Iterable[str], journal: Journal) -> None:
        self.user = f"writer-{number}"
        self.pages: dict[str, pycrdt.Doc[Any]] = {}
        self._clocks: dict[str, int] = {}
        self._randomness = random.Random(number)
        token = server.token(self.user, ttl_s=86_400)
        self.device = Device(f"device-{number}", token, documents, journal, self._take)

    def _take(self, document: str, payload: bytes) -> None:
        if document.startswith("page/"):
            self._page(document).apply_update(payload)

    def _page(self, document: str) -> "pycrdt.Doc[Any]":
        if document not in self.pages:
            self.pages[document] = pycrdt.Doc(client_id=self.device.client)
        return self.pages[document]

    async def write_on(self) -> None:
        """Write at random places until cancelled; never far ahead of the acknowledgements."""
        while True:
            document = self._randomness.choice(list(self.device.copies))
            if self.device.client and len(self.device.copies[document].outbox) < OUTBOX_MAX:
                write = self._write_words if document.startswith("page/") else self._write_message
                self.device.write(document, write(document))
            await asyncio.sleep(self._randomness.expovariate(1 / PAUSE_S))

    def _write_message(self, document: str) -> bytes:
        clock = self._clocks.get(document, 0)
        self._clocks[document] = clock + 1
        key = str(uuid_utils.uuid7())
        value = {"id": key, "by": self.user, "device": self.device.name, "at": now_at(), "type": "text", "text": "你好"}
        return encode_records([RecordStruct(self.device.client, clock, "messages", key, value)])

    def _write_words(self, document: str) -> bytes:
        page = self._page(document)
        before = page.get_state()
        text = page.get("text", type=pycrdt.Text)
        mark = str(uuid_utils.uuid7())
        at = self._randomness.randint(0, len(text) // len(mark)) * len(mark)
        text.insert(at, mark)
        return page.get_update(before)


async def new_conversation(server: ServerProcess) -> str:
    """Create a conversation; the name of its first segment."""
    headers = {"Authorization": f"Bearer {server.token('boss')}"}
    async with httpx.AsyncClient(base_url=server.http, headers=headers) as client:
        answer = await client.post("/v1/conversations", json={"subject": "wifi", "channel": "chat"})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["segment"])


async def run_round(server: ServerProcess, devices: list[Device], seconds: float) -> None:
    """Let all devices work for a while, then crash the server under them."""
    serving = [asyncio.create_task(device.keep_connected(server.url)) for device in devices]
    await asyncio.sleep(seconds)
    server.kill()
    await asyncio.sleep(0.01)  # what the system still has for the devices reaches them
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def read_all(server: ServerProcess, documents: Iterable[str]) -> dict[str, bytes]:
    """What a device that has nothing is given, by document, and the texts of the pages."""
    contents: dict[str, bytes] = dict.fromkeys(documents, b"")
    pages: dict[str, pycrdt.Doc[Any]] = {name: pycrdt.Doc() for name in documents if name.startswith("page/")}

    def take(document: str, payload: bytes) -> None:
        contents[document] += payload
        if document in pages:
            pages[document].apply_update(payload)

    journal = Journal()
    device = Device("fresh", server.token("fresh"), documents, journal, take)
    serving = asyncio.create_task(device.keep_connected(server.url))
    async with asyncio.timeout(SETTLE_S_MAX):
        await device.opened.wait()
        for name, head in device.heads.items():
            await device.reach(name, head)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert not journal.faults
    for name, page in pages.items():
        contents[name] = str(page.get("text", type=pycrdt.Text)).encode()
    return contents


@pytest.mark.timeout(60 + 4 * ROUNDS)
async def test_nothing_acknowledged_or_shown_is_ever_missing(tmp_path: Path) -> None:
    journal = Journal()
    randomness = random.Random(ROUNDS)
    with ServerProcess(tmp_path / "data") as server:
        documents = [await new_conversation(server), await new_conversation(server), "page/plan", "page/notes"]
        authors = [Author(number, server, documents, journal) for number in range(WRITERS + READERS)]
        devices = [author.device for author in authors]
        writing = [asyncio.create_task(author.write_on()) for author in authors[:WRITERS]]
        began = time.monotonic()
        for _ in range(ROUNDS):
            await run_round(server, devices, randomness.uniform(0, ROUND_S_MAX))
            assert not journal.faults, journal.faults[:5]
            server.start()
        took = time.monotonic() - began
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        serving = [asyncio.create_task(device.keep_connected(server.url)) for device in devices]
        async with asyncio.timeout(SETTLE_S_MAX):
            await asyncio.gather(*(device.settle() for device in devices))
        contents = await read_all(server, documents)
        async with asyncio.timeout(SETTLE_S_MAX):
            await asyncio.gather(*(device.reach(name, journal.head[name]) for device in devices for name in documents))
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
    check(journal, contents, authors, took)


def check(journal: Journal, contents: dict[str, bytes], authors: list[Author], took: float) -> None:
    """Hold the fresh device's copy, and everybody's pages, against the journal."""
    missing = [journal.missing(name, MARK.findall(content)) for name, content in contents.items()]
    report(
        rounds=ROUNDS,
        seconds_per_round=round(took / ROUNDS, 2),
        acknowledged=sum(len(acked) for acked in journal.acked.values()),
        acknowledged_missing=sum(len(acked) for acked, _ in missing),
        shown=sum(len(shown) for shown in journal.shown.values()),
        shown_missing=sum(len(shown) for _, shown in missing),
        snapshots=journal.snapshots,
    )
    assert not journal.faults, journal.faults[:5]
    assert not any(acked or shown for acked, shown in missing)
    assert journal.acks > ROUNDS
    assert journal.showings > ROUNDS
    for name, content in contents.items():
        if name.startswith("page/"):
            assert {str(author.pages[name].get("text", type=pycrdt.Text)).encode() for author in authors} == {content}
            assert set(Counter(MARK.findall(content)).values()) == {1}, "a word is on the page twice"
