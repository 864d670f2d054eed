"""Staying connected, over real sockets: come back, wait when told, stop when it makes no sense, renew the token."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
from client.conftest import ServedPeer
from support.peer import PeerSession
from support.world import SEGMENT
from syncline_client import connection as module
from syncline_client.backoff import Backoff
from syncline_client.connection import Connection, Standing, TokenSource
from syncline_client.presence import PresenceBoard
from syncline_client.replica import Replica
from syncline_client.store import Operation, StoreError
from syncline_client.store_memory import MemoryStore
from syncline_client.transport import Connect, Transport, TransportClosed, connect_websocket, sync_url
from syncline_protocol import frames
from syncline_protocol.errors import CloseCode, RefusalCode, RefusedUpdate

WAIT_S = 10.0


class Running:
    """A device without handles: a replica and its connection."""

    def __init__(self, replica: Replica, connection: Connection, task: "asyncio.Task[None]") -> None:
        self.replica = replica
        self.connection = connection
        self.task = task

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await self.connection.changed()

    async def settled(self) -> None:
        await self.until(lambda: self.connection.is_settled)

    async def say(self, text: str) -> None:
        await self.replica.write(SEGMENT, "messages", [{"type": "text", "text": text}])


@asynccontextmanager
async def running(
    url: str,
    token: TokenSource = "ann",
    *,
    store: MemoryStore | None = None,
    connect: Connect = connect_websocket,
    device: str = "phone",
) -> AsyncIterator[Running]:
    async with Replica(store or MemoryStore(), device=device) as replica:
        connection = Connection(replica, PresenceBoard(), sync_url(url), token, connect=connect, random=Random(1))
        task = asyncio.create_task(connection.run())
        try:
            yield Running(replica, connection, task)
        finally:
            task.cancel()
            await asyncio.wait([task])


def texts(peer: ServedPeer) -> list[str]:
    return [record["text"] for record in peer.document(SEGMENT).records()]


async def test_edits_made_offline_arrive_when_the_server_is_back(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        await one.say("online")
        await one.settled()
        for session in list(peer.sessions):
            session.end(CloseCode.SHUTTING_DOWN, "the server is stopping")
        await one.until(lambda: one.connection.state.standing is Standing.OFFLINE)
        assert one.connection.state.reason == "the server is stopping"
        await one.say("offline")
        assert not one.connection.is_settled
        await one.settled()
        assert texts(peer) == ["online", "offline"]


async def test_many_cuts_lose_nothing_and_double_nothing(peer: ServedPeer) -> None:
    random = Random(5)
    async with running(peer.url) as one, running(peer.url, "bob", device="desk") as other:
        await one.until(lambda: bool(one.replica.identity.user))
        await other.until(lambda: bool(other.replica.identity.user))
        await other.replica.follow(SEGMENT)
        for number in range(200):
            await one.say(str(number))
            for session in [one for one in peer.sessions if random.random() < 0.1]:
                session.end(CloseCode.INTERNAL, "trouble")
            await asyncio.sleep(0)
            for device in (one, other):
                device.connection.retry_now()
        await one.settled()
        await other.until(lambda: len(other.replica.records(SEGMENT, "messages")) == 200)
        assert texts(peer) == [str(number) for number in range(200)]


async def test_no_server_is_tried_again_until_there_is_one(peer: ServedPeer) -> None:
    attempts: list[float] = []

    async def connect(url: str) -> Transport:
        attempts.append(time.monotonic())
        if len(attempts) < 4:
            raise TransportClosed(1006, "no server")
        return await connect_websocket(url)

    async with running(peer.url, connect=connect) as one:
        await one.until(lambda: one.connection.state.reason == "no server")
        assert one.connection.state.standing is Standing.OFFLINE
        for _ in range(2):
            seen = len(attempts)
            one.connection.retry_now()
            await one.until(lambda seen=seen: len(attempts) > seen)  # type: ignore[misc]
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        assert len(attempts) == 4


async def test_offline_since_tells_when_it_began(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        for session in list(peer.sessions):
            session.end(CloseCode.INTERNAL, "gone")
        await one.until(lambda: one.connection.state.standing is Standing.OFFLINE)
        since_ms = one.connection.state.since_ms
        one.connection._connect = _refused
        await one.until(lambda: one.connection.state.reason == "refused")
        assert one.connection.state.since_ms == since_ms, "not since the last attempt"


async def _refused(_: str) -> Transport:
    raise TransportClosed(1006, "refused")


@pytest.mark.parametrize(
    "code",
    [CloseCode.UNAUTHENTICATED, CloseCode.REPLACED, CloseCode.SESSION_REVOKED, CloseCode.VERSION_NOT_SPOKEN],
)
async def test_what_only_a_person_can_change_stops_it(peer: ServedPeer, code: CloseCode) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        peer.sessions[0].end(code, "somebody must act")
        await one.until(lambda: one.connection.state.standing is Standing.STOPPED)
        assert one.connection.state[2:4] == ("somebody must act", code.value)
        await asyncio.wait([one.task], timeout=WAIT_S)
        assert one.task.done()


async def test_a_token_that_does_not_count_stops_it(peer: ServedPeer) -> None:
    async with running(peer.url, "bad") as one:
        await one.until(lambda: one.connection.state.standing is Standing.STOPPED)
        assert one.connection.state.reason == "the token is not valid"


async def test_another_users_token_stops_it(peer: ServedPeer) -> None:
    store = MemoryStore()
    async with running(peer.url, store=store) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
    async with running(peer.url, "bob", store=store) as two:
        await two.until(lambda: two.connection.state.standing is Standing.STOPPED)
        assert "give each user a store of their own" in two.connection.state.reason


@pytest.mark.parametrize(("source", "standing"), [("ann", Standing.STOPPED), (lambda: "ann", Standing.OFFLINE)])
async def test_an_expired_token_stops_it_unless_there_may_be_another(
    peer: ServedPeer, source: TokenSource, standing: Standing
) -> None:
    async with running(peer.url, source) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        peer.sessions[0].end(CloseCode.TOKEN_EXPIRED, "the token has expired")
        await one.until(lambda: one.connection.state.standing in (Standing.STOPPED, Standing.OFFLINE))
        assert one.connection.state.standing is standing


async def test_a_slow_hello_is_tried_again(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        peer.sessions[0].end(CloseCode.HELLO_TIMEOUT, "no Hello in time")
        await one.until(lambda: one.connection.state.standing is Standing.OFFLINE)
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)


async def test_a_malformed_edit_is_set_aside_and_the_connection_comes_back(peer: ServedPeer) -> None:
    def rule(_: str, payload: bytes) -> RefusedUpdate | None:
        if b"odd" not in payload:
            return None
        peer.sessions[0].closed = (CloseCode.UPDATE_REFUSED.value, "malformed update")
        return RefusedUpdate(RefusalCode.MALFORMED, "malformed")

    peer.rule = rule
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        await one.say("odd")
        await one.say("even")
        await one.settled()
        assert texts(peer) == ["even"]
        assert [row.code for row in one.replica.outbox.refused()] == ["malformed"]


async def test_malformed_again_and_again_stops_it(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        for _ in range(module.MALFORMED_IN_A_ROW_MAX + 1):
            one.connection.retry_now()
            await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
            peer.sessions[0].end(CloseCode.UPDATE_REFUSED, "malformed update")
            await one.until(lambda: one.connection.state.standing is not Standing.ONLINE)
        assert one.connection.state.standing is Standing.STOPPED


async def test_busy_is_waited_for(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        peer.sessions[0].send(frames.Busy(700, "the server is stopping"))
        peer.sessions[0].end(CloseCode.SHUTTING_DOWN, "the server is stopping")
        await one.until(lambda: one.connection.state.standing is Standing.OFFLINE)
        began = time.monotonic()
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        assert time.monotonic() - began >= 0.69


async def test_a_token_is_renewed_before_it_expires(peer: ServedPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOKEN_RETRY_S", 0.05)
    peer.now_ms = time.time_ns() // 1_000_000
    peer.tokens_expire_ms = peer.now_ms + 600
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise OSError("the token service is away for a moment")
        if asked > 2:
            peer.tokens_expire_ms = peer.now_ms + 3_600_000
        return "ann"

    async with running(peer.url, token) as one:
        await one.until(lambda: any(isinstance(frame, frames.Renew) for frame in peer.received))
        await asyncio.sleep(0.3)
        assert asked == 3
        assert len(peer.sessions) == 1
        assert one.connection.state.standing is Standing.ONLINE


async def test_a_clock_that_jumps_ahead_asks_for_no_token_after_another(peer: ServedPeer) -> None:
    peer.now_ms = time.time_ns() // 1_000_000
    peer.tokens_expire_ms = peer.now_ms + 600
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if asked > 1:
            peer.tokens_expire_ms += 3_600_000
        return "ann"

    async with running(peer.url, token) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        one.replica.now_ms = lambda: time.time_ns() // 1_000_000 + 10**12
        await one.until(lambda: any(isinstance(frame, frames.Renew) for frame in peer.received))
        await asyncio.sleep(0.3)
        assert asked == 2


async def test_a_token_source_that_has_no_newer_one_is_asked_again(
    peer: ServedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEWAL_PAUSE_S", 0.02)
    peer.now_ms = time.time_ns() // 1_000_000
    peer.tokens_expire_ms = peer.now_ms + 400

    async with running(peer.url, lambda: "ann") as one:
        await one.until(lambda: [type(frame) for frame in peer.received].count(frames.Renew) >= 3)
        peer.tokens_expire_ms = peer.now_ms + 3_600_000
        await asyncio.sleep(0.5)
        renewals = [type(frame) for frame in peer.received].count(frames.Renew)
        await asyncio.sleep(0.2)
        assert [type(frame) for frame in peer.received].count(frames.Renew) == renewals


async def test_no_token_is_tried_again(peer: ServedPeer) -> None:
    tokens: list[str] = []

    def token() -> str:
        return tokens.pop()

    async with running(peer.url, token) as one:
        await one.until(lambda: one.connection.state.reason.startswith("no token: pop from empty list"))
        tokens.append("ann")
        one.connection.retry_now()
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)


class FailingStore(MemoryStore):
    """A store whose disk is full while `is_full`."""

    is_full = False

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:
        if self.is_full:
            raise StoreError("the disk is full")
        await super().commit(operations, durable=durable)


async def test_a_full_disk_is_said_and_survived(peer: ServedPeer) -> None:
    store = FailingStore()
    async with running(peer.url, store=store) as one, running(peer.url, "bob", device="desk") as other:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        await other.until(lambda: other.connection.state.standing is Standing.ONLINE)
        await one.replica.follow(SEGMENT)
        await one.settled()
        store.is_full = True
        await other.say("are you there?")
        await one.until(lambda: one.connection.state.reason == "the disk is full")
        assert one.connection.state.store_failed
        store.is_full = False
        one.connection.retry_now()
        await one.until(lambda: len(one.replica.records(SEGMENT, "messages")) == 1)
        await one.settled()
        assert not one.connection.state.store_failed


async def test_a_server_that_breaks_the_protocol_is_left_and_tried_again(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        peer.sessions[0].outgoing.append(b"\xc1 not a frame")
        peer.sessions[0].on_send()
        await one.until(lambda: "not a frame" in one.connection.state.reason)
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)


async def test_what_nobody_foresaw_is_shown(peer: ServedPeer) -> None:
    async def broken(_: str) -> Transport:
        raise ZeroDivisionError("a mistake in a transport")

    connect: Callable[[str], Awaitable[Transport]] = broken
    async with running(peer.url, connect=connect) as one:
        await one.until(lambda: one.connection.state.standing is Standing.STOPPED)
        assert one.connection.state.reason == "internal error: a mistake in a transport"


async def test_what_nobody_foresaw_within_a_session_is_shown_by_its_own_words(
    peer: ServedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)

        def broken(_: str) -> bool:
            raise ZeroDivisionError("a mistake in the outbox")

        monkeypatch.setattr(one.replica, "is_wanted", broken)
        one.connection.touch(SEGMENT)
        await one.until(lambda: one.connection.state.standing is Standing.STOPPED)
        assert one.connection.state.reason == "internal error: a mistake in the outbox"


async def test_a_server_that_never_greets_is_left_and_tried_again(
    peer: ServedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers pings, so that the connection by itself would last."""
    monkeypatch.setattr(module, "WELCOME_WAIT_S", 0.1)
    greet, hellos = PeerSession._hello, 0

    def silent_once(session: PeerSession, hello: frames.Hello) -> None:
        nonlocal hellos
        hellos += 1
        if hellos > 1:
            greet(session, hello)

    monkeypatch.setattr(PeerSession, "_hello", silent_once)
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.OFFLINE and hellos == 1)
        assert one.connection.state.reason == "the server did not greet this device within 0.1 s"
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)


