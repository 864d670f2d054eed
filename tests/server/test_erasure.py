"""Erasing records: their content is gone from the store and is sent to nobody, and nothing else is lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from support.authors import Recorder
from support.records import record_value
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.documents.erasure import erased
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import parse_name
from syncline_protocol.update import RecordStruct, encode_records, scan_records
from syncline_server import engine, erasure
from syncline_server.document import Document
from syncline_server.erasure import erase, rewrite_history
from syncline_server.storage.connections import DATABASE_NAME
from syncline_server.storage.interface import DocumentKey, LogRow, Snapshot, StoreUnavailable
from syncline_server.storage.record_reading import read_records
from syncline_server.wire import SYNC, SYNC_STEP_1, SYNC_STEP_2, SYNC_UPDATE, read_varint, yjs_message
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

SEGMENT = "conversation/c1/1"
SECRET = "my card is 4711-0815"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server with the conversation `c1`."""
    async with running(tmp_path / "data") as started:
        await started.conversation(id="c1")
        yield started


async def segment(server: Running) -> Document:
    """The first segment, pinned, with its index."""
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    await server.hub.load_index(document)
    return document


async def write(server: Running, document: Document, *records: dict[str, Any], author: Recorder) -> None:
    """Have these records admitted, one update each, and wait until they are durable."""
    for record in records:
        assert document.admission is not None
        clock = document.admission.vector.get(author.client, 0)
        author.write(document, author.payload(clock, record), now_ms=server.hub.now_ms())
    await server.hub.log.flushed()


async def secret_in(server: Running, document: Document) -> dict[str, Any]:
    """A message with the secret, between two others."""
    author = Recorder()
    secret = author.record(SECRET)
    await write(server, document, author.record("before"), secret, author.record("after"), author=author)
    return secret


async def stored(server: Running, document: Document) -> dict[str, dict[str, Any]]:
    """What the store has of the document, by key."""
    _, records = await read_records(server.hub.store, document.number)
    return {key: value for (_, key), value in records.items()}


def encoded_index(document: Document) -> bytes:
    """The document's admission index."""
    assert document.admission is not None
    return document.admission.encode()


def files_with(directory: Path, content: str) -> list[str]:
    """The store's files that hold this text anywhere. (The projections' are theirs to clean.)"""
    return [one.name for one in directory.rglob(f"{DATABASE_NAME}*") if content.encode() in one.read_bytes()]


async def broken(*_: Any, **__: Any) -> None:
    """A call of a store that does not answer."""
    raise StoreUnavailable("the disk is gone")


# --- the new history


