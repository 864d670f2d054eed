"""What is there because of a ticket: answers, the customer's side, messages, links; once each, and erased for good."""

from pathlib import Path
from typing import Any

import pytest
from support.running import running
from support.running_domain import BOSS, CUS, LI, MEI, TENANT, WANG, Domain
from syncline_protocol.documents.opening import Opening
from syncline_protocol.documents.ticket_records import TicketStatus
from syncline_protocol.extraction import Extracted
from syncline_server.automation.automation import Automation


async def test_a_ticket_gets_number_group_and_public_side_and_the_conversation_is_told(domain: Domain) -> None:
    ticket = await domain.ticket()
    state = await domain.state(ticket)
    assert (state.number, state.status) == (1, TicketStatus.NEW)
    assert state.group is not None
    public = await domain.hub.tickets.public(TENANT, ticket)
    assert public is not None
    assert (public.number, public.labels["zh"], public.subject) == (1, "待受理", "平板连不上")
    assert await domain.announced() == ["工单 #1：待受理"]
    head = await domain.hub.conversations.head(TENANT, "c1")
    assert head is not None
    assert [(one.ticket, one.number) for one in head.tickets] == [(ticket, 1)]


async def test_every_step_comes_back_into_the_chat(domain: Domain) -> None:
    ticket = await domain.ticket()
    await domain.event(WANG, ticket, "claim")
    for status in ("in_progress", "on_hold", "awaiting_customer", "resolved"):
        await domain.event(WANG, ticket, "status", status=status)
    assert await domain.announced() == [
        "工单 #1：待受理",
        "工单 #1：已受理，负责人：wang",
        "工单 #1：处理中，负责人：wang",
        "工单 #1：待反馈，负责人：wang",
        "工单 #1：已解决，负责人：wang",
    ]
    public = await domain.hub.tickets.public(TENANT, ticket)
    assert public is not None
    assert [step.status for step in public.timeline] == [
        "new", "accepted", "in_progress", "awaiting_customer", "resolved",
    ]  # fmt: skip


async def test_numbers_go_up_without_gaps_also_across_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        domain = Domain(server)
        await domain.conversation()
        tickets = [await domain.ticket() for _ in range(3)]
        assert [(await domain.state(one)).number for one in tickets] == [1, 2, 3]
    async with running(tmp_path / "data") as server:
        domain = Domain(server)
        assert (await domain.state(await domain.ticket())).number == 4


async def test_what_a_stopped_server_left_is_written_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        async def asleep(_: Automation) -> None:
            return

        patched.setattr(Automation, "_run", asleep)
        async with running(tmp_path / "data") as server:
            domain = Domain(server)
            await domain.conversation()
            opening = Opening("平板连不上", "agent", conversation="c1", customer="cus", language="zh")
            ticket = await domain.hub.tickets.create(MEI, opening)
            await domain.hub.projections.caught_up()
            assert (await domain.state(ticket)).number is None
    async with running(tmp_path / "data") as server:
        domain = Domain(server)
        await domain.settled()
        assert (await domain.state(ticket)).number == 1
        assert await domain.announced() == ["工单 #1：待受理"]


async def test_looking_again_writes_nothing(domain: Domain) -> None:
    ticket = await domain.ticket()
    await domain.event(WANG, ticket, "claim")
    names = (f"ticket/{ticket}", f"ticket/{ticket}/public", "conversation/c1", "conversation/c1/1")
    before = [await domain.records(name) for name in names]
    automation = domain.server.server.automation
    await automation._tickets.look_at(TENANT, ticket)
    await automation._conversations.look_at(TENANT, "c1")
    assert [await domain.records(name) for name in names] == before


async def test_the_customers_word_after_the_end_makes_it_go_on(domain: Domain) -> None:
    ticket = await domain.ticket()
    await domain.event(WANG, ticket, "status", status="resolved", resolution="换了天线")
    await domain.say(CUS, "还是不行")
    await domain.settled()
    state = await domain.state(ticket)
    assert state.status is TicketStatus.IN_PROGRESS
    assert [one.text for one in state.resolutions] == ["换了天线"]
    assert state.flags == (), "the customer was told, and answers"
    assert (await domain.announced())[-2:] == ["工单 #1：已解决", "工单 #1：处理中"]


