"""What the server says of record documents. Numbers are those of `reception.py`'s invariants."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.link import LinkedDevice
from support.peer import Peer
from support.records import record_value
from support.world import SEGMENT, settle
from syncline_client.changes import ChangeKind
from syncline_client.reception import Reception
from syncline_client.record_content import RecordContent
from syncline_client.record_reception import TAIL_MAX
from syncline_client.sender import InFlight
from syncline_client.store_memory import MemoryStore
from syncline_client.store_sqlite import SqliteStore
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.update import RecordStruct, encode_records

OTHERS = 5_000_000_000
"""Somebody else's client id."""


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def device(peer: Peer) -> AsyncIterator[LinkedDevice]:
    linked = LinkedDevice(peer, MemoryStore())
    async with linked.replica:
        linked.connect()
        await linked.run()
        await linked.replica.follow(SEGMENT)
        await linked.run()
        yield linked


def foreign(number: int, text: str = "theirs") -> bytes:
    value = record_value(number, "text", text=text)
    return encode_records([RecordStruct(OTHERS, number, "messages", value["id"], value)])


async def say(device: LinkedDevice, *texts: str) -> list[dict[str, Any]]:
    return await device.replica.write(SEGMENT, "messages", [{"type": "text", "text": text} for text in texts])


def texts(device: LinkedDevice) -> list[str]:
    return [record["text"] for record in device.replica.records(SEGMENT, "messages")]


async def test_a_number_is_taken_in_once(device: LinkedDevice) -> None:
    reception = Reception(device.replica)
    for _ in range(3):
        await reception.receive(SEGMENT, 1, [foreign(0), foreign(1)])
    assert texts(device) == ["theirs", "theirs"]
    assert len((await device.replica.store.read_content(SEGMENT)).updates) == 2


async def test_an_ack_before_the_updates_before_it_leaves_a_hole_in_the_cursor(device: LinkedDevice) -> None:
    (record,) = await say(device, "mine")
    reception = Reception(device.replica)
    (row,) = device.replica.outbox.waiting(SEGMENT)
    client = device.replica.identity.client
    payload = encode_records([RecordStruct(client, 0, "messages", record["id"], record)])
    await reception.acknowledge(SEGMENT, [(InFlight(row.id, client, 0, payload), 2)])
    document = device.replica.document(SEGMENT)
    assert (document.cursor.position, document.cursor.ahead) == (0, {2})
    assert texts(device) == ["mine"]
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        again = await restarted.replica.load(SEGMENT)
        assert (again.cursor.position, again.cursor.ahead) == (0, {2}), "also after a restart"
    await reception.receive(SEGMENT, 1, [foreign(0)])
    assert (document.cursor.position, document.cursor.ahead) == (2, set())


async def test_an_ack_without_number_is_shown_once_whatever_comes_after_it(device: LinkedDevice) -> None:
    (record,) = await say(device, "mine")
    reception = Reception(device.replica)
    (row,) = device.replica.outbox.waiting(SEGMENT)
    client = device.replica.identity.client
    payload = encode_records([RecordStruct(client, 0, "messages", record["id"], record)])
    await reception.acknowledge(SEGMENT, [(InFlight(row.id, client, 0, payload), 0)])
    assert texts(device) == ["mine"], "it is durable, and must not vanish until its place is known"
    assert device.replica.document(SEGMENT).cursor.position == 0
    await reception.receive(SEGMENT, 1, [payload])
    assert texts(device) == ["mine"]
    assert device.replica.document(SEGMENT).cursor.position == 1
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        await restarted.replica.load(SEGMENT)
        assert texts(restarted) == ["mine"]


async def test_a_refused_record_leaves_the_document_and_stays_in_the_outbox(device: LinkedDevice) -> None:
    def no_shouting(_: str, payload: bytes) -> RefusedUpdate | None:
        return RefusedUpdate(RefusalCode.INVALID, "no shouting") if b"LOUD" in payload else None

    device.peer.rule = no_shouting
    changes = device.replica.watchers.watch(SEGMENT)
    records = await say(device, "one", "LOUD", "three", "LOUD too", "five")
    await settle(device)
    assert [one["text"] for one in device.peer.document(SEGMENT).records()] == ["one", "three", "five"]
    assert texts(device) == ["one", "three", "five"]
    refused = device.replica.outbox.refused()
    assert [(row.code, row.reason) for row in refused] == [("invalid", "no shouting")] * 2
    assert b"LOUD" in refused[0].payload, "it stays readable"
    clocks = [struct.clock for struct in device.peer.document(SEGMENT).structs()]
    assert clocks == [0, 1, 2], "those behind it were written again at consecutive clocks"
    assert (SEGMENT, True) in device.peer.digests
    changes.close()
    told = [one async for one in changes]
    assert [one.records for one in told if one.kind is ChangeKind.REFUSED] == [(records[1]["id"],), (records[3]["id"],)]


