"""Inboxes: windows, changes, rights."""

import asyncio
from random import Random
from typing import Any

import pytest
from support.histories import TENANT, Histories, wild
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.listings import InboxRow
from syncline_server.projections.model import InvalidQuery, View
from syncline_server.projections.projections import Projections


def identity(user: str, role: Role, *groups: str, tenant: str = TENANT) -> Identity:
    return Identity(tenant=tenant, user=user, device="d", role=role, groups=frozenset(groups))


MEI = identity("mei", Role.AGENT)
TOM = identity("tom", Role.TECHNICIAN, "hardware")
ANN = identity("ann", Role.CUSTOMER)


async def rows(projections: Projections, who: Identity, **options: Any) -> list[InboxRow]:
    """All pages of an inbox."""
    found: list[InboxRow] = []
    cursor: str | None = None
    while True:
        page = await projections.inbox(who, limit=2, cursor=cursor, **options)
        found += page.rows
        if page.next is None:
            return found
        cursor = page.next


async def names(projections: Projections, who: Identity, **options: Any) -> list[str]:
    return [row.conversation for row in await rows(projections, who, **options)]


async def five(histories: Histories) -> None:
    """Five conversations, c1 the oldest; a ticket of c2 is with Tom, one of c4 with the hardware group."""
    for number in range(1, 6):
        await histories.open(f"c{number}", customer="ann" if number < 4 else "bob", mei="agent")
        await histories.say(f"c{number}", f"line one\nof {number}", by="ann")
    for ticket, conversation, user, group in (("t1", "c2", "tom", "software"), ("t2", "c4", "sue", "hardware")):
        opened = await histories.ticket(ticket, "opened", subject="No wifi", conversation=conversation, customer="ann")
        await histories.ticket(ticket, "number", by="server", cause=opened["id"], number=int(ticket[1:]))
        await histories.ticket(ticket, "assignment", by="server", cause=opened["id"], user=user, group=group)
    await histories.ticket("t2", "status", status="resolved")


async def test_a_row_says_what_a_list_shows(projections: Projections, histories: Histories) -> None:
    await five(histories)
    assert await projections.caught_up()
    row = (await rows(projections, MEI))[3]
    assert row.conversation == "c2"
    assert (row.subject, row.channel, row.language, row.customer) == ("No wifi", "chat", "en", "ann")
    assert (row.messages, row.unread, row.closed) == (1, 1, False)
    assert row.last is not None
    assert (row.last.by, row.last.type, row.last.text) == ("ann", "text", "line one of 2")
    (ticket,) = row.tickets
    assert (ticket.id, ticket.number, ticket.status, ticket.assignee, ticket.group) == (
        "t1",
        1,
        "new",
        "tom",
        "software",
    )


async def test_views_show_what_they_say_by_recency(projections: Projections, histories: Histories) -> None:
    await five(histories)
    assert await projections.caught_up()
    assert await names(projections, MEI) == ["c5", "c4", "c3", "c2", "c1"]
    assert await names(projections, TOM, view=View.MINE) == ["c2"]
    assert await names(projections, MEI, view=View.MINE) == []
    assert await names(projections, MEI, view=View.GROUP, group="hardware") == ["c4"]
    assert await names(projections, identity("x", Role.AGENT, "software", "hardware"), view=View.GROUP) == ["c4", "c2"]
    assert await names(projections, MEI, status="open") == ["c2"]
    assert await names(projections, MEI, status="resolved") == ["c4"]
    assert await names(projections, MEI, view=View.GROUP, group="hardware", status="open") == []
    assert await names(projections, MEI, view=View.UNREAD) == ["c5", "c4", "c3", "c2", "c1"]
    for conversation in ("c5", "c1"):
        message = histories.records[f"conversation/{conversation}/1"][-1][1]
        await histories.read("mei", conversation, message)
    await histories.say("c1", "hello?", by="mei")
    assert await projections.caught_up()
    assert await names(projections, MEI, view=View.UNREAD) == ["c4", "c3", "c2"]
    assert await names(projections, MEI) == ["c1", "c5", "c4", "c3", "c2"]
    assert [row.unread for row in await rows(projections, MEI)] == [0, 0, 1, 1, 1]
    assert [seen[:1] + seen[2:] for seen in await projections.seen_by(TENANT, "c5")] == [("mei", message_id(histories))]


def message_id(histories: Histories) -> str:
    return str(histories.records["conversation/c5/1"][0][1]["id"])


