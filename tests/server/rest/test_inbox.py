"""The inbox by REST: pages, changes, and waiting for them."""

import asyncio
from typing import Any

import httpx
import pytest
from support.rest import faults, problem, request_and_leave
from support.running import Running

TEXT = {"type": "text", "text": "hello"}


async def fill(server: Running, count: int = 5) -> None:
    """Conversations `c0`, `c1`, … of the customer `cus`, the last one the most recent."""
    for number in range(count):
        await server.conversation("cus", id=f"c{number}")


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["conversation"] for row in answer.json()["rows"]]


@pytest.mark.parametrize("path", ["/v1/inbox", "/v1/conversations"])
async def test_pages_list_every_conversation_once_the_most_recent_first(server: Running, path: str) -> None:
    await fill(server)
    async with server.rest() as mei:
        found: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            answer = await mei.get(path, params=query)
            found += names(answer)
            if "next" not in answer.json():
                break
            query["cursor"] = answer.json()["next"]
    assert found == ["c4", "c3", "c2", "c1", "c0"]


async def test_everybody_sees_what_they_may(server: Running) -> None:
    await fill(server, 2)
    await server.conversation("eve", id="e1")
    async with server.rest("cus", "customer") as cus, server.rest("aud", "auditor") as aud:
        assert names(await cus.get("/v1/inbox")) == ["c1", "c0"]
        assert names(await aud.get("/v1/inbox")) == ["e1", "c1", "c0"]
        problem(await cus.get("/v1/inbox?status=open"), 403, "forbidden")
    async with server.rest("tom", "technician") as tom, server.rest("boss", "admin", tenant="other") as boss:
        assert names(await tom.get("/v1/inbox")) == []
        assert names(await boss.get("/v1/inbox")) == []


async def test_what_was_written_before_is_in_it(server: Running) -> None:
    await fill(server, 2)
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        for number in range(10):
            conversation = f"c{number % 2}"
            await cus.post(f"/v1/conversations/{conversation}/messages", json=TEXT)
            row = (await mei.get("/v1/inbox?limit=1")).json()["rows"][0]
            assert (row["conversation"], row["messages"], row["unread"]) == (
                conversation,
                number // 2 + 1,
                number // 2 + 1,
            )
        assert names(await mei.get("/v1/inbox?view=unread")) == ["c1", "c0"]


async def test_a_ticket_puts_it_into_views(server: Running) -> None:
    await fill(server, 2)
    async with server.rest() as mei:
        assert (await mei.post("/v1/conversations/c0/tickets", json={"id": "t0"})).status_code == 201
        assert (await mei.post("/v1/tickets/t0/claim")).status_code == 200
        assert names(await mei.get("/v1/inbox?view=mine&status=accepted")) == ["c0"]
        assert names(await mei.get("/v1/inbox?view=mine&status=new")) == []
        assert names(await mei.get("/v1/inbox?view=group&group=service")) == ["c0"]
        assert names(await mei.get("/v1/inbox?group=service")) == ["c0"]
        assert names(await mei.get("/v1/inbox?view=all&group=service")) == ["c0"]


async def test_changes_come_from_a_position_on(server: Running) -> None:
    await fill(server, 3)
    async with server.rest() as mei:
        position = (await mei.get("/v1/inbox")).json()["position"]
        nothing = (await mei.get("/v1/inbox/changes", params={"since": position})).json()
        assert nothing == {"position": position}
        await mei.post("/v1/conversations/c1/messages", json=TEXT)
        answer = await mei.get("/v1/inbox/changes", params={"since": position})
        assert names(answer) == ["c1"]
        stale = (await mei.get("/v1/inbox/changes", params={"since": "0.1"})).json()
        assert stale["stale"] is True


async def test_an_answer_waits_for_a_change_that_the_caller_may_see(server: Running) -> None:
    await fill(server, 1)
    await server.conversation("eve", id="e1")
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        position = (await cus.get("/v1/inbox")).json()["position"]
        waiting = asyncio.create_task(cus.get("/v1/inbox/changes", params={"since": position, "wait": 20}))
        await mei.post("/v1/conversations/e1/messages", json=TEXT)
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await mei.post("/v1/conversations/c0/messages", json=TEXT)
        async with asyncio.timeout(10):
            assert names(await waiting) == ["c0"]


async def test_an_answer_does_not_wait_for_ever(server: Running) -> None:
    await fill(server, 1)
    async with server.rest() as mei:
        position = (await mei.get("/v1/inbox")).json()["position"]
        begun = asyncio.get_running_loop().time()
        answer = await mei.get("/v1/inbox/changes", params={"since": position, "wait": 1})
        assert answer.json() == {"position": position}
        assert 0.9 <= asyncio.get_running_loop().time() - begun < 10


async def test_who_is_logged_out_is_not_told_what_changes(server: Running) -> None:
    await fill(server, 1)
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        position = (await cus.get("/v1/inbox")).json()["position"]
        waiting = asyncio.create_task(cus.get("/v1/inbox/changes", params={"since": position, "wait": 30}))
        await asyncio.sleep(0.2)
        await server.hub.revoke("default", "cus", "")
        await mei.post("/v1/conversations/c0/messages", json=TEXT)
        async with asyncio.timeout(5):
            answer = await waiting
    problem(answer, 401, "unauthenticated")


async def test_who_leaves_is_not_waited_for(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(server, 1)
    async with server.rest() as mei:
        position = (await mei.get("/v1/inbox")).json()["position"]
    asked = 0
    wait_for_change = server.hub.projections.wait_for_change

    async def counted(*arguments: Any) -> bool:
        nonlocal asked
        asked += 1
        return await wait_for_change(*arguments)

    monkeypatch.setattr(server.hub.projections, "wait_for_change", counted)
    monkeypatch.setattr("syncline_server.rest.inbox.STEP_S", 0.05)
    head = f"GET /v1/inbox/changes?since={position}&wait=30 HTTP/1.1\r\nHost: x\r\n"
    await request_and_leave(server.http, f"{head}Authorization: Bearer {server.token('mei')}\r\n\r\n".encode())
    await asyncio.sleep(0.5)
    before = asked
    await asyncio.sleep(0.3)
    assert 0 < asked == before


async def test_it_is_asked_for_properly(server: Running) -> None:
    async with server.rest() as mei:
        for query, where in (
            ("view=none", "?view"),
            ("limit=0", "?limit"),
            ("limit=201", "?limit"),
            ("group=A", "?group"),
            ("status=nothing", "?status"),
            ("page=2", "?page"),
        ):
            assert faults(await mei.get(f"/v1/inbox?{query}")) == [where], query
        problem(await mei.get("/v1/inbox?view=mine&group=network"), 422, "invalid")
        for cursor in ("nothing", "1.x", "99999999999999999999.1", "-1.1", "１.1"):
            answer = await mei.get("/v1/inbox", params={"cursor": cursor})
            problem(answer, 404, "not_found")
            assert answer.json()["errors"][0]["parameter"] == "cursor"
        assert faults(await mei.get("/v1/inbox/changes")) == ["?since"]
        assert faults(await mei.get("/v1/inbox/changes?since=x&wait=31")) == ["?wait"]
        answer = await mei.get("/v1/inbox/changes?since=x")
        problem(answer, 404, "not_found")
        assert answer.json()["errors"][0]["parameter"] == "since"
