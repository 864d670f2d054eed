"""Who is there: shown to the others and nobody else, under their own name, and no longer than it holds."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from support.running import running
from support.wire import wire_device
from syncline_protocol import codec, frames, limits
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation
from syncline_protocol.names import parse_name
from syncline_server import awareness
from syncline_server.document import Document
from syncline_server.log import Log
from syncline_server.presence import Attendant, PresenceBoard
from syncline_server.storage.interface import DocumentKey, StoredDocument
from syncline_server.wire import AWARENESS, read_varint
from websockets.asyncio.client import ClientConnection, connect

Shown = tuple[str, str, Any]


class Visitor:
    """A session as presence sees it; writes down what it is shown."""

    def __init__(self, name: str) -> None:
        self.id = f"session-{name}"
        self.identity = Identity(tenant="default", user=name, device="d1", role=Role.AGENT)
        self.awareness_client = 0
        self.shown: list[Shown] = []

    def show_presence(self, document: Document, of: Attendant, state: dict[str, Any] | None) -> None:
        """See `Attendant`."""
        self.shown.append((document.key.name, of.identity.user, state))


def document(number: int = 1) -> Document:
    """A document that nothing is written to."""
    name = f"page/{number}"
    row = StoredDocument(number, DocumentKey("default", name), 1, 0, 0, "")
    return Document(parse_name(name), row, cast("Log", None), lambda _: None)


def enter(where: Document, *visitors: Visitor) -> None:
    """Let them follow the document; a board looks at nothing but who they are."""
    for visitor in visitors:
        where.subscriptions[visitor] = cast("Any", None)  # type: ignore[index] # a follower is more than an attendant


async def test_a_state_is_shown_to_all_others_of_the_document() -> None:
    board, here, there = PresenceBoard(60), document(1), document(2)
    mei, cus, jin = Visitor("mei"), Visitor("cus"), Visitor("jin")
    enter(here, mei, cus)
    enter(there, jin)
    board.set(here, mei, {"typing": True})
    board.set(here, mei, None)
    assert cus.shown == [("page/1", "mei", {"typing": True}), ("page/1", "mei", None)]
    assert (mei.shown, jin.shown) == ([], [])


async def test_a_newcomer_is_shown_who_is_there() -> None:
    board, here, there = PresenceBoard(60), document(1), document(2)
    mei, cus, late = Visitor("mei"), Visitor("cus"), Visitor("late")
    enter(here, mei, cus)
    board.set(here, mei, {"a": 1})
    board.set(here, cus, {"b": 2})
    board.set(there, mei, {"c": 3})
    enter(here, late)
    board.show(late, [here])
    assert late.shown == [("page/1", "mei", {"a": 1}), ("page/1", "cus", {"b": 2})]
    mei.shown.clear()
    board.show(mei, [here, there])
    assert mei.shown == [("page/1", "cus", {"b": 2})]


async def test_withdrawing_what_was_never_set_says_nothing() -> None:
    board, here = PresenceBoard(60), document()
    mei, cus = Visitor("mei"), Visitor("cus")
    enter(here, mei, cus)
    board.withdraw(here, mei)
    board.set(here, mei, None)
    assert cus.shown == []


async def test_a_state_that_is_not_renewed_is_withdrawn_and_a_renewed_one_is_not() -> None:
    board, here = PresenceBoard(0.2), document()
    mei, jin, cus = Visitor("mei"), Visitor("jin"), Visitor("cus")
    enter(here, mei, jin, cus)
    board.set(here, jin, {"idle": True})
    for _ in range(5):
        board.set(here, mei, {"typing": True})
        await asyncio.sleep(0.08)
    assert ("page/1", "jin", None) in cus.shown
    assert ("page/1", "mei", None) not in cus.shown
    await asyncio.sleep(0.3)
    assert cus.shown[-1] == ("page/1", "mei", None)
    assert board._states == {}


async def test_a_state_has_a_limit() -> None:
    board, here = PresenceBoard(60), document()
    mei, cus = Visitor("mei"), Visitor("cus")
    enter(here, mei, cus)
    empty = len(codec.encode(frames.SetPresence(0, {"x": "y" * 1000}))) - 1000
    board.set(here, mei, {"x": "y" * (limits.PRESENCE_BYTES_MAX - empty)})
    with pytest.raises(ProtocolViolation) as caught:
        board.set(here, mei, {"x": "y" * (limits.PRESENCE_BYTES_MAX - empty + 1)})
    assert caught.value.close_code is CloseCode.TOO_LARGE
    assert len(cus.shown) == 1


def nested(levels: int) -> dict[str, Any]:
    """A state of so many levels."""
    state: dict[str, Any] = {}
    for _ in range(levels - 1):
        state = {"a": state}
    return state


NOT_JSON: list[dict[str, Any]] = [
    {"x": b"bytes"},
    {"x": float("nan")},
    {"x": [float("inf")]},
    {"x": datetime(2026, 1, 1, tzinfo=UTC)},
    {"x": msgspec.msgpack.Ext(5, b"x")},
    {"x": {7: "number as key"}},
    {"x": {b"k": 1}},
    {"x": {(): 1}},
    nested(limits.NESTING_DEPTH_MAX + 1),
    nested(400),
    {"x": [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]},
]


@pytest.mark.parametrize("state", NOT_JSON, ids=lambda state: str(state)[:30])
async def test_what_is_no_json_is_shown_to_nobody(state: dict[str, Any]) -> None:
    board, here = PresenceBoard(60), document()
    mei, cus = Visitor("mei"), Visitor("cus")
    enter(here, mei, cus)
    with pytest.raises(ProtocolViolation) as caught:
        board.set(here, mei, state)
    assert caught.value.close_code is CloseCode.MALFORMED_FRAME
    assert cus.shown == []
    board.set(here, mei, nested(limits.NESTING_DEPTH_MAX))
    assert len(cus.shown) == 1


# --- on sockets


async def awareness_of(connection: ClientConnection) -> awareness.Entry:
    """The next thing a stock client hears of somebody."""
    while True:
        async with asyncio.timeout(10):
            message = await connection.recv(decode=False)
        if message[0] == AWARENESS:
            size, start = read_varint(message, 1)
            (entry,) = awareness.decode(message[start : start + size])
            return entry


async def test_a_stock_client_sees_devices_and_cannot_be_broken_by_them(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        url = f"{server.url}/yjs/page/one?token={server.token('jin')}"
        async with connect(url, compression=None) as stock:
            for number, state in enumerate(NOT_JSON):
                async with wire_device(server.url, server.token("eve"), f"d{number}") as hostile:
                    await hostile.open("page/one")
                    await hostile.send(frames.SetPresence(hostile.channels["page/one"], state))
                    assert (await hostile.closed())[0] == CloseCode.MALFORMED_FRAME
            async with wire_device(server.url, server.token("mei")) as device:
                await device.open("page/one")
                state = {"user": {"name": "the boss", "color": "#f00"}, "cursor": [1, 2]}
                await device.send(frames.SetPresence(device.channels["page/one"], state))
                seen = await awareness_of(stock)
                assert seen.client == device.welcome.client
                assert seen.state == {"user": {"id": "mei", "name": "mei", "color": "#f00"}, "cursor": [1, 2]}
                async with connect(url, compression=None) as late:
                    assert (await awareness_of(late)).state == seen.state
            gone = await awareness_of(stock)
            assert (gone.client, gone.state) == (seen.client, None)
            assert gone.clock >= seen.clock


async def test_the_same_user_twice_is_two_sessions(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        token = server.token("mei")
        async with (
            wire_device(server.url, token, "phone") as phone,
            wire_device(server.url, token, "desktop") as desktop,
            wire_device(server.url, server.token("jin"), "d3") as watcher,
        ):
            for device in (phone, desktop, watcher):
                await device.open("page/one")
            for device in (phone, desktop):
                await device.send(frames.SetPresence(device.channels["page/one"], {"viewing": True}))
            seen = [await watcher.expect(frames.Presence) for _ in range(2)]
            assert {(one.user, one.device) for one in seen} == {("mei", "phone"), ("mei", "desktop")}
            assert {one.session for one in seen} == {phone.welcome.session, desktop.welcome.session}


async def test_presence_is_said_in_open_documents_only(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "data") as server,
        wire_device(server.url, server.token("mei")) as device,
        wire_device(server.url, server.token("jin"), "d2") as watcher,
    ):
        await watcher.open("page/one")
        await device.send(frames.SetPresence(watcher.channels["page/one"], {"viewing": True}))
        await device.open("page/one")
        assert await watcher.silence() == []
        await device.send(frames.SetPresence(device.channels["page/one"], {"viewing": True}))
        await watcher.expect(frames.Presence)
        await device.send(frames.Close(device.channels["page/one"]))
        assert (await watcher.expect(frames.Presence)).state is None
