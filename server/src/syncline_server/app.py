"""The composition root: builds store, log, engine, hub and endpoints, and starts and stops them in their order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from syncline_protocol import codec, frames
from syncline_protocol.errors import CloseCode, ProtocolViolation

from syncline_server import clock
from syncline_server import socket as sockets
from syncline_server.auth import Authority, read_secret
from syncline_server.automation.automation import Automation
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.engine import Engine
from syncline_server.hub import Hub
from syncline_server.log import Log
from syncline_server.metrics import Metrics, registry
from syncline_server.projections.projections import Projections
from syncline_server.rest.routing import Rest, failed, unknown
from syncline_server.session import Session
from syncline_server.settings import Settings
from syncline_server.socket import Socket
from syncline_server.storage.compaction import Compactor
from syncline_server.storage.connections import WAL_BYTES_AT_START
from syncline_server.storage.interface import StoreError
from syncline_server.storage.sqlite import SqliteStore
from syncline_server.storage.worker import Worker
from syncline_server.yjs import YjsSession

OnStart = Callable[[Hub], Awaitable[None]]

EXIT_DISK: Final = 74
"""`EX_IOERR` of sysexits.h: a failed fsync ended the process."""

TOO_MANY_RETRY_MS: Final = 5_000


class Server:
    """One running server: what the endpoints need."""

    def __init__(self, settings: Settings, hub: Hub, automation: Automation) -> None:
        self._settings = settings
        self.hub = hub
        self.automation = automation
        self._connections = 0

    async def sync(self, websocket: WebSocket) -> None:
        """`/v1/sync`: a device's session."""
        socket = await self._accept(websocket)
        if socket is None:
            return
        session = Session(self.hub, socket)
        socket.attach(session, outbox_bytes=self._settings.outbox_bytes)
        self._connections += 1
        try:
            await session.run()
        finally:
            self._connections -= 1

    async def yjs(self, websocket: WebSocket) -> None:
        """`/yjs/<document>`: a stock Yjs client."""
        socket = await self._accept(websocket)
        if socket is None:
            return
        try:
            token = websocket.query_params.get("token", "")
            grant = self.hub.authority.check(token, now_ms=self.hub.now_ms())
        except ProtocolViolation as violation:
            socket.close(violation.close_code.value, violation.reason)
            return
        session = YjsSession(self.hub, socket, grant, websocket.path_params["name"])
        socket.attach(session, outbox_bytes=self._settings.outbox_bytes)
        self._connections += 1
        try:
            await session.run()
        finally:
            self._connections -= 1

    async def _accept(self, websocket: WebSocket) -> Socket | None:
        """Complete the handshake, unless a web page of a foreign origin asks or there are too many."""
        origin = websocket.headers.get("origin")
        if origin is not None and not self._may_connect(origin, websocket.headers.get("host", "")):
            refusal = PlainTextResponse("this origin may not connect\n", status_code=HTTPStatus.FORBIDDEN)
            await websocket.send_denial_response(refusal)
            return None
        socket = await sockets.accept(websocket)
        if self._connections < self._settings.connections_max:
            return socket
        socket.send_message(codec.encode(frames.Busy(TOO_MANY_RETRY_MS, "too many connections")))
        socket.close(CloseCode.TOO_MANY.value, "too many connections")
        return None

    def _may_connect(self, origin: str, host: str) -> bool:
        return origin in self._settings.origins or urlsplit(origin).netloc == host


