"""A server within the test's own event loop: real sockets and a real store, and its parts within reach."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from syncline_server import app
from syncline_server.domain.live_configuration import LiveConfiguration
from syncline_server.hub import Hub
from syncline_server.settings import Settings
from syncline_server.socket import HttpConnection, Socket


class Running:
    """Its addresses, its hub, and tokens for it."""

    def __init__(self, server: app.Server, port: int, settings: Settings) -> None:
        self.server = server
        self.hub: Hub = server.hub
        self.settings = settings
        self.url = f"ws://127.0.0.1:{port}"
        self.http = f"http://127.0.0.1:{port}"

    def token(
        self,
        user: str,
        role: str = "agent",
        *,
        tenant: str = "default",
        groups: Sequence[str] = (),
        ttl_s: float = 3600,
    ) -> str:
        """A token of this server."""
        now_ms = time.time_ns() // 1_000_000
        issue = self.hub.authority.issue
        return issue(tenant=tenant, user=user, role=role, groups=groups, now_ms=now_ms, ttl_s=ttl_s)

    def rest(
        self, user: str = "mei", role: str = "agent", *, tenant: str = "default", groups: Sequence[str] = ()
    ) -> httpx.AsyncClient:
        """An HTTP client of this user."""
        headers = {"Authorization": f"Bearer {self.token(user, role, tenant=tenant, groups=groups)}"}
        return httpx.AsyncClient(base_url=self.http, headers=headers)

    async def conversation(self, customer: str = "cus", id: str | None = None) -> str:  # noqa: A002 - the field's name
        """A new conversation of this customer; the name of its first segment."""
        body = {"subject": "wifi", "channel": "chat", "customer": customer} | ({} if id is None else {"id": id})
        async with self.rest() as client:
            answer = await client.post("/v1/conversations", json=body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["segment"])


@asynccontextmanager
async def running(data: Path, *, configuration: Path | None = None, **changes: object) -> AsyncIterator[Running]:
    """Start a server on `data` with settings changed as told and a domain's configuration; stop it as SIGTERM does."""
    given = {"data": data, "port": 0, "document_linger_seconds": 0.05, "shutdown_retry_after_ms": 10} | changes
    settings = Settings(**given)  # type: ignore[arg-type] # names and types are Settings' own
    application = app.build(settings, configuration=LiveConfiguration(configuration))
    config = uvicorn.Config(
        application,
        port=0,
        http=HttpConnection,
        ws=Socket,
        ws_per_message_deflate=False,
        ws_max_size=2**20,
        lifespan="on",
        log_config=None,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            await serving
            raise RuntimeError("the server did not start")
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(application.state.server, port, settings)
    finally:
        server.should_exit = True
        await serving
