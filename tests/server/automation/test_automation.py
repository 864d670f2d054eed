"""The list of what has changed: gone through in order, kept through failures, and never in anybody's way."""

import asyncio

import pytest
from support.running_domain import CUS, MEI, TENANT, WANG, Domain
from syncline_protocol.documents.ticket import ClaimOutcome
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_server.automation import automation as automations
from syncline_server.storage.interface import StoreUnavailable


async def test_a_failing_store_holds_answers_up_and_nothing_is_forgotten(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automations, "RETRY_S", 0.05)
    ticket = await domain.ticket()
    upkeep = domain.server.server.automation._tickets
    looks = 0
    look_at = upkeep.look_at

    async def failing(tenant: str, one: str) -> None:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise StoreUnavailable("the disk is full")
        await look_at(tenant, one)

    monkeypatch.setattr(upkeep, "look_at", failing)
    await domain.event(WANG, ticket, "claim")
    assert looks >= 3
    assert (await domain.state(ticket)).assignee == "wang"


@pytest.mark.parametrize("error", [RefusedUpdate(RefusalCode.INVALID, "no"), RuntimeError("unforeseen")])
async def test_one_bad_ticket_does_not_stop_the_others(
    domain: Domain, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(automations, "RETRY_S", 0.05)
    bad, good = await domain.ticket(), await domain.ticket()
    upkeep = domain.server.server.automation._tickets
    look_at = upkeep.look_at

    async def look(tenant: str, one: str) -> None:
        if one == bad:
            raise error
        await look_at(tenant, one)

    monkeypatch.setattr(upkeep, "look_at", look)
    for ticket in (bad, good):
        await domain.hub.tickets.write(WANG, ticket, [{"type": "claim"}])
    async with asyncio.timeout(5):
        while (await domain.state(good)).assignee is None:
            await asyncio.sleep(0.01)
    assert (await domain.state(bad)).assignee is None


async def test_many_claims_at_once_are_one_assignment(domain: Domain) -> None:
    ticket = await domain.ticket()
    people = [WANG.__class__(tenant=TENANT, user=f"tech{n}", device="rest", role=MEI.role) for n in range(30)]
    heads = list((await domain.state(ticket)).heads)
    claims = [{"type": "claim", "after": heads}]
    await asyncio.gather(*(domain.hub.tickets.write(one, ticket, claims) for one in people))
    await domain.settled()
    state = await domain.state(ticket)
    outcomes = [claim.state for claim in state.claims]
    assert outcomes.count(ClaimOutcome.GRANTED) == 1
    assert outcomes.count(ClaimOutcome.LOST) == 29
    assert {claim.holder for claim in state.claims} == {state.assignee}


async def test_conversations_without_tickets_are_not_looked_at(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    upkeep = domain.server.server.automation._conversations

    async def look(_: str, one: str) -> None:
        looked.append(one)

    monkeypatch.setattr(upkeep, "look_at", look)
    for number in range(5):
        await domain.say(CUS, f"message {number}")
    await domain.settled()
    assert looked == []
