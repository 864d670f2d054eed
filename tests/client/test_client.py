"""The device as a program has it, against the real server."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from client.conftest import ServedPeer, new_conversation
from client.test_conversation import Head
from support.server import ServerProcess
from syncline_client import (
    Device,
    DeviceStopped,
    EditNotAllowed,
    MemoryStore,
    NeverConnected,
    StoreError,
    Verdict,
    client,
)
from syncline_client.changes import ChangeKind
from syncline_client.connection import Standing
from syncline_client.store import Operation, PutDocument
from syncline_client.store_sqlite import SqliteStore
from syncline_protocol.errors import RefusedUpdate

WAIT_S = 15.0


def agent(server: ServerProcess, *, store: Path | MemoryStore | None = None, name: str = "desk") -> Device:
    return Device(server.url, token=server.token("mei"), store=store, device=name)


def customer(server: ServerProcess, *, store: Path | MemoryStore | None = None, name: str = "phone") -> Device:
    return Device(server.url, token=server.token("li", "customer"), store=store, device=name)


async def settled(*devices: Device) -> None:
    async with asyncio.timeout(WAIT_S):
        for device in devices:
            await device.settled()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.02)


async def test_two_people_write_to_each_other(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with asyncio.timeout(WAIT_S), customer(server) as phone, agent(server) as desk:
        mine, theirs = await phone.conversation(id_), await desk.conversation(id_)
        await mine.say("我的平板连不上网 😀")
        await settled(phone)
        with theirs.changes() as changes:
            while not theirs.messages():
                await anext(changes)
        await theirs.say("我马上看看")
        await settled(desk)
        with mine.changes() as changes:
            while len(mine.messages()) < 2:
                await anext(changes)
        assert [message.text for message in mine.messages()] == ["我的平板连不上网 😀", "我马上看看"]
        assert [message.by for message in theirs.messages()] == ["li", "mei"]
        assert phone.status.text(now_ms=0) == "Everything synced"


async def test_what_is_written_offline_arrives_later_also_after_a_restart(
    server: ServerProcess, tmp_path: Path
) -> None:
    id_ = new_conversation(server)
    store = tmp_path / "phone.db"
    async with customer(server, store=store) as phone:
        conversation = await phone.conversation(id_)
        await conversation.say("one")
        await settled(phone)
    async with Device("http://127.0.0.1:1", token="none", store=store) as offline:
        conversation = await offline.conversation(id_)
        await conversation.say("two")
        assert [message.text for message in conversation.messages()] == ["one", "two"]
        assert len(conversation.unaccepted) == 1
        assert "1 edit not yet accepted" in offline.status.text(now_ms=time.time_ns() // 1_000_000)
    async with customer(server, store=store) as phone, agent(server) as desk:
        await settled(phone)
        theirs = await desk.conversation(id_)
        await settled(desk)
        assert [message.text for message in theirs.messages()] == ["one", "two"]


async def test_a_crash_of_the_server_loses_nothing(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        id_ = new_conversation(server)
        async with customer(server) as phone, agent(server) as desk:
            mine, theirs = await phone.conversation(id_), await desk.conversation(id_)
            for number in range(2):
                for step in range(20):
                    await mine.say(f"li {number}.{step}")
                    await theirs.say(f"mei {number}.{step}")
                    await asyncio.sleep(0.001)
                server.kill()
                await mine.say(f"li {number}.down")
                await asyncio.to_thread(server.start)
                phone.reconnect()
                desk.reconnect()
            await settled(phone, desk)
            await until(lambda: len(mine.messages()) == len(theirs.messages()) == 82)
            assert mine.messages() == theirs.messages()
            assert (await phone.compare(mine.segment_name(1))).verdict is Verdict.EQUAL
            assert not phone.replica.mismatched
            assert not phone.refused


async def test_whoever_takes_part_no_longer_has_no_copy_either(server: ServerProcess, tmp_path: Path) -> None:
    id_ = new_conversation(server)
    agents = {"Authorization": f"Bearer {server.token('mei')}"}
    async with customer(server, store=tmp_path / "phone.db") as phone:
        conversation = await phone.conversation(id_)
        await conversation.say("my card is 4711")
        await settled(phone)
        with conversation.changes() as changes:
            httpx.delete(f"{server.http}/v1/conversations/{id_}/participants/li", headers=agents).raise_for_status()
            async with asyncio.timeout(WAIT_S):
                while (await anext(changes)).kind is not ChangeKind.CLOSED:
                    pass
        await until(lambda: not conversation.messages())
        assert conversation.refusal == "your access to this document has ended"
        await until(lambda: not any(b"4711" in one.read_bytes() for one in tmp_path.iterdir()))
        assert not phone.refused


async def test_a_refused_edit_is_kept_with_its_reason(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with customer(server) as phone, agent(server) as desk:
        mine, theirs = await phone.conversation(id_), await desk.conversation(id_)
        message = await mine.say("mine alone")
        await settled(phone)
        await until(lambda: bool(theirs.messages()))
        await theirs.edit(message, "put into somebody's mouth")
        await settled(desk)
        (row,) = desk.refused
        assert (row.code, "is not mei's to edit" in row.reason) == ("forbidden", True)
        assert theirs.messages()[0].text == "mine alone"
        assert "1 edit refused" in desk.status.text(now_ms=0)
        await desk.discard(row.id)
        assert desk.status.text(now_ms=0) == "Everything synced"


async def test_a_conversation_of_others_is_not_to_be_had(server: ServerProcess) -> None:
    id_ = new_conversation(server, customer="somebody.else")
    async with customer(server) as phone:
        conversation = await phone.conversation(id_)
        await settled(phone)
        assert conversation.refusal
        assert conversation.messages() == ()


async def test_a_new_device_needs_one_connection_before_it_can_write() -> None:
    async with Device("http://127.0.0.1:1", token="none") as new:
        conversation = await new.conversation("c")
        with pytest.raises(NeverConnected):
            await conversation.say("hi")


async def test_whatever_fails_at_the_end_the_store_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("a mistake")

    device = Device("http://127.0.0.1:1", token="none", store=tmp_path / "phone.db")
    with pytest.raises(ZeroDivisionError):
        async with device:
            monkeypatch.setattr(device.own, "flush", broken)
    async with Device("http://127.0.0.1:1", token="none", store=tmp_path / "phone.db") as again:
        assert again.replica.identity.device == device.replica.identity.device


class FullDisk(MemoryStore):
    """A store that cannot take in one document while `is_full`."""

    is_full = True
    tries = 0

    async def commit(self, operations: Sequence[Operation], *, durable: bool = False) -> None:
        named = [one.document.name for one in operations if isinstance(one, PutDocument)]
        if self.is_full and "conversation/c/2" in named:
            self.tries += 1
            raise StoreError("the disk is full")
        await super().commit(operations, durable=durable)


async def test_a_full_disk_puts_the_next_segment_off_and_no_more(
    peer: ServedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "STORE_RETRY_S", 0.05)
    head, store = Head(peer), FullDisk()
    head.open_segment(1)
    async with asyncio.timeout(WAIT_S), Device(peer.url, token="ann", store=store) as phone:
        await phone.connected()
        conversation = await phone.conversation("c")
        head.open_segment(2)
        head.say(2, "are you there?")
        while store.tries < 2:
            await asyncio.sleep(0.01)
        store.is_full = False
        while [message.text for message in conversation.messages()] != ["are you there?"]:
            await asyncio.sleep(0.01)


async def test_a_stopped_device_says_so(server: ServerProcess) -> None:
    async with Device(server.url, token="not a token") as device:
        with pytest.raises(DeviceStopped, match="the token is not valid"):
            await device.connected()
        with pytest.raises(DeviceStopped):
            await device.settled()
        with pytest.raises(DeviceStopped):
            await device.compare("page/p")
        assert device.status.connection.standing is Standing.STOPPED


async def test_a_second_device_of_the_same_name_stops_the_first(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), agent(server) as first:
        await first.connected()
        async with agent(server) as second:
            await second.connected()
            while first.status.connection.standing is not Standing.STOPPED:
                await asyncio.sleep(0.02)
            with pytest.raises(DeviceStopped, match="connected again"):
                await first.settled()


async def test_a_token_can_come_from_a_function(server: ServerProcess) -> None:
    async def fresh() -> str:
        return server.token("mei")

    async with asyncio.timeout(WAIT_S), Device(server.url, token=fresh) as device:
        await device.connected()
        assert device.replica.identity.user == "mei"


async def test_what_cannot_be_opened_is_said(server: ServerProcess, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a server's address"):
        Device("127.0.0.1", token="x")
    async with agent(server) as desk:
        with pytest.raises(RefusedUpdate, match="is not a document's name"):
            await desk.conversation("a/b/c/d")
        with pytest.raises(ValueError, match="it is no page"):
            await desk.page("user/mei")
    async with SqliteStore(tmp_path / "busy.db"):
        with pytest.raises(StoreError, match="in use"):
            await agent(server, store=tmp_path / "busy.db").__aenter__()


async def test_a_users_own_document_is_the_same_on_all_their_devices(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), agent(server, name="desk-1") as one, agent(server, name="desk-2") as two:
        await one.connected()
        await two.follow("user/mei")
        with two.changes("user/mei") as changes:
            await one.write("user/mei", "settings", [{"type": "setting", "name": "language", "value": "zh"}])
            while not two.records("user/mei", "settings"):
                await anext(changes)
        assert two.records("user/mei", "settings")[0]["value"] == "zh"
        await two.unfollow("user/mei")
        assert [row.followed for row in two.documents()] == [False]


async def test_hundreds_of_documents_open_at_once(server: ServerProcess) -> None:
    store = MemoryStore()
    async with asyncio.timeout(WAIT_S), agent(server, store=store) as desk:
        for number in range(600):
            await desk.follow(f"page/many-{number}")
        await settled(desk)
    async with asyncio.timeout(WAIT_S), agent(server, store=store) as desk:
        await settled(desk)
        assert len(desk.documents()) == 600


async def test_a_ticket_is_opened_offline_out_of_the_conversation(server: ServerProcess, tmp_path: Path) -> None:
    id_, store = new_conversation(server), tmp_path / "desk.db"
    async with customer(server) as phone, agent(server, store=store) as desk:
        mine, theirs = await phone.conversation(id_), await desk.conversation(id_)
        await mine.say("你好，我的平板连不上WiFi了，一直显示正在连接")
        words = await mine.say("我的电话是13812345678，麻烦加急处理")
        await settled(phone)
        await until(lambda: len(theirs.messages()) == 2)
    async with Device("http://127.0.0.1:1", token="none", store=store) as offline:
        extraction = await offline.extraction(id_)
        phone_number = next(one for one in extraction.fields if one.name == "phone")
        ticket = await offline.open_ticket(id_, priority="high", fields={"model": "Tab 12"})
        state = ticket.state
        assert state is not None
        assert (state.conversation, state.customer, state.status) == (id_, "li", "new")
        assert state.subject is not None
        assert (state.subject.value, state.fields["phone"].value) == ("平板连不上网", phone_number.value)
        assert (state.fields["model"].value, state.fields["model"].source) == ("Tab 12", None)
        assert len(ticket.unaccepted) > 3
    async with agent(server, store=store) as desk, agent(server, name="tablet") as tablet:
        await settled(desk)
        assert not desk.refused
        await tablet.connected()
        there = await tablet.ticket(ticket.id)
        await until(lambda: there.state is not None)
        state = there.state
        assert state is not None
        assert state.priority is not None
        source = state.fields["phone"].source
        assert source is not None
        assert (state.priority.value, source.message) == ("high", words)
        assert "我的电话是13812345678，麻烦加急处理"[source.start : source.end] == "13812345678"
        assert words in [link.message for link in state.links]


async def test_a_ticket_without_a_conversation_needs_a_subject(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), agent(server) as desk:
        await desk.connected()
        with pytest.raises(EditNotAllowed, match="subject"):
            await desk.open_ticket()
        ticket = await desk.open_ticket(subject="the printer again", issue_type="hardware", customer="li")
        assert await desk.ticket(ticket.id) is ticket
        await desk.settled()
        assert ticket.state is not None
        assert ticket.state.issue_type is not None
        assert (ticket.state.customer, ticket.state.issue_type.value) == ("li", "hardware")
        assert not desk.refused


async def test_a_customer_says_how_satisfied_they_are(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with asyncio.timeout(WAIT_S), customer(server) as phone, agent(server) as desk:
        mine = await phone.conversation(id_)
        ticket = await desk.open_ticket(id_, subject="no wifi")
        await until(lambda: bool(mine.tickets))
        (linked,) = mine.tickets
        theirs = await phone.ticket(linked.ticket)
        await until(lambda: theirs.public is not None)
        await ticket.resolve("new antenna")
        await until(lambda: theirs.public is not None and theirs.public.status == "resolved")
        with pytest.raises(EditNotAllowed, match="tickets are opened by the staff"):
            await phone.open_ticket(id_)
        await mine.rate(linked.ticket, 5, "quick")
        await until(lambda: ticket.state is not None and ticket.state.satisfaction is not None)
        state = ticket.state
        assert state is not None
        assert state.satisfaction is not None
        assert (state.satisfaction.score, state.satisfaction.text, state.status) == (5, "quick", "resolved")
        assert state.number == linked.number


async def test_what_is_unread_is_counted_alike_here_and_in_the_inbox(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with asyncio.timeout(WAIT_S), customer(server) as phone, agent(server) as desk:
        mine, theirs = await phone.conversation(id_), await desk.conversation(id_)
        for text in ("one", "two", "three"):
            await mine.say(text)
        await mine.recall(mine.messages()[2].id)
        await theirs.say("hello")
        await desk.open_ticket(id_)
        await settled(phone, desk)
        await until(lambda: len(theirs.messages()) > 4)

        async def in_inbox() -> int:
            async with desk.inbox() as inbox:
                return next(row.unread for row in inbox.rows if row.conversation == id_)

        assert (len(await theirs.unread()), await in_inbox()) == (2, 2)
        await theirs.mark_read(theirs.messages()[0].id)
        await desk.own.flush()
        await settled(desk)
        assert (len(await theirs.unread()), await in_inbox()) == (1, 1)


async def test_how_far_everybody_has_read_is_known_without_them(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    async with asyncio.timeout(WAIT_S), agent(server) as desk:
        theirs = await desk.conversation(id_)
        message = await theirs.say("hello")
        async with customer(server) as phone:
            mine = await phone.conversation(id_)
            await until(lambda: bool(mine.messages()))
            await mine.mark_read()
            await phone.own.flush()
            await settled(phone)
        assert [(one.user, one.message) for one in await desk.seen_by(id_)] == [("li", message)]
