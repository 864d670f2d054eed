"""What follows from each answer of the server: every refusal code, and what a server may do that it should not."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from support.link import LinkedDevice
from support.peer import Peer, PeerSession
from support.world import PAGE, SEGMENT, settle
from syncline_client.answers import RETRY_WAIT_MS, Answers
from syncline_client.changes import ChangeKind
from syncline_client.session import Session
from syncline_client.store_memory import MemoryStore
from syncline_client.store_sqlite import SqliteStore
from syncline_client.subscription import RESYNCS_MAX, STRIKES_MAX, Phase
from syncline_protocol import codec, frames
from syncline_protocol.errors import NEXT_STEP, ProtocolViolation, RefusalCode, RefusedUpdate
from syncline_protocol.frames import Frame


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


async def say(device: LinkedDevice, *texts: str) -> list[dict[str, Any]]:
    return await device.replica.write(SEGMENT, "messages", [{"type": "text", "text": text} for text in texts])


def texts(device: LinkedDevice) -> list[str]:
    return [record["text"] for record in device.replica.records(SEGMENT, "messages")]


def admitted(device: LinkedDevice) -> list[str]:
    return [record["text"] for record in device.peer.document(SEGMENT).records()]


def refusing(code: RefusalCode, *, times: int, **detail: Any) -> Callable[[str, bytes], RefusedUpdate | None]:
    left = [times]

    def rule(_: str, __: bytes) -> RefusedUpdate | None:
        if left[0] == 0:
            return None
        left[0] -= 1
        return RefusedUpdate(code, f"because {code.value}", detail=detail)

    return rule


def evict(device: LinkedDevice, name: str) -> None:
    """The server takes a document away, to be opened again."""
    for session in device.peer.sessions:
        document = session.open.pop(name)
        session.send(frames.Evicted(document.number, "unavailable", "open it again"))


def session_of(device: LinkedDevice) -> Session:
    assert device.session is not None
    return device.session


FINAL = [
    RefusalCode.FORBIDDEN,
    RefusalCode.INVALID,
    RefusalCode.TOO_LARGE,
    RefusalCode.NOT_FOUND,
    RefusalCode.MALFORMED,
]


@pytest.mark.parametrize("code", FINAL)
async def test_a_final_refusal_keeps_the_edit_and_goes_on_with_the_next(
    device: LinkedDevice, code: RefusalCode
) -> None:
    device.peer.rule = refusing(code, times=1)
    await say(device, "no", "yes")
    await settle(device)
    assert admitted(device) == texts(device) == ["yes"]
    (row,) = device.replica.outbox.refused()
    assert (row.code, row.reason) == (code.value, f"because {code.value}")


HEALED = [
    (RefusalCode.RATE_LIMITED, {"retry_after_ms": 300}),
    (RefusalCode.UNAVAILABLE, {}),
    (RefusalCode.GAP, {}),
    (RefusalCode.NOT_YOURS, {}),
    (RefusalCode.FORKED, {}),
    (RefusalCode.CLOCK_AHEAD, {"server_time_ms": 1_700_000_000_000}),
    (RefusalCode.NOT_OPEN, {}),
]


@pytest.mark.parametrize(("code", "detail"), HEALED)
async def test_every_other_refusal_has_a_next_step_that_ends_well(
    device: LinkedDevice, code: RefusalCode, detail: dict[str, Any]
) -> None:
    device.peer.rule = refusing(code, times=1, **detail)
    await say(device, "one", "two", "three")
    await settle(device)
    assert admitted(device) == texts(device) == ["one", "two", "three"]
    assert device.replica.outbox.of(SEGMENT) == []
    assert session_of(device).is_settled()


def test_every_code_has_been_looked_at() -> None:
    looked_at = {*FINAL, *(code for code, _ in HEALED), RefusalCode.QUARANTINED}
    assert looked_at == set(NEXT_STEP)


async def test_an_unknown_code_is_final(device: LinkedDevice) -> None:
    await say(device, "no")
    device.decide()
    (id_,) = session_of(device).in_flight
    device.to_peer.clear()
    await take(device, frames.Refused(1, id_, "solar_flare", "try another star", {}))
    assert [row.code for row in device.replica.outbox.refused()] == ["solar_flare"]


async def test_rate_limited_waits_as_long_as_the_server_says(device: LinkedDevice) -> None:
    device.peer.rule = refusing(RefusalCode.RATE_LIMITED, times=1, retry_after_ms=2_000)
    await say(device, "one")
    await device.run()
    assert admitted(device) == []
    await device.run(later_s=1.9)
    assert admitted(device) == []
    assert session_of(device).wake_at_s() <= device.now_s + 0.11
    await device.run(later_s=0.2)
    assert admitted(device) == ["one"]


async def test_clock_ahead_writes_the_record_again_under_its_id(device: LinkedDevice) -> None:
    earlier_ms = device.peer.now_ms - 10_000_000
    device.peer.rule = refusing(RefusalCode.CLOCK_AHEAD, times=1, server_time_ms=earlier_ms)
    (record,) = await say(device, "one")
    await settle(device)
    (taken,) = device.peer.document(SEGMENT).records()
    assert taken["id"] == record["id"]
    assert taken["at"] < record["at"]
    assert device.replica.server_now_ms() == earlier_ms


async def test_forked_is_written_again_under_another_lease(device: LinkedDevice) -> None:
    old = device.replica.identity.client
    device.peer.rule = refusing(RefusalCode.FORKED, times=1)
    (record,) = await say(device, "one")
    await settle(device)
    (struct,) = device.peer.document(SEGMENT).structs()
    assert struct.key == record["id"]
    assert struct.client == device.replica.identity.client != old
    assert struct.clock == 0


@pytest.mark.parametrize("code", [RefusalCode.GAP, RefusalCode.FORKED, RefusalCode.CLOCK_AHEAD, RefusalCode.NOT_OPEN])
async def test_a_next_step_that_leads_nowhere_ends(device: LinkedDevice, code: RefusalCode) -> None:
    device.peer.rule = lambda _, payload: RefusedUpdate(code, "never") if b"hopeless" in payload else None
    await say(device, "hopeless", "next")
    await settle(device)
    assert [row.code for row in device.replica.outbox.refused()] == [code.value]
    assert admitted(device) == ["next"]


async def leave_one_admitted(device: LinkedDevice) -> None:
    """An edit is admitted and not committed when the connection ends; on the next one it is on its way again."""
    device.peer.commits_wait = True
    await say(device, "one")
    device.decide()
    while device.deliver_to_peer():
        pass
    device.connect()
    while not any(isinstance(codec.decode_device_frame(message), frames.Update) for message in device.to_peer):
        device.deliver_to_peer()
        await device.deliver_to_device()
        device.decide()
    device.peer.commits_wait = False


async def test_what_a_document_catches_up_with_moves_the_clock_also_after_a_refusal(device: LinkedDevice) -> None:
    lease = device.replica.identity.client
    await leave_one_admitted(device)
    evict(device, SEGMENT)
    device.peer.commit_all()
    await say(device, "two")
    await device.run()
    assert len(device.replica.outbox.waiting(SEGMENT)) == 2, "the channel was closed"
    await device.run(later_s=1.0)
    assert [(one.client, one.clock) for one in device.peer.document(SEGMENT).structs()] == [(lease, 0), (lease, 1)]


async def test_a_refusal_is_held_against_its_edit_alone(device: LinkedDevice) -> None:
    """The first edit is refused until it comes out of the log; the one behind it has all its tries."""
    await leave_one_admitted(device)
    left = STRIKES_MAX + 1

    def rule(_: str, __: bytes) -> RefusedUpdate | None:
        nonlocal left
        left -= 1
        if left == 1:
            device.peer.commit_all()
        return RefusedUpdate(RefusalCode.CLOCK_AHEAD, "too early") if left >= 0 else None

    device.peer.rule = rule
    await device.run()
    assert (left, device.replica.outbox.of(SEGMENT)) == (1, [])
    await say(device, "two")
    await device.run()
    assert device.replica.outbox.of(SEGMENT) == []
    assert admitted(device) == ["one", "two"]


async def test_histories_replaced_one_after_the_other_do_not_refuse_an_edit(device: LinkedDevice) -> None:
    (secret,) = await say(device, "my card is 4711")
    await device.run()
    left = 2 * STRIKES_MAX

    def replaced(name: str, _: bytes) -> RefusedUpdate | None:
        nonlocal left
        left -= 1
        if left < 0:
            return None
        device.peer.erase(name, secret["id"])
        return RefusedUpdate(RefusalCode.NOT_OPEN, "not open")

    device.peer.rule = replaced
    await say(device, "hello")
    for _ in range(2 * STRIKES_MAX + 1):
        await device.run(later_s=1.0)
    assert left < 0
    assert device.replica.outbox.of(SEGMENT) == []
    assert [record["type"] for record in device.peer.document(SEGMENT).records()] == ["redacted", "text"]


async def test_quarantined_keeps_the_edit_waiting(device: LinkedDevice) -> None:
    device.peer.rule = refusing(RefusalCode.QUARANTINED, times=100)
    await say(device, "one")
    await settle(device)
    assert [row.code for row in device.replica.outbox.of(SEGMENT)] == [""]
    assert session_of(device).subscriptions[SEGMENT].reason == "because quarantined"
    device.peer.rule = lambda _name, _payload: None
    device.connect()
    await settle(device)
    assert admitted(device) == ["one"]


async def test_a_document_that_may_not_be_opened_refuses_its_edits(device: LinkedDevice) -> None:
    name = "conversation/missing/1"
    device.peer.missing.add(name)
    changes = device.replica.watchers.watch(name)
    await device.replica.write(name, "messages", [{"type": "text", "text": "hello?"}])
    await settle(device)
    (row,) = device.replica.outbox.refused()
    assert (row.code, row.reason) == ("not_found", "there is no such document")
    assert session_of(device).subscriptions[name].phase is Phase.CLOSED
    changes.close()
    assert ChangeKind.CLOSED in [change.kind async for change in changes]
    device.peer.missing.clear()
    await device.replica.retry(row.id)
    await settle(device)
    assert [one["text"] for one in device.peer.document(name).records()] == ["hello?"]


async def test_rights_withdrawn_refuse_what_waits(device: LinkedDevice) -> None:
    channel = session_of(device).subscriptions[SEGMENT].channel
    await say(device, "too late")
    await take(device, frames.Evicted(channel, "forbidden", "your access has ended"))
    assert [row.reason for row in device.replica.outbox.refused()] == ["your access has ended"]
    assert session_of(device).subscriptions[SEGMENT].phase is Phase.CLOSED


async def end_rights(device: LinkedDevice, name: str) -> None:
    """As a server does it for whoever has the document open."""
    remote, number = device._remote, device.peer.document(name).number
    if remote is not None and remote.open.pop(name, None) is not None:
        await take(device, frames.Evicted(number, "forbidden", "you may not open this document"))


def stored(path: Path, words: bytes) -> list[str]:
    return [one.name for one in sorted(path.iterdir()) if words in one.read_bytes()]


@pytest.mark.parametrize("when", ["connected", "away"])
async def test_rights_that_ended_leave_nothing_but_own_edits(peer: Peer, tmp_path: Path, when: str) -> None:
    async with SqliteStore(tmp_path / "phone.db") as store:
        device = LinkedDevice(peer, store)
        async with device.replica:
            device.connect()
            await device.replica.follow(SEGMENT)
            await device.replica.follow(PAGE)
            await device.run()
            await say(device, "said before")
            await device.replica.edit_page(PAGE, lambda page: page.get("t", type=pycrdt.Text).insert(0, "page text"))
            await settle(device)
            assert stored(tmp_path, b"said before")
            assert stored(tmp_path, b"page text")
            peer.forbidden.update((SEGMENT, PAGE))
            if when == "away":
                device.cut()
                await say(device, "not sent")
                device.connect()
            else:
                await say(device, "not sent")
                for name in (SEGMENT, PAGE):
                    await end_rights(device, name)
            await settle(device)
            assert texts(device) == []
            assert [(row.code, b"not sent" in row.payload) for row in device.replica.outbox.refused()] == [
                ("forbidden", True)
            ]
            assert [stored(tmp_path, words) for words in (b"said before", b"page text")] == [[], []]
            assert session_of(device).subscriptions[SEGMENT].reason == "you may not open this document"
            peer.forbidden.clear()
            await device.replica.retry(device.replica.outbox.refused()[0].id)
            await settle(device)
            assert texts(device) == admitted(device) == ["said before", "not sent"], (
                "with rights again, as a new device"
            )


async def test_an_edit_acknowledged_after_the_rights_ended_is_settled_and_not_kept(device: LinkedDevice) -> None:
    device.peer.commits_wait = True
    await say(device, "just in time")
    await device.run()
    await take(device, frames.Evicted(session_of(device).subscriptions[SEGMENT].channel, "forbidden", "ended"))
    await settle(device)
    assert device.replica.outbox.of(SEGMENT) == []
    assert texts(device) == []
    assert (await device.replica.store.read_content(SEGMENT)).updates == []


async def test_a_document_that_is_not_there_takes_no_copy_away(device: LinkedDevice) -> None:
    """The server's store may be an older one."""
    await say(device, "one")
    await settle(device)
    device.peer.missing.add(SEGMENT)
    device.connect()
    await settle(device)
    assert texts(device) == ["one"]