async def test_everybody_sees_what_is_theirs(projections: Projections, histories: Histories) -> None:
    await five(histories)
    assert await projections.caught_up()
    for role in (Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR, Role.BOT, Role.INTEGRATION):
        assert len(await names(projections, identity("x", role))) == 5
        assert await names(projections, identity("x", role, tenant="zeta")) == []
    assert await names(projections, ANN) == ["c3", "c2", "c1"]
    assert await names(projections, identity("bob", Role.CUSTOMER)) == ["c5", "c4"]
    assert await names(projections, TOM) == ["c4", "c2"]
    assert await names(projections, identity("sue", Role.TECHNICIAN)) == ["c4"]
    assert await names(projections, identity("mei", Role.TECHNICIAN)) == ["c5", "c4", "c3", "c2", "c1"]
    assert await names(projections, identity("eve", Role.TECHNICIAN), view=View.GROUP, group="hardware") == []
    assert await names(projections, identity("eve", Role.CUSTOMER), view=View.GROUP, group="hardware") == []
    assert await names(projections, ANN, view=View.UNREAD) == []
    tickets = [ticket for row in await rows(projections, ANN) for ticket in row.tickets]
    assert [(one.id, one.number, one.status, one.assignee, one.group) for one in tickets] == [
        ("t1", 1, "new", None, None)
    ]


async def test_changes_make_of_an_old_window_the_new_one(projections: Projections, histories: Histories) -> None:
    random = Random(1)
    inboxes: list[tuple[Identity, dict[str, Any]]] = [
        (MEI, {}),
        (TOM, {}),
        (ANN, {}),
        (MEI, {"view": View.UNREAD}),
        (MEI, {"view": View.GROUP, "group": "hardware"}),
    ]
    inboxes += [
        (TOM, {"view": View.MINE}),
        (MEI, {"status": "open"}),
        (identity("sue", Role.TECHNICIAN), {"view": View.UNREAD}),
    ]
    held = [{row.conversation: row for row in await rows(projections, who, **options)} for who, options in inboxes]
    positions = [(await projections.inbox(who, **options)).position for who, options in inboxes]
    for part in range(8):
        await wild(histories, part, steps=random.randrange(5, 30))
        assert await projections.caught_up()
        for number, (who, options) in enumerate(inboxes):
            more = True
            while more:
                changes = await projections.inbox_changes(who, since=positions[number], limit=2, **options)
                assert not changes.stale
                held[number].update({row.conversation: row for row in changes.rows})
                for gone in changes.removed:
                    held[number].pop(gone, None)
                positions[number], more = changes.position, changes.more
            now = await rows(projections, who, **options)
            assert held[number] == {row.conversation: row for row in now}
            assert [row.at for row in now] == sorted((row.at for row in now), reverse=True)


async def test_nobody_hears_of_what_they_never_saw(projections: Projections, histories: Histories) -> None:
    await histories.open("mine", customer="ann")
    assert await projections.caught_up()
    position = (await projections.inbox(ANN)).position
    await histories.open("theirs", customer="bob")
    await histories.say("theirs", "secret", by="bob")
    assert await projections.caught_up()
    changes = await projections.inbox_changes(ANN, since=position)
    assert (changes.rows, changes.removed, changes.more) == ((), (), False)


async def test_a_position_of_another_time_is_stale(
    projections: Projections, histories: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = (await projections.inbox(MEI)).position
    generation, _ = position.split(".")
    monkeypatch.setattr("syncline_server.projections.settling.CHANGES_KEPT", 4)
    monkeypatch.setattr("syncline_server.projections.inbox.CHANGES_KEPT", 4)
    await histories.open("c1")
    for _ in range(6):
        await histories.say("c1", "and")
        assert await projections.caught_up()
    for old in (position, "abcdef.1", f"{generation}.99999"):
        changes = await projections.inbox_changes(MEI, since=old)
        assert (changes.stale, changes.rows) == (True, ())
        assert not (await projections.inbox_changes(MEI, since=changes.position)).stale
    for nonsense in ("", "x", "1", f"{generation}.-1", f"{generation}.٣"):
        with pytest.raises(InvalidQuery):
            await projections.inbox_changes(MEI, since=nonsense)


async def test_one_waits_for_a_change_of_the_own_tenant(projections: Projections, histories: Histories) -> None:
    theirs = Histories(histories.store, committed=projections.committed, tenant="zeta")
    await histories.open("c1")
    assert await projections.caught_up()
    position = (await projections.inbox(MEI)).position
    waiting = asyncio.create_task(projections.wait_for_change(TENANT, position, 20))
    await theirs.open("c1")
    assert await projections.caught_up()
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await histories.say("c1", "hello")
    assert await waiting
    assert await projections.wait_for_change(TENANT, position, 0)
    latest = (await projections.inbox(MEI)).position
    assert not await projections.wait_for_change(TENANT, latest, 0.05)
    assert await projections.wait_for_change(TENANT, "0ther.1", 0)


async def test_what_makes_no_sense_is_said(projections: Projections) -> None:
    nonsense: list[tuple[Identity, dict[str, Any]]] = [
        (MEI, {"status": "bad"}),
        (ANN, {"status": "on_hold"}),
        (MEI, {"group": "hardware"}),
        (MEI, {"cursor": "x"}),
        (MEI, {"cursor": "1.x"}),
        (MEI, {"cursor": f"{2**70}.1"}),
    ]
    for who, options in nonsense:
        with pytest.raises(InvalidQuery):
            await projections.inbox(who, **options)
