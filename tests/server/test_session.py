"""A device's connection: greeting, updates, refusals, rights and their end, stopping. Real sockets, a real store."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uuid_utils
from support.running import Running, running
from support.wire import WireDevice, first_words, hello, now_at, wire_device
from syncline_protocol import codec, frames, limits
from syncline_protocol.errors import CloseCode
from syncline_protocol.update import RecordStruct, encode_records
from syncline_server.socket import HttpConnection
from syncline_server.storage.interface import StoreUnavailable
from syncline_server.wire import varint
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


async def log_of(server: Running, name: str) -> int:
    """How many updates a document's log holds."""
    document = next(one for key, one in server.hub.documents.items() if key.name == name)
    return len(await server.hub.store.read_log(document.number, after=0, bytes_max=10**9))


def encode_delete(client: int, clock: int) -> bytes:
    """An update that deletes one struct and does nothing else: no clients, then a delete set of one range."""
    return b"\x00\x01" + varint(client) + b"\x01" + varint(clock) + b"\x01"


# --- before the user is known


async def test_nothing_but_hello_is_read_before_the_user_is_known(server: Running) -> None:
    token = server.token("mei")
    code, _ = await first_words(server.url, codec.encode(frames.Open(1, [])), hello(token))
    assert code == CloseCode.MALFORMED_FRAME
    assert not server.hub.devices


async def test_silence_before_hello_ends_the_connection(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELLO_WAIT_MS_MAX", 50)
    assert (await first_words(server.url))[0] == CloseCode.HELLO_TIMEOUT


async def test_a_page_of_a_foreign_origin_may_not_connect(tmp_path: Path) -> None:
    async with running(tmp_path / "data", origins=("https://desk.example",)) as server:
        for origin in ("https://evil.example", "null", f"http://127.0.0.1.evil.example:{server.http[-5:]}"):
            with pytest.raises(InvalidStatus, match="403"):
                async with connect(f"{server.url}/v1/sync", additional_headers={"Origin": origin}):
                    pass
        for origin in ("https://desk.example", server.http):
            async with connect(f"{server.url}/v1/sync", additional_headers={"Origin": origin}) as connection:
                assert connection.protocol.state.name == "OPEN"


async def test_one_connection_too_many_is_told_to_come_back(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "data", connections_max=1) as server,
        wire_device(server.url, server.token("mei")),
        connect(f"{server.url}/v1/sync", compression=None) as connection,
    ):
        busy = codec.decode_server_frame(await connection.recv(decode=False))
        assert isinstance(busy, frames.Busy)
        await connection.wait_closed()
        assert connection.close_code == CloseCode.TOO_MANY


# --- updates


async def test_an_update_is_acknowledged_and_shown_to_the_others_as_it_came(server: Running) -> None:
    segment = await server.conversation()
    async with (
        wire_device(server.url, server.token("mei")) as agent,
        wire_device(server.url, server.token("cus", "customer"), "phone") as customer,
    ):
        await agent.open(segment)
        await customer.open(segment)
        payload = agent.encode(segment, agent.record("你好 👋"))
        number = await agent.update(segment, payload)
        assert (await agent.expect(frames.Acks)).updates == [agent.channels[segment], number, 1]
        seen = await customer.expect(frames.Updates)
        assert (seen.channel, seen.seq, seen.payloads) == (customer.channels[segment], 1, [payload])
        assert await agent.silence() == []


