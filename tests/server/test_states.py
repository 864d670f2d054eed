"""What is kept of small documents is what was committed: kept up, read again when it must be, forgotten when full."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import running
from support.running_domain import MEI, TENANT, WANG, Domain
from syncline_protocol.names import parse_name
from syncline_server import states


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    """A server with a conversation."""
    async with running(tmp_path / "data") as server:
        made = Domain(server)
        await made.conversation()
        yield made


async def test_a_state_follows_every_commit(domain: Domain) -> None:
    ticket = await domain.ticket()
    for number in range(5):
        await domain.event(WANG, ticket, "note", text=f"note {number}")
        state = await domain.hub.states.ticket(TENANT, ticket)
        assert state is not None
        assert len(state.notes) == number + 1
    kept = await domain.hub.states.records(TENANT, parse_name(f"ticket/{ticket}"))
    assert kept is not None
    assert list(kept.records.values()) == await domain.records(f"ticket/{ticket}")


async def test_a_state_is_computed_once_as_long_as_nothing_comes(domain: Domain) -> None:
    ticket = await domain.ticket()
    first = await domain.hub.states.ticket(TENANT, ticket)
    assert await domain.hub.states.ticket(TENANT, ticket) is first
    await domain.event(WANG, ticket, "note", text="a note")
    assert await domain.hub.states.ticket(TENANT, ticket) is not first


async def test_what_was_read_while_something_was_committed_misses_nothing(domain: Domain) -> None:
    ticket = await domain.ticket()
    for number in range(20):
        domain.hub.states._kept.clear()
        event = {"type": "note", "text": f"note {number}"}
        _, state = await asyncio.gather(
            domain.hub.tickets.write(MEI, ticket, [event]), domain.hub.states.ticket(TENANT, ticket)
        )
        after = await domain.hub.states.ticket(TENANT, ticket)
        assert state is not None
        assert after is not None
        assert len(after.notes) == number + 1


async def test_no_more_is_kept_than_fits(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "KEPT_MAX", 2)
    for number in range(5):
        await domain.conversation(f"d{number}", customer=f"cus{number}")
    for number in range(5):
        head = await domain.hub.states.head(TENANT, f"d{number}")
        assert head is not None
        assert head.customer == f"cus{number}"
        assert len(domain.hub.states._kept) <= 2


async def test_what_is_not_there_is_nothing(domain: Domain) -> None:
    found = await domain.hub.states.head(TENANT, "none")
    assert (found, await domain.hub.states.ticket(TENANT, "none")) == (None, None)
    assert await domain.hub.states.public(TENANT, "none") is None


async def test_tenants_do_not_see_each_other(domain: Domain) -> None:
    assert await domain.hub.states.head(TENANT, "c1") is not None
    assert await domain.hub.states.head("acme", "c1") is None
