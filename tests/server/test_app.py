"""The server as a whole: what it starts, what it takes in, and what it leaves when it stops, well or badly."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.routing import BaseRoute, Route, WebSocketRoute
from support.checkout import ROOT
from support.running import Running, running
from support.server import free_port
from support.wire import wire_device
from syncline_protocol import codec, frames
from syncline_protocol.errors import CloseCode
from syncline_server import app
from syncline_server.app import EXIT_DISK, opened
from syncline_server.hub import Hub
from syncline_server.settings import Settings
from syncline_server.storage.interface import StoreError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


# --- starting and stopping


async def test_a_server_makes_its_folder_and_can_be_opened_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new" / "data")
    for _ in range(2):
        async with opened(settings) as server:
            assert server.hub.log.failure is None
    assert {path.name for path in settings.data.iterdir()} >= {"secret", "lock"}
    assert (settings.data / "secret").stat().st_mode & 0o077 == 0


async def test_a_folder_belongs_to_one_server(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    async with opened(settings):
        with pytest.raises(StoreError, match="data"):
            async with opened(settings):
                pass
    async with opened(settings) as server:
        assert server.hub.log.failure is None


async def test_nothing_runs_on_when_a_server_has_stopped(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with running(tmp_path / "data") as server, wire_device(server.url, server.token("mei")) as device:
        await device.open("page/one")
        assert {task.get_name() for task in asyncio.all_tasks()} >= {"log", "upkeep"}
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before


async def test_what_is_to_be_done_at_the_start_is_done_once_and_given_up_at_the_end(tmp_path: Path) -> None:
    hubs: list[Hub] = []
    ended = asyncio.Event()

    async def start(hub: Hub) -> None:
        hubs.append(hub)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    built = app.build(Settings(data=tmp_path / "data"), on_start=start)
    async with built.router.lifespan_context(built):
        await asyncio.sleep(0.05)
        assert hubs == [built.state.server.hub]
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_start_that_fails_is_told_and_the_server_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def start(_: Hub) -> None:
        raise ValueError("samples.json is not a file of dialogues")

    built = app.build(Settings(data=tmp_path / "data"), on_start=start)
    async with built.router.lifespan_context(built):
        await asyncio.sleep(0.05)
        assert built.state.server.hub.log.failure is None
    assert "samples.json is not a file of dialogues" in capsys.readouterr().out


async def test_a_hangup_reads_the_configuration_again_and_a_wrong_one_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text('[[group]]\nname = "service"\nmembers = ["li"]\n')
    async with running(tmp_path / "data", configuration=file) as server:
        for text, groups, said in (
            ('[[group]]\nname = "service"\nmembers = ["wang"]\n', {"service"}, "configuration.reloaded"),
            ("[[group]]\nname = 7\n", {"service"}, "configuration.refused"),
        ):
            file.write_text(text)
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(10):
                while said not in capsys.readouterr().out:
                    await asyncio.sleep(0.02)
            assert server.hub.configuration.groups_of("wang") == groups
        assert server.hub.configuration.groups_of("li") == frozenset()


def test_a_failed_fsync_ends_the_process_at_once(tmp_path: Path) -> None:
    """What is on the disk is unknown (P11): no answer, no further write, an exit code of its own."""
    script = f"""
import asyncio
from pathlib import Path
from syncline_protocol.documents.identity import Identity, Role
from syncline_server import app
from syncline_server.settings import Settings
from syncline_server.storage.interface import StoreFatal
from syncline_server.storage.sqlite import SqliteStore

async def fatal(self, entries):
    raise StoreFatal("fsync failed")

async def main():
    async with app.opened(Settings(data=Path({str(tmp_path / "data")!r}))) as server:
        SqliteStore.append = fatal
        mei = Identity(tenant="default", user="mei", device="d1", role=Role.AGENT)
        await server.hub.conversations.create(mei, subject="x", channel="chat", language="en", customer=None)
        print("answered")

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == EXIT_DISK, ended.stderr
    assert "answered" not in ended.stdout
    assert "fsync failed" in ended.stdout


