"""A server that sends every message back, on our WebSocket class: what socket tests and the Autobahn suite talk to.

`python tests/support/echo.py PORT` runs it by itself.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from syncline_server import socket as sockets
from syncline_server.socket import Receiver, Socket

MESSAGE_BYTES_MAX = 16 * 1024 * 1024


class Echo:
    """Sends back what comes."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.received = 0
        self.drains = 0
        self.is_lost = asyncio.Event()

    def receive(self, payload: bytes) -> None:
        """See `Receiver`."""
        self.received += 1
        self.socket.send_message(payload)

    def drained(self) -> None:
        """See `Receiver`."""
        self.drains += 1

    def lost(self) -> None:
        """See `Receiver`."""
        self.is_lost.set()

    def shut_down(self) -> None:
        """See `Receiver`."""
        self.socket.close(1001, "stopping")


class EchoServer:
    """Where it listens, and who is connected."""

    def __init__(self, make: Callable[[Socket], Receiver] = Echo, *, outbox_bytes: int = 1024 * 1024) -> None:
        self.receivers: list[Receiver] = []
        self.url = ""
        self._make = make
        self._outbox_bytes = outbox_bytes

    async def endpoint(self, websocket: WebSocket) -> None:
        """One connection."""
        socket = await sockets.accept(websocket)
        receiver = self._make(socket)
        self.receivers.append(receiver)
        socket.attach(receiver, outbox_bytes=self._outbox_bytes)
        await sockets.closed(websocket)

    def uvicorn(self, port: int, *, message_bytes_max: int) -> uvicorn.Server:
        """The server, not started."""
        return uvicorn.Server(
            uvicorn.Config(
                Starlette(routes=[WebSocketRoute("/", self.endpoint)]),
                port=port,
                ws=Socket,
                ws_max_size=message_bytes_max,
                ws_per_message_deflate=False,
                log_level="critical",
                lifespan="off",
            )
        )


@asynccontextmanager
async def echo_server(echo: EchoServer, *, message_bytes_max: int = 1024 * 1024) -> AsyncIterator[EchoServer]:
    """Run `echo` in this event loop on a free port."""
    server = echo.uvicorn(0, message_bytes_max=message_bytes_max)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    echo.url = f"ws://127.0.0.1:{port}/"
    try:
        yield echo
    finally:
        server.should_exit = True
        await serving


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        EchoServer().uvicorn(int(sys.argv[1]), message_bytes_max=MESSAGE_BYTES_MAX).run()
