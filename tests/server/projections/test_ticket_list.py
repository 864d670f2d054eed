"""Lists of tickets: the newest first, and exactly those that the rules of access let somebody read."""

from typing import Any

import pytest
from support.histories import TENANT, Histories, wild
from syncline_protocol.documents.access import Circle, access
from syncline_protocol.documents.conversation import reduce_conversation
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.documents.ticket import Ticket, reduce_ticket
from syncline_protocol.frames import Access
from syncline_protocol.names import DocumentKind, DocumentName
from syncline_server.projections.model import InvalidQuery
from syncline_server.projections.projections import Projections


def identity(user: str, role: Role, *groups: str, tenant: str = TENANT) -> Identity:
    return Identity(tenant=tenant, user=user, device="d", role=role, groups=frozenset(groups))


MEI = identity("mei", Role.AGENT)
TOM = identity("tom", Role.TECHNICIAN, "hardware")
ANN = identity("ann", Role.CUSTOMER)


async def listed(projections: Projections, who: Identity, **options: Any) -> list[str]:
    """The ids on all pages of a list."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await projections.tickets(who, limit=2, cursor=cursor, **options)
        assert len(page.tickets) <= 2
        found += [row.id for row in page.tickets]
        if page.next is None:
            return found
        cursor = page.next


async def three(histories: Histories) -> None:
    """Tickets, t1 the oldest: t1 of ann is tom's, t2 is with his group, t3 is nobody's."""
    await histories.open("c1", customer="ann", mei="agent")
    for ticket, of in (("t1", {"conversation": "c1"}), ("t2", {"customer": "bob"}), ("t3", {})):
        await histories.ticket(ticket, "opened", subject="No wifi", **of)
    for ticket, to in (("t1", {"user": "tom", "group": "software"}), ("t2", {"group": "hardware"})):
        cause = histories.records[f"ticket/{ticket}"][0][1]["id"]
        await histories.ticket(ticket, "assignment", by="server", cause=cause, **to)
    await histories.ticket("t3", "status", status="resolved")


async def test_a_list_is_narrowed(projections: Projections, histories: Histories) -> None:
    await three(histories)
    assert await projections.caught_up()
    assert await listed(projections, MEI) == ["t3", "t2", "t1"]
    assert await listed(projections, MEI, status="open") == ["t2", "t1"]
    assert await listed(projections, MEI, status="resolved") == ["t3"]
    assert await listed(projections, MEI, group="hardware") == ["t2"]
    assert await listed(projections, MEI, assignee="tom", status="new") == ["t1"]
    assert await listed(projections, identity("mei", Role.AGENT, tenant="other")) == []


async def test_everybody_is_shown_what_is_theirs(projections: Projections, histories: Histories) -> None:
    await three(histories)
    assert await projections.caught_up()
    assert await listed(projections, TOM) == ["t2", "t1"]
    assert await listed(projections, identity("sue", Role.TECHNICIAN)) == []
    assert await listed(projections, ANN) == ["t1"]
    assert await listed(projections, identity("bob", Role.CUSTOMER)) == ["t2"]
    (row,) = (await projections.tickets(identity("bob", Role.CUSTOMER))).tickets
    assert (row.subject, row.status, row.group, row.customer, row.updated_at) == ("No wifi", "new", None, None, None)
    (row,) = (await projections.tickets(MEI, group="hardware")).tickets
    assert (row.subject, row.status, row.group, row.customer) == ("No wifi", "new", "hardware", "bob")


async def test_what_makes_no_sense_is_said(projections: Projections) -> None:
    for options in ({"status": "gone"}, {"cursor": "x"}, {"cursor": "9" * 30}):
        with pytest.raises(InvalidQuery):
            await projections.tickets(MEI, **options)  # type: ignore[arg-type] # texts all of them
    with pytest.raises(InvalidQuery):
        await projections.tickets(ANN, assignee="tom")


@pytest.mark.parametrize("seed", range(12))
async def test_the_lists_are_those_of_the_rules(projections: Projections, histories: Histories, seed: int) -> None:
    await wild(histories, seed)
    assert await projections.caught_up()
    tickets = {
        name.split("/")[1]: ticket
        for name, records in histories.records.items()
        if name.startswith("ticket/") and (ticket := reduce_ticket(value for _, value in records)) is not None
    }
    assert tickets
    newest = sorted(tickets, key=lambda one: (tickets[one].opened_at, one), reverse=True)
    users = sorted({record["by"] for records in histories.records.values() for _, record in records} - {"server"})
    for user in users:
        for who in (identity(user, Role.CUSTOMER), identity(user, Role.TECHNICIAN, "hardware")):
            expected = [one for one in newest if may_read(histories, who, one, tickets[one])]
            assert await listed(projections, who) == expected, who
        assert await listed(projections, identity(user, Role.AGENT)) == newest


def may_read(histories: Histories, who: Identity, id_: str, ticket: Ticket) -> bool:
    """By `access.py`, which decides for one ticket."""
    if who.role is Role.TECHNICIAN:
        workers = {*ticket.watchers, ticket.assignee} - {None}
        circle = Circle(frozenset(str(one) for one in workers), frozenset({ticket.group} - {None}))  # type: ignore[arg-type]
        return access(who, DocumentName(DocumentKind.TICKET, id_), circle) is not Access.NONE
    head = reduce_conversation(value for _, value in histories.records.get(f"conversation/{ticket.conversation}", ()))
    people = {user for user, one in head.participants.items() if one.role is Role.CUSTOMER}
    circle = Circle(frozenset(people | {str(ticket.customer)}))
    return access(who, DocumentName(DocumentKind.TICKET_PUBLIC, id_), circle) is not Access.NONE