async def test_a_word_that_whoever_resolved_it_had_not_seen_crosses_the_resolution(domain: Domain) -> None:
    ticket = await domain.ticket()
    seen = await domain.say(CUS, "连不上")
    at = next(one["at"] for one in await domain.records("conversation/c1/1") if one["id"] == seen)
    unseen = await domain.say(CUS, "等等，还有一个问题")
    await domain.event(WANG, ticket, "status", status="resolved", seen=seen, seen_at=at)
    state = await domain.state(ticket)
    assert state.status is TicketStatus.IN_PROGRESS
    assert [(flag.kind.value, flag.user, flag.about) for flag in state.flags] == [("unseen_message", "wang", unseen)]


async def test_an_agents_word_does_not_make_it_go_on(domain: Domain) -> None:
    ticket = await domain.ticket()
    await domain.event(WANG, ticket, "status", status="resolved")
    await domain.say(MEI, "请再试一次")
    await domain.settled()
    assert (await domain.state(ticket)).status is TicketStatus.RESOLVED


async def test_what_its_customer_says_of_it_is_put_down_and_nobody_elses(domain: Domain) -> None:
    ticket = await domain.ticket()
    await domain.conversation("c2", customer="thief")
    thief = CUS.__class__(tenant=TENANT, user="thief", device="rest", role=CUS.role)
    rating = {"type": "satisfaction", "ticket": ticket}
    await domain.write(thief, {**rating, "score": 1}, conversation="c2")
    await domain.write(CUS, {**rating, "score": 5, "text": "很好"})
    await domain.settled()
    state = await domain.state(ticket)
    assert state.satisfaction is not None
    assert (state.satisfaction.score, state.satisfaction.text) == (5, "很好")
    assert [one["type"] for one in await domain.records(f"ticket/{ticket}")].count("satisfaction") == 1


async def test_the_ticket_that_another_was_merged_into_knows_it(domain: Domain) -> None:
    first, second = await domain.ticket(), await domain.ticket()
    await domain.event(MEI, second, "merge", into=first)
    assert (await domain.state(second)).status is TicketStatus.MERGED
    links = (await domain.state(first)).links
    assert [(link.ticket, link.relation) for link in links] == [(second, "merged_from")]


async def test_an_erased_subject_is_nowhere(domain: Domain) -> None:
    ticket = await domain.ticket(subject="我的密码是 hunter2")
    opened = (await domain.state(ticket)).subject
    assert opened is not None
    await domain.event(BOSS, ticket, "redaction", event=opened.event)
    for name in (f"ticket/{ticket}", f"ticket/{ticket}/public", "conversation/c1/1"):
        assert "hunter2" not in str(await domain.records(name))
    public = await domain.hub.tickets.public(TENANT, ticket)
    assert public is not None
    assert public.subject == "工单 #1"


async def test_what_was_taken_out_of_an_erased_message_goes_with_it(domain: Domain) -> None:
    message = await domain.say(CUS, "电话 13800138000")
    taken = Extracted(name="phone", value="13800138000", confidence=95, message=message, span=(3, 14))
    ticket = await domain.ticket(fields=[taken])
    assert (await domain.state(ticket)).fields["phone"].value == "13800138000"
    await domain.write(BOSS, {"type": "redaction", "message": message})
    await domain.settled()
    for name in (f"ticket/{ticket}", "conversation/c1/1"):
        assert "13800138000" not in str(await domain.records(name))


async def test_a_ticket_closes_by_itself_when_it_is_time(tmp_path: Path) -> None:
    file = tmp_path / "syncline.toml"
    file.write_text('[ticket]\nclose_after = "1s"\n')
    async with running(tmp_path / "data", configuration=file) as server:
        domain = Domain(server)
        await domain.conversation()
        ticket = await domain.ticket()
        await domain.event(LI, ticket, "status", status="resolved")
        upkeep: Any = server.server.automation._tickets
        await upkeep.close_what_is_due()
        assert (await domain.state(ticket)).status is TicketStatus.RESOLVED
        now_ms = server.hub.now_ms()
        server.hub.now_ms = lambda: now_ms + 2_000  # type: ignore[method-assign] # two seconds later
        await upkeep.close_what_is_due()
        assert (await domain.state(ticket)).status is TicketStatus.CLOSED