async def test_a_snapshot_replaces_what_is_no_longer_in_it(device: LinkedDevice) -> None:
    reception = Reception(device.replica)
    await reception.receive(SEGMENT, 1, [foreign(0, "to be erased"), foreign(1)])
    (mine,) = await say(device, "mine")
    client = device.replica.identity.client
    structs = [
        RecordStruct(OTHERS, 1, "messages", record_value(1, "text")["id"], record_value(1, "text", text="theirs")),
        RecordStruct(client, 0, "messages", mine["id"], mine),
    ]
    await reception.receive_snapshot(SEGMENT, 9, encode_records(structs))
    document = device.replica.document(SEGMENT)
    assert sorted(texts(device)) == ["mine", "theirs"]
    assert (document.cursor.position, document.clock) == (9, 1)
    assert not device.replica.outbox.is_waiting(SEGMENT), "own records in it are acknowledged by it"


async def test_catching_up_by_snapshot_and_updates(device: LinkedDevice) -> None:
    document = device.peer.document("conversation/c/2")
    for number in range(10):
        device.peer.append(document.name, foreign(number, f"m{number}"))
    document.snapshot_at = 7
    await device.replica.follow(document.name)
    await settle(device)
    shown = [one["text"] for one in device.replica.records(document.name, "messages")]
    assert sorted(shown) == [f"m{number}" for number in range(10)]
    assert (document.name, True) in device.peer.digests


async def test_a_long_tail_is_compacted_and_reads_the_same(device: LinkedDevice) -> None:
    reception = Reception(device.replica)
    for number in range(TAIL_MAX + 10):
        await reception.receive(SEGMENT, number + 1, [foreign(number)])
    stored = await device.replica.store.read_content(SEGMENT)
    assert stored.state
    assert len(stored.updates) < TAIL_MAX
    content = device.replica.document(SEGMENT).content
    assert isinstance(content, RecordContent)
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        again = await restarted.replica.load(SEGMENT)
        assert isinstance(again.content, RecordContent)
        assert again.content.digest == content.digest
        assert again.cursor.position == TAIL_MAX + 10


async def test_a_server_that_lost_its_end_is_offered_what_this_device_wrote(device: LinkedDevice) -> None:
    other = LinkedDevice(device.peer, MemoryStore(), user="bob", device="desk")
    async with other.replica:
        other.connect()
        await other.run()
        await other.replica.follow(SEGMENT)
        for number in range(3):
            await say(device, f"ann {number}")
            await settle(device, other)
            await say(other, f"bob {number}")
            await settle(device, other)
        before = device.peer.document(SEGMENT).records()
        device.cut()
        other.cut()
        await say(device, "written meanwhile")
        device.peer.restore(SEGMENT, 2)
        device.connect()
        other.connect()
        await settle(device, other)
        after = device.peer.document(SEGMENT).records()
        assert sorted(one["id"] for one in after) == sorted(
            [*(one["id"] for one in before), *(one["id"] for one in after if one["text"] == "written meanwhile")]
        )
        assert len(after) == len(before) + 1, "nothing twice"
        mine = [one["text"] for one in after if one["device"] == "phone"]
        assert mine == ["ann 0", "ann 1", "ann 2", "written meanwhile"], "in the order of writing"
        assert sorted(texts(device)) == sorted(texts(other)) == sorted(one["text"] for one in after)
        assert not device.replica.outbox.refused()
        assert not device.replica.mismatched


async def test_a_restored_backup_gets_a_lease_of_its_own(device: LinkedDevice) -> None:
    await say(device, "before the backup")
    await settle(device)
    assert isinstance(device.replica.store, MemoryStore)
    backup = device.replica.store.copy()
    await say(device, "after the backup")
    await settle(device)
    device.cut()
    restored = LinkedDevice(device.peer, backup)
    async with restored.replica:
        old = restored.replica.identity.client
        await restored.replica.write(SEGMENT, "messages", [{"type": "text", "text": "on the restored phone"}])
        restored.connect()
        await settle(restored)
        expected = ["before the backup", "after the backup", "on the restored phone"]
        assert [one["text"] for one in device.peer.document(SEGMENT).records()] == expected
        assert texts(restored) == expected
        assert not restored.replica.outbox.refused()
        assert not restored.replica.mismatched
        assert old == restored.replica.identity.client, (
            "one edit of each life: nothing tells them apart, and records need not"
        )
        restored.cut()


