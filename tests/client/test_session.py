"""The session's decisions, with a real peer at the other end of a pretend wire. Numbers are those of `session.py`'s
invariants.
"""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.link import LinkedDevice
from support.peer import Peer
from support.world import ACTIONS, BACKUPS, PAGE, RESTORES, SEGMENT, PageWorld, World, settle
from syncline_client import session as module
from syncline_client.presence import RENEWAL_S
from syncline_client.session import DIGEST_INTERVAL_S
from syncline_client.store_memory import MemoryStore
from syncline_client.subscription import Phase
from syncline_protocol import codec, frames
from syncline_protocol.limits import OPEN_DOCUMENTS_MAX, UPDATES_IN_FLIGHT_MAX

scripts = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1)), max_size=150)
seeds = st.integers(0, 2**32)


async def live(world: World, script: list[tuple[str, int]]) -> None:
    await world.start()
    for action, index in script:
        await world.act(action, index)
    await world.heal()
    world.check()


@settings(max_examples=200)
@given(scripts, seeds)
def test_no_record_is_lost_and_none_is_there_twice(script: list[tuple[str, int]], seed: int) -> None:
    asyncio.run(live(World(seed), script))


@settings(max_examples=100)
@given(scripts, seeds)
def test_no_edit_of_a_page_is_lost_and_none_is_there_twice(script: list[tuple[str, int]], seed: int) -> None:
    asyncio.run(live(PageWorld(seed), script))


LIVES = [(World, ACTIONS), (PageWorld, ACTIONS), (World, BACKUPS), (PageWorld, BACKUPS), (World, RESTORES)]


@pytest.mark.parametrize(("kind", "actions"), LIVES)
def test_long_lives_end_well(kind: type[World], actions: tuple[str, ...]) -> None:
    for seed in range(40):
        random = Random(seed)
        script = [(random.choice(actions), random.randrange(2)) for _ in range(random.randrange(400))]
        asyncio.run(live(kind(seed), script))


# --- one invariant at a time


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


async def say(device: LinkedDevice, *texts: str, name: str = SEGMENT) -> None:
    await device.replica.write(name, "messages", [{"type": "text", "text": text} for text in texts])


def sent(device: LinkedDevice) -> list[frames.Frame]:
    """What is on the wire to the peer."""
    return [codec.decode_device_frame(message) for message in device.to_peer]


async def test_1_nothing_is_sent_before_welcome_and_nothing_after_the_end(device: LinkedDevice) -> None:
    await say(device, "hi")
    device.connect()
    device.decide()
    assert [type(frame) for frame in sent(device)] == [frames.Hello]
    await device.run()
    assert device.session is not None
    await say(device, "more")
    device._remote.send(frames.Busy(1, "stopping"))  # type: ignore[union-attr]
    await device.deliver_to_device()
    device.decide()
    assert sent(device) == []


async def test_2_every_followed_document_is_opened_in_batches(device: LinkedDevice) -> None:
    names = [f"conversation/c/{number}" for number in range(1, OPEN_DOCUMENTS_MAX + 11)]
    for name in names:
        await device.replica.follow(name)
    device.decide()
    opens = [frame for frame in sent(device) if isinstance(frame, frames.Open)]
    assert [len(frame.documents) for frame in opens] == [OPEN_DOCUMENTS_MAX, 10]
    await device.run()
    assert device.session is not None
    assert device.session.is_settled()
    await device.replica.unfollow(names[3])
    device.decide()
    assert sent(device) == [frames.Close(device.session.subscriptions[names[3]].channel)]


async def test_2_a_document_with_waiting_edits_is_opened_though_nobody_follows_it(device: LinkedDevice) -> None:
    await say(device, "hi")
    await settle(device)
    assert len(device.peer.document(SEGMENT).log) == 1
    device.decide()
    assert not device.replica.is_wanted(SEGMENT)


async def test_2_what_is_kept_and_not_followed_is_opened_once_on_each_connection(device: LinkedDevice) -> None:
    await device.replica.follow(PAGE)
    await device.replica.follow(SEGMENT)
    await device.run()
    await device.replica.unfollow(SEGMENT)
    await device.run()
    device.connect()
    device.peer.received.clear()
    await device.run()
    assert device.session is not None
    assert device.session.subscriptions[SEGMENT].phase is Phase.WANTED, "and is closed again"
    device.session.touch(SEGMENT)
    await device.run()
    opened = [[one.name for one in frame.documents] for frame in device.peer.received if isinstance(frame, frames.Open)]
    assert opened == [[PAGE, SEGMENT]]
    assert [type(frame) for frame in device.peer.received].count(frames.Close) == 1


