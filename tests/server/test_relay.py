"""What each subscriber gets of a commit: exactly what others wrote, in order, encoded once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.framing import messages_in
from support.running import running
from support.wire import WireDevice, wire_device
from syncline_protocol import codec, frames
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import RefusedUpdate
from syncline_protocol.update import scan_records
from syncline_server.relay import Batch, relay
from syncline_server.storage.interface import LogEntry
from syncline_server.wire import FRAMES, YJS, FrameWire

CHANNEL = 7


class Follower:
    """A session reduced to what the relay sees of it. `written` is what goes to its socket."""

    def __init__(self, name: str) -> None:
        self.identity = Identity(tenant="default", user=name, device=name, role=Role.AGENT)
        self.written: list[bytes] = []

    def acknowledge(self, channel: int, id: int, seq: int) -> None:  # noqa: A002 - the wire's word
        """See `relay.Author`."""

    def refuse(self, channel: int, id: int, refusal: RefusedUpdate) -> None:  # noqa: A002
        """See `relay.Author`."""

    def deliver(self, batch: Batch) -> None:
        """See `relay.Deliverable`: as a live subscription does it."""
        part = batch.encoded_for(self, FRAMES) if self in batch.authors else batch.encoded(FRAMES)
        self.written.append(part)

    def updates(self) -> list[frames.Updates]:
        """The frames it was sent."""
        decoded = [codec.decode_server_frame(message) for message in messages_in(b"".join(self.written))]
        return [frame for frame in decoded if isinstance(frame, frames.Updates)]


class CountingWire(FrameWire):
    """Counts what it encodes."""

    def __init__(self) -> None:
        self.calls = 0

    def updates(self, channel: int, seq: int, payloads: Sequence[bytes]) -> bytes:
        """See `Wire`."""
        self.calls += 1
        return super().updates(channel, seq, payloads)


def entry(seq: int, payload: bytes = b"x") -> LogEntry:
    """An update of the log."""
    return LogEntry(CHANNEL, seq, 1, 0, payload)


PEOPLE = 4
batches = st.lists(st.lists(st.tuples(st.integers(0, PEOPLE - 1), st.binary(max_size=200)), min_size=1, max_size=12))


@given(batches)
def test_everybody_gets_exactly_what_others_wrote_in_order(commits: list[list[tuple[int, bytes]]]) -> None:
    people = [Follower(str(number)) for number in range(PEOPLE)]
    onlooker = Follower("onlooker")
    expected: dict[Follower, list[tuple[int, bytes]]] = {one: [] for one in (*people, onlooker)}
    seq = 0
    for commit in commits:
        entries = []
        for author, payload in commit:
            seq += 1
            entries.append((people[author], entry(seq, payload)))
            for one in expected.keys() - {people[author]}:
                expected[one].append((seq, payload))
        relay(CHANNEL, entries, [*people, onlooker])
    for one, wanted in expected.items():
        got = [(frame.seq + step, payload) for frame in one.updates() for step, payload in enumerate(frame.payloads)]
        assert got == wanted
        assert all(frame.channel == CHANNEL for frame in one.updates())


@given(st.lists(st.integers(0, PEOPLE - 1), min_size=1, max_size=30))
def test_neighbours_share_a_frame(authors: list[int]) -> None:
    """A commit is one frame for an onlooker, and for an author one for each run of what others wrote."""
    people = [Follower(str(number)) for number in range(PEOPLE)]
    onlooker = Follower("onlooker")
    relay(CHANNEL, [(people[author], entry(seq)) for seq, author in enumerate(authors, 1)], [*people, onlooker])
    assert len(onlooker.updates()) == 1
    for number, one in enumerate(people):
        others = [author != number for author in authors]
        runs = sum(is_other and not before for before, is_other in zip([False, *others], others, strict=False))
        assert len(one.updates()) == runs
        assert all(frame.payloads for frame in one.updates())


def test_a_commit_is_encoded_once_for_all_who_wrote_none_of_it() -> None:
    author, wire = Follower("author"), CountingWire()
    batch = Batch(CHANNEL, [(author, entry(1)), (author, entry(2))])
    assert len({id(batch.encoded(wire)) for _ in range(1000)}) == 1
    assert wire.calls == 1


def test_each_kind_of_connection_has_its_own_encoding() -> None:
    batch = Batch(CHANNEL, [(Follower("author"), entry(1, b"one")), (Follower("another"), entry(2, b"two"))])
    assert len(messages_in(batch.encoded(FRAMES))) == 1
    assert messages_in(batch.encoded(YJS)) == [b"\x00\x02\x03one", b"\x00\x02\x03two"]


def test_one_user_on_two_devices_is_two_authors() -> None:
    phone, desktop = Follower("mei"), Follower("mei")
    relay(CHANNEL, [(phone, entry(1, b"x"))], [phone, desktop])
    assert phone.updates() == []
    assert [frame.payloads for frame in desktop.updates()] == [[b"x"]]


async def test_on_real_sockets_nobody_misses_or_repeats_anything(tmp_path: Path) -> None:
    """Four devices write at once; each one's acks and updates together are every number once."""
    async with running(tmp_path / "data") as server:
        segment = await server.conversation()

        async def take_part(device: WireDevice) -> tuple[list[int], list[str]]:
            for number in range(25):
                await device.update(segment, device.encode(segment, device.record(f"{device.device} {number}")))
            acked: list[int] = []
            heard: list[str] = []
            while len(acked) + len(heard) < 100:
                frame = await device.read()
                if isinstance(frame, frames.Acks):
                    acked += frame.updates[2::3]
                elif isinstance(frame, frames.Updates):
                    heard += [struct.value["text"] for payload in frame.payloads for struct in scan_records(payload)]
            return acked, heard

        async with (
            wire_device(server.url, server.token("a"), "d0") as first,
            wire_device(server.url, server.token("b"), "d1") as second,
            wire_device(server.url, server.token("c"), "d2") as third,
            wire_device(server.url, server.token("d"), "d3") as fourth,
        ):
            devices = [first, second, third, fourth]
            for device in devices:
                await device.open(segment)
            outcomes = await asyncio.gather(*(take_part(device) for device in devices))
        assert sorted(seq for acked, _ in outcomes for seq in acked) == list(range(1, 101))
        for device, (_, heard) in zip(devices, outcomes, strict=True):
            for other in devices:
                said = [f"{other.device} {number}" for number in range(25)] if other is not device else []
                assert [text for text in heard if text.startswith(f"{other.device} ")] == said