async def test_a_document_taken_away_for_now_is_opened_again(device: LinkedDevice) -> None:
    channel = session_of(device).subscriptions[SEGMENT].channel
    await say(device, "one")
    device.peer.restore(SEGMENT, 0)
    await take(device, frames.Evicted(channel, "unavailable", "the history was replaced: open it again"))
    assert session_of(device).subscriptions[SEGMENT].phase is Phase.WANTED
    await settle(device)
    assert admitted(device) == texts(device) == ["one"]


async def test_a_differing_digest_loads_the_document_anew(device: LinkedDevice) -> None:
    await say(device, "one")
    await settle(device)
    document = device.replica.document(SEGMENT)
    document.content._sum ^= 1  # type: ignore[union-attr]
    await say(device, "two")
    await settle(device)
    assert device.replica.mismatched == [SEGMENT]
    assert (SEGMENT, False) in device.peer.digests
    assert device.peer.digests[-1] == (SEGMENT, True)
    assert texts(device) == admitted(device) == ["one", "two"]


async def test_a_digest_that_never_agrees_is_left_alone(device: LinkedDevice) -> None:
    await say(device, "one")
    await settle(device)
    device.peer.document(SEGMENT).index._sum += 1  # type: ignore[union-attr]
    await say(device, "two")
    for _ in range(3):
        await settle(device)
    assert len(device.replica.mismatched) == RESYNCS_MAX + 1
    subscription = session_of(device).subscriptions[SEGMENT]
    assert (subscription.phase, subscription.reason.startswith("the digests differ")) == (Phase.CLOSED, True)


