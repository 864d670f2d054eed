"""The HTTP side: who may ask for what, what a bad request is told, and that no request is the server's fault."""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.running import Running, running
from support.server import ServerProcess
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.documents.identity import STAFF, Role
from syncline_protocol.errors import CloseCode
from syncline_server.http import BODY_BYTES_MAX, PROBLEM
from syncline_server.storage.interface import StoreUnavailable
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

NEW = {"subject": "wifi", "channel": "chat", "customer": "cus"}
PEOPLE = "/v1/conversations/c1/participants"
ROLES = sorted(set(Role) - {Role.SERVER})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


def problem(answer: httpx.Response, status: int, code: str | None = None) -> str:
    """The detail of an answer that must be this problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    body = answer.json()
    assert (body["type"], body["status"], body.get("code")) == ("about:blank", status, code)
    assert body["title"]
    return str(body["detail"])


# --- health


async def test_health_and_metrics_need_no_token(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.http) as client:
        assert (await client.get("/healthz")).text == "ok\n"
        assert (await client.get("/readyz")).json() == {"ready": True}
        metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "syncline_ready 1.0" in metrics.text


# --- who is there


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic bWVpOng=", "Bearer not.a.token", "Bearer é"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/conversations"),
        ("GET", "/v1/conversations/c1"),
        ("POST", PEOPLE),
        ("DELETE", f"{PEOPLE}/cus"),
        ("DELETE", "/v1/users/mei/sessions"),
    ],
)
async def test_nothing_is_told_without_a_token(server: Running, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    async with httpx.AsyncClient(base_url=server.http) as client:
        answer = await client.request(method, path, headers=headers, content=json.dumps(NEW))  # type: ignore[arg-type]
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_expired_and_revoked_tokens_are_refused(server: Running) -> None:
    expired, good = server.token("mei", ttl_s=-1), server.token("mei")
    async with httpx.AsyncClient(base_url=server.http) as client:
        for token in (expired, good):
            answer = await client.delete("/v1/users/mei/sessions", headers={"Authorization": f"bearer {token}"})
            assert answer.status_code == (204 if token == good else 401)
        answer = await client.get("/v1/conversations/c1", headers={"Authorization": f"Bearer {good}"})
    assert problem(answer, 401) == "the user was logged out"


# --- conversations


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_do_what(server: Running, role: Role) -> None:
    """Staff does all, customers open and see their own, auditors read."""
    await server.conversation("cus", id="c1")
    await server.conversation("somebody", id="c2")
    staff, customer = role in STAFF, role is Role.CUSTOMER
    async with server.rest("cus" if customer else "eve", role.value) as client:
        statuses = [
            (await client.post("/v1/conversations", json=NEW)).status_code,
            (await client.post("/v1/conversations", json=NEW | {"customer": "somebody"})).status_code,
            (await client.get("/v1/conversations/c1")).status_code,
            (await client.get("/v1/conversations/c2")).status_code,
            (await client.post(PEOPLE, json={"user": "jin"})).status_code,
            (await client.delete(f"{PEOPLE}/jin")).status_code,
            (await client.delete("/v1/users/jin/sessions")).status_code,
            (await client.delete("/v1/users/cus/sessions")).status_code,
        ]
    if staff:
        logout = 204 if role is Role.ADMIN else 403
        assert statuses == [201, 201, 200, 200, 204, 204, logout, logout]
    elif customer:
        assert statuses == [201, 403, 200, 403, 403, 403, 403, 204]
    else:
        assert statuses == [403, 403, 200, 200, 403, 403, 403, 403]


async def test_a_new_conversation_is_shown_as_it_was_opened(server: Running) -> None:
    async with server.rest() as client:
        created = (await client.post("/v1/conversations", json=NEW | {"language": "en"})).json()
        head = (await client.get(f"/v1/conversations/{created['id']}")).json()
    assert created["document"] == f"conversation/{created['id']}"
    assert created["segment"] == f"conversation/{created['id']}/1"
    assert (head["subject"], head["channel"], head["language"], head["customer"]) == ("wifi", "chat", "en", "cus")
    assert {user: one["role"] for user, one in head["participants"].items()} == {"cus": "customer", "mei": "agent"}
    assert head["segments"] == [1]


async def test_a_customer_opens_for_themselves_unasked(server: Running) -> None:
    async with server.rest("cus", "customer") as client:
        created = await client.post("/v1/conversations", json={"subject": "wifi", "channel": "web"})
        head = (await client.get(f"/v1/conversations/{created.json()['id']}")).json()
    assert (head["customer"], list(head["participants"])) == ("cus", ["cus"])


async def test_creating_again_with_the_same_id_makes_nothing_new(server: Running) -> None:
    async with server.rest() as client:
        answers = [await client.post("/v1/conversations", json=NEW | {"id": "c1"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.text for answer in answers}) == 1
        await client.post("/v1/conversations", json=NEW | {"id": "c1", "subject": "another", "customer": "thief"})
        head = (await client.get("/v1/conversations/c1")).json()
    assert (head["subject"], sorted(head["participants"])) == ("wifi", ["cus", "mei"])


async def test_what_is_not_there_is_not_found(server: Running) -> None:
    async with server.rest() as client:
        problem(await client.get("/v1/conversations/none"), 404, "not_found")
        problem(await client.post("/v1/conversations/none/participants", json={"user": "jin"}), 404, "not_found")
        problem(await client.delete("/v1/conversations/none/participants/jin"), 404, "not_found")
        assert (await client.get("/v1/nothing")).status_code == 404
        assert (await client.put("/v1/conversations")).status_code == 405
    async with server.rest("cus", "customer") as client:
        problem(await client.get("/v1/conversations/none"), 403, "forbidden")


async def test_another_tenants_conversations_do_not_exist(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest("boss", "admin", tenant="other") as client:
        problem(await client.get("/v1/conversations/c1"), 404, "not_found")
        problem(await client.post(PEOPLE, json={"user": "jin"}), 404, "not_found")
        problem(await client.delete(f"{PEOPLE}/cus"), 404, "not_found")
        assert (await client.post("/v1/conversations", json=NEW | {"id": "c1", "subject": "ours"})).status_code == 201
        assert (await client.get("/v1/conversations/c1")).json()["subject"] == "ours"
    async with server.rest() as client:
        assert (await client.get("/v1/conversations/c1")).json()["subject"] == "wifi"


# --- bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"subject": "wifi"}',
        b'{"subject": "wifi", "channel": ""}',
        b'{"subject": 7, "channel": "chat"}',
        b'{"subject": "wifi", "channel": "chat", "colour": "red"}',
        b'{"subject": "wifi", "channel": "chat", "id": "a/b"}',
        b'{"subject": "wifi", "channel": "chat", "id": ""}',
        b'{"subject": "wifi", "channel": "chat", "id": "..\\n"}',
        b'{"subject": "wifi", "channel": "chat", "customer": ""}',
        b'{"subject": "wifi", "channel": "chat", "language": "x"}',
        b'{"subject": "\xff", "channel": "chat"}',
        b'{"subject": "\\ud800", "channel": "chat"}',
        json.dumps({"subject": "x" * 501, "channel": "chat"}).encode(),
        b'{"subject":' * 5_000,
        b"[" * 60_000,
    ],
    ids=lambda body: body[:44].decode("latin-1"),
)
async def test_a_body_that_is_not_as_expected_is_said_to_be(server: Running, body: bytes) -> None:
    async with server.rest() as client:
        assert "body" in problem(await client.post("/v1/conversations", content=body), 422)
        assert (await client.post(PEOPLE, content=body)).status_code == 422


@pytest.mark.parametrize(
    "body", [{"user": ""}, {"user": "jin", "role": "king"}, {"user": "jin", "role": "server"}, {"user": "x" * 300}]
)
async def test_nobody_of_a_made_up_role_takes_part(server: Running, body: dict[str, str]) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest() as client:
        problem(await client.post(PEOPLE, json=body), 422)
        assert sorted((await client.get("/v1/conversations/c1")).json()["participants"]) == ["cus", "mei"]


async def test_a_body_has_a_limit_whatever_it_says_of_its_length(server: Running) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * BODY_BYTES_MAX

    async with server.rest() as client:
        fits = json.dumps(NEW).encode().ljust(BODY_BYTES_MAX)
        assert (await client.post("/v1/conversations", content=fits)).status_code == 201
        problem(await client.post("/v1/conversations", content=fits + b" "), 413)
        problem(await client.post("/v1/conversations", content=endless()), 413)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["subject", "channel", "customer", "language", "id", "user", "role"])
texts = st.text(max_size=60) | st.sampled_from(
    ["cus", "server", "agent", "chat", "c1", "\x00", "😀", "a" * 129, "conversation/c1"]
)
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(names, texts | json_values).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"subject": texts, "channel": texts}, optional={"customer": texts, "id": texts}).map(
        lambda value: json.dumps(value).encode()
    ),
    st.fixed_dictionaries({"user": texts}, optional={"role": st.sampled_from(ROLES)}).map(
        lambda value: json.dumps(value).encode()
    ),
)
path_parts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(
    lambda text: urllib.parse.quote(text, safe="")
)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own process, for many requests."""
    with ServerProcess(tmp_path_factory.mktemp("http") / "data", "--durability", "normal") as started:
        yield started


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(body=bodies, part=path_parts, other=path_parts)
def test_no_request_is_the_servers_fault(process: ServerProcess, body: bytes, part: str, other: str) -> None:
    headers = {"Authorization": f"Bearer {process.token('boss', 'admin')}"}
    requests = [
        ("POST", "/v1/conversations"),
        ("GET", f"/v1/conversations/{part}"),
        ("POST", f"/v1/conversations/{part}/participants"),
        ("POST", PEOPLE),
        ("DELETE", f"{PEOPLE}/{part}"),
        ("DELETE", f"/v1/users/{part}/sessions?device={other}"),
    ]
    with httpx.Client(base_url=process.http, headers=headers) as client:
        client.post("/v1/conversations", json=NEW | {"id": "c1"})
        for method, path in requests:
            answer = client.request(method, path, content=body if method == "POST" else None)
            assert answer.status_code < 500, (method, path, body, answer.text)
            if answer.status_code >= 400 and answer.headers["content-type"] == PROBLEM:
                assert answer.json()["status"] == answer.status_code


