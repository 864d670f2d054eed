"""The replica, as the program on the device sees it: edits are stored before they are seen, and failures leave no
trace.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pycrdt
import pytest
from syncline_client.changes import ChangeKind
from syncline_client.errors import EditNotAllowed, NeverConnected
from syncline_client.page_content import Document, PageContent
from syncline_client.replica import Replica
from syncline_client.store import AppendUpdates, Operation, PutIdentity, StoredIdentity, StoredUpdate, StoreError
from syncline_client.store_memory import MemoryStore
from syncline_protocol.clock import at_from_ms
from syncline_protocol.errors import RefusedUpdate

RECORD_ID = "01a0c5ad-f400-7000-8000-000000000001"
SEGMENT = "conversation/c/1"
PAGE = "page/p"
NOW_MS = 1_790_000_000_000
ANN = StoredIdentity("phone", "t", "ann", 2**32 + 7)


class FailingStore(MemoryStore):
    """A store whose disk is full while `is_full`."""

    is_full = False

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:
        await asyncio.sleep(0)
        if self.is_full:
            raise StoreError("the disk is full")
        await super().commit(operations, durable=durable)


@pytest.fixture
async def store() -> FailingStore:
    store = FailingStore()
    await store.commit([PutIdentity(ANN)])
    return store


@pytest.fixture
async def replica(store: FailingStore) -> AsyncIterator[Replica]:
    async with Replica(store, clock_ms=lambda: NOW_MS) as opened:
        yield opened


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def typing(words: str) -> Any:
    return lambda document: document.get("text", type=pycrdt.Text).insert(0, words)


def page_text(replica: Replica) -> str:
    content = replica.document(PAGE).content
    assert isinstance(content, PageContent)
    return str(content.doc.get("text", type=pycrdt.Text))


async def test_a_new_device_gets_a_name_and_keeps_it() -> None:
    store = MemoryStore()
    async with Replica(store) as first:
        assert first.identity.device.startswith("device-")
    async with Replica(store) as second:
        assert second.identity == first.identity


async def test_a_store_belongs_to_one_device() -> None:
    store = MemoryStore()
    async with Replica(store, device="phone"):
        pass
    with pytest.raises(StoreError, match="of device phone, not of desk"):
        await Replica(store, device="desk").__aenter__()


async def test_a_record_carries_who_wrote_it_where_and_when(replica: Replica) -> None:
    (record,) = await replica.write(SEGMENT, "messages", [text("hi")])
    assert (record["by"], record["device"], record["at"]) == ("ann", "phone", at_from_ms(NOW_MS))
    assert replica.records(SEGMENT, "messages") == [record]
    assert replica.outbox.waiting(SEGMENT)[0].record == record["id"]


async def test_times_of_one_device_always_rise_also_across_a_restart(replica: Replica, store: FailingStore) -> None:
    first = await replica.write(SEGMENT, "messages", [text("1"), text("2")])
    async with Replica(store, clock_ms=lambda: NOW_MS - 10**9) as again:
        second = await again.write(SEGMENT, "messages", [text("3")])
    times = [record["at"] for record in first + second]
    assert times == sorted(set(times))


async def test_what_was_written_is_there_after_a_restart(replica: Replica, store: FailingStore) -> None:
    await replica.write(SEGMENT, "messages", [text("hi")])
    await replica.edit_page(PAGE, typing("draft"))
    async with Replica(store) as again:
        await again.follow(PAGE)
        assert [one["text"] for one in again.records(SEGMENT, "messages")] == ["hi"]
        assert page_text(again) == "draft"
        assert again.is_wanted(SEGMENT), "it has something to send"


async def test_a_record_from_elsewhere_keeps_its_id_and_time_but_not_its_author(replica: Replica) -> None:
    imported = {**text("old"), "id": RECORD_ID, "at": 5, "by": "eve", "device": "x"}
    (record,) = await replica.write(SEGMENT, "messages", [imported])
    assert (record["id"], record["at"], record["by"], record["device"]) == (imported["id"], 5, "ann", "phone")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (text(""), "text"),
        (text("x" * 16_001), "text"),
        ({"type": "text", "words": "hi"}, "unknown field"),
        ({"type": "shout"}, "no record of type 'shout' under 'messages' in conversation/c/1"),
        (text("\ud800"), "surrogate"),
        ({"type": "edit", "message": "not an id", "text": "x"}, "message"),
    ],
)
async def test_what_every_server_refuses_is_not_stored(replica: Replica, record: dict[str, Any], why: str) -> None:
    with pytest.raises(EditNotAllowed, match=why):
        await replica.write(SEGMENT, "messages", [text("fine"), record])
    assert replica.outbox.count_waiting == 0
    with pytest.raises(EditNotAllowed, match="in user/ann"):
        await replica.write("user/ann", "messages", [text("wrong document")])


async def test_a_device_that_was_never_connected_cannot_write() -> None:
    async with Replica(MemoryStore()) as new:
        with pytest.raises(NeverConnected):
            await new.write(SEGMENT, "messages", [text("hi")])
        with pytest.raises(NeverConnected):
            await new.edit_page(PAGE, typing("hi"))


async def test_a_name_that_is_none_is_refused(replica: Replica) -> None:
    with pytest.raises(RefusedUpdate, match="is not a document's name"):
        await replica.follow("room/1")


async def test_a_full_disk_leaves_everything_as_it_was(replica: Replica, store: FailingStore) -> None:
    await replica.write(SEGMENT, "messages", [text("before")])
    await replica.edit_page(PAGE, typing("before"))
    clock = replica.clock
    store.is_full = True
    with pytest.raises(StoreError, match="full"):
        await replica.write(SEGMENT, "messages", [text("lost")])
    with pytest.raises(StoreError, match="full"):
        await replica.edit_page(PAGE, typing("lost"))
    with pytest.raises(StoreError, match="full"):
        await replica.follow("page/q")
    store.is_full = False
    assert [one["text"] for one in replica.records(SEGMENT, "messages")] == ["before"]
    assert page_text(replica) == "before"
    assert (replica.clock, replica.outbox.count_waiting) == (clock, 2)
    await replica.edit_page(PAGE, typing("after "))
    assert page_text(replica) == "after before"


async def test_an_edit_that_fails_half_way_leaves_the_page_as_it_was(replica: Replica) -> None:
    await replica.edit_page(PAGE, typing("whole"))

    def fail(document: Document) -> None:
        typing("half ")(document)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await replica.edit_page(PAGE, fail)
    assert page_text(replica) == "whole"
    assert replica.outbox.waiting_count(PAGE) == 1


async def test_an_edit_that_does_nothing_is_not_stored(replica: Replica) -> None:
    await replica.edit_page(PAGE, lambda _: None)
    assert replica.outbox.count_waiting == 0


async def test_an_editor_writes_under_this_devices_client_id(replica: Replica) -> None:
    editor = PageContent(replica.identity.client, [])
    update = editor.edit(typing("typed"))
    await replica.record_local(PAGE, update)
    await replica.record_local(PAGE, update)
    assert page_text(replica) == "typed"
    assert [row.payload for row in replica.outbox.waiting(PAGE)] == [update], "told twice, stored once"
    with pytest.raises(EditNotAllowed, match="not_yours"):
        await replica.record_local(PAGE, PageContent(5, []).edit(typing("x")))
    with pytest.raises(EditNotAllowed, match="holds records"):
        await replica.record_local(SEGMENT, update)


async def test_a_cancelled_edit_is_carried_to_its_end(replica: Replica, store: FailingStore) -> None:
    writing = asyncio.create_task(replica.write(SEGMENT, "messages", [text("hi")]))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert len(replica.outbox.waiting(SEGMENT)) == len(await store.read_rows()) == 1


async def test_changes_come_one_after_the_other(replica: Replica) -> None:
    await asyncio.gather(*(replica.write(SEGMENT, "messages", [text(str(number))]) for number in range(20)))
    rows = replica.outbox.waiting(SEGMENT)
    assert [row.id for row in rows] == list(range(1, 21))
    assert [one["text"] for one in replica.records(SEGMENT, "messages")] == [str(number) for number in range(20)]


async def test_watchers_are_told_after_it_is_stored(replica: Replica, store: FailingStore) -> None:
    changes = replica.watchers.watch(SEGMENT)
    (record,) = await replica.write(SEGMENT, "messages", [text("hi")])
    change = await anext(changes)
    assert (change.kind, change.records) == (ChangeKind.WRITTEN, (record["id"],))
    store.is_full = True
    with pytest.raises(StoreError):
        await replica.write(SEGMENT, "messages", [text("lost")])
    changes.close()
    assert [one async for one in changes] == []


async def test_following_is_remembered(replica: Replica, store: FailingStore) -> None:
    told: list[str] = []
    replica.on_edit = told.append
    await replica.follow(SEGMENT)
    await replica.follow(SEGMENT)
    assert told == [SEGMENT]
    assert [one.followed for one in await store.read_documents()] == [True]
    await replica.unfollow(SEGMENT)
    assert told == [SEGMENT, SEGMENT]
    assert not replica.is_wanted(SEGMENT)


async def test_a_copy_that_cannot_be_read_is_dropped_to_be_loaded_anew(replica: Replica, store: FailingStore) -> None:
    await replica.write(SEGMENT, "messages", [text("mine")])
    await store.commit([AppendUpdates(SEGMENT, [StoredUpdate(1, b"not an update")])])
    async with Replica(store) as again:
        document = await again.follow(SEGMENT)
        assert document.cursor.position == 0
        assert [one["text"] for one in again.records(SEGMENT, "messages")] == ["mine"], "the outbox stays"


async def test_a_refused_record_can_be_sent_again_or_given_up(replica: Replica) -> None:
    (record,) = await replica.write(SEGMENT, "messages", [text("hi")])
    (row,) = replica.outbox.waiting(SEGMENT)
    with pytest.raises(EditNotAllowed, match="no refused edit"):
        await replica.retry(row.id)
    with pytest.raises(EditNotAllowed, match="no refused edit"):
        await replica.discard(row.id)
    replica.outbox.put(row._replace(code="forbidden", reason="no"))
    await replica.retry(row.id)
    (again,) = replica.outbox.waiting(SEGMENT)
    assert (again.record, again.payload, again.code) == (record["id"], row.payload, "")
    replica.outbox.put(again._replace(code="forbidden", reason="no"))
    await replica.discard(again.id)
    assert replica.outbox.of(SEGMENT) == []
    assert replica.records(SEGMENT, "messages") == []


async def test_a_refused_edit_of_a_page_cannot_be_sent_again(replica: Replica) -> None:
    await replica.edit_page(PAGE, typing("x"))
    (row,) = replica.outbox.waiting(PAGE)
    replica.outbox.put(row._replace(code="forbidden", reason="no"))
    with pytest.raises(EditNotAllowed, match="write it anew"):
        await replica.retry(row.id)


async def test_what_nobody_uses_is_unfollowed_longest_unused_first(replica: Replica) -> None:
    names = [f"conversation/c/{number}" for number in range(1, 7)]
    for name in names:
        await replica.follow(name)
    replica.records(names[0], "messages")
    await replica.write(names[1], "messages", [text("on its way")])
    await replica.unfollow(names[2])
    with replica.watchers.watch(names[3]):
        assert await replica.unfollow_unused(names[:5], 1) == 1
        assert not replica.document(names[4]).followed
        assert await replica.unfollow_unused(names[:5], 9) == 1
    assert [name for name in names if replica.document(name).followed] == [names[1], names[3], names[5]]
    assert [one.name for one in await replica.store.read_documents() if one.followed] == [names[1], names[3], names[5]]