@asynccontextmanager
async def opened(settings: Settings, *, configuration: LiveConfiguration | None = None) -> AsyncIterator[Server]:
    """Everything of a server but its sockets, running. What was gathered is committed before it is closed.

    `configuration`: of the domain, by default what is shipped.
    """
    logger = structlog.get_logger()
    configuration = configuration or LiveConfiguration(None)
    settings.data.mkdir(parents=True, exist_ok=True)
    authority = Authority(read_secret(settings.data), groups_of=configuration.groups_of)
    metrics = Metrics()
    async with (
        SqliteStore(settings.data, durability=settings.durability, wal_bytes_at_start=WAL_BYTES_AT_START) as store,
        Worker() as worker,
        Projections(settings.data, store, is_on=settings.projections) as projections,
    ):
        for tenant, user, device, at_ms in await store.read_revocations():
            authority.revoke(tenant, user, device, at_ms)
        engine = Engine(store, worker, Compactor(store, worker, now_ms=clock.now_ms), metrics)
        async with Log(store, on_commit=lambda: hub.flush_acks(), on_fatal=_stop_at_once) as log:  # noqa: PLW0108 - made below
            hub = Hub(
                settings=settings,
                configuration=configuration,
                store=store,
                log=log,
                authority=authority,
                metrics=metrics,
                engine=engine,
                projections=projections,
            )
            configuration.on_change(hub.rights.configuration_changed)
            automation = Automation(hub, projections)
            projections.on_projected = automation.projected
            upkeep = asyncio.create_task(engine.upkeep(hub), name="upkeep")
            logger.info("server.started", data=str(settings.data), durability=settings.durability.value)
            try:
                async with automation if settings.projections else nullcontext():
                    yield Server(settings, hub, automation)
            finally:
                upkeep.cancel()
                await asyncio.gather(upkeep, return_exceptions=True)
                await log.flushed()
                await engine.store_cursors(hub)
                await projections.caught_up()
    logger.info("server.stopped")


async def check_store(settings: Settings) -> None:
    """Open the store and close it again, to say in one line what is in the way: uvicorn makes a traceback of whatever
    fails while it starts.

    Raises `StoreError`.
    """
    async with SqliteStore(settings.data, durability=settings.durability):
        pass


def _stop_at_once(error: StoreError) -> None:
    """A failed fsync: what is on the disk is unknown. Nothing more is written, nothing acknowledged (P11)."""
    structlog.get_logger().critical("server.disk_failed", error=str(error))
    os._exit(EXIT_DISK)


async def _start(on_start: OnStart, hub: Hub) -> None:
    logger = structlog.get_logger()
    try:
        await on_start(hub)
    except Exception:  # the boundary of a task: the server serves without, and says so
        logger.exception("server.start_incomplete")


async def _reload(configuration: LiveConfiguration) -> None:
    """Read the configuration again; a wrong one changes nothing, and is said."""
    logger = structlog.get_logger()
    problems = await configuration.reload_aside()
    for problem in problems:
        logger.error("configuration.refused", problem=str(problem))
    if not problems:
        logger.info("configuration.reloaded")


@contextmanager
def _reloading(configuration: LiveConfiguration) -> Iterator[None]:
    """Reads the configuration again on SIGHUP, where this thread may listen to signals."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def begin() -> None:
        task = asyncio.create_task(_reload(configuration), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    try:
        loop.add_signal_handler(signal.SIGHUP, begin)
    except (ValueError, RuntimeError):  # not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def build(
    settings: Settings, *, configuration: LiveConfiguration | None = None, on_start: OnStart | None = None
) -> Starlette:
    """The ASGI application, to run on uvicorn with `ws=…socket.Socket`. `configuration`: of the domain, by default what
    is shipped. `on_start` runs once it serves.
    """
    live = LiveConfiguration(None) if configuration is None else configuration

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            opened(settings, configuration=live) as server,
            Rest(server.hub, registry(server.hub)) as rest,
        ):
            app.state.server = server
            for route in rest.routes():
                app.router.routes.append(route)
            app.router.routes.append(WebSocketRoute("/v1/sync", server.sync))
            app.router.routes.append(WebSocketRoute("/yjs/{name:path}", server.yjs))
            starting = None if on_start is None else asyncio.create_task(_start(on_start, server.hub), name="start")
            with _reloading(live):
                yield
            if starting is not None:
                starting.cancel()

    routes: list[Route | WebSocketRoute] = []
    application = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={HTTPException: unknown, Exception: failed}
    )
    application.router.redirect_slashes = False  # a path has one spelling, and the request's host is not repeated
    return application