async def test_updates_that_cannot_be_read_load_the_document_anew(device: LinkedDevice) -> None:
    await say(device, "one")
    await settle(device)
    channel = session_of(device).subscriptions[SEGMENT].channel
    await take(device, frames.Updates(channel, 2, [b"not an update"]))
    await settle(device)
    assert texts(device) == ["one"]
    await take(device, frames.Snapshot(channel, 9, b"nor this"))
    await settle(device)
    assert texts(device) == ["one"]
    assert session_of(device).is_settled()


async def test_a_frame_in_fragments_is_put_together(device: LinkedDevice) -> None:
    other = LinkedDevice(device.peer, MemoryStore(), user="bob", device="desk")
    async with other.replica:
        other.connect()
        await other.run()
        page = b"x" * 3_000_000
        await other.replica.edit_page(PAGE, lambda document: document.get("m", type=pycrdt.Map).__setitem__("k", page))
        await other.run()
        assert sum(isinstance(frame, frames.Fragment) for frame in device.peer.received) > 5
        await device.replica.follow(PAGE)
        await settle(device)
        content = device.replica.document(PAGE).content
        assert content is not None
        assert content.digest == other.replica.document(PAGE).content.digest  # type: ignore[union-attr]


async def test_what_others_show_is_seen(device: LinkedDevice) -> None:
    channel = session_of(device).subscriptions[SEGMENT].channel
    changes = device.replica.watchers.watch(SEGMENT)
    await take(device, frames.Presence(channel, "s9", "bob", "desk", {"typing": True}))
    assert [one.user for one in device.presence.others(SEGMENT, device.now_s)] == ["bob"]
    assert (await anext(changes)).kind is ChangeKind.PRESENCE