async def test_2_what_is_kept_comes_after_what_is_wanted_and_a_batch_at_a_time(device: LinkedDevice) -> None:
    kept = [f"conversation/c/{number}" for number in range(1, OPEN_DOCUMENTS_MAX + 11)]
    for name in kept:
        await device.replica.follow(name)
    await device.run()
    for name in kept:
        await device.replica.unfollow(name)
    await device.replica.follow(PAGE)
    await device.run()
    device.peer.missing.add(kept[0])
    device.connect()
    device.peer.received.clear()
    for _ in range(2):  # one decision for each answer, as a connection takes them
        while device.deliver_to_peer():
            pass
        while await device.deliver_to_device():
            pass
        device.decide()
    while device.deliver_to_peer():
        pass
    opened = [[one.name for one in frame.documents] for frame in device.peer.received if isinstance(frame, frames.Open)]
    assert [len(names) for names in opened] == [OPEN_DOCUMENTS_MAX, 1, 10]
    assert opened[0][0] == PAGE
    assert sorted(name for names in opened for name in names) == sorted([PAGE, *kept])
    await device.run()
    assert device.peer.sessions[0].open.keys() == {PAGE}


def conversations(count: int) -> list[str]:
    return [f"conversation/c{number}/1" for number in range(count)]


async def follow(device: LinkedDevice, names: list[str]) -> None:
    for name in names:
        await device.replica.follow(name)
    await device.run()


@pytest.fixture(params=["known", "told"])
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, peer: Peer) -> None:
    """Five documents are open on a connection at most. The device knows, or the server has to tell it."""
    peer.channels_max = 5
    if request.param == "known":
        monkeypatch.setattr(module, "CHANNELS_MAX", 5)


@pytest.mark.usefixtures("narrow")
async def test_2_what_is_used_longest_ago_is_closed_for_what_is_wanted(device: LinkedDevice) -> None:
    names = conversations(7)
    await follow(device, names[:5])
    device.replica.records(names[0], "messages")
    with device.replica.watchers.watch(names[1]):
        await follow(device, names[5:])
        await device.run(later_s=2.0)
        opened = [names[0], names[1], names[4], names[5], names[6]]
        assert sorted(device.peer.sessions[0].open) == opened
        assert [name for name in names if device.replica.document(name).followed] == opened
    assert device.session is not None
    assert device.session.is_settled()
    assert not device.session.unopened


@pytest.mark.usefixtures("narrow")
async def test_2_an_edit_that_has_no_channel_is_not_refused_and_goes_when_there_is_one(device: LinkedDevice) -> None:
    names = conversations(7)
    await follow(device, names[:5])
    with device.replica.watchers.watch(*names[:5]):
        await follow(device, [names[5]])
        await say(device, "nobody loses this", name=names[6])
        await settle(device)
        assert device.session is not None
        assert sorted(device.session.unopened) == names[5:]
        assert not device.session.is_settled()
        assert [row.code for row in device.replica.outbox.of(names[6])] == [""]
        assert device.replica.document(names[5]).followed, "it waits, and is not given up"
        await device.replica.unfollow(names[0])
        await settle(device)
        assert len(device.peer.document(names[6]).log) == 1, "an edit goes before what is only followed"
    await device.run(later_s=module.UNUSED_WAIT_S)
    await settle(device)
    assert sorted(device.peer.sessions[0].open) == names[1:6], "and leaves its channel to what waits"
    assert device.session.is_settled()


@pytest.mark.usefixtures("narrow")
async def test_2_what_has_edits_on_their_way_is_not_closed(device: LinkedDevice) -> None:
    names = conversations(6)
    await follow(device, names[:5])
    device.peer.commits_wait = True
    await say(device, "on its way", name=names[0])
    await device.run()
    for name in names[1:5]:
        device.replica.records(name, "messages")
    await follow(device, [names[5]])
    await device.run(later_s=2.0)
    assert sorted(device.peer.sessions[0].open) == [names[0], *names[2:]]


@pytest.mark.usefixtures("narrow")
async def test_2_what_is_kept_is_looked_at_through_few_channels(device: LinkedDevice) -> None:
    kept, followed = conversations(12)[:8], conversations(12)[8:]
    for name in kept:
        await follow(device, [name])
        await device.replica.unfollow(name)
    await follow(device, followed)
    device.connect()
    device.peer.received.clear()
    for _ in range(10):
        await device.run(later_s=1.0)
    opened = {one.name for frame in device.peer.received if isinstance(frame, frames.Open) for one in frame.documents}
    assert opened == {*kept, *followed}
    assert device.session is not None
    assert not device.session.unopened


