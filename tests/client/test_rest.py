"""Questions to the REST interface: answers, the server's no in its own words, and no answer at all."""

import asyncio

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from support.answering import answering
from syncline_client import rest
from syncline_client.errors import RequestRefused, ServerOutOfReach
from syncline_client.rest import Rest, http_url
from syncline_client.transport import TransportClosed


class Page(msgspec.Struct):
    rows: list[str]


async def token() -> str:
    return "t"


async def test_an_answer_is_read_as_what_was_asked_for() -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse({"rows": ["a"], "news": "passed over"})

    async with answering(answer) as served, Rest(served.url, token) as asking:
        assert (await asking.read("/v1/inbox", Page, {"view": "mine", "group": None, "limit": 2})).rows == ["a"]
        (request,) = served.asked
        assert (request.url.path, dict(request.query_params)) == ("/v1/inbox", {"view": "mine", "limit": "2"})
        assert request.headers["authorization"] == "Bearer t"


async def test_what_has_not_changed_is_not_sent_again() -> None:
    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == '"1"':
            return Response(status_code=304)
        return PlainTextResponse("rules", headers={"ETag": '"1"'})

    async with answering(answer) as served, Rest(served.url, token) as asking:
        assert await asking.fetch("/v1/configuration") == (b"rules", '"1"')
        assert await asking.fetch("/v1/configuration", tag='"1"') == (b"", '"1"')


@pytest.mark.parametrize(
    ("response", "text", "code"),
    [
        (JSONResponse({"detail": "not yours", "code": "forbidden"}, 403), "not yours", "forbidden"),
        (JSONResponse({"title": "Not Found"}, 404), "Not Found", ""),
        (PlainTextResponse("<html>", 418), "the server answered 418", ""),
    ],
)
async def test_a_no_is_told_in_the_servers_words(response: Response, text: str, code: str) -> None:
    async def answer(_: Request) -> Response:
        return response

    async with answering(answer) as served, Rest(served.url, token) as asking:
        with pytest.raises(RequestRefused, match=text) as refused:
            await asking.read("/v1/inbox", Page)
    assert (refused.value.status, refused.value.code) == (response.status_code, code)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (JSONResponse({"detail": "the store does not answer"}, 503), "the store does not answer"),
        (JSONResponse({"detail": "too many requests", "code": "rate_limited"}, 429), "too many requests"),
        (PlainTextResponse("hello"), "answers something else than was asked"),
        (JSONResponse({"rows": 1}), "answers something else than was asked"),
    ],
)
async def test_what_is_no_answer_is_told_apart_from_a_no(response: Response, text: str) -> None:
    async def answer(_: Request) -> Response:
        return response

    async with answering(answer) as served, Rest(served.url, token) as asking:
        with pytest.raises(ServerOutOfReach, match=text):
            await asking.read("/v1/inbox", Page)


async def test_a_server_that_is_not_there_or_too_slow_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Rest("ws://127.0.0.1:1", token) as asking:
        with pytest.raises(ServerOutOfReach, match=r"no server at http://127\.0\.0\.1:1"):
            await asking.fetch("/v1/inbox")

    async def answer(_: Request) -> Response:
        await asyncio.sleep(0.5)
        return JSONResponse({"rows": []})

    monkeypatch.setattr(rest, "ANSWER_WAIT_S", 0.2)
    async with answering(answer) as served, Rest(served.url, token) as asking:
        with pytest.raises(ServerOutOfReach, match="ReadTimeout"):
            await asking.read("/v1/inbox", Page)
        assert (await asking.read("/v1/inbox", Page, wait_s=5.0)).rows == [], "it may hold the answer back so long"


async def test_without_a_token_there_is_no_answer() -> None:
    async def none() -> str:
        raise TransportClosed(0, "no token: the vault is locked")

    async with Rest("http://127.0.0.1:1", none) as asking:
        with pytest.raises(ServerOutOfReach, match="the vault is locked"):
            await asking.fetch("/v1/inbox")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://127.0.0.1:8700", "http://127.0.0.1:8700"),
        ("wss://sync.example.org/v1/sync", "https://sync.example.org"),
        ("http://127.0.0.1:8700/", "http://127.0.0.1:8700"),
        ("https://example.org/support/?x=1", "https://example.org/support"),
    ],
)
def test_the_address_is_found_by_that_of_the_sockets(url: str, address: str) -> None:
    assert http_url(url) == address
