"""The REST interface as tests see it: answers that are errors, and callers who do not wait for one."""

import asyncio
from http import HTTPStatus

import httpx
from syncline_server.rest.problems import MEDIA_TYPE, STATUS_OF, ProblemCode


def problem(answer: httpx.Response, status: int, code: str) -> str:
    """The detail of an answer that must be this problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert (body["type"], body["title"], body["status"], body["code"]) == (
        "about:blank",
        HTTPStatus(status).phrase,
        status,
        code,
    )
    assert STATUS_OF[ProblemCode(code)] == status
    return str(body["detail"])


def faults(answer: httpx.Response) -> list[str]:
    """Where an invalid request is wrong: JSON pointers and names of parameters."""
    problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid")
    return [one.get("pointer") or f"?{one.get('parameter', '')}" for one in answer.json()["errors"]]


async def request_and_leave(http: str, sent: bytes) -> None:
    """Send bytes of a request to the server at the address `http`, and hang up without reading."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(http.rpartition(":")[2]))
    writer.write(sent)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
