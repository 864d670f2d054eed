"""Where documents and sessions find each other: one of each, for as long as needed, and rights that end at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.authors import Recorder
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import parse_name
from syncline_server import index_loading
from syncline_server.document import Document
from syncline_server.storage.interface import DocumentKey, Store, StoreCorrupt, StoreUnavailable

SEGMENT = "conversation/c1/1"
MEI = Identity(tenant="default", user="mei", device="d1", role=Role.AGENT)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


async def broken(*_: Any, **__: Any) -> None:
    """A call of a store that does not answer."""
    raise StoreUnavailable("the disk is gone")


async def gone(server: Running, key: DocumentKey) -> None:
    """Wait until the document has left memory."""
    async with asyncio.timeout(5):
        while key in server.hub.documents:
            await asyncio.sleep(0.02)


# --- documents


async def test_however_many_open_at_once_there_is_one_document(server: Running) -> None:
    opened = await asyncio.gather(*(server.hub.open(MEI, "page/one") for _ in range(100)))
    assert len({id(document) for document, _ in opened}) == 1
    assert {access for _, access in opened} == {Access.WRITE}
    document = opened[0][0]
    assert document.pins == 100
    for one, _ in opened:
        server.hub.unpin(one)
    assert document.pins == 0
    assert len(await server.hub.store.read_documents("default", "page/")) == 1


async def test_one_index_is_loaded_for_all_who_wait(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    document, _ = await server.hub.open(MEI, "page/one")
    loads, real = 0, index_loading.load

    async def load(store: Store, of: Document) -> None:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0.05)
        await real(store, of)

    monkeypatch.setattr(index_loading, "load", load)
    await asyncio.gather(*(server.hub.load_index(document) for _ in range(20)))
    assert loads == 1
    assert document.admission is not None


async def test_who_stops_waiting_does_not_stop_the_others(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    real = server.hub.store.read_document

    async def slow(key: DocumentKey) -> Any:
        await asyncio.sleep(0.1)
        return await real(key)

    monkeypatch.setattr(server.hub.store, "read_document", slow)
    first = asyncio.create_task(server.hub.open(MEI, "page/one"))
    second = asyncio.create_task(server.hub.open(MEI, "page/one"))
    await asyncio.sleep(0.02)
    first.cancel()
    document, _ = await second
    assert first.cancelled()
    assert document.pins == 1


async def test_a_document_stays_while_it_is_used_and_for_a_while_after(server: Running) -> None:
    key = DocumentKey("default", "page/one")
    document, _ = await server.hub.open(MEI, "page/one")
    await asyncio.sleep(0.15)
    assert server.hub.documents[key] is document
    server.hub.unpin(document)
    again, _ = await server.hub.open(MEI, "page/one")
    assert again is document
    await asyncio.sleep(0.15)
    assert server.hub.documents[key] is document
    server.hub.unpin(again)
    await gone(server, key)
    later, _ = await server.hub.open(MEI, "page/one")
    assert later is not document
    assert (later.number, later.epoch) == (document.number, document.epoch)


async def test_a_document_with_an_update_on_its_way_stays(server: Running) -> None:
    await server.conversation(id="c1")
    key = DocumentKey("default", SEGMENT)
    document = await server.hub.find(key, parse_name(SEGMENT), create=False)
    await server.hub.load_index(document)
    Recorder().say(document, "hello", now_ms=server.hub.now_ms())
    server.hub.unpin(document)
    server.hub._unload(document)
    assert server.hub.documents[key] is document
    await server.hub.log.flushed()
    assert document.committed == 1


async def test_documents_come_into_being_only_where_that_is_right(server: Running) -> None:
    auditor = Identity(tenant="default", user="eve", device="d1", role=Role.AUDITOR)
    cases = [
        (MEI, "page/one", None),
        (MEI, "user/mei", None),
        (MEI, "user/jin", RefusalCode.FORBIDDEN),
        (MEI, "conversation/none", RefusalCode.NOT_FOUND),
        (MEI, "conversation/none/1", RefusalCode.NOT_FOUND),
        (MEI, "ticket/1", None),
        (MEI, "ticket/1/text", None),
        (MEI, "ticket/1/public", RefusalCode.NOT_FOUND),
        (auditor, "ticket/2", RefusalCode.NOT_FOUND),
        (auditor, "page/two", RefusalCode.NOT_FOUND),
    ]
    for identity, name, code in cases:
        if code is None:
            server.hub.unpin((await server.hub.open(identity, name))[0])
            continue
        with pytest.raises(RefusedUpdate) as caught:
            await server.hub.open(identity, name)
        assert caught.value.code is code, name
    names = [row.key.name for row in await server.hub.store.read_documents("default", "")]
    assert sorted(names) == ["page/one", "ticket/1", "ticket/1/text", "user/mei"]


@pytest.mark.parametrize(
    "name", ["", "page", "page/", "page/a/b", "PAGE/one", "page/..", "nonsense/1", "page/é", "x" * 500]
)
async def test_what_is_no_name_is_no_document(server: Running, name: str) -> None:
    with pytest.raises(RefusedUpdate):
        await server.hub.open(MEI, name)
    assert not server.hub.documents


async def test_a_store_that_fails_is_not_a_document_that_is_not_there(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.conversation(id="c1")
    await gone(server, DocumentKey("default", SEGMENT))
    with monkeypatch.context() as patched:
        patched.setattr(server.hub.store, "read_document", broken)
        for _ in range(2):
            with pytest.raises(RefusedUpdate) as caught:
                await server.hub.open(MEI, SEGMENT)
            assert caught.value.code is RefusalCode.UNAVAILABLE
    document, _ = await server.hub.open(MEI, SEGMENT)
    with monkeypatch.context() as patched:
        patched.setattr(server.hub.store, "read_snapshot", broken)
        with pytest.raises(RefusedUpdate, match="unavailable"):
            await server.hub.load_index(document)
    await server.hub.load_index(document)
    assert document.pins == 1


async def test_the_next_update_after_a_failed_commit_is_admitted_against_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device sends again what was refused, and another the next: the log holds each once, without a hole."""
    async with running(tmp_path / "data") as server:
        await server.conversation(id="c1")
        async with (
            wire_device(server.url, server.token("mei")) as mei,
            wire_device(server.url, server.token("jin"), "d2") as jin,
        ):
            for device in (mei, jin):
                await device.open(SEGMENT)
            await mei.say(SEGMENT, "first")
            with monkeypatch.context() as patched:
                patched.setattr(server.hub.store, "append", broken)
                lost = mei.encode(SEGMENT, mei.record("second"))
                assert (await mei.refusal(SEGMENT, lost)).code == "unavailable"
                behind = mei.encode(SEGMENT, mei.record("third"))
                assert (await mei.refusal(SEGMENT, behind)).code in {"unavailable", "gap"}
            async with asyncio.timeout(5):
                while server.hub.log.failure is not None:
                    await asyncio.sleep(0.05)
            assert (await mei.refusal(SEGMENT, behind)).detail["vector"]
            await mei.update(SEGMENT, lost)
            await mei.update(SEGMENT, behind)
            await jin.say(SEGMENT, "of another")
            acked = 0
            while acked < 2:
                acked += len((await mei.expect(frames.Acks)).updates) // 3
            document = server.hub.documents[DocumentKey("default", SEGMENT)]
            assert (document.head, document.committed) == (4, 4)
            assert document.admission is not None
            after = document.admission.encode()
    async with running(tmp_path / "data") as server:
        fresh, _ = await server.hub.open(MEI, SEGMENT)
        await server.hub.load_index(fresh)
        assert fresh.admission is not None
        assert (fresh.head, fresh.admission.encode()) == (4, after)


