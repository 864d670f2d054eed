"""Stock Yjs clients, spoken to in bytes: sync by vector, live updates, refusals, awareness. (Node: end_to_end.)"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.errors import CloseCode
from syncline_protocol.update import encode_vector
from syncline_server import awareness
from syncline_server.wire import AWARENESS, SYNC, SYNC_STEP_1, SYNC_STEP_2, SYNC_UPDATE, read_varint, yjs_message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ANSWER_S_MAX = 10.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


class Editor:
    """A page with one text, kept in step as y-websocket does."""

    def __init__(self, connection: ClientConnection, client: int) -> None:
        self.connection = connection
        self.doc = pycrdt.Doc[Any](client_id=client)
        self.text: pycrdt.Text = self.doc.get("text", type=pycrdt.Text)
        self.synced = False
        self.others: dict[int, awareness.Entry] = {}

    async def greet(self) -> None:
        """Tell the state vector, answer the server's, and take what we lack."""
        await self.connection.send(yjs_message(SYNC, SYNC_STEP_1, self.doc.get_state()))
        while not self.synced:
            await self.take()

    async def take(self) -> None:
        """One message of the server."""
        async with asyncio.timeout(ANSWER_S_MAX):
            data = await self.connection.recv(decode=False)
        if data[0] == SYNC:
            size, position = read_varint(data, 2)
            body = data[position:]
            assert len(body) == size
            if data[1] == SYNC_STEP_1:
                await self.connection.send(yjs_message(SYNC, SYNC_STEP_2, self.doc.get_update(body)))
            else:
                self.doc.apply_update(body)
                self.synced = self.synced or data[1] == SYNC_STEP_2
        else:
            _, position = read_varint(data, 1)
            self.others.update((entry.client, entry) for entry in awareness.decode(data[position:]))

    async def write(self, text: str) -> None:
        """Type at the end and send it."""
        before = self.doc.get_state()
        self.text += text
        await self.send(self.doc.get_update(before))

    async def send(self, update: bytes) -> None:
        """Send an update."""
        await self.connection.send(yjs_message(SYNC, SYNC_UPDATE, update))

    async def until(self, text: str) -> None:
        """Take messages until the text is this."""
        while str(self.text) != text:
            await self.take()

    async def closed(self) -> tuple[int, str]:
        """Take messages until the server closes; its code and reason."""
        with pytest.raises(ConnectionClosed) as caught:
            await self._everything()
        assert caught.value.rcvd is not None
        return caught.value.rcvd.code, caught.value.rcvd.reason

    async def _everything(self) -> None:
        while True:
            await self.take()


@asynccontextmanager
async def editor(
    server: Running, *, user: str = "mei", role: str = "agent", client: int = 11, page: str = "page/one"
) -> AsyncIterator[Editor]:
    """A stock client that has connected."""
    token = server.token(user, role)
    async with connect(f"{server.url}/yjs/{page}?token={token}", compression=None) as connection:
        yield Editor(connection, client)


async def test_two_editors_see_each_other_live_and_a_third_comes_late(server: Running) -> None:
    async with editor(server, client=11) as one, editor(server, user="jin", client=12) as two:
        await one.greet()
        await two.greet()
        await one.write("你好 👋")
        await two.until("你好 👋")
        await two.write(" and hello")
        await one.until("你好 👋 and hello")
        async with editor(server, user="lan", client=13) as three:
            await three.greet()
            assert str(three.text) == "你好 👋 and hello"


async def test_a_returning_editor_is_sent_what_it_lacks_and_its_offline_edits_are_taken(server: Running) -> None:
    async with editor(server, client=11) as one, editor(server, user="jin", client=12) as two:
        await one.greet()
        await two.greet()
        await one.write("shared ")
        await two.until("shared ")
        known = two.doc.get_update()
        await one.write("meanwhile ")
        await asyncio.sleep(0.05)
    async with editor(server, client=11) as one, editor(server, user="jin", client=12) as two:
        two.doc.apply_update(known)
        two.text += "offline"
        await two.greet()
        await one.greet()
        await one.until(str(two.text))
        assert {"shared", "meanwhile", "offline"} <= set(
            str(one.text).replace("offlinemeanwhile", "offline meanwhile").split()
        )


async def test_what_is_typed_while_connecting_waits_for_what_was_written_offline(server: Running) -> None:
    """y-websocket sends an edit as soon as the socket is open, and what came before it only as an answer."""
    async with editor(server, client=11) as one, editor(server, user="jin", client=12) as two:
        await two.greet()
        one.text += "offline "
        await one.write("and typed")
        await one.greet()
        await two.until("offline and typed")
        one.text += "never sent "
        await one.write("after")
        code, reason = await one.closed()
        assert code == CloseCode.UPDATE_REFUSED
        assert "gap" in reason


async def test_an_editor_and_a_device_share_a_page(server: Running) -> None:
    async with editor(server) as one, wire_device(server.url, server.token("jin"), "desk") as device:
        await one.greet()
        await device.open("page/one")
        await one.write("from the browser; ")
        seen = await device.expect(frames.Updates)
        doc = pycrdt.Doc[Any](client_id=device.welcome.client)
        text: pycrdt.Text = doc.get("text", type=pycrdt.Text)
        doc.apply_update(seen.payloads[0])
        before = doc.get_state()
        text += "from the desk"
        await device.update("page/one", doc.get_update(before))
        await one.until("from the browser; from the desk")


