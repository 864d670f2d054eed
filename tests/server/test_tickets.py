"""Tickets as REST writes them: opened once, each event once, behind what the ticket is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.records import record_id
from support.running import running
from support.running_domain import CUS, MEI, TENANT, WANG, ZHAO, Domain
from syncline_protocol.documents.opening import Opening
from syncline_protocol.errors import RefusalCode, RefusedUpdate

OPENING = Opening("平板连不上", "api", conversation="c1", customer="cus")


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    """A server with a conversation."""
    async with running(tmp_path / "data") as server:
        made = Domain(server)
        await made.conversation()
        yield made


async def test_the_same_id_is_one_ticket_however_many_open_it_at_once(domain: Domain) -> None:
    made = await asyncio.gather(*(domain.hub.tickets.create(MEI, OPENING, id="t1") for _ in range(5)))
    again = await domain.hub.tickets.create(MEI, OPENING._replace(subject="else"), id="t1")
    assert {*made, again} == {"t1"}
    types = [event["type"] for event in await domain.hub.tickets.events(TENANT, "t1")]
    assert types.count("opened") == 1
    subject = (await domain.state("t1")).subject
    assert subject is not None
    assert subject.value == "平板连不上"


async def test_events_stand_behind_what_the_ticket_is_and_behind_each_other(domain: Domain) -> None:
    ticket = await domain.ticket()
    heads = (await domain.state(ticket)).heads
    written = await domain.hub.tickets.write(
        WANG, ticket, [{"type": "note", "text": "one"}, {"type": "note", "text": "two"}]
    )
    assert [event["after"] for event in written] == [list(heads), [written[0]["id"]]]
    assert all(event["at"] > max(one["at"] for one in written[:place]) for place, event in enumerate(written) if place)


async def test_an_event_with_the_same_id_is_written_once(domain: Domain) -> None:
    ticket = await domain.ticket()
    event = {"type": "note", "text": "once", "id": record_id(5)}
    first = await domain.hub.tickets.write(WANG, ticket, [event])
    assert await domain.hub.tickets.write(WANG, ticket, [event]) == first
    assert [note.text for note in (await domain.state(ticket)).notes] == ["once"]


async def test_whoever_may_not_have_it_writes_nothing(domain: Domain) -> None:
    ticket = await domain.ticket()
    for who in (CUS, ZHAO):
        with pytest.raises(RefusedUpdate) as refusal:
            await domain.hub.tickets.write(who, ticket, [{"type": "note", "text": "mine"}])
        assert refusal.value.code is RefusalCode.FORBIDDEN
    with pytest.raises(RefusedUpdate) as refusal:
        await domain.hub.tickets.write(MEI, "none", [{"type": "note", "text": "mine"}])
    assert refusal.value.code is RefusalCode.NOT_FOUND
    with pytest.raises(RefusedUpdate) as refusal:
        await domain.hub.tickets.write(MEI, ticket, [{"type": "note", "text": ""}])
    assert refusal.value.code is RefusalCode.INVALID
