"""What is sent to an operation, as it declares it, or a problem that points to what is wrong."""

import json
from collections.abc import AsyncIterator

import pytest
from support.rest import faults, problem
from support.running import Running
from syncline_server.rest.reading import BODY_BYTES_MAX

NEW = {"subject": "wifi", "channel": "chat", "customer": "cus"}
TYPED = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"subject": "\xff", "channel": "chat"}',
        b'{"subject": "\\ud800", "channel": "chat"}',
        b'{"subject":"' + b"x" * 100,
        b'{"subject":' * 5_000,
        b"[" * 60_000,
    ],
    ids=lambda body: body[:44].decode("latin-1"),
)
async def test_what_is_no_json_is_malformed(server: Running, body: bytes) -> None:
    async with server.rest() as client:
        detail = problem(await client.post("/v1/conversations", content=body, headers=TYPED), 400, "malformed")
        assert "body" in detail


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"null", "#"),
        (b"[]", "#"),
        (b'{"subject": "wifi"}', "#/channel"),
        (b'{"subject": "wifi", "channel": ""}', "#/channel"),
        (b'{"subject": 7, "channel": "chat"}', "#/subject"),
        (b'{"subject": "wifi", "channel": "chat", "colour": "red"}', "#/colour"),
        (b'{"subject": "wifi", "channel": "chat", "a/b~": "red"}', "#/a~1b~0"),
        (b'{"subject": "wifi", "channel": "chat", "id": "a/b"}', "#/id"),
        (b'{"subject": "wifi", "channel": "chat", "id": ""}', "#/id"),
        (b'{"subject": "wifi", "channel": "chat", "id": "..\\n"}', "#/id"),
        (b'{"subject": "wifi", "channel": "chat", "customer": ""}', "#/customer"),
        (b'{"subject": "wifi", "channel": "chat", "language": "x"}', "#/language"),
        (json.dumps({"subject": "x" * 501, "channel": "chat"}).encode(), "#/subject"),
    ],
    ids=lambda body: body[:44].decode("latin-1") if isinstance(body, bytes) else "",
)
async def test_a_body_that_is_not_as_declared_is_pointed_into(server: Running, body: bytes, where: str) -> None:
    async with server.rest() as client:
        assert faults(await client.post("/v1/conversations", content=body, headers=TYPED)) == [where]


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON;charset="UTF-8"', 201),
        ("application/json; charset=gb18030", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/json", 415),
        ("", 415),
        (None, 415),
    ],
)
async def test_a_body_is_json_and_says_so(server: Running, media_type: str | None, status: int) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    async with server.rest() as client:
        answer = await client.post("/v1/conversations", content=json.dumps(NEW).encode(), headers=headers)
    assert answer.status_code == status
    if status == 415:
        problem(answer, 415, "unsupported_media_type")
        assert answer.headers["accept"] == "application/json"


async def test_a_body_has_a_limit_whatever_it_says_of_its_length(server: Running) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * BODY_BYTES_MAX

    async with server.rest() as client:
        client.headers.update(TYPED)
        fits = json.dumps(NEW).encode().ljust(BODY_BYTES_MAX)
        assert (await client.post("/v1/conversations", content=fits)).status_code == 201
        problem(await client.post("/v1/conversations", content=fits + b" "), 413, "too_large")
        problem(await client.post("/v1/conversations", content=endless()), 413, "too_large")


async def test_a_whole_number_is_one_however_it_is_written(server: Running) -> None:
    async with server.rest() as client:
        body = b'{"subject": "wifi", "fields": {"seat": 1.0, "row": -2E2, "far": 9e300, "half": 0.5}}'
        assert faults(await client.post("/v1/tickets", content=body, headers=TYPED)) == ["#/fields"]
        body = body.replace(b', "far": 9e300, "half": 0.5', b"")
        fields = (await client.post("/v1/tickets", content=body, headers=TYPED)).json()["fields"]
    assert {name: field["value"] for name, field in fields.items()} == {"seat": 1, "row": -200}


async def test_dots_are_nothings_name(server: Running) -> None:
    async with server.rest() as client:
        problem(await client.get("/v1/conversations/..."), 404, "not_found")


async def test_no_operation_takes_a_parameter_that_it_does_not_declare(server: Running) -> None:
    async with server.rest() as client:
        assert faults(await client.post("/v1/conversations?id=c1", json=NEW)) == ["?id"]
        assert faults(await client.get("/healthz?x")) == ["?x"]
