"""A stock Yjs client beside a Syncline device on one page: text and awareness both ways, and what it may not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from end_to_end.stock import StockClient
from support.server import ServerProcess
from support.wire import WireDevice, wire_device
from syncline_protocol import frames
from syncline_protocol.errors import CloseCode

PAGE = "page/plan"
CLIENT = 7


@pytest.fixture
def server(tmp_path: Path) -> "ServerProcess":
    return ServerProcess(tmp_path / "data")


@asynccontextmanager
async def stock(
    server: ServerProcess, user: str, role: str = "agent", client: int = CLIENT
) -> AsyncIterator[StockClient]:
    """A stock client that has been connected and is up to date."""
    async with StockClient(server.url, PAGE, server.token(user, role), client=client) as peer:
        await peer.ask("connect")
        await peer.event(event="sync", synced=True)
        yield peer


async def read_updates(wire: WireDevice, page: "pycrdt.Doc[Any]", count: int) -> None:
    """Take so many updates into the page."""
    while count > 0:
        frame = await wire.expect(frames.Updates)
        for payload in frame.payloads:
            page.apply_update(payload)
        count -= len(frame.payloads)


async def eventually(peer: StockClient, text: str) -> None:
    """Wait until the stock client shows this."""
    async with asyncio.timeout(10):
        while await peer.text() != text:
            await asyncio.sleep(0.01)


async def test_text_both_ways(server: ServerProcess) -> None:
    with server:
        async with stock(server, "yun") as peer, wire_device(server.url, server.token("mei")) as mei:
            await mei.open(PAGE)
            page = pycrdt.Doc[Any](client_id=mei.welcome.client)
            await peer.ask("insert", at=0, text="你好")
            await read_updates(mei, page, 1)
            text = page.get("text", type=pycrdt.Text)
            before = page.get_state()
            text += "，世界😀"
            await mei.update(PAGE, page.get_update(before))
            await mei.expect(frames.Acks)
            await eventually(peer, "你好，世界😀")
            await peer.ask("disconnect")
            await peer.ask("insert", at=2, text="!")
            await peer.ask("connect")
            await read_updates(mei, page, 1)
            assert str(text) == "你好!，世界😀"


async def somebody_typing(peer: StockClient) -> dict[str, Any]:
    """The awareness of another client, once it says that somebody types."""
    async with asyncio.timeout(10):
        while True:
            for one in (await peer.ask("seen"))["states"]:
                if one["client"] != CLIENT and one["state"].get("typing"):
                    return dict(one)
            await asyncio.sleep(0.01)


async def test_awareness_both_ways_with_identities_set_by_the_server(server: ServerProcess) -> None:
    with server:
        async with stock(server, "yun") as peer, wire_device(server.url, server.token("mei"), "tablet") as mei:
            await mei.open(PAGE)
            await peer.ask("show", state={"cursor": 3, "user": {"name": "the boss", "id": "boss", "color": "#f00"}})
            shown = await mei.expect(frames.Presence)
            while shown.state is None or "cursor" not in shown.state:
                shown = await mei.expect(frames.Presence)
            assert shown.user == "yun"
            assert shown.state["cursor"] == 3
            await mei.send(frames.SetPresence(mei.channels[PAGE], {"typing": True}))
            other = await somebody_typing(peer)
            assert other["client"] == mei.welcome.client
            assert other["state"]["user"] == {"id": "mei", "name": "mei"}
            await peer.ask("disconnect")
            gone = await mei.expect(frames.Presence)
            while gone.state is not None:
                gone = await mei.expect(frames.Presence)
            assert gone.session == shown.session


async def test_an_auditors_stock_client_reads_and_cannot_write(server: ServerProcess) -> None:
    with server:
        async with stock(server, "yun") as peer:
            await peer.ask("insert", at=0, text="plan")
            async with stock(server, "ada", "auditor", client=9) as auditor:
                await eventually(auditor, "plan")
                await auditor.ask("insert", at=0, text="EVIL ")
                closed = await auditor.event(event="closed", code=CloseCode.UPDATE_REFUSED)
                assert "only read" in closed["reason"]
            await peer.ask("insert", at=4, text="!")
            assert await peer.text() == "plan!"
        async with wire_device(server.url, server.token("mei")) as mei:
            assert (await mei.open(PAGE)).documents[0].head == 2


async def test_a_refused_update_closes_with_its_reason(server: ServerProcess) -> None:
    """Written under an id that is bound to another user."""
    with server:
        async with stock(server, "yun") as peer:
            await peer.ask("insert", at=0, text="mine")
            async with wire_device(server.url, server.token("mei")) as mei:
                while (await mei.open(PAGE)).documents[0].head == 0:
                    await asyncio.sleep(0.01)
                async with StockClient(server.url, PAGE, server.token("thief"), client=CLIENT) as thief:
                    await thief.ask("insert", at=0, text="EVIL EVIL")
                    await thief.ask("connect")
                    closed = await thief.event(event="closed", code=CloseCode.UPDATE_REFUSED)
                    assert str(CLIENT) in closed["reason"]
                assert (await mei.open(PAGE)).documents[0].head == 1
            assert await peer.text() == "mine"


async def test_a_customers_stock_client_is_sent_away(server: ServerProcess) -> None:
    with server:
        async with StockClient(server.url, PAGE, server.token("cus", "customer")) as peer:
            await peer.ask("connect")
            assert "cus may not open" in (await peer.event(event="closed", code=CloseCode.FORBIDDEN))["reason"]
