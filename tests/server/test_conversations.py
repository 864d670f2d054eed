"""Conversations as the server writes them: made once, whole or not at all, and who takes part is known at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import parse_name
from syncline_protocol.update import scan_records
from syncline_server.conversations import head_name, segment_name
from syncline_server.storage.interface import DocumentKey, Snapshot, StoreUnavailable

TENANT = "default"
MEI = Identity(tenant=TENANT, user="mei", device="d1", role=Role.AGENT)
CUS = Identity(tenant=TENANT, user="cus", device="phone", role=Role.CUSTOMER)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


async def create(server: Running, id: str | None = "c1", *, customer: str | None = "cus") -> str:  # noqa: A002
    """A conversation opened by mei."""
    return await server.hub.conversations.create(
        MEI, subject="wifi", channel="chat", language="zh", customer=customer, id=id
    )


async def records_of(server: Running, name: str) -> list[dict[str, Any]]:
    """All records in a document's log."""
    row = await server.hub.store.read_document(DocumentKey(TENANT, name))
    assert row is not None
    rows = await server.hub.store.read_log(row.number, after=0, bytes_max=10**9)
    return [struct.value for one in rows for struct in scan_records(one.payload)]


async def access_of(server: Running, identity: Identity, name: str) -> Access:
    """What somebody may do with a document now."""
    try:
        document, access = await server.hub.open(identity, name)
    except RefusedUpdate as refusal:
        assert refusal.code is RefusalCode.FORBIDDEN  # noqa: PT017 - any other refusal is an error of the test
        return Access.NONE
    server.hub.unpin(document)
    return access


def test_names_are_those_of_documents() -> None:
    assert parse_name(head_name("c1")).path == "conversation/c1"
    assert parse_name(segment_name("c1", 2)).path == "conversation/c1/2"


async def test_a_conversation_is_its_head_and_a_first_segment_written_by_the_server(server: Running) -> None:
    await create(server)
    records = await records_of(server, "conversation/c1")
    assert [record["type"] for record in records] == [
        "opened",
        "participant_added",
        "participant_added",
        "segment_opened",
    ]
    assert {record["by"] for record in records} == {"server"}
    assert await records_of(server, "conversation/c1/1") == []
    head = await server.hub.conversations.head(TENANT, "c1")
    assert head is not None
    assert (head.customer, sorted(head.participants), head.segments) == ("cus", ["cus", "mei"], (1,))


async def test_without_an_id_each_is_a_new_one(server: Running) -> None:
    ids = {await create(server, None) for _ in range(5)}
    assert len(ids) == 5


async def test_the_same_id_at_the_same_time_is_one_conversation(server: Running) -> None:
    assert set(await asyncio.gather(*(create(server, "c1") for _ in range(8)))) == {"c1"}
    assert [record["type"] for record in await records_of(server, "conversation/c1")].count("opened") == 1


async def test_a_conversation_without_customer_is_staffs(server: Running) -> None:
    await create(server, customer=None)
    head = await server.hub.conversations.head(TENANT, "c1")
    assert head is not None
    assert (head.customer, list(head.participants)) == (None, ["mei"])
    assert await access_of(server, CUS, "conversation/c1") is Access.NONE
    assert await access_of(server, MEI, "conversation/c1/1") is Access.APPEND


async def test_taking_part_decides_what_a_customer_may_open(server: Running) -> None:
    await create(server, customer="somebody")
    seen = [await access_of(server, CUS, "conversation/c1/1")]
    await server.hub.conversations.add_participant(TENANT, "c1", "cus", "customer")
    seen.append(await access_of(server, CUS, "conversation/c1/1"))
    await server.hub.conversations.remove_participant(TENANT, "c1", "cus")
    seen.append(await access_of(server, CUS, "conversation/c1/1"))
    assert seen == [Access.NONE, Access.APPEND, Access.NONE]


async def test_who_takes_part_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        await create(server)
        await server.hub.conversations.add_participant(TENANT, "c1", "aunt", "customer")
        await server.hub.conversations.remove_participant(TENANT, "c1", "cus")
        before = await server.hub.conversations.head(TENANT, "c1")
    async with running(tmp_path / "data") as server:
        assert await server.hub.conversations.head(TENANT, "c1") == before
        assert await access_of(server, CUS, "conversation/c1") is Access.NONE
        await create(server)
        assert await server.hub.conversations.head(TENANT, "c1") == before


async def test_a_head_is_read_from_its_snapshot_and_the_log_behind_it(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        await create(server)
        await server.hub.conversations.add_participant(TENANT, "c1", "aunt", "customer")
        key = DocumentKey(TENANT, "conversation/c1")
        document = server.hub.documents[key]
        assert document.admission is not None
        first = (await server.hub.store.read_log(document.number, after=0, bytes_max=1))[0]
        snapshot = Snapshot(1, first.payload, b"")
        await server.hub.store.write_snapshot(document.number, snapshot, keep_after=1)
    async with running(tmp_path / "data") as server:
        head = await server.hub.conversations.head(TENANT, "c1")
        assert head is not None
        assert sorted(head.participants) == ["aunt", "cus", "mei"]


async def test_devices_that_follow_a_head_see_who_comes(server: Running) -> None:
    await create(server)
    async with wire_device(server.url, server.token("cus", "customer"), "phone") as customer:
        await customer.open("conversation/c1")
        await customer.expect(frames.Updates)
        await server.hub.conversations.add_participant(TENANT, "c1", "jin", "technician")
        payloads = (await customer.expect(frames.Updates)).payloads
    added = [struct.value for payload in payloads for struct in scan_records(payload)]
    assert [(one["type"], one["user"], one["role"]) for one in added] == [("participant_added", "jin", "technician")]


async def test_what_could_not_be_stored_has_not_happened(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await create(server, "c2")

    async def full(_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(server.hub.store, "append", full)
        patched.setattr(server.hub.store, "probe", lambda: full(None))
        with pytest.raises(RefusedUpdate, match="unavailable"):
            await create(server, "c1")
        assert await server.hub.conversations.head(TENANT, "c1") is None
        with pytest.raises(RefusedUpdate, match="not_found"):
            await server.hub.conversations.add_participant(TENANT, "c1", "thief", "customer")
        async with server.rest() as client:
            assert (await client.get("/v1/conversations/c1")).status_code == 404
        with pytest.raises(RefusedUpdate, match="unavailable"):
            await server.hub.conversations.add_participant(TENANT, "c2", "thief", "customer")
    async with asyncio.timeout(5):
        while server.hub.log.failure is not None:
            await asyncio.sleep(0.05)
    head = await server.hub.conversations.head(TENANT, "c2")
    assert head is not None
    assert sorted(head.participants) == ["cus", "mei"]
    await create(server, "c1")
    assert len(await records_of(server, "conversation/c1")) == 4


async def test_a_conversation_that_cannot_be_made_leaves_nothing(server: Running) -> None:
    async with server.rest() as client:
        for bad in ({"subject": ""}, {"channel": "No Word"}, {"language": "!!"}, {"id": "c1\n"}, {"customer": ""}):
            answer = await client.post("/v1/conversations", json={"subject": "wifi", "channel": "chat"} | bad)
            assert answer.status_code == 422
    assert await server.hub.store.read_documents(TENANT, "") == []
