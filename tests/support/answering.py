"""A small HTTP server for the device's tests: it answers as a test tells it to, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Answer = Callable[[Request], Awaitable[Response]]


class Answering:
    """Its address, and every request so far."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.url = ""
        self.asked: list[Request] = []

    async def respond(self, request: Request) -> Response:
        """Remember the request, and let the test answer it."""
        self.asked.append(request)
        return await self.answer(request)


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Answering]:
    """Serve on the loopback interface."""
    served = Answering(answer)
    application = Starlette(routes=[Route("/{path:path}", served.respond)])
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    served.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving
