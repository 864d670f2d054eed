"""What the server says of the session: who this is, what time it is, under which client id to write."""

from collections.abc import AsyncIterator

import pytest
from support.link import LinkedDevice
from support.peer import Peer
from support.world import PAGE, SEGMENT, settle
from syncline_client.errors import OtherUser
from syncline_client.page_content import PageContent
from syncline_client.reception import Reception
from syncline_client.replica import decode_json
from syncline_client.store_memory import MemoryStore
from syncline_protocol.clock import at_ms

HOUR_MS = 3_600_000


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def device(peer: Peer) -> AsyncIterator[LinkedDevice]:
    linked = LinkedDevice(peer, MemoryStore())
    async with linked.replica:
        linked.connect()
        await linked.run()
        yield linked


async def say(device: LinkedDevice, text: str) -> None:
    await device.replica.write(SEGMENT, "messages", [{"type": "text", "text": text}])


async def test_the_first_welcome_says_who_this_is(device: LinkedDevice) -> None:
    identity = device.replica.identity
    assert (identity.tenant, identity.user, identity.device) == ("t", "ann", "phone")
    assert device.peer.holders[identity.client] == ("ann", "phone")


async def test_another_users_token_is_refused(device: LinkedDevice) -> None:
    device.user = "bob"
    device.connect()
    with pytest.raises(OtherUser, match="the token is for 'bob' of 't', but this store belongs to 'ann'"):
        await device.run()


async def test_the_clock_is_corrected_by_the_servers(device: LinkedDevice) -> None:
    device.now_ms += 5 * HOUR_MS
    device.connect()
    await device.run()
    await say(device, "hi")
    (record,) = device.replica.records(SEGMENT, "messages")
    assert at_ms(record["at"]) == device.peer.now_ms
    assert device.replica.server_now_ms() == device.peer.now_ms


async def test_what_was_stamped_far_ahead_is_stamped_again_under_its_id(device: LinkedDevice) -> None:
    device.cut()
    device.now_ms += 5 * HOUR_MS
    await say(device, "one")
    await say(device, "two")
    before = device.replica.records(SEGMENT, "messages")
    assert at_ms(before[0]["at"]) == device.peer.now_ms + 5 * HOUR_MS
    device.connect()
    await settle(device)
    after = device.peer.document(SEGMENT).records()
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [one["text"] for one in after] == ["one", "two"]
    assert at_ms(after[0]["at"]) == device.peer.now_ms
    assert after[0]["at"] < after[1]["at"]


async def test_a_clock_that_is_a_little_ahead_is_left_alone(device: LinkedDevice) -> None:
    device.cut()
    device.now_ms += 30_000
    await say(device, "one")
    (row,) = device.replica.outbox.waiting(SEGMENT)
    device.connect()
    await settle(device)
    assert device.peer.document(SEGMENT).records() == [decode_json(row.payload)]


async def test_a_reply_never_sorts_before_what_it_answers(device: LinkedDevice) -> None:
    other = LinkedDevice(device.peer, MemoryStore(), user="bob", device="desk")
    async with other.replica:
        other.connect()
        await other.run()
        await other.replica.follow(SEGMENT)
        await device.replica.follow(SEGMENT)
        await settle(device, other)
        device.now_ms += 40_000  # runs ahead, within what the server takes
        await say(device, "question")
        await settle(device, other)
        await other.replica.write(SEGMENT, "messages", [{"type": "text", "text": "answer"}])
        question, answer = other.replica.records(SEGMENT, "messages")
        assert question["text"] == "question"
        assert answer["at"] > question["at"]


async def test_another_lease_begins_every_count_anew(device: LinkedDevice) -> None:
    await say(device, "one")
    await device.replica.follow(PAGE)
    await settle(device)
    assert device.replica.document(SEGMENT).clock == 1
    held = device.replica.identity.client
    device.peer.holders[held] = ("eve", "elsewhere")  # the server's store knows nothing of this device
    device.connect()
    await device.run()
    assert device.replica.document(SEGMENT).clock == 0
    content = device.replica.document(PAGE).content
    assert isinstance(content, PageContent)
    assert content.doc.client_id == device.replica.identity.client, "the engine writes under the new one"
    await say(device, "two")
    await settle(device)
    assert [one.client for one in device.peer.document(SEGMENT).structs()][1] == device.replica.identity.client


async def test_a_snapshot_from_before_the_cursor_is_passed_over(device: LinkedDevice) -> None:
    await device.replica.follow(SEGMENT)
    await say(device, "one")
    await settle(device)
    await Reception(device.replica).receive_snapshot(SEGMENT, 1, b"never read")
    assert len(device.replica.records(SEGMENT, "messages")) == 1