async def test_a_log_that_starts_later_than_thought_is_found_out(server: Running) -> None:
    document, _ = await server.hub.open(MEI, "page/one")
    with pytest.raises(StoreCorrupt, match="hole"):
        await server.hub.refresh(document)


# --- sessions


async def test_a_revocation_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        token, other = server.token("mei"), server.token("jin")
        async with wire_device(server.url, token, "phone") as phone:
            await server.hub.revoke("default", "mei", "")
            assert (await phone.closed())[0] == CloseCode.SESSION_REVOKED
        await server.hub.revoke("default", "jin", "phone")
    async with running(tmp_path / "data") as server:
        with pytest.raises(ProtocolViolation) as caught:
            server.hub.authority.check(token, now_ms=server.hub.now_ms())
        assert caught.value.close_code is CloseCode.SESSION_REVOKED
        async with httpx.AsyncClient(base_url=server.http, headers={"Authorization": f"Bearer {token}"}) as client:
            assert (await client.get("/v1/conversations/c1")).status_code == 401
        async with wire_device(server.url, other, "desktop") as desktop:
            assert desktop.welcome.user == "jin"
        async with wire_device(server.url, server.token("mei"), "phone") as phone:
            assert phone.welcome.user == "mei"


async def test_a_revocation_that_is_not_stored_is_none(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    token = server.token("mei")
    monkeypatch.setattr(server.hub.store, "write_revocation", broken)
    async with wire_device(server.url, token, "phone") as phone:
        with pytest.raises(StoreUnavailable):
            await server.hub.revoke("default", "mei", "")
        assert (await phone.open("page/one")).documents[0].access == Access.WRITE


async def test_other_tenants_users_of_the_same_name_stay(server: Running) -> None:
    async with wire_device(server.url, server.token("mei", tenant="other")) as device:
        await server.hub.revoke("default", "mei", "")
        assert (await device.open("page/one")).documents[0].access == Access.WRITE


async def test_nothing_of_a_session_stays_when_it_is_gone(server: Running) -> None:
    key = DocumentKey("default", "page/one")
    async with wire_device(server.url, server.token("mei")) as device:
        await device.open("page/one", "page/two")
        assert len(server.hub.followers) == len(server.hub.devices) == 1
        assert len(server.hub.documents[key].subscriptions) == 1
        document = server.hub.documents[key]
    async with asyncio.timeout(5):
        while server.hub.followers or server.hub.devices or document.subscriptions:
            await asyncio.sleep(0.02)
    await gone(server, key)


async def test_a_device_that_reconnects_again_and_again_is_one_session(server: Running) -> None:
    token = server.token("mei")
    for _ in range(10):
        async with wire_device(server.url, token) as device:
            await device.open("page/one")
            assert len(server.hub.devices) == 1
            document = server.hub.documents[DocumentKey("default", "page/one")]
            assert list(document.subscriptions) == [server.hub.devices["default", "mei", "d1"]]


async def test_how_far_devices_are_is_stored_when_the_server_stops(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        await server.conversation(id="c1")
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(SEGMENT)
            await device.say(SEGMENT)
            seq = await device.say(SEGMENT)
            await device.send(frames.Digest(device.channels[SEGMENT], seq, bytes(32)))
            await device.expect(frames.DigestChecked)
            number = device.channels[SEGMENT]
    async with running(tmp_path / "data") as server:
        assert await server.hub.store.read_oldest_cursor(number, seen_after_ms=0) == 2


async def test_a_digest_is_told_for_the_head_and_no_other_number(server: Running) -> None:
    await server.conversation(id="c1")
    document = await server.hub.find(DocumentKey("default", SEGMENT), parse_name(SEGMENT), create=False)
    assert await server.hub.digest(document, at=0) == bytes(32)
    await server.hub.load_index(document)
    Recorder().say(document, "hello", now_ms=server.hub.now_ms())
    assert await server.hub.digest(document, at=0) is None
    assert await server.hub.digest(document, at=1) is None
    await server.hub.log.flushed()
    digest = await server.hub.digest(document, at=1)
    assert digest is not None
    assert digest != bytes(32)
    assert await server.hub.digest(document, at=2) is None