# --- when the store fails


async def test_a_store_that_fails_is_said_so_and_not_an_empty_answer(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.conversation("cus", id="c1")

    async def broken(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the disk is gone")

    async with server.rest() as client:
        with monkeypatch.context() as patched:
            for call in ("read_document", "create_document", "write_revocation"):
                patched.setattr(server.hub.store, call, broken)
            detail = problem(await client.get("/v1/conversations/unknown"), 503, "unavailable")
            assert "the disk is gone" in detail
            problem(await client.post("/v1/conversations", json=NEW), 503, "unavailable")
            problem(await client.delete("/v1/users/mei/sessions"), 503)
        assert (await client.get("/v1/conversations/c1")).status_code == 200


async def test_readiness_says_why_not(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.hub.log, "failure", StoreUnavailable("the disk is full"))
    async with httpx.AsyncClient(base_url=server.http) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": "the disk is full"})
        assert (await client.get("/healthz")).status_code == 200
    async with server.rest() as client:
        problem(await client.post("/v1/conversations", json=NEW), 503, "unavailable")


# --- secrets


async def test_no_token_is_in_any_line_of_the_log(tmp_path: Path) -> None:
    """Used on every surface, good and bad ones: header, hello, renewal, URL; and the server is in trouble meanwhile."""
    with ServerProcess(tmp_path / "data") as process:
        good, other = process.token("mei"), process.token("jin")
        expired, forged = process.token("old", ttl_s=-1), process.token("mei")[:-4] + "AAAA"
        async with httpx.AsyncClient(base_url=process.http) as client:
            for token in (good, expired, forged):
                headers = {"Authorization": f"Bearer {token}"}
                await client.post("/v1/conversations", json=NEW | {"id": "c1"}, headers=headers)
                await client.get(f"/v1/conversations/c1?token={token}", headers=headers)
                await client.get(f"/v1/nothing?token={token}", headers={"Authorization": f"Bearer {token}"})
                await client.post("/v1/conversations", content=token, headers=headers)
        async with wire_device(process.url, good) as device:
            await device.open("conversation/c1/1")
            await device.send(frames.Renew(other))
            assert (await device.closed())[0] == CloseCode.UNAUTHENTICATED
        for token in (good, expired, forged):
            for path in ("yjs/page/one", "yjs/conversation/c1", "yjs/nothing", "v1/sync", "v1/none"):
                await use_in_url(f"{process.url}/{path}?token={token}")
        async with httpx.AsyncClient(base_url=process.http, headers={"Authorization": f"Bearer {good}"}) as client:
            assert (await client.delete("/v1/users/mei/sessions")).status_code == 204
        process.terminate()
        log = process.log_path.read_text()
    assert "yjs.ended" in log
    for token in (good, other, expired, forged):
        header, payload, signature = token.split(".")
        assert payload not in log
        assert signature not in log
        assert f"{header}." not in log


async def use_in_url(url: str) -> None:
    """Connect with a token in the URL, send bytes that mean nothing, and see how it ends."""
    try:
        async with asyncio.timeout(5), connect(url, compression=None) as connection:
            await connection.send(b"\x07nonsense")
            while True:
                await connection.recv()
    except (ConnectionClosed, InvalidStatus):
        return


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PUT", "/v1/conversations", 405)])
async def test_what_no_route_answers_is_a_problem_too(server: Running, method: str, path: str, status: int) -> None:
    async with server.rest() as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