async def test_a_server_that_is_busy_says_when_to_come_back(device: LinkedDevice) -> None:
    session = session_of(device)
    await take(device, frames.Busy(7_000, "stopping"))
    assert session.retry_after_ms == 7_000
    assert session.decide(device.now_s) == []


async def test_what_belongs_to_nothing_is_passed_over(device: LinkedDevice) -> None:
    for frame in (
        frames.Updates(99, 1, [b"x"]),
        frames.Snapshot(99, 1, b"x"),
        frames.Acks([99, 99, 1]),
        frames.Refused(99, 99, "gap", "", {}),
        frames.Evicted(99, "forbidden", ""),
        frames.Presence(99, "s", "u", "d", None),
        frames.DigestChecked(99, 1, False, b"x"),
    ):
        await take(device, frame)
    assert device.replica.documents.keys() == {SEGMENT}


@pytest.mark.parametrize(
    "frame",
    [
        frames.Opened(77, [frames.OpenedDocument(1, 1, 1, 0, 0)], []),
        frames.Acks([1, 2]),
        frames.Welcome("s", "t", "ann", "agent", 1, 1, 1, frames.Limits(1, 1, 1, 1)),
        frames.Hello(1, "t", "d", 0, "a"),
    ],
)
async def test_what_the_protocol_does_not_allow_ends_the_connection(device: LinkedDevice, frame: Frame) -> None:
    with pytest.raises(ProtocolViolation):
        await take(device, frame)


async def test_a_vector_that_is_none_is_no_vector(device: LinkedDevice) -> None:
    device.peer.rule = refusing(RefusalCode.GAP, times=1, vector=b"\xff\xff")
    await say(device, "one")
    await settle(device)
    assert admitted(device) == ["one"]


async def take(device: LinkedDevice, frame: Frame) -> None:
    """Let the device take in a frame as if the peer had sent it."""
    assert isinstance(device._answers, Answers)
    assert isinstance(device._remote, PeerSession)
    for message in codec.messages(frame):
        await device._answers.take(message, device.now_s)


def test_the_wait_without_a_word_is_short() -> None:
    assert 100 <= RETRY_WAIT_MS <= 5_000
