"""The server as an author: under its own lease, through admission, and only done when it is durable."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import Running, running
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.names import parse_name
from syncline_protocol.update import scan_records
from syncline_server.actor import SERVER, Actor
from syncline_server.document import Document
from syncline_server.storage.interface import DocumentKey, LeaseHolder, StoreUnavailable

MEI = Identity(tenant="default", user="mei", device="samples", role=Role.AGENT)
HELLO = {"type": "text", "text": "hello"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server with the conversation `c1`."""
    async with running(tmp_path / "data") as started:
        await started.conversation(id="c1")
        yield started


async def segment(server: Running) -> Document:
    """The conversation's first segment, pinned."""
    name = "conversation/c1/1"
    return await server.hub.find(DocumentKey("default", name), parse_name(name), create=False)


async def texts_in(server: Running, document: Document) -> list[str]:
    """What the document's log says, in order."""
    rows = await server.hub.store.read_log(document.number, after=0, bytes_max=10**9)
    return [struct.value["text"] for row in rows for struct in scan_records(row.payload)]


async def test_what_is_written_is_durable_and_comes_back_whole(server: Running) -> None:
    document = await segment(server)
    written = await Actor(server.hub, MEI).write(document, "messages", [HELLO, HELLO | {"text": "again"}])
    rows = await server.hub.store.read_log(document.number, after=0, bytes_max=10**9)
    assert [struct.value for row in rows for struct in scan_records(row.payload)] == written
    assert len(rows) == 1
    assert [(one["by"], one["device"]) for one in written] == [("mei", "samples")] * 2
    assert written[0]["at"] < written[1]["at"]


async def test_an_actor_writes_under_a_lease_of_its_own(server: Running) -> None:
    document = await segment(server)
    await Actor(server.hub, MEI).write(document, "messages", [HELLO])
    row = (await server.hub.store.read_log(document.number, after=0, bytes_max=10**9))[0]
    client = scan_records(row.payload)[0].client
    assert await server.hub.store.read_holder(client) == LeaseHolder("default", "mei", "samples")
    head = await server.hub.find(DocumentKey("default", "conversation/c1"), parse_name("conversation/c1"), create=False)
    row = (await server.hub.store.read_log(head.number, after=0, bytes_max=10**9))[0]
    assert await server.hub.store.read_holder(scan_records(row.payload)[0].client) == LeaseHolder(
        "", "server", "server"
    )


async def test_many_at_once_are_each_written_once(server: Running) -> None:
    document = await segment(server)
    actor = Actor(server.hub, MEI)
    writes = [actor.write(document, "messages", [HELLO | {"text": str(number)}]) for number in range(20)]
    written = await asyncio.gather(*writes)
    assert sorted(await texts_in(server, document), key=int) == [str(number) for number in range(20)]
    assert len({one["id"] for records in written for one in records}) == 20


async def test_an_actor_is_bound_by_the_rules_like_anybody(server: Running) -> None:
    document = await segment(server)
    with pytest.raises(RefusedUpdate) as caught:
        await Actor(server.hub, MEI).write(document, "messages", [{"type": "text", "text": ""}])
    assert caught.value.code is RefusalCode.INVALID
    with pytest.raises(RefusedUpdate) as caught:
        await Actor(server.hub, SERVER).write(document, "messages", [HELLO])
    assert caught.value.code is RefusalCode.FORBIDDEN
    assert await texts_in(server, document) == []
    await Actor(server.hub, MEI).write(document, "messages", [HELLO])
    assert await texts_in(server, document) == ["hello"]


async def test_a_failed_write_says_so_and_leaves_nothing(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await segment(server)
    actor = Actor(server.hub, MEI)

    async def full(_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(server.hub.store, "append", full)
        with pytest.raises(RefusedUpdate, match="the disk is full") as caught:
            await actor.write(document, "messages", [HELLO | {"text": "lost"}])
    assert caught.value.code is RefusalCode.UNAVAILABLE
    async with asyncio.timeout(5):
        while server.hub.log.failure is not None:
            await asyncio.sleep(0.05)
    await actor.write(document, "messages", [HELLO | {"text": "kept"}])
    assert await texts_in(server, document) == ["kept"]
    assert actor._waiting == {}


async def test_one_who_gives_up_waiting_takes_nothing_with_them(server: Running) -> None:
    document = await segment(server)
    actor = Actor(server.hub, MEI)
    given_up = asyncio.create_task(actor.write(document, "messages", [HELLO | {"text": "given up"}]))
    while not actor._waiting:
        await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    await actor.write(document, "messages", [HELLO | {"text": "went on"}])
    assert await texts_in(server, document) == ["given up", "went on"]
    assert actor._waiting == {}
