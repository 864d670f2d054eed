"""What the server's own actor asks: each answer from what was written, of the right tenant, conversation and people."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import running
from support.running_domain import BOSS, CUS, MEI, TENANT, WANG, Domain
from syncline_protocol.clock import at_from_ms
from syncline_server.projections.facts import Written


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    """A server with a conversation."""
    async with running(tmp_path / "data") as server:
        made = Domain(server)
        await made.conversation()
        yield made


async def test_loads_count_what_people_are_to_work_on(domain: Domain) -> None:
    first, second = await domain.ticket(), await domain.ticket()
    for ticket in (first, second):
        await domain.event(WANG, ticket, "claim")
    facts = domain.hub.projections.facts
    assert await facts.loads(TENANT) == {"wang": 2}
    await domain.event(WANG, first, "status", status="resolved")
    assert (await facts.loads(TENANT), await facts.loads("acme")) == ({"wang": 1}, {})


async def test_the_last_number_is_the_tenants(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    assert await facts.last_number(TENANT) == 0
    await domain.ticket()
    await domain.ticket()
    assert (await facts.last_number(TENANT), await facts.last_number("acme")) == (2, 0)


async def test_the_first_word_of_a_customer_behind_another_message(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    await domain.say(CUS, "before")
    await domain.say(MEI, "by the staff")
    wanted = await domain.say(CUS, "wanted")
    await domain.say(CUS, "later")
    await domain.settled()
    stamps = {one["id"]: one["at"] for one in await domain.records("conversation/c1/1")}
    before = next(iter(stamps))
    found = await facts.first_of_customer(TENANT, "c1", after=Written(before, stamps[before]))
    assert found == Written(wanted, stamps[wanted])
    last = list(stamps)[-1]
    assert await facts.first_of_customer(TENANT, "c1", after=Written(last, stamps[last])) is None
    assert await facts.first_of_customer(TENANT, "none", after=Written("", 0)) is None


async def test_messages_and_records_of_a_segment_are_found(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    message = await domain.say(CUS, "a message")
    await domain.write(CUS, {"type": "edit", "message": message, "text": "better"})
    await domain.settled()
    assert await facts.has_message(TENANT, "c1", message)
    assert not await facts.has_message(TENANT, "c1", "01a0c5ad-f400-7000-8000-000000000000")
    assert not await facts.has_message(TENANT, "none", message)
    assert (await facts.records_in(TENANT, "c1", 1), await facts.records_in(TENANT, "c1", 2)) == (2, 0)


async def test_segments_with_redactions_are_known_before_and_after(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    message = await domain.say(CUS, "a message")
    await domain.settled()
    assert await facts.redacting_segments(TENANT, "c1") == []
    await domain.write(BOSS, {"type": "redaction", "message": message})
    await domain.settled()
    assert await facts.redacting_segments(TENANT, "c1") == [1]


async def test_ratings_are_by_ticket(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    ticket = await domain.ticket()
    record = await domain.write(CUS, {"type": "satisfaction", "ticket": ticket, "score": 4, "text": "ok"})
    await domain.settled()
    assert await facts.ratings(TENANT, ticket) == [(record, "cus", 4, "ok")]
    assert await facts.ratings(TENANT, "none") == []


async def test_the_last_erased_message_of_a_user_by_conversation(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    await domain.conversation("c2")
    said = [await domain.say(CUS, f"message {number}") for number in range(3)]
    others = [await domain.say(MEI, "by the staff"), await domain.say(CUS, "elsewhere", conversation="c2")]
    for message in (said[1], said[0], others[0]):
        await domain.write(BOSS, {"type": "redaction", "message": message})
    await domain.settled()
    stamps = {one["id"]: one["at"] for one in await domain.records("conversation/c1/1")}
    assert await facts.erased_until(TENANT, "cus") == {"c1": stamps[said[1]]}
    assert await facts.erased_until(TENANT, "mei") == {"c1": stamps[others[0]]}
    assert await facts.erased_until("acme", "cus") == await facts.erased_until(TENANT, "boss") == {}


async def test_tickets_resolved_before_a_moment(domain: Domain) -> None:
    facts = domain.hub.projections.facts
    ticket = await domain.ticket()
    await domain.event(WANG, ticket, "status", status="resolved")
    now_ms = domain.hub.now_ms()
    assert await facts.resolved_before(at_from_ms(now_ms - 60_000)) == []
    assert await facts.resolved_before(at_from_ms(now_ms + 60_000)) == [(TENANT, ticket)]