async def test_4_while_a_lease_is_asked_for_nothing_is_written(device: LinkedDevice) -> None:
    await device.replica.follow(SEGMENT)
    await device.run()
    assert device.session is not None
    device.session.lease_wanted = True
    await say(device, "hi")
    device.decide()
    device.decide()
    assert sent(device) == [frames.RequestLease()], "once"
    await device.run()
    assert device.peer.document(SEGMENT).structs()[0].client == device.replica.identity.client
    assert not device.session.lease_wanted


async def test_5_edits_wait_until_the_document_is_caught_up(device: LinkedDevice) -> None:
    await say(device, "one", "two")
    await device.run()
    backup = LinkedDevice(device.peer, MemoryStore(), user="bob", device="desk")
    async with backup.replica:
        backup.connect()
        await backup.run()
        await say(backup, "three")
        backup.decide()
        while backup.deliver_to_peer():
            pass
        await backup.deliver_to_device()  # Opened, and not yet what it is behind
        backup.decide()
        assert not [frame for frame in sent(backup) if isinstance(frame, frames.Update)]
        await backup.deliver_to_device()
        backup.decide()
        assert len([frame for frame in sent(backup) if isinstance(frame, frames.Update)]) == 1


async def test_6_updates_in_flight_are_bounded_over_all_documents(device: LinkedDevice) -> None:
    device.peer.commits_wait = True
    names = [f"conversation/c/{number}" for number in range(1, 6)]
    for name in names:
        await say(device, *(str(number) for number in range(100)), name=name)
    await device.run()
    waiting = sum(len(device.peer.document(name).pending) for name in names)
    assert waiting == UPDATES_IN_FLIGHT_MAX
    await settle(device)
    await settle(device)
    assert [len(device.peer.document(name).log) for name in names] == [100] * 5
    assert device.replica.outbox.count_waiting == 0


async def test_7_a_digest_is_sent_once_for_each_state_and_not_too_often(device: LinkedDevice) -> None:
    await device.replica.follow(SEGMENT)
    for number in range(20):
        await say(device, str(number))
        await device.run(later_s=1.0)
    assert len(device.peer.digests) == 1
    await device.run(later_s=DIGEST_INTERVAL_S)
    await device.run(later_s=DIGEST_INTERVAL_S)
    assert device.peer.digests == [(SEGMENT, True)] * 2


async def test_7_many_updates_before_the_next_digest_set_one_alarm(device: LinkedDevice) -> None:
    other = LinkedDevice(device.peer, MemoryStore(), user="bob", device="desk")
    await device.replica.follow(SEGMENT)
    await device.run()
    async with other.replica:
        other.connect()
        await other.run()
        for number in range(50):
            await say(other, str(number))
            await other.run()
            await device.run(later_s=0.01)
    assert device.session is not None
    assert device.session.wake_at_s() > device.now_s
    assert len(device.session._alarms) == 1


async def test_7_no_digest_while_an_edit_waits(device: LinkedDevice) -> None:
    device.peer.commits_wait = True
    await device.replica.follow(SEGMENT)
    await say(device, "one")
    await device.run(later_s=DIGEST_INTERVAL_S)
    assert device.peer.digests == []
    await settle(device)
    assert device.peer.digests == [(SEGMENT, True)]


async def test_8_an_own_presence_is_shown_renewed_and_withdrawn(device: LinkedDevice) -> None:
    other = LinkedDevice(device.peer, MemoryStore(), user="bob", device="desk")
    async with other.replica:
        other.connect()
        await other.run()
        await other.replica.follow(SEGMENT)
        await device.replica.follow(SEGMENT)
        await settle(device, other)
        assert device.session is not None
        device.presence.set(SEGMENT, {"typing": True})
        device.session.touch(SEGMENT)
        await device.run()
        await other.run()
        assert [one.state for one in other.presence.others(SEGMENT, other.now_s)] == [{"typing": True}]
        before = sum(isinstance(frame, frames.SetPresence) for frame in device.peer.received)
        await device.run(later_s=RENEWAL_S)
        assert sum(isinstance(frame, frames.SetPresence) for frame in device.peer.received) == before + 1
        device.presence.set(SEGMENT, None)
        device.session.touch(SEGMENT)
        await device.run()
        await other.run()
        assert other.presence.others(SEGMENT, other.now_s) == []


async def test_unchanged_documents_are_not_even_loaded(device: LinkedDevice) -> None:
    await device.replica.follow(PAGE)
    await say(device, "hi")
    await settle(device)
    restarted = LinkedDevice(device.peer, device.replica.store)
    async with restarted.replica:
        restarted.connect()
        await restarted.run()
        assert restarted.session is not None
        assert restarted.session.is_settled()
        assert restarted.replica.document(PAGE).content is None