class Attempts:
    """Connects by waiting until the test says how the attempt ends."""

    def __init__(self, peer: ServedPeer) -> None:
        self.peer = peer
        self.count = 0
        self.failing = asyncio.Event()

    async def __call__(self, url: str) -> Transport:
        self.count += 1
        if self.count == 1:
            await self.failing.wait()
            raise TransportClosed(1006, "no network")
        return await connect_websocket(url)


async def test_the_network_that_is_back_during_an_attempt_is_not_forgotten(
    peer: ServedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "wait_s", lambda *_, **__: 3 * WAIT_S)
    attempts = Attempts(peer)
    async with running(peer.url, connect=attempts) as one:
        await one.until(lambda: attempts.count == 1)
        one.connection.retry_now()
        attempts.failing.set()
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)


async def test_the_network_that_is_back_before_the_server_is_busy_changes_nothing_of_its_word(peer: ServedPeer) -> None:
    async with running(peer.url) as one:
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        one.connection.retry_now()
        peer.sessions[0].send(frames.Busy(700, "the server is stopping"))
        peer.sessions[0].end(CloseCode.SHUTTING_DOWN, "the server is stopping")
        await one.until(lambda: one.connection.state.standing is Standing.OFFLINE)
        began = time.monotonic()
        await one.until(lambda: one.connection.state.standing is Standing.ONLINE)
        assert time.monotonic() - began >= 0.69
