"""From a request to an operation: who is there, what is refused in which order; nothing is the server's fault."""

import asyncio
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.rest import problem, request_and_leave
from support.running import Running
from support.server import ServerProcess
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.documents.identity import Role
from syncline_protocol.errors import CloseCode
from syncline_server.rest.operations import OPERATIONS
from syncline_server.rest.problems import MEDIA_TYPE
from syncline_server.storage.interface import StoreUnavailable
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

NEW = {"subject": "wifi", "channel": "chat", "customer": "cus"}
PEOPLE = "/v1/conversations/c1/participants"
ROLES = sorted(set(Role) - {Role.SERVER})
GUARDED = [operation for operation in OPERATIONS if operation.roles is not None]


def some(path: str) -> str:
    """The path with something in the place of each name."""
    return path.replace("{id}", "c1").replace("{user}", "mei")


# --- who is there


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic bWVpOng=", "Bearer not.a.token", "Bearer é"])
async def test_nothing_is_told_without_a_token(server: Running, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    async with httpx.AsyncClient(base_url=server.http) as client:
        for operation in GUARDED:
            answer = await client.request(operation.method, some(operation.path), headers=headers)  # type: ignore[arg-type]
            problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_expired_token_is_refused(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.http) as client:
        headers = {"Authorization": f"bearer {server.token('mei', ttl_s=-1)}"}
        answer = await client.delete("/v1/users/mei/sessions", headers=headers)
        assert problem(answer, 401, "unauthenticated") == "the token has expired"
        headers = {"Authorization": f"bearer {server.token('mei')}"}
        assert (await client.delete("/v1/users/mei/sessions", headers=headers)).status_code == 204


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_that_may_not_is_told_so_before_anything_is_read(server: Running, role: Role) -> None:
    async with server.rest("eve", role.value) as client:
        for operation in GUARDED:
            answer = await client.request(operation.method, f"{some(operation.path)}?undeclared")
            if operation.roles is not None and role in operation.roles:
                problem(answer, 422, "invalid")
            else:
                problem(answer, 403, "forbidden")


async def test_who_asks_too_fast_waits_and_is_then_refused(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([0.05, 7.5])
    monkeypatch.setattr(server.hub.rates, "take", lambda *_: next(waits))
    async with server.rest() as client:
        begun = asyncio.get_running_loop().time()
        assert (await client.post("/v1/conversations", json=NEW)).status_code == 201
        assert asyncio.get_running_loop().time() - begun >= 0.05
        answer = await client.post("/v1/conversations", json=NEW)
    problem(answer, 429, "rate_limited")
    assert (answer.headers["retry-after"], answer.json()["retry_after_ms"]) == ("8", 7500)


# --- what no operation answers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/conversations/", 404, "not_found"),
        ("PUT", "/v1/conversations/c1", 405, "method_not_allowed"),
        ("TRACE", "/healthz", 405, "method_not_allowed"),
    ],
)
async def test_what_no_route_answers_is_a_problem_too(
    server: Running, method: str, path: str, status: int, code: str
) -> None:
    async with server.rest() as client:
        problem(await client.request(method, path), status, code)


async def test_a_wrong_method_is_told_the_right_ones_of_its_path(server: Running) -> None:
    async with server.rest() as client:
        for path in {operation.path for operation in OPERATIONS}:
            right = {one.method for one in OPERATIONS if one.path == path}
            answer = await client.patch(some(path))
            problem(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == ", ".join(sorted(right | ({"HEAD"} if "GET" in right else set())))


async def test_head_is_get_without_its_body(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest() as client:
        head, got = await client.head("/v1/conversations/c1"), await client.get("/v1/conversations/c1")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_a_failure_of_the_server_is_a_problem_and_tells_nothing(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    await server.conversation("cus", id="c1")
    monkeypatch.setattr(server.hub.conversations, "head", broken)
    async with server.rest() as client:
        answer = await client.get("/v1/conversations/c1")
    assert "secret" not in problem(answer, 500, "internal")


# --- requests that end half-way


async def test_a_caller_who_leaves_half_way_leaves_all_or_nothing(server: Running) -> None:
    body = json.dumps(NEW | {"id": "c9"}).encode()
    head = (
        "POST /v1/conversations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.token('mei')}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    async with server.rest() as client:
        await request_and_leave(server.http, head + body[:-1])
        problem(await client.get("/v1/conversations/c9"), 404, "not_found")
        await request_and_leave(server.http, head + body)
        async with asyncio.timeout(5):
            while (found := await client.get("/v1/conversations/c9")).status_code != 200:
                await asyncio.sleep(0.02)
    assert sorted(found.json()["participants"]) == ["cus", "mei"]
    assert found.json()["segments"] == [1]


# --- no request is the server's fault


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["subject", "channel", "customer", "language", "id", "user", "role", "type", "text", "events"])
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


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(body=bodies, part=path_parts, other=path_parts)
def test_no_request_is_the_servers_fault(process: ServerProcess, body: bytes, part: str, other: str) -> None:
    headers = {"Authorization": f"Bearer {process.token('boss', 'admin')}", "Content-Type": "application/json"}
    with httpx.Client(base_url=process.http, headers=headers, timeout=60) as client:
        client.post("/v1/conversations", json=NEW | {"id": "c1"})
        for operation in GUARDED:
            for path in (some(operation.path), operation.path.replace("{id}", part).replace("{user}", part)):
                content = body if operation.body is not None else None
                answer = client.request(operation.method, f"{path}?{other}={part}", content=content)
                assert answer.status_code < 500, (operation.id, body, answer.text)
                answer = client.request(operation.method, path, content=content)
                assert answer.status_code < 500, (operation.id, body, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == MEDIA_TYPE
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
            answer = await client.get("/v1/conversations/unknown")
            assert "the disk is gone" in problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"
            problem(await client.post("/v1/conversations", json=NEW), 503, "unavailable")
            problem(await client.delete("/v1/users/mei/sessions"), 503, "unavailable")
        assert (await client.get("/v1/conversations/c1")).status_code == 200


async def test_nothing_is_written_while_the_store_takes_no_writes(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.hub.log, "failure", StoreUnavailable("the disk is full"))
    async with server.rest() as client:
        problem(await client.post("/v1/conversations", json=NEW), 503, "unavailable")


# --- secrets


async def test_no_token_is_in_any_line_of_the_log(process: ServerProcess) -> None:
    """Used on every surface, good and bad ones: header, hello, renewal, URL; and the server is in trouble meanwhile."""
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