async def test_sending_again_changes_nothing(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as agent:
        await agent.open(segment)
        payload = agent.encode(segment, agent.record())
        for expected in (1, 0, 0):
            number = await agent.update(segment, payload)
            assert (await agent.expect(frames.Acks)).updates == [agent.channels[segment], number, expected]
        assert await log_of(server, segment) == 1


async def test_an_update_in_fragments_is_one_update(server: Running) -> None:
    segment = await server.conversation()
    async with (
        wire_device(server.url, server.token("mei")) as agent,
        wire_device(server.url, server.token("jin"), "d2") as other,
    ):
        await agent.open(segment)
        await other.open(segment)
        records = [agent.record("长" * 15_000) for _ in range(40)]
        payload = agent.encode(segment, *records)
        assert len(payload) > limits.FRAME_BYTES_MAX
        await agent.update(segment, payload)
        assert (await agent.expect(frames.Acks)).updates[2] == 1
        assert (await other.expect(frames.Updates)).payloads == [payload]


async def test_an_update_over_the_limit_closes_before_it_is_assembled(server: Running) -> None:
    async with wire_device(server.url, server.token("mei")) as agent:
        part = codec.encode(frames.Fragment(True, b"x" * limits.FRAGMENT_BYTES_MAX))
        for _ in range(limits.UPDATE_BYTES_MAX // limits.FRAGMENT_BYTES_MAX + 1):
            await agent.connection.send(part)
        assert (await agent.closed())[0] == CloseCode.TOO_LARGE


async def test_an_update_just_over_the_limit_is_refused_by_name_and_the_session_goes_on(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as agent:
        await agent.open(segment)
        assert (await agent.refusal(segment, bytes(limits.UPDATE_BYTES_MAX + 1))).code == "too_large"
        assert await agent.say(segment) == 1


async def refused_code(agent: WireDevice, segment: str, payload: bytes) -> str:
    """The code with which an update is refused."""
    return (await agent.refusal(segment, payload)).code


async def test_what_is_refused_leaves_no_trace(server: Running) -> None:
    """Forged authors and client ids, gaps, overwrites, deletes: each with its code; nothing is stored or shown."""
    segment = await server.conversation()
    async with (
        wire_device(server.url, server.token("mei")) as agent,
        wire_device(server.url, server.token("cus", "customer"), "phone") as customer,
    ):
        await agent.open(segment)
        await customer.open(segment)
        known = agent.record("first")
        await agent.update(segment, agent.encode(segment, known))
        await agent.expect(frames.Acks)
        await customer.expect(frames.Updates)
        mine, theirs = agent.welcome.client, customer.welcome.client

        def one(client: int, clock: int, **changes: Any) -> bytes:
            record = agent.record(**changes)
            return encode_records([RecordStruct(client, clock, "messages", record["id"], record)])

        key = str(uuid_utils.uuid7())
        cases = {
            "not_yours": one(theirs, 0),
            "gap": one(mine, 5),
            "forbidden": one(mine, 1, by="cus"),
            "invalid": encode_records([RecordStruct(mine, 1, "messages", key, agent.record())]),
            "clock_ahead": one(mine, 1, at=now_at() + (70_000 << 10)),
        }
        for code, payload in cases.items():
            assert await refused_code(agent, segment, payload) == code, code
        assert await refused_code(agent, segment, one(mine, 1, type="system", event="closed")) == "forbidden"
        overwrite = encode_records([RecordStruct(mine, 1, "messages", known["id"], known | {"text": "changed"})])
        assert await refused_code(agent, segment, overwrite) == "invalid"
        fork = one(mine, 0)
        assert await refused_code(agent, segment, fork) == "forked"
        assert await refused_code(agent, segment, encode_delete(mine, 0)) == "forbidden"
        assert await refused_code(agent, "page/not-open", one(mine, 1)) == "not_open"
        assert await log_of(server, segment) == 1
        assert await customer.silence() == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x00", b"\xff" * 40, b"\x01\x00\x09\x00\x00"],
    ids=["nothing", "half", "noise", "no structs"],
)
async def test_a_malformed_update_is_refused_and_ends_the_session(server: Running, payload: bytes) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as agent:
        await agent.open(segment)
        refused = await agent.refusal(segment, payload)
        assert refused.code == "malformed"
        assert (await agent.closed())[0] == CloseCode.UPDATE_REFUSED
        assert await log_of(server, segment) == 0


async def test_too_many_updates_in_flight_end_the_session(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = await server.conversation()
    monkeypatch.setattr(limits, "UPDATES_IN_FLIGHT_MAX", 3)
    async with wire_device(server.url, server.token("mei")) as agent:
        await agent.open(segment)
        payloads = [agent.encode(segment, agent.record()) for _ in range(4)]
        wires = [codec.encode(frames.Update(agent.channels[segment], 1, payload)) for payload in payloads]
        session = next(iter(server.hub.devices.values()))
        for wire in wires:
            session.receive(wire)
        assert (await agent.closed())[0] == CloseCode.TOO_MANY


async def test_a_device_over_its_rate_is_held_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "data", updates_per_second_device=50.0) as server:
        segment = await server.conversation()
        async with wire_device(server.url, server.token("mei")) as agent:
            await agent.open(segment)
            began = asyncio.get_running_loop().time()
            for _ in range(130):
                await agent.say(segment)
            assert asyncio.get_running_loop().time() - began > 0.4
            assert await log_of(server, segment) == 130


async def test_a_flood_beyond_holding_is_refused_with_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path / "data", updates_per_second_device=10.0) as server:
        segment = await server.conversation()
        async with wire_device(server.url, server.token("mei")) as agent:
            await agent.open(segment)
            payloads = [agent.encode(segment, agent.record()) for _ in range(60)]
            session = next(iter(server.hub.devices.values()))
            for number, payload in enumerate(payloads):
                session.receive(codec.encode(frames.Update(agent.channels[segment], number, payload)))
            refused = await agent.expect(frames.Refused)
            assert refused.code == "rate_limited"
            assert refused.detail["retry_after_ms"] > 2_000


async def test_a_store_that_fails_refuses_and_service_resumes(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as agent, server.rest() as rest:
        await agent.open(segment)
        await agent.say(segment)

        async def full(_: object) -> None:
            raise StoreUnavailable("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(server.hub.store, "append", full)
            patched.setattr(server.hub.store, "probe", lambda: full(None))
            refused = await agent.refusal(segment, agent.encode(segment, agent.record("kept by the device")))
            assert refused.code == "unavailable"
            assert refused.detail["retry_after_ms"] > 0
            assert (await rest.get("/readyz")).status_code == 503
        async with asyncio.timeout(5):
            while (await rest.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        agent.clocks[segment] = 1
        assert await agent.say(segment, "again") == 2


# --- rights


async def test_a_customer_opens_only_what_is_theirs(server: Running) -> None:
    mine, others = await server.conversation("cus"), await server.conversation("somebody")
    async with wire_device(server.url, server.token("cus", "customer")) as customer:
        names = [mine, mine.rsplit("/", 1)[0], "user/cus"]
        foreign = [
            others,
            others.rsplit("/", 1)[0],
            "user/mei",
            "page/handbook",
            "ticket/1",
            "ticket/1/public",
            "nonsense",
        ]
        opened = await customer.open(*names, *foreign)
        assert [one.access for one in opened.documents] == [2, 1, 2] + [0] * len(foreign)
        assert [one.index for one in opened.refused] == list(range(3, 3 + len(foreign)))


async def test_another_tenants_documents_do_not_exist(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei", tenant="other")) as stranger:
        assert [one.code for one in (await stranger.open(segment)).refused] == ["not_found"]


async def test_an_auditor_reads_and_writes_nothing(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("eve", "auditor")) as auditor:
        assert (await auditor.open(segment)).documents[0].access == frames.Access.READ
        assert await refused_code(auditor, segment, auditor.encode(segment, auditor.record())) == "forbidden"


async def test_a_removed_participant_is_cut_off_while_connected(server: Running) -> None:
    segment = await server.conversation()
    conversation = segment.split("/")[1]
    async with (
        wire_device(server.url, server.token("cus", "customer"), "phone") as customer,
        wire_device(server.url, server.token("mei")) as agent,
        server.rest() as rest,
    ):
        await customer.open(segment)
        await agent.open(segment)
        await rest.delete(f"/v1/conversations/{conversation}/participants/cus")
        evicted = await customer.expect(frames.Evicted)
        assert (evicted.channel, evicted.code) == (customer.channels[segment], "forbidden")
        await agent.say(segment, "behind their back")
        assert await customer.silence() == []
        assert await refused_code(customer, segment, customer.encode(segment, customer.record())) == "not_open"
        await rest.post(f"/v1/conversations/{conversation}/participants", json={"user": "cus", "role": "customer"})
        assert (await customer.open(segment)).documents[0].head == 1


async def test_logging_out_ends_live_sessions_and_old_tokens(server: Running) -> None:
    token = server.token("mei")
    async with wire_device(server.url, token, "phone") as phone, wire_device(server.url, token, "desktop") as desktop:
        async with server.rest() as rest:
            await rest.delete("/v1/users/mei/sessions?device=phone")
            assert (await phone.closed())[0] == CloseCode.SESSION_REVOKED
            await desktop.open("page/one")
            await rest.delete("/v1/users/mei/sessions")
        assert (await desktop.closed())[0] == CloseCode.SESSION_REVOKED
    assert (await first_words(server.url, hello(token)))[0] == CloseCode.SESSION_REVOKED


async def test_a_token_ends_a_live_session_when_it_expires(server: Running) -> None:
    async with wire_device(server.url, server.token("mei", ttl_s=0.3)) as device, asyncio.timeout(5):
        assert (await device.closed())[0] == CloseCode.TOKEN_EXPIRED


async def test_a_renewed_token_carries_the_session_on(server: Running) -> None:
    async with wire_device(server.url, server.token("mei", ttl_s=0.4)) as device:
        await device.send(frames.Renew(server.token("mei", ttl_s=60)))
        renewed = await device.expect(frames.Renewed)
        assert renewed.token_expires_ms > device.welcome.token_expires_ms
        await asyncio.sleep(0.5)
        assert (await device.open("page/one")).documents[0].access == frames.Access.WRITE
        await device.send(frames.Renew(server.token("jin")))
        assert (await device.closed())[0] == CloseCode.UNAUTHENTICATED


async def test_a_token_renewed_with_fewer_rights_withdraws_what_is_open(server: Running) -> None:
    async with wire_device(server.url, server.token("mei")) as device:
        await device.open("page/one")
        await device.send(frames.Renew(server.token("mei", "customer")))
        assert (await device.expect(frames.Evicted)).code == "forbidden"


# --- leases, presence, stopping


async def test_a_new_lease_is_another_client_id_and_both_are_the_devices(server: Running) -> None:
    segment = await server.conversation()
    async with wire_device(server.url, server.token("mei")) as device:
        await device.open(segment)
        await device.say(segment)
        await device.send(frames.RequestLease())
        leased = await device.expect(frames.Leased)
        assert leased.client != device.welcome.client
        device.clocks[segment] = 0
        payload = device.encode(segment, device.record(), client=leased.client)
        await device.update(segment, payload)
        assert (await device.expect(frames.Acks)).updates[2] == 2
    async with wire_device(server.url, server.token("mei")) as again:
        assert again.welcome.client == leased.client


async def test_presence_shows_who_it_is_whatever_they_say(server: Running) -> None:
    segment = await server.conversation()
    async with (
        wire_device(server.url, server.token("mei")) as agent,
        wire_device(server.url, server.token("cus", "customer"), "phone") as customer,
    ):
        await agent.open(segment)
        await customer.open(segment)
        await agent.send(frames.SetPresence(agent.channels[segment], {"typing": True, "user": "somebody else"}))
        shown = await customer.expect(frames.Presence)
        assert (shown.user, shown.device, shown.state) == ("mei", "d1", {"typing": True, "user": "somebody else"})
        async with wire_device(server.url, server.token("jin"), "d3") as late:
            await late.open(segment)
            assert (await late.expect(frames.Presence)).user == "mei"
        await agent.send(frames.SetPresence(agent.channels[segment], None))
        assert (await customer.expect(frames.Presence)).state is None


async def test_presence_ends_with_its_session_and_with_time(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "data", presence_ttl_seconds=0.2) as server,
        wire_device(server.url, server.token("jin"), "d2") as watcher,
    ):
        await watcher.open("page/one")
        async with wire_device(server.url, server.token("mei")) as agent:
            await agent.open("page/one")
            await agent.send(frames.SetPresence(agent.channels["page/one"], {"viewing": True}))
            assert (await watcher.expect(frames.Presence)).state == {"viewing": True}
            assert (await watcher.expect(frames.Presence)).state is None
            await agent.send(frames.SetPresence(agent.channels["page/one"], {"viewing": True}))
            assert (await watcher.expect(frames.Presence)).state == {"viewing": True}
        assert (await watcher.expect(frames.Presence)).state is None


async def test_a_presence_state_over_the_limit_ends_the_session(server: Running) -> None:
    async with wire_device(server.url, server.token("mei")) as agent:
        await agent.open("page/one")
        await agent.send(frames.SetPresence(agent.channels["page/one"], {"x": "y" * limits.PRESENCE_BYTES_MAX}))
        assert (await agent.closed())[0] == CloseCode.TOO_LARGE


async def test_a_stopping_server_commits_acknowledges_and_says_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        segment = await server.conversation()
        async with wire_device(server.url, server.token("mei")) as agent:
            await agent.open(segment)
            for _ in range(20):
                await agent.update(segment, agent.encode(segment, agent.record()))
            session = next(iter(server.hub.devices.values()))
            async with asyncio.timeout(5):
                while sum(one.head for one in server.hub.documents.values()) < 20:
                    await asyncio.sleep(0)
            session.shut_down()
            acks = 0
            while acks < 20:
                acks += len((await agent.expect(frames.Acks)).updates) // 3
            assert (await agent.expect(frames.Busy)).retry_after_ms >= 10
            assert (await agent.closed())[0] == CloseCode.SHUTTING_DOWN
    async with running(tmp_path / "data") as server, wire_device(server.url, server.token("mei")) as agent:
        assert (await agent.open(segment)).documents[0].head == 20


async def test_a_device_that_left_is_free_at_once(server: Running) -> None:
    """Not when Python next looks for cycles: thousands may come and go before it does."""
    segment = await server.conversation()
    gc.collect()
    gc.disable()
    try:
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(segment)
            await device.say(segment)
            (follower,) = server.hub.followers
            session, socket = weakref.ref(follower), weakref.ref(follower.socket)
            del follower
        async with asyncio.timeout(5):
            while session() is not None or socket() is not None:
                await asyncio.sleep(0.01)
        assert not [one for one in gc.get_objects() if isinstance(one, HttpConnection)]
    finally:
        gc.enable()
