"""A remote extractor that answers well is believed; one that is slow, broken or lying is not waited for, and said
so.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs
from support.extraction import shipped, talk
from syncline_protocol.extraction import Extraction, extract
from syncline_server.extractor import ANSWER_BYTES_MAX, Extractor

SAID = talk("耳机右边没声音了，序列号 PF3X9Q2K", "> 收到")
GOOD: dict[str, Any] = {
    "issue_type": {"value": "returnrefund", "confidence": 77, "message": "m0"},
    "fields": [
        {
            "name": "serial",
            "value": "PF3X9Q2K",
            "confidence": 99,
            "message": "m0",
            "span": [13, 21],
            "quote": "PF3X9Q2K",
        }
    ],
}
LYING: dict[str, Any] = {**GOOD, "fields": [{**GOOD["fields"][0], "message": "m1"}]}

Answering = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def listening(answering: Answering) -> AsyncIterator[str]:
    """A real HTTP server that answers so; the address to ask."""
    app = Starlette(routes=[Route("/extract", answering, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/extract"
    finally:
        server.should_exit = True
        await running


async def asked(answering: Answering, *, timeout_s: float = 5.0) -> tuple[Extraction, list[str]]:
    """What comes of it, and the events in the log."""
    async with listening(answering) as url, Extractor(url, token="secret", timeout_s=timeout_s) as extractor:
        with capture_logs() as logs:
            found = await extractor.extract(SAID, shipped())
    return found, [str(line["event"]) for line in logs]


async def test_a_good_answer_is_believed() -> None:
    seen: list[Any] = []

    async def answering(request: Request) -> Response:
        seen.append((request.headers["authorization"], await request.json()))
        return JSONResponse(GOOD)

    found, logs = await asked(answering)
    assert (found.issue_type.value, found.issue_type.confidence) == ("returnrefund", 77)
    assert [(field.name, field.span) for field in found.fields] == [("serial", (13, 21))]
    assert logs == []
    ((token, question),) = seen
    assert token == "Bearer secret"
    assert [message["id"] for message in question["messages"]] == ["m0", "m1"]


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.6)
    return JSONResponse(GOOD)


async def trickling(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" "
            await asyncio.sleep(0.1)

    return StreamingResponse(parts())


async def failing(_: Request) -> Response:
    return Response("sorry", status_code=500)


async def elsewhere(request: Request) -> Response:
    return RedirectResponse(str(request.url) + "/elsewhere")


async def babbling(_: Request) -> Response:
    return Response("I think it is the left one.")


async def flooding(_: Request) -> Response:
    return Response(b" " * ANSWER_BYTES_MAX + json.dumps(GOOD).encode())


async def lying(_: Request) -> Response:
    return JSONResponse(LYING)


@pytest.mark.parametrize(
    ("answering", "event"),
    [
        (slow, "extractor.timeout"),
        (trickling, "extractor.timeout"),
        (failing, "extractor.unreachable"),
        (elsewhere, "extractor.unreachable"),
        (babbling, "extractor.answer_refused"),
        (flooding, "extractor.answer_refused"),
        (lying, "extractor.answer_refused"),
    ],
)
async def test_otherwise_the_rules_answer_and_the_log_says_why(answering: Answering, event: str) -> None:
    found, logs = await asked(answering, timeout_s=0.3 if answering in (slow, trickling) else 5.0)
    assert found == extract(SAID, shipped())
    assert logs == [event]


async def test_nobody_listens() -> None:
    async with listening(failing) as url:
        pass
    async with Extractor(url) as extractor:
        with capture_logs() as logs:
            assert await extractor.extract(SAID, shipped()) == extract(SAID, shipped())
    assert [line["event"] for line in logs] == ["extractor.unreachable"]


@pytest.mark.parametrize("url", ["http://", "http://[::1", "ftp://127.0.0.1/x"])
async def test_a_wrong_address_is_said_too(url: str) -> None:
    async with Extractor(url) as extractor:
        with capture_logs() as logs:
            assert await extractor.extract(SAID, shipped()) == extract(SAID, shipped())
    assert [line["event"] for line in logs] == ["extractor.unreachable"]


async def test_without_an_address_the_rules_answer() -> None:
    long = talk(*["路由器掉线"] * 30)
    async with Extractor() as extractor:
        assert await extractor.extract(SAID, shipped()) == extract(SAID, shipped())
        assert await extractor.extract(long, shipped()) == extract(long, shipped())