def test_only_what_is_meant_loses_its_content_and_nothing_its_place() -> None:
    values = [record_value(number, "text", text=f"text {number}") for number in range(6)]
    values[4] = record_value(4, "edit", message=values[1]["id"], text="again")
    values[5] = record_value(5, "edit", message=values[2]["id"], text="of another")
    structs = [RecordStruct(5 + n % 2, n // 2, "messages", value["id"], value) for n, value in enumerate(values)]
    payloads = [encode_records([one]) for one in structs]
    rewritten = rewrite_history(payloads, {("messages", values[1]["id"]), ("messages", "nothing"), ("other", "x")})
    assert rewritten.erased == 2
    after = {struct[:2]: struct for struct in scan_records(rewritten.payload)}
    for struct in structs:
        expected = struct._replace(value=erased(struct.value)) if struct.value in (values[1], values[4]) else struct
        assert after[struct[:2]] == expected
    assert len(after) == 6


def test_a_record_that_an_update_repeats_is_taken_once() -> None:
    values = [record_value(number, "text", text=f"text {number}") for number in range(3)]
    structs = [RecordStruct(5, number, "messages", value["id"], value) for number, value in enumerate(values)]
    other = structs[0]._replace(value={**values[0], "text": "another text"})
    payloads = [encode_records(structs[:1]), encode_records([other, *structs[1:]])]
    rewritten = rewrite_history(payloads, {("messages", values[2]["id"])})
    assert b"another text" not in rewritten.payload
    assert [struct.value for struct in scan_records(rewritten.payload)] == [*values[:2], erased(values[2])]


def test_what_is_erased_already_is_not_erased_again() -> None:
    value = erased(record_value(1, "text", text=SECRET))
    payload = encode_records([RecordStruct(5, 0, "messages", value["id"], value)])
    assert rewrite_history([payload], {("messages", value["id"])}).erased == 0


# --- in a running server


async def test_the_content_is_gone_and_the_rest_is_there(server: Running, tmp_path: Path) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    author = Recorder()
    edit = author.record("4712 it is", type="edit", message=secret["id"])
    await write(server, document, edit, author=author)
    before, epoch = await stored(server, document), document.epoch
    assert files_with(tmp_path, SECRET)
    assert await erase(server.hub, document, [("messages", secret["id"])]) == 2
    assert not files_with(tmp_path, SECRET)
    assert not files_with(tmp_path, "4712")
    gone = (secret["id"], edit["id"])
    assert await stored(server, document) == {
        key: erased(value) if key in gone else value for key, value in before.items()
    }
    row = await server.hub.store.read_document(document.key)
    assert row is not None
    assert (row.epoch, row.head, row.floor) == (document.epoch, document.committed, document.floor) != (epoch, 4, 0)


async def test_the_index_goes_on_as_if_it_had_been_loaded(server: Running) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    await erase(server.hub, document, [("messages", secret["id"])])
    author = Recorder()
    await write(server, document, author.record("goes on"), author=author)
    kept = encoded_index(document)
    document.admission = None
    await server.hub.load_index(document)
    assert encoded_index(document) == kept
    assert (document.head, document.committed, document.tail_updates) == (4, 4, 1)
    with pytest.raises(RefusedUpdate) as caught:
        await write(server, document, author.record("x", type="edit", message=secret["id"]), author=author)
    assert caught.value.code is RefusalCode.FORBIDDEN, "nothing is written about what was erased"


async def test_it_can_be_repeated(server: Running) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    names = [("messages", secret["id"]), ("messages", "never there")]
    assert await erase(server.hub, document, names) == 1
    epoch = document.epoch
    assert await erase(server.hub, document, names) == 0
    assert await erase(server.hub, document, []) == 0
    assert document.epoch == epoch, "nobody has to load it again"


async def test_a_page_is_refused(server: Running) -> None:
    document = await server.hub.find(DocumentKey("default", "page/one"), parse_name("page/one"), create=True)
    with pytest.raises(ValueError, match="holds no records"):
        await erase(server.hub, document, [("messages", "x")])


async def test_a_snapshot_and_a_log_behind_it_are_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "UPKEEP_INTERVAL_S", 3600)
    async with running(tmp_path / "data") as server:
        await server.conversation(id="c1")
        document = await segment(server)
        secret = await secret_in(server, document)
        await server.hub._engine._compact(server.hub, document)
        second = await secret_in(server, document)
        assert await erase(server.hub, document, [("messages", one["id"]) for one in (secret, second)]) == 2
        assert not files_with(tmp_path, SECRET)
        author = Recorder()
        for number in range(600):
            author.say(document, f"m{number}", now_ms=server.hub.now_ms())
        await server.hub.log.flushed()
        await server.hub._engine._compact(server.hub, document)
        assert not document.quarantined, "the engine takes what was rewritten"
        assert len(await stored(server, document)) == 606
        assert not files_with(tmp_path, SECRET)


# --- others meanwhile


async def test_devices_are_evicted_and_load_the_new_history(server: Running) -> None:
    async with (
        wire_device(server.url, server.token("mei")) as mei,
        wire_device(server.url, server.token("jin"), "d2") as jin,
    ):
        epoch = (await mei.open(SEGMENT)).documents[0].epoch
        await jin.open(SEGMENT)
        secret = mei.record(SECRET)
        await mei.update(SEGMENT, mei.encode(SEGMENT, secret))
        await mei.expect(frames.Acks)
        await jin.expect(frames.Updates)
        document = server.hub.documents[DocumentKey("default", SEGMENT)]
        assert await erase(server.hub, document, [("messages", secret["id"])]) == 1
        for device in (mei, jin):
            evicted = await device.expect(frames.Evicted)
            assert (evicted.code, evicted.reason) == (
                "unavailable",
                "the document's history was replaced: open it again",
            )
        assert (await mei.refusal(SEGMENT, mei.encode(SEGMENT, mei.record("too late")))).code == "not_open"
        opened = (await mei.open(SEGMENT, cursor=1, epoch=epoch)).documents[0]
        assert (opened.epoch, opened.head) == (document.epoch, 1)
        snapshot = await mei.expect(frames.Snapshot)
        assert [struct.value for struct in scan_records(snapshot.payload)] == [erased(secret)]
        mei.clocks[SEGMENT] = 1
        assert await mei.say(SEGMENT, "goes on") == 2


async def test_what_was_admitted_before_is_in_the_new_history_and_what_comes_waits(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure begins with a commit under way; updates arrive while the new history is made."""
    document = await segment(server)
    secret = await secret_in(server, document)
    early = Recorder(1)
    early.say(document, "admitted, not durable", now_ms=server.hub.now_ms())
    making, go_on = asyncio.Event(), asyncio.Event()
    real = erasure._read

    async def slow(*arguments: Any) -> list[bytes]:
        making.set()
        await go_on.wait()
        return await real(*arguments)

    monkeypatch.setattr(erasure, "_read", slow)
    erasing = asyncio.create_task(erase(server.hub, document, [("messages", secret["id"])]))
    await making.wait()
    assert early.acks == [(1, 4)]
    async with wire_device(server.url, server.token("mei")) as mei:
        await mei.open(SEGMENT)
        late = mei.encode(SEGMENT, mei.record("comes meanwhile"))
        await mei.update(SEGMENT, late)
        await mei.silence()
        assert document.head == document.committed == 4
        go_on.set()
        assert await erasing == 1
        await mei.expect(frames.Evicted)
        assert (await mei.expect(frames.Refused)).code == "not_open"
        await mei.open(SEGMENT)
        await mei.update(SEGMENT, late)
        assert (await mei.expect(frames.Acks)).updates[2] == 5
    texts = [value.get("text") for value in (await stored(server, document)).values()]
    assert sorted(map(str, texts)) == ["None", "admitted, not durable", "after", "before", "comes meanwhile"]


async def test_the_servers_own_records_wait_for_the_new_history(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    real = erasure._read

    async def slow(*arguments: Any) -> list[bytes]:
        await asyncio.sleep(0.1)
        return await real(*arguments)

    monkeypatch.setattr(erasure, "_read", slow)
    erasing = asyncio.create_task(erase(server.hub, document, [("messages", secret["id"])]))
    await asyncio.sleep(0.02)
    author = Recorder(2)
    await server.hub.load_index(document)
    assert document.floor == 3, "whoever waits for the index gets that of the new history"
    author.say(document, "by the server", now_ms=server.hub.now_ms())
    assert await erasing == 1
    await server.hub.log.flushed()
    assert author.acks == [(1, 4)]


async def test_a_device_that_is_catching_up_is_sent_no_more_of_the_old(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log was read for it, and then the history was replaced."""
    document = await segment(server)
    secret = await secret_in(server, document)
    reading, go_on = asyncio.Event(), asyncio.Event()
    real = server.hub.store.read_log

    async def slow(number: int, *, after: int, bytes_max: int) -> Sequence[LogRow]:
        rows = await real(number, after=after, bytes_max=bytes_max)
        if not reading.is_set():
            reading.set()
            await go_on.wait()
        return rows

    async with wire_device(server.url, server.token("mei")) as mei:
        monkeypatch.setattr(server.hub.store, "read_log", slow)
        await mei.open(SEGMENT)
        await reading.wait()
        assert await erase(server.hub, document, [("messages", secret["id"])]) == 1
        go_on.set()
        assert [type(frame) for frame in await mei.silence()] == [frames.Evicted]
        await mei.open(SEGMENT)
        assert SECRET.encode() not in (await mei.expect(frames.Snapshot)).payload


async def test_a_compaction_and_an_erasure_wait_for_one_another(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    for number in range(520):
        Recorder().say(document, f"m{number}", now_ms=server.hub.now_ms())
    await server.hub.log.flushed()
    compacting, go_on = asyncio.Event(), asyncio.Event()
    real = server.hub.store.write_snapshot

    async def slow(number: int, snapshot: Snapshot, *, keep_after: int) -> None:
        compacting.set()
        await go_on.wait()
        await real(number, snapshot, keep_after=keep_after)

    monkeypatch.setattr(server.hub.store, "write_snapshot", slow)
    compaction = asyncio.create_task(server.hub._engine._compact(server.hub, document))
    await compacting.wait()
    erasing = asyncio.create_task(erase(server.hub, document, [("messages", secret["id"])]))
    await asyncio.sleep(0.05)
    assert not erasing.done()
    go_on.set()
    await compaction
    assert await erasing == 1
    assert not files_with(tmp_path, SECRET)
    assert len(await stored(server, document)) == 523


# --- what goes wrong


@pytest.mark.parametrize("call", ["read_document", "read_snapshot", "replace_history"])
async def test_a_store_that_fails_leaves_the_old_history(
    server: Running, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    epoch = document.epoch
    with monkeypatch.context() as patched:
        patched.setattr(server.hub.store, call, broken)
        with pytest.raises(RefusedUpdate) as caught:
            await erase(server.hub, document, [("messages", secret["id"])])
    assert caught.value.code is RefusalCode.UNAVAILABLE
    assert (document.epoch, document.floor) == (epoch, 0)
    await server.hub.load_index(document)
    author = Recorder()
    await write(server, document, author.record("goes on"), author=author)
    assert (await stored(server, document))[secret["id"]] == secret
    assert await erase(server.hub, document, [("messages", secret["id"])]) == 1


async def test_a_wipe_that_fails_is_made_up_for_by_the_next_call(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await segment(server)
    secret = await secret_in(server, document)
    with monkeypatch.context() as patched:
        patched.setattr(server.hub.store, "wipe", broken)
        with pytest.raises(RefusedUpdate):
            await erase(server.hub, document, [("messages", secret["id"])])
    assert files_with(tmp_path, SECRET)
    assert (await stored(server, document))[secret["id"]] == erased(secret)
    assert await erase(server.hub, document, [("messages", secret["id"])]) == 0
    assert not files_with(tmp_path, SECRET)


async def test_a_caller_that_goes_away_leaves_store_and_memory_agreeing(server: Running) -> None:
    document = await segment(server)
    for turns in range(0, 60, 3):
        secret = await secret_in(server, document)
        erasing = asyncio.create_task(erase(server.hub, document, [("messages", secret["id"])]))
        for _ in range(turns):
            await asyncio.sleep(0)
        erasing.cancel()
        await asyncio.wait([erasing])
        await server.hub.load_index(document)
        author = Recorder()
        await write(server, document, author.record("goes on"), author=author)
        row = await server.hub.store.read_document(document.key)
        assert row is not None
        assert (row.epoch, row.head) == (document.epoch, document.head)
        await erase(server.hub, document, [("messages", secret["id"])])
        assert (await stored(server, document))[secret["id"]] == erased(secret)


# --- old replicas


async def test_a_device_that_repeats_the_content_does_not_bring_it_back(server: Running, tmp_path: Path) -> None:
    """Alone it is known; beside something new it is refused, since updates are stored as they come."""
    async with wire_device(server.url, server.token("mei")) as mei:
        await mei.open(SEGMENT)
        secret = mei.record(SECRET)
        old = mei.encode(SEGMENT, secret)
        await mei.update(SEGMENT, old)
        await mei.expect(frames.Acks)
        document = server.hub.documents[DocumentKey("default", SEGMENT)]
        await erase(server.hub, document, [("messages", secret["id"])])
        await mei.open(SEGMENT)
        number = await mei.update(SEGMENT, old)
        assert (await mei.expect(frames.Acks)).updates == [mei.channels[SEGMENT], number, 0]
        mei.clocks[SEGMENT] = 0
        refused = await mei.refusal(SEGMENT, mei.encode(SEGMENT, secret, mei.record("new")))
        assert (refused.code, "vector" in refused.detail) == ("gap", True)
        again = {key: value for key, value in secret.items() if key != "text"} | {"text": SECRET}
        refused = await mei.refusal(SEGMENT, mei.encode(SEGMENT, again, client=mei.welcome.client))
        assert refused.code in {"gap", "invalid", "forked"}, "not under another clock either"
        assert not files_with(tmp_path, SECRET)


async def test_a_stock_client_that_still_has_it_does_not_bring_it_back(server: Running, tmp_path: Path) -> None:
    document = await segment(server)
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=11)
    url = f"{server.url}/yjs/{SEGMENT}?token={server.token('user0')}"

    async def sync(update: bytes = b"") -> None:
        """Connect, tell the vector, answer the server's, send `update`, until the server has answered ours."""
        async with connect(url, compression=None) as connection:
            await connection.send(yjs_message(SYNC, SYNC_STEP_1, doc.get_state()))
            async with asyncio.timeout(10):
                while (data := await connection.recv(decode=False))[:2] != bytes((SYNC, SYNC_STEP_2)):
                    _, position = read_varint(data, 2)
                    if data[1] == SYNC_STEP_1:
                        await connection.send(yjs_message(SYNC, SYNC_STEP_2, doc.get_update(data[position:])))
                    else:
                        doc.apply_update(data[position:])
            _, position = read_varint(data, 2)
            doc.apply_update(data[position:])
            if update:
                await connection.send(yjs_message(SYNC, SYNC_UPDATE, update))
                with pytest.raises((ConnectionClosed, TimeoutError)):
                    async with asyncio.timeout(0.3):
                        await connection.recv()

    secret = await secret_in(server, document)
    await sync()
    assert SECRET.encode() in doc.get_update()
    await erase(server.hub, document, [("messages", secret["id"])])
    head = document.head
    await sync()
    await sync(doc.get_update())
    assert document.head == head, "nothing of it was new"
    assert not files_with(tmp_path, SECRET)


async def test_the_upkeep_takes_up_a_wipe_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "UPKEEP_INTERVAL_S", 0.05)
    async with running(tmp_path / "data") as server:
        await server.conversation(id="c1")
        document = await segment(server)
        secret = await secret_in(server, document)
        with monkeypatch.context() as patched:
            patched.setattr(server.hub.store, "wipe", broken)
            with pytest.raises(RefusedUpdate):
                await erase(server.hub, document, [("messages", secret["id"])])
            await asyncio.sleep(0.2)
            assert files_with(tmp_path, SECRET), "and it does not give up over a store that fails"
        async with asyncio.timeout(10):
            while files_with(tmp_path, SECRET):
                await asyncio.sleep(0.05)
