"""Rules for extraction on a device: the tenant's, kept for when there is no connection; else those that are shipped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from client.conftest import ServedPeer
from client.test_conversation import Head
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from support.answering import answering
from syncline_client import Device, MemoryStore, StoreError, tenant_rules
from syncline_client.kept import CONFIGURATION, read_kept
from syncline_client.rest import Rest
from syncline_client.tenant_rules import TenantRules, shipped_rules
from syncline_protocol.extraction import Rules

WAIT_S = 10.0

TABLES = {"issue_type": [{"name": "coffee", "label": {"en": "Coffee"}, "terms": [{"weight": 9, "en": ["espresso"]}]}]}


async def token() -> str:
    return "t"


async def tables(request: Request) -> Response:
    """The server's answer: the tenant's tables, the same each time."""
    if request.headers.get("if-none-match") == '"7"':
        return Response(status_code=304)
    return JSONResponse(TABLES, headers={"ETag": '"7"'})


def of(device: Device, url: str) -> TenantRules:
    return TenantRules(device.replica, device.connection, Rest(url, token))


def knows_coffee(rules: Rules) -> bool:
    return rules.issue_type("coffee") is not None


async def test_without_a_server_the_shipped_rules_hold() -> None:
    async with Device("http://127.0.0.1:1", token="none") as device:
        rules = await of(device, "http://127.0.0.1:1").rules()
        assert not knows_coffee(rules)
        assert rules.issue_types == Rules.read({}, shipped=shipped_rules()).issue_types


async def test_the_tenants_rules_are_kept_and_hold_offline_as_well() -> None:
    store = MemoryStore()
    async with Device("http://127.0.0.1:1", token="none", store=store) as device, answering(tables) as served:
        rules = of(device, served.url)
        await rules.refresh()
        assert knows_coffee(await rules.rules())
        assert await rules.rules() is await rules.rules(), "read once"
        await rules.refresh()
        assert len(served.asked) == 1, "a moment ago"
    async with Device("http://127.0.0.1:1", token="none", store=store) as device:
        assert knows_coffee(await of(device, "http://127.0.0.1:1").rules())


async def test_what_is_the_same_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_rules, "FRESH_S", 0.0)
    async with Device("http://127.0.0.1:1", token="none") as device, answering(tables) as served:
        rules = of(device, served.url)
        await rules.refresh()
        await rules.refresh()
        assert [request.headers.get("if-none-match") for request in served.asked] == [None, '"7"']
        assert knows_coffee(await rules.rules())


async def test_a_server_that_did_not_answer_is_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_rules, "RETRY_S", 0.0)
    async with Device("http://127.0.0.1:1", token="none") as device, answering(tables) as served:
        rules = of(device, "http://127.0.0.1:1")
        await rules.refresh()
        rules._rest = Rest(served.url, token)
        await rules.refresh()
        assert knows_coffee(await rules.rules())


async def broken(_: Request) -> Response:
    return JSONResponse({"issue_type": "everything"}, headers={"ETag": '"8"'})


async def absent(_: Request) -> Response:
    return Response(status_code=404)


@pytest.mark.parametrize("answer", [broken, absent])
async def test_rules_that_cannot_be_had_change_nothing(answer: Callable[[Request], Awaitable[Response]]) -> None:
    async with Device("http://127.0.0.1:1", token="none") as device, answering(answer) as served:
        rules = of(device, served.url)
        await rules.refresh()
        assert (await rules.rules()).issue_types == Rules.read({}, shipped=shipped_rules()).issue_types


async def test_whoever_may_open_tickets_has_the_rules_ready(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with answering(tables) as served, Device(peer.url, token="ann:agent") as device:
        device._rules._rest = Rest(served.url, token)
        await device.connected()
        assert await read_kept(device.replica.store, CONFIGURATION) == b""
        await device.conversation("c")
        async with asyncio.timeout(WAIT_S):
            while not knows_coffee(await device._rules.rules()):
                await asyncio.sleep(0.02)


async def test_a_full_disk_puts_the_rules_off_and_no_more(peer: ServedPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_rules, "RETRY_S", 0.0)
    async with Device(peer.url, token="ann") as device, answering(tables) as served:
        await device.connected()
        rules = of(device, served.url)
        commit, tries = device.replica.store.commit, []

        async def full(*arguments: Any, **options: Any) -> None:
            tries.append(arguments)
            if len(tries) == 1:
                raise StoreError("the disk is full")
            await commit(*arguments, **options)

        monkeypatch.setattr(device.replica.store, "commit", full)
        running = asyncio.create_task(rules.run())
        async with asyncio.timeout(WAIT_S):
            while not knows_coffee(await rules.rules()):
                rules.wanted()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])


async def test_a_customer_opens_no_tickets_and_asks_for_no_rules(peer: ServedPeer) -> None:
    Head(peer).open_segment(1)
    async with answering(tables) as served, Device(peer.url, token="li:customer") as device:
        device._rules._rest = Rest(served.url, token)
        await device.connected()
        await device.conversation("c")
        await asyncio.sleep(0.2)
        assert served.asked == []