async def test_a_sync_step_that_brings_nothing_adds_nothing_to_the_log(server: Running) -> None:
    async with editor(server) as one:
        await one.greet()
        await one.write("once")
        for _ in range(3):
            await one.connection.send(yjs_message(SYNC, SYNC_STEP_2, one.doc.get_update()))
        await one.connection.send(yjs_message(SYNC, SYNC_STEP_2, b"\x00\x00"))
        async with editor(server, user="jin", client=12) as two:
            await two.greet()
            await two.until("once")
        document = next(iter(server.hub.documents.values()))
        assert document.head == 1


async def test_a_refused_update_closes_with_its_reason_and_leaves_no_trace(server: Running) -> None:
    async with editor(server, client=11) as one, editor(server, user="eve", client=12) as thief:
        await one.greet()
        await thief.greet()
        await one.write("mine")
        await thief.until("mine")
        forged = pycrdt.Doc[Any](client_id=11)
        forged.apply_update(one.doc.get_update())
        before = forged.get_state()
        text: pycrdt.Text = forged.get("text", type=pycrdt.Text)
        text += " forged"
        await thief.send(forged.get_update(before))
        code, reason = await thief.closed()
        assert code == CloseCode.UPDATE_REFUSED
        assert "not_yours" in reason
        await one.write(" still")
        async with editor(server, user="jin", client=13) as fresh:
            await fresh.greet()
            await fresh.until("mine still")


async def test_an_auditor_reads_and_is_refused_when_writing(server: Running) -> None:
    async with editor(server) as one, editor(server, user="eve", role="auditor", client=12) as auditor:
        await one.greet()
        await one.write("to be read")
        await auditor.greet()
        await auditor.until("to be read")
        await auditor.write("!")
        assert (await auditor.closed())[0] == CloseCode.UPDATE_REFUSED


@pytest.mark.parametrize(("user", "role", "page"), [("cus", "customer", "page/one"), ("mei", "agent", "nonsense")])
async def test_what_may_not_be_opened_closes(server: Running, user: str, role: str, page: str) -> None:
    async with editor(server, user=user, role=role, page=page) as one:
        assert (await one.closed())[0] == CloseCode.FORBIDDEN


async def test_a_bad_token_closes_with_4401(server: Running) -> None:
    async with connect(f"{server.url}/yjs/page/one?token=nonsense", compression=None) as connection:
        await connection.wait_closed()
        assert connection.close_code == CloseCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "data", [b"", b"\x09", b"\x80\x01", b"\x00", b"\x00\x07\x00", b"\x00\x02\x05ab", b"\x01\x05ab", b"\x00\x00\x01\x05"]
)
async def test_what_is_no_message_closes(server: Running, data: bytes) -> None:
    async with editor(server) as one:
        await one.connection.send(data)
        assert (await one.closed())[0] in (CloseCode.MALFORMED_FRAME, CloseCode.UPDATE_REFUSED)


async def test_awareness_shows_the_user_that_the_server_knows(server: Running) -> None:
    async with editor(server, client=11) as one, editor(server, user="eve", client=12) as two:
        await one.greet()
        await two.greet()
        claimed = {"user": {"name": "the boss", "color": "#f00"}, "cursor": 3}
        await one.connection.send(yjs_message(AWARENESS, awareness.encode([awareness.Entry(11, 1, claimed)])))
        async with asyncio.timeout(5):
            while 11 not in two.others:
                await two.take()
        state = two.others[11].state
        assert state == {"user": {"name": "mei", "id": "mei", "color": "#f00"}, "cursor": 3}
        spoof = awareness.encode([awareness.Entry(11, 9, {"user": {"name": "eve as mei"}})])
        await two.connection.send(yjs_message(AWARENESS, spoof))
        await two.write("x")
        await one.until("x")
        assert one.others == {}


async def test_awareness_and_presence_meet(server: Running) -> None:
    async with editor(server, client=11) as one, wire_device(server.url, server.token("jin"), "desk") as device:
        await one.greet()
        await device.open("page/one")
        await one.connection.send(yjs_message(AWARENESS, awareness.encode([awareness.Entry(11, 1, {"cursor": 1})])))
        assert (await device.expect(frames.Presence)).user == "mei"
        await device.send(frames.SetPresence(device.channels["page/one"], {"viewing": True}))
        async with asyncio.timeout(5):
            while not one.others:
                await one.take()
        shown = one.others[device.welcome.client]
        assert shown.state == {"viewing": True, "user": {"id": "jin", "name": "jin"}}
        await one.connection.close()
        assert (await device.expect(frames.Presence)).state is None


async def test_rights_that_end_close_a_stock_client(server: Running) -> None:
    async with editor(server) as one, server.rest() as rest:
        await one.greet()
        await rest.delete("/v1/users/mei/sessions")
        assert (await one.closed())[0] == CloseCode.SESSION_REVOKED


async def test_a_diff_is_made_by_the_engine_for_a_client_that_knows_a_part(server: Running) -> None:
    async with editor(server) as one:
        await one.greet()
        for word in ("a", "b", "c"):
            await one.write(word)
        await asyncio.sleep(0.1)
    async with editor(server, user="jin", client=12) as two:
        two.doc.apply_update(pycrdt.Doc[Any](client_id=1).get_update())
        await two.connection.send(yjs_message(SYNC, SYNC_STEP_1, encode_vector({11: 2})))
        data = b""
        while data[:2] != bytes((SYNC, SYNC_STEP_2)):
            async with asyncio.timeout(ANSWER_S_MAX):
                data = await two.connection.recv(decode=False)
        assert b"c" in data
        assert b"a" not in data[4:]