async def test_a_backup_far_behind_asks_for_another_lease(device: LinkedDevice) -> None:
    assert isinstance(device.replica.store, MemoryStore)
    backup = device.replica.store.copy()
    await say(device, "1", "2", "3")
    await settle(device)
    device.cut()
    restored = LinkedDevice(device.peer, backup)
    async with restored.replica:
        old = restored.replica.identity.client
        await restored.replica.write(SEGMENT, "messages", [{"type": "text", "text": "4"}])
        restored.connect()
        await settle(restored)
        assert restored.replica.identity.client != old
        assert [one["text"] for one in device.peer.document(SEGMENT).records()] == ["1", "2", "3", "4"]
        assert device.peer.document(SEGMENT).structs()[3][:2] == (restored.replica.identity.client, 0)


async def test_a_backup_with_nothing_to_send_just_catches_up(device: LinkedDevice) -> None:
    assert isinstance(device.replica.store, MemoryStore)
    backup = device.replica.store.copy()
    await say(device, "1", "2")
    await settle(device)
    device.cut()
    restored = LinkedDevice(device.peer, backup)
    async with restored.replica:
        old = restored.replica.identity.client
        restored.connect()
        await settle(restored)
        assert (texts(restored), restored.replica.identity.client) == (["1", "2"], old)
        await restored.replica.write(SEGMENT, "messages", [{"type": "text", "text": "3"}])
        await settle(restored)
        assert device.peer.document(SEGMENT).structs()[2][:2] == (old, 2), "its clock has caught up as well"


# --- erasure


def shown_types(device: LinkedDevice) -> list[tuple[str, str]]:
    return [(record["type"], record.get("of", "")) for record in device.replica.records(SEGMENT, "messages")]


async def test_an_erased_record_is_not_offered_again_for_good(device: LinkedDevice) -> None:
    """The device has its own content of the old history, and finds in the new one that it is known."""
    secret, other = await say(device, "my card is 4711", "hello")
    await settle(device)
    device.peer.erase(SEGMENT, secret["id"])
    await device.run(later_s=1.0)
    await settle(device)
    assert shown_types(device) == [("redacted", "text"), ("text", "")]
    assert device.replica.outbox.of(SEGMENT) == []
    assert [one["type"] for one in device.peer.document(SEGMENT).records()] == ["redacted", "text"]
    assert other["id"] in {one["id"] for one in device.peer.document(SEGMENT).records()}
    assert not device.replica.mismatched
    assert (SEGMENT, True) in device.peer.digests
    await say(device, "goes on")
    await settle(device)
    assert shown_types(device)[2:] == [("text", "")]


async def test_what_is_left_of_an_erased_record_is_not_offered_to_an_older_history(device: LinkedDevice) -> None:
    """No update may bring it: it would be refused, and shown to its author so."""
    (secret,) = await say(device, "my card is 4711")
    await settle(device)
    device.peer.erase(SEGMENT, secret["id"])
    await say(device, "hello")
    await settle(device)
    device.cut()
    device.peer.restore(SEGMENT, 0)
    device.connect()
    await settle(device)
    assert [one["type"] for one in device.peer.document(SEGMENT).records()] == ["text"]
    assert shown_types(device) == [("text", "")]


@pytest.mark.parametrize("kind", ["edit", "recall", "reaction"])
async def test_what_waits_about_an_erased_message_is_dropped_and_not_shown_as_refused(
    device: LinkedDevice, kind: str
) -> None:
    (secret,) = await say(device, "my card is 4711")
    await settle(device)
    device.cut()
    fields: dict[str, dict[str, Any]] = {
        "edit": {"text": "my card is 4712"},
        "recall": {},
        "reaction": {"emoji": "\U0001f44d", "on": True},
    }
    about = {"type": kind, "message": secret["id"], **fields[kind]}
    await device.replica.write(SEGMENT, "messages", [about, {"type": "text", "text": "something else"}])
    device.peer.erase(SEGMENT, secret["id"])
    device.connect()
    await settle(device)
    assert shown_types(device) == [("redacted", "text"), ("text", "")]
    assert device.replica.outbox.of(SEGMENT) == []
    assert [one["type"] for one in device.peer.document(SEGMENT).records()] == ["redacted", "text"]


