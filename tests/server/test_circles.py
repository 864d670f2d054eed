"""Who is around a document, for those whose rights depend on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import running
from support.running_domain import CUS, MEI, WANG, ZHAO, Domain
from syncline_protocol.documents.access import NOBODY, Circle
from syncline_protocol.documents.identity import Identity
from syncline_protocol.names import parse_name
from syncline_server.circles import circle_of


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    """A server with a conversation."""
    async with running(tmp_path / "data") as server:
        made = Domain(server)
        await made.conversation()
        yield made


async def around(domain: Domain, who: Identity, name: str) -> Circle:
    """The circle around a document."""
    return await circle_of(domain.hub.states, who, parse_name(name))


async def test_nothing_is_read_for_those_who_may_open_everything(domain: Domain) -> None:
    assert await around(domain, MEI, "conversation/c1/1") == NOBODY


async def test_a_conversation_has_its_people(domain: Domain) -> None:
    assert (await around(domain, CUS, "conversation/c1/1")).people == {"cus", "mei"}
    assert await around(domain, CUS, "conversation/none") == NOBODY
    assert await around(domain, CUS, "page/one") == NOBODY


async def test_a_technician_is_around_a_conversation_by_its_tickets(domain: Domain) -> None:
    await domain.ticket()
    circle = await around(domain, WANG, "conversation/c1")
    assert "service" in circle.groups
    assert circle.people == {"cus", "mei"}


async def test_a_ticket_has_those_who_are_or_were_on_it(domain: Domain) -> None:
    ticket = await domain.ticket()
    assert await around(domain, WANG, f"ticket/{ticket}") == Circle(frozenset({"mei"}), frozenset({"service"}))
    await domain.event(WANG, ticket, "claim")
    await domain.event(MEI, ticket, "transfer", group="billing")
    circle = await around(domain, ZHAO, f"ticket/{ticket}/text")
    assert circle == Circle(frozenset({"mei", "wang"}), frozenset({"billing"}))


async def test_a_public_side_has_the_tickets_customers_and_the_rest_has_none(domain: Domain) -> None:
    ticket = await domain.ticket(customer="aunt")
    assert (await around(domain, CUS, f"ticket/{ticket}/public")).people == {"aunt", "cus"}
    assert await around(domain, CUS, f"ticket/{ticket}") == NOBODY
    assert await around(domain, CUS, f"ticket/{ticket}/text") == NOBODY


async def test_a_ticket_that_nobody_has_opened_is_new(domain: Domain) -> None:
    assert await around(domain, WANG, "ticket/t9") == Circle(is_new=True)
