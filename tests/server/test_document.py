"""A document in memory: its invariants over commits that succeed and fail, on a real log and store."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from support.authors import Recorder
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import parse_name
from syncline_protocol.update import scan_records
from syncline_server.document import UNAVAILABLE_RETRY_MS, Document, unavailable
from syncline_server.storage.interface import DocumentKey, LogEntry, StoreUnavailable

SEGMENT = "conversation/c1/1"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server with the conversation `c1`."""
    async with running(tmp_path / "data") as started:
        await started.conversation(id="c1")
        yield started


async def segment(server: Running) -> Document:
    """The conversation's first segment, pinned, with its index."""
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    await server.hub.load_index(document)
    return document


async def stored(server: Running, document: Document) -> list[tuple[int, list[str]]]:
    """The document's log: sequence numbers and texts."""
    rows = await server.hub.store.read_log(document.number, after=0, bytes_max=10**9)
    return [(row.seq, [struct.value["text"] for struct in scan_records(row.payload)]) for row in rows]


def fail_commits(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the store takes no writes."""

    async def full(_: object = None) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(server.hub.store, "append", full)
    monkeypatch.setattr(server.hub.store, "probe", full)


async def recovered(server: Running) -> None:
    """Wait until the log takes writes again."""
    async with asyncio.timeout(5):
        while server.hub.log.failure is not None:
            await asyncio.sleep(0.05)


async def test_numbers_are_given_at_admission_without_holes(server: Running) -> None:
    document, authors = await segment(server), [Recorder(0), Recorder(1)]
    for number in range(10):
        assert authors[number % 2].say(document, str(number), now_ms=server.hub.now_ms())
        assert document.head == number + 1
    assert document.in_use
    await server.hub.log.flushed()
    assert document.committed == document.head == 10
    assert await stored(server, document) == [(number + 1, [str(number)]) for number in range(10)]
    assert sorted(seq for author in authors for _, seq in author.acks) == list(range(1, 11))
    assert (document.tail_updates, document.tail_bytes > 500) == (10, True)


async def test_what_is_known_is_acknowledged_after_what_came_before_and_not_stored_again(server: Running) -> None:
    document, author = await segment(server), Recorder()
    now_ms = server.hub.now_ms()
    payload = author.payload(0, author.record())
    assert author.write(document, payload, now_ms=now_ms)
    assert not author.write(document, payload, now_ms=now_ms)
    await server.hub.log.flushed()
    assert author.acks == [(1, 1), (2, 0)]
    assert len(await stored(server, document)) == 1


async def test_a_refused_update_changes_nothing(server: Running) -> None:
    document, author = await segment(server), Recorder()
    now_ms = server.hub.now_ms()
    author.say(document, "good", now_ms=now_ms)
    assert document.admission is not None
    before = document.admission.encode()
    for bad in (b"", author.payload(5, author.record()), author.payload(1, author.record(), author.record(""))):
        with pytest.raises(RefusedUpdate):
            author.write(document, bad, now_ms=now_ms)
    with pytest.raises(RefusedUpdate):
        author.write(document, author.payload(1, author.record()), access=Access.READ, now_ms=now_ms)
    assert (document.head, document.admission.encode()) == (1, before)
    await server.hub.log.flushed()
    assert len(await stored(server, document)) == 1


async def test_nothing_is_shown_or_acknowledged_before_it_is_durable(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_commit, real = asyncio.Event(), server.hub.store.append

    async def slow(entries: Sequence[LogEntry]) -> None:
        await may_commit.wait()
        await real(entries)

    monkeypatch.setattr(server.hub.store, "append", slow)
    async with (
        wire_device(server.url, server.token("mei")) as writer,
        wire_device(server.url, server.token("jin"), "d2") as reader,
    ):
        await writer.open(SEGMENT)
        await reader.open(SEGMENT)
        await writer.update(SEGMENT, writer.encode(SEGMENT, writer.record()))
        assert await writer.silence(0.2) == []
        assert await reader.silence(0.2) == []
        async with wire_device(server.url, server.token("late"), "d3") as late:
            assert (await late.open(SEGMENT)).documents[0].head == 0
            assert await late.silence(0.1) == []
            may_commit.set()
            assert (await late.expect(frames.Updates)).seq == 1
        assert (await writer.expect(frames.Acks)).updates[2] == 1
        assert (await reader.expect(frames.Updates)).seq == 1


async def test_a_failed_commit_is_forgotten_whole(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    document, authors = await segment(server), [Recorder(0), Recorder(1)]
    authors[0].say(document, "stored", now_ms=server.hub.now_ms())
    await server.hub.log.flushed()
    with monkeypatch.context() as patched:
        fail_commits(server, patched)
        for author in authors:
            author.say(document, "lost", now_ms=server.hub.now_ms())
        assert document.head == 3
        async with asyncio.timeout(5):
            while server.hub.log.failure is None:
                await asyncio.sleep(0)
        assert (document.head, document.committed, document.admission) == (1, 1, None)
        assert [refusal.code for author in authors for _, refusal in author.refusals] == [RefusalCode.UNAVAILABLE] * 2
        await server.hub.load_index(document)
        with pytest.raises(RefusedUpdate, match="the disk is full"):
            authors[0].say(document, "still failing", now_ms=server.hub.now_ms())
        assert document.head == 1
    await recovered(server)
    for author in authors:
        author.say(document, "again", now_ms=server.hub.now_ms())
    await server.hub.log.flushed()
    assert await stored(server, document) == [(1, ["stored"]), (2, ["again"]), (3, ["again"])]
    assert [seq for author in authors for _, seq in author.acks] == [1, 2, 3]


async def test_after_a_failed_commit_the_state_is_that_of_a_fresh_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "data") as server:
        await server.conversation(id="c1")
        document, author = await segment(server), Recorder()
        author.say(document, "one", "two", now_ms=server.hub.now_ms())
        await server.hub.log.flushed()
        with monkeypatch.context() as patched:
            fail_commits(server, patched)
            author.say(document, "lost", now_ms=server.hub.now_ms())
            async with asyncio.timeout(5):
                while server.hub.log.failure is None:
                    await asyncio.sleep(0)
        await recovered(server)
        await server.hub.load_index(document)
        author.say(document, "three", now_ms=server.hub.now_ms())
        await server.hub.log.flushed()
        assert document.admission is not None
        after = (document.admission.encode(), document.admission.vector, document.admission.digest, document.head)
    async with running(tmp_path / "data") as server:
        fresh = await segment(server)
        assert fresh.admission is not None
        assert (fresh.admission.encode(), fresh.admission.vector, fresh.admission.digest, fresh.head) == after


async def test_a_quarantined_document_is_read_and_not_written(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        await server.conversation(id="c1")
        document = await segment(server)
        Recorder().say(document, "before", now_ms=server.hub.now_ms())
        await server.hub.log.flushed()
        await server.hub.store.quarantine(document.number, "the engine choked on it")
    async with running(tmp_path / "data") as server, wire_device(server.url, server.token("mei")) as device:
        assert (await device.open(SEGMENT)).documents[0].head == 1
        assert (await device.expect(frames.Updates)).seq == 1
        refused = await device.refusal(SEGMENT, device.encode(SEGMENT, device.record()))
        assert (refused.code, "choked" in refused.reason) == ("quarantined", True)


async def test_nothing_is_admitted_without_an_index(server: Running) -> None:
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    author = Recorder()
    assert document.admission is None
    with pytest.raises(RuntimeError, match="not loaded"):
        author.write(document, author.payload(0, author.record()), now_ms=server.hub.now_ms())
    assert document.head == 0


def test_a_store_that_takes_no_writes_says_when_to_come_back() -> None:
    refusal = unavailable(StoreUnavailable("the disk is full"))
    assert refusal.code is RefusalCode.UNAVAILABLE
    assert "the disk is full" in refusal.reason
    assert refusal.detail == {"retry_after_ms": UNAVAILABLE_RETRY_MS}


async def test_it_is_settled_when_nothing_is_on_its_way_whatever_became_of_it(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, author = await segment(server), Recorder()
    async with asyncio.timeout(1):
        await document.settled()
    author.say(document, "one", now_ms=server.hub.now_ms())
    settling = [asyncio.create_task(document.settled()) for _ in range(3)]
    settling[0].cancel()
    await asyncio.wait(settling, timeout=5)
    assert [one.done() for one in settling] == [True] * 3
    assert (author.acks, document.committed) == ([(1, 1)], 1)
    with monkeypatch.context() as failing:
        fail_commits(server, failing)
        author.say(document, "two", now_ms=server.hub.now_ms())
        async with asyncio.timeout(5):
            await document.settled()
        assert (document.head, document.committed, len(author.refusals)) == (1, 1, 1)
    await recovered(server)


async def test_waiting_for_what_was_admitted_ends_also_while_others_go_on_writing(server: Running) -> None:
    document, author = await segment(server), Recorder()

    async def write_on() -> None:
        while True:
            if document.head < document.committed + 100:
                author.say(document, "and on", now_ms=server.hub.now_ms())
            await asyncio.sleep(0)

    writing = asyncio.create_task(write_on())
    try:
        for _ in range(5):
            await asyncio.sleep(0.01)
            admitted = document.head
            async with asyncio.timeout(5):
                await document.settled()
            assert document.committed >= admitted
    finally:
        writing.cancel()
        await asyncio.wait([writing])