async def test_what_was_refused_about_an_erased_message_is_dropped_too(device: LinkedDevice) -> None:
    """It stayed readable for its author, and says what was erased."""
    (secret,) = await say(device, "my card is 4711")
    await settle(device)
    device.peer.rule = lambda _, payload: RefusedUpdate(RefusalCode.INVALID, "no") if b"4712" in payload else None
    edit = {"type": "edit", "message": secret["id"], "text": "my card is 4712"}
    await device.replica.write(SEGMENT, "messages", [edit, {"type": "text", "text": "4712 it is"}])
    await settle(device)
    assert len(device.replica.outbox.refused()) == 2
    device.peer.erase(SEGMENT, secret["id"])
    await device.run(later_s=1.0)
    await settle(device)
    assert [row.payload.count(b"4712 it is") for row in device.replica.outbox.refused()] == [1], "another message stays"


async def test_what_was_refused_about_an_erased_message_is_in_no_file(peer: Peer, tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "phone.db") as store:
        device, other = LinkedDevice(peer, store), LinkedDevice(peer, MemoryStore(), user="bob", device="desk")
        async with device.replica, other.replica:
            other.connect()
            await other.run()
            (secret,) = await say(other, "my card is 4711")
            await other.run()
            device.connect()
            await device.replica.follow(SEGMENT)
            await device.run()
            peer.rule = lambda _, payload: RefusedUpdate(RefusalCode.FORBIDDEN, "no") if b"4712" in payload else None
            edit = {"type": "edit", "message": secret["id"], "text": "the card is 4712"}
            await device.replica.write(SEGMENT, "messages", [edit])
            await device.run()
            assert len(device.replica.outbox.refused()) == 1
            peer.erase(SEGMENT, secret["id"])
            await settle(device)
            assert device.replica.outbox.of(SEGMENT) == []
            files = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
            assert [words for words in (b"card is 4711", b"card is 4712") if words in files] == []


async def test_what_is_erased_goes_although_an_own_edit_cannot_be_sent(peer: Peer, tmp_path: Path) -> None:
    peer.append(SEGMENT, foreign(0, "my card is 4711"))
    (secret,) = peer.document(SEGMENT).records()
    async with SqliteStore(tmp_path / "phone.db") as store:
        device = LinkedDevice(peer, store)
        async with device.replica:
            await device.replica.follow(SEGMENT)
            device.connect()
            await device.run()
            peer.rule = lambda _, __: RefusedUpdate(RefusalCode.QUARANTINED, "an operator has to look at it")
            await say(device, "noted")
            await device.run()
            peer.erase(SEGMENT, secret["id"])
            await device.run()
            await device.run(later_s=1.0)
            assert shown_types(device) == [("redacted", "text"), ("text", "")]
            assert not any(b"4711" in path.read_bytes() for path in sorted(tmp_path.iterdir()))
            assert [b"noted" in row.payload for row in device.replica.outbox.waiting(SEGMENT)] == [True]


async def test_what_is_kept_and_not_followed_is_erased_at_the_next_connection(peer: Peer, tmp_path: Path) -> None:
    peer.append(SEGMENT, foreign(0, "my card is 4711"))
    (secret,) = peer.document(SEGMENT).records()
    async with SqliteStore(tmp_path / "phone.db") as store:
        device = LinkedDevice(peer, store)
        async with device.replica:
            await device.replica.follow(SEGMENT)
            device.connect()
            await device.run()
            await device.replica.unfollow(SEGMENT)
            await device.run()
            device.cut()
            assert any(b"4711" in path.read_bytes() for path in sorted(tmp_path.iterdir()))
            peer.erase(SEGMENT, secret["id"])
            device.connect()
            await device.run()
            assert shown_types(device) == [("redacted", "text")]
            assert not any(b"4711" in path.read_bytes() for path in sorted(tmp_path.iterdir()))


async def test_an_edit_under_way_when_the_message_is_erased_is_answered_into_nothing(device: LinkedDevice) -> None:
    (secret,) = await say(device, "my card is 4711")
    await settle(device)
    device.peer.rule = lambda _, payload: RefusedUpdate(RefusalCode.FORBIDDEN, "no") if b"4712" in payload else None
    await device.replica.write(
        SEGMENT, "messages", [{"type": "edit", "message": secret["id"], "text": "my card is 4712"}]
    )
    device.decide()
    device.peer.erase(SEGMENT, secret["id"])
    await device.run(later_s=1.0)
    await settle(device)
    assert device.replica.outbox.of(SEGMENT) == []
    assert shown_types(device) == [("redacted", "text")]
