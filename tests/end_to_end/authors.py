"""Devices that write without end, and what a device that has nothing is given afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pycrdt
import uuid_utils
from end_to_end.device import Device, Take
from end_to_end.journal import MARK, Journal
from support.server import ServerProcess
from support.wire import now_at
from syncline_protocol.update import RecordStruct, encode_records

PAUSE_S: Final = 0.02
OUTBOX_MAX: Final = 100
SETTLE_S_MAX: Final = 60


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


async def new_conversation(server: ServerProcess, *, customer: str = "someone") -> str:
    """Create a conversation of this customer; the name of its first segment."""
    headers = {"Authorization": f"Bearer {server.token('boss')}"}
    body = {"subject": "wifi", "channel": "chat", "customer": customer}
    async with httpx.AsyncClient(base_url=server.http, headers=headers) as client:
        answer = await client.post("/v1/conversations", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["segment"])


async def read_all(
    server: ServerProcess, documents: Iterable[str], *, take: Take | None = None, within_s: float = SETTLE_S_MAX
) -> dict[str, bytes]:
    """What a device that has nothing is given, by document: bytes of records, text of pages. `take` sees it too."""
    contents: dict[str, bytes] = dict.fromkeys(documents, b"")
    pages: dict[str, pycrdt.Doc[Any]] = {name: pycrdt.Doc() for name in contents if name.startswith("page/")}

    def received(document: str, payload: bytes) -> None:
        contents[document] += payload
        if take is not None:
            take(document, payload)
        elif document in pages:
            pages[document].apply_update(payload)

    journal = Journal()
    device = Device("fresh", server.token("fresh"), contents, journal, received)
    async with connected([device], server.url), asyncio.timeout(within_s):
        await device.opened.wait()
        for name, head in device.heads.items():
            await device.reach(name, head)
    assert not journal.faults
    if take is None:
        contents |= {name: str(page.get("text", type=pycrdt.Text)).encode() for name, page in pages.items()}
    return contents


@asynccontextmanager
async def connected(devices: Iterable[Device], url: str) -> AsyncIterator[None]:
    """Keep devices connected meanwhile."""
    tasks = [asyncio.create_task(device.keep_connected(url)) for device in devices]
    try:
        yield
    finally:
        await stop(tasks)


@asynccontextmanager
async def writing(authors: Iterable[Author]) -> AsyncIterator[None]:
    """Let authors write meanwhile."""
    tasks = [asyncio.create_task(author.write_on()) for author in authors]
    try:
        yield
    finally:
        await stop(tasks)


async def stop(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they are done; what one of them failed with is raised.

    More than once: before Python 3.12 `asyncio.wait_for` loses a cancellation that comes together with its result.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=1.0)
        for task in done:
            if not task.cancelled():
                task.result()


async def converge(
    server: ServerProcess, authors: list[Author], journal: Journal, *, within_s: float = SETTLE_S_MAX
) -> dict[str, bytes]:
    """Let all devices come to rest on the running server; what a fresh device is given then, by document."""
    devices = [author.device for author in authors]
    documents = list(devices[0].copies)
    async with connected(devices, server.url), asyncio.timeout(within_s):
        for device in devices:
            await device.settle()
        contents = await read_all(server, documents, within_s=within_s)
        for device in devices:
            for name in documents:
                await device.reach(name, journal.head[name])
    return contents


def check(journal: Journal, contents: dict[str, bytes], authors: list[Author]) -> dict[str, int]:
    """Hold the fresh device's copy, and everybody's pages, against the journal; the figures."""
    missing = [journal.missing(name, MARK.findall(content)) for name, content in contents.items()]
    figures = {
        "acknowledged": sum(len(acked) for acked in journal.acked.values()),
        "acknowledged_missing": sum(len(acked) for acked, _ in missing),
        "shown": sum(len(shown) for shown in journal.shown.values()),
        "shown_missing": sum(len(shown) for _, shown in missing),
        "snapshots": journal.snapshots,
    }
    assert not journal.faults, journal.faults[:5]
    assert not any(acked or shown for acked, shown in missing), figures
    for name, content in contents.items():
        if name.startswith("page/"):
            assert {str(author.pages[name].get("text", type=pycrdt.Text)).encode() for author in authors} == {content}
            assert set(Counter(MARK.findall(content)).values()) == {1}, "a word is on the page twice"
    return figures
