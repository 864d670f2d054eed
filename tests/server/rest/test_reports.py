"""Figures by REST: a small history, computed by hand."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from support.checkout import ROOT
from support.rest import faults, problem
from support.running import Running
from syncline_server.projections.figures import NAMES, Figures

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


async def figures(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/metrics", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def figures_once(client: httpx.AsyncClient, holds: Callable[[Any], bool], **query: Any) -> dict[str, Any]:
    """The same, once the server has answered what was written before."""
    async with asyncio.timeout(10):
        while not holds((found := await figures(client, **query))["figures"]):
            await asyncio.sleep(0.02)
    return found


async def test_a_small_history(server: Running) -> None:
    """One ticket: answered, resolved, reopened by the customer, resolved again; and one that repeats it."""
    await server.conversation("cus", id="c1")
    async with server.rest("cus", "customer") as cus, server.rest() as mei, server.rest("boss", "supervisor") as boss:
        for ticket in ("t1", "t2"):
            new = {"id": ticket, "subject": "no wifi", "conversation": "c1", "customer": "cus"}
            new |= {"issue_type": "networkfault", "priority": "high"}
            assert (await mei.post("/v1/tickets", json=new)).status_code == 201
        opened_ms = (await mei.get("/v1/tickets/t1")).json()["opened_at"] >> 10
        await mei.post("/v1/tickets/t1/claim")
        text = {"type": "text", "text": "have you tried to switch it off and on?"}
        assert (await mei.post("/v1/conversations/c1/messages", json=text)).status_code == 201
        assert (await mei.post("/v1/tickets/t1/events", json={"type": "status", "status": "resolved"})).is_success
        rating = {"type": "satisfaction", "ticket": "t1", "score": 4}
        assert (await cus.post("/v1/conversations/c1/messages", json=rating)).status_code == 201
        found = await figures_once(boss, lambda total: total["satisfaction"]["count"], by="group")
    assert found["definition"] == 2
    assert found["names"] == {name: dict(words) for name, words in NAMES.items()}
    assert found["from"] < opened_ms < found["to"]
    assert found["to"] - found["from"] == 30 * DAY_MS
    total = found["figures"]
    assert (total["opened"], total["resolved"], total["reopened"], total["closed"], total["open"]) == (2, 1, 0, 0, 1)
    assert (total["repeat_inquiries"], total["repeat_rate"]) == (1, 0.5)
    assert (total["first_response"]["count"], total["unanswered"]) == (2, 0)
    assert total["first_response"]["promise"] == {"kept": 2, "broken": 0, "share": 1.0}
    assert total["resolution"]["promise"] == {"kept": 1, "broken": 0, "share": 1.0}
    assert 0 <= total["resolution"]["calendar"]["median_ms"] < MINUTE_MS
    assert total["satisfaction"] == {"count": 1, "share": 1.0, "mean": 4.0, "scores": {"4": 1}}
    assert [(part["key"], part["figures"]["opened"]) for part in found["parts"]] == [("network", 2)]


async def test_what_the_customer_writes_after_the_resolution_begins_another_cycle(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest("cus", "customer") as cus, server.rest() as mei, server.rest("boss", "admin") as boss:
        new = {"id": "t1", "subject": "no wifi", "conversation": "c1", "customer": "cus"}
        await mei.post("/v1/tickets", json=new)
        await mei.post("/v1/tickets/t1/events", json={"type": "status", "status": "resolved"})
        async with asyncio.timeout(10):
            while (await cus.get("/v1/tickets/t1")).json().get("status") != "resolved":
                await asyncio.sleep(0.02)  # the customer knows of it, and answers
        await cus.post("/v1/conversations/c1/messages", json={"type": "text", "text": "it is gone again"})
        total = (await figures_once(boss, lambda total: total["reopened"]))["figures"]
        assert (total["opened"], total["resolved"], total["reopened"], total["open"]) == (1, 1, 1, 1)
        assert (total["reopen_rate"], total["unanswered"]) == (1.0, 1)
        assert total["reply_after_reopening"]["count"] == 0
        await mei.post("/v1/conversations/c1/messages", json={"type": "text", "text": "I look into it"})
        total = (await figures(boss))["figures"]
        assert (total["reply_after_reopening"]["count"], total["first_response"]["count"]) == (1, 0)


async def test_periods_and_parts(server: Running) -> None:
    async with server.rest() as mei, server.rest("boss", "supervisor") as boss:
        await mei.post("/v1/tickets", json={"id": "t1", "subject": "no wifi", "language": "zh"})
        opened_ms = (await mei.get("/v1/tickets/t1")).json()["opened_at"] >> 10
        for query, opened in (
            ({"from": opened_ms, "to": opened_ms + 1}, 1),
            ({"from": opened_ms + 1, "to": opened_ms + 2}, 0),
            ({"to": opened_ms}, 0),
            ({"from": "2026-01-01T00:00:00+08:00", "language": "zh"}, 1),
            ({"language": "en"}, 0),
            ({"group": "service"}, 1),
            ({"group": "network"}, 0),
            ({"assignee": "nobody"}, 0),
            ({"issue_type": "networkfault"}, 0),
            ({"channel": "chat"}, 0),
        ):
            assert (await figures(boss, **query))["figures"]["opened"] == opened, query
        found = await figures(boss, **{"from": "2026-11-01T00:00:00+08:00", "to": "2026-12-01T00:00:00Z"})
        assert (found["from"], found["to"]) == (1_793_462_400_000, 1_796_083_200_000)
        answer = await boss.get("/v1/metrics?from=2026-11-01T00:00:00+08:00")
        assert answer.json()["from"] == 1_793_462_400_000


@pytest.mark.parametrize("role", ["customer", "agent", "technician", "bot"])
async def test_not_everybody_is_told(server: Running, role: str) -> None:
    async with server.rest("somebody", role) as somebody:
        problem(await somebody.get("/v1/metrics"), 403, "forbidden")


@pytest.mark.parametrize("role", ["supervisor", "admin", "auditor", "integration"])
async def test_who_is_told_hears_of_their_own_tenant(server: Running, role: str) -> None:
    async with server.rest() as mei, server.rest("x", role) as own, server.rest("x", role, tenant="other") as other:
        await mei.post("/v1/tickets", json={"id": "t1", "subject": "no wifi"})
        assert (await figures(own))["figures"]["opened"] == 1
        assert (await figures(other))["figures"]["opened"] == 0


async def test_it_is_asked_for_properly(server: Running) -> None:
    async with server.rest("boss", "admin") as boss:
        for query, where in (
            ("from=yesterday", "?from"),
            ("from=2026-11-01", "?from"),
            ("from=2026-11-01T00:00:00", "?from"),
            ("to=2026-02-30T00:00:00Z", "?to"),
            ("to=2026-02-29T00:00:00Z", "?to"),
            ("from=2&to=2", "?from"),
            ("by=weather", "?by"),
            ("group=A", "?group"),
            ("since=1", "?since"),
        ):
            assert faults(await boss.get(f"/v1/metrics?{query}")) == [where], query


def test_the_guide_and_the_names_have_every_figure() -> None:
    assert tuple(NAMES) == Figures.__struct_fields__
    page = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    for name, words in NAMES.items():
        assert f"| `{name}` | {words['zh']} | {words['en']} | " in page