# --- what is served


async def test_every_route_is_in_the_guide(tmp_path: Path) -> None:
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    built = app.build(Settings(data=tmp_path / "data"))
    async with built.router.lifespan_context(built):
        paths = [
            f"`{method} {route.path.replace(':path', '')}"
            for route in built.router.routes
            if isinstance(route, Route | WebSocketRoute)
            for method in _methods(route)
        ]
    assert len(paths) > 8
    assert not [path for path in paths if path not in guide]


def _methods(route: BaseRoute) -> set[str]:
    """How a route is asked."""
    return (route.methods or set()) - {"HEAD"} if isinstance(route, Route) else {"WebSocket"}


async def test_websockets_are_not_pages_and_pages_not_websockets(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.http) as client:
        assert (await client.get("/v1/sync")).status_code == 404
        assert (await client.get("/yjs/page/one")).status_code == 404
    for path in ("/healthz", "/v1/conversations", "/nothing"):
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"{server.url}{path}"):
                pass
        assert caught.value.response.status_code in {403, 404}


@pytest.mark.parametrize(
    ("path", "user", "code"),
    [
        ("page/one", None, CloseCode.UNAUTHENTICATED),
        ("page/one", "nonsense", CloseCode.UNAUTHENTICATED),
        ("page/one", "expired", CloseCode.TOKEN_EXPIRED),
        ("page/one", "customer", CloseCode.FORBIDDEN),
        ("conversation/none/1", "agent", CloseCode.FORBIDDEN),
        ("nonsense", "agent", CloseCode.FORBIDDEN),
        ("page/a%20b", "agent", CloseCode.FORBIDDEN),
    ],
)
async def test_a_stock_client_that_may_not_is_told_so(
    server: Running, path: str, user: str | None, code: CloseCode
) -> None:
    tokens = {
        "nonsense": "nonsense",
        "expired": server.token("mei", ttl_s=-1),
        "customer": server.token("cus", "customer"),
        "agent": server.token("mei"),
    }
    query = "" if user is None else f"?token={tokens[user]}"
    async with connect(f"{server.url}/yjs/{path}{query}", compression=None) as connection:
        await connection.wait_closed()
        assert connection.close_code == code


async def test_a_connection_that_ended_counts_no_longer(tmp_path: Path) -> None:
    async with running(tmp_path / "data", connections_max=2) as server:
        stock = f"{server.url}/yjs/page/one?token={server.token('jin')}"
        for _ in range(3):
            async with (
                wire_device(server.url, server.token("mei")),
                connect(stock, compression=None),
                connect(f"{server.url}/v1/sync", compression=None) as third,
            ):
                busy = codec.decode_server_frame(await third.recv(decode=False))
                assert isinstance(busy, frames.Busy)
                assert busy.retry_after_ms > 0
                await third.wait_closed()
                assert third.close_code == CloseCode.TOO_MANY
            async with asyncio.timeout(5):
                while server.server._connections:
                    await asyncio.sleep(0.02)


async def test_no_protocol_extension_is_spoken(server: Running) -> None:
    """Deflate would cost memory for each connection, and leak what is sent beside secrets."""
    async with connect(f"{server.url}/v1/sync", compression="deflate") as connection:
        assert connection.protocol.extensions == []


async def test_a_message_over_the_limit_ends_the_connection(server: Running) -> None:
    async with connect(f"{server.url}/v1/sync", compression=None, max_size=None) as connection:
        await connection.send(bytes(2**20 + 1))
        await connection.wait_closed()
        assert connection.close_code == 1009


async def test_another_websocket_implementation_is_an_error_that_says_so(tmp_path: Path) -> None:
    port = free_port()
    config = uvicorn.Config(
        app.build(Settings(data=tmp_path / "data")), port=port, ws="websockets-sansio", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    with pytest.raises(InvalidStatus, match="500"):
        async with connect(f"ws://127.0.0.1:{port}/v1/sync"):
            pass
    server.should_exit = True
    await serving
