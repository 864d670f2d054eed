"""Rights end at once: what they rest on is looked at again from the commit on that changed it (P9)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.running import running
from support.running_domain import CUS, MEI, TENANT, WANG, ZHAO, Domain
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.documents.identity import Role
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.frames import Access
from syncline_protocol.names import parse_name
from syncline_server.storage.interface import StoreUnavailable


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    """A server with a conversation."""
    async with running(tmp_path / "data") as server:
        made = Domain(server)
        await made.conversation()
        yield made


async def test_a_customer_sees_the_public_side_and_nothing_else_of_a_ticket(domain: Domain) -> None:
    ticket = await domain.ticket()
    names = (f"ticket/{ticket}/public", f"ticket/{ticket}", f"ticket/{ticket}/text")
    rights = [await domain.hub.rights.access(CUS, parse_name(name)) for name in names]
    assert rights == [Access.READ, Access.NONE, Access.NONE]


async def test_a_transfer_takes_the_ticket_and_its_conversation_from_the_old_group(domain: Domain) -> None:
    ticket = await domain.ticket()
    names = [f"ticket/{ticket}", "conversation/c1/1"]
    token = domain.server.token("li", "technician", groups=["service"])
    async with wire_device(domain.server.url, token, "tablet") as device:
        opened = await device.open(*names)
        assert [one.access for one in opened.documents] == [Access.APPEND.value, Access.APPEND.value]
        await domain.event(MEI, ticket, "transfer", group="billing")
        evicted = [await device.expect(frames.Evicted) for _ in names]
    assert {one.code for one in evicted} == {RefusalCode.FORBIDDEN.value}
    assert await domain.hub.rights.access(ZHAO.__class__(
        tenant=TENANT, user="zhao", device="rest", role=ZHAO.role, groups=frozenset({"billing"})
    ), parse_name(f"ticket/{ticket}")) is Access.APPEND  # fmt: skip


async def test_a_technician_keeps_what_they_opened(domain: Domain) -> None:
    token = domain.server.token("zhao", "technician", groups=["billing"])
    async with wire_device(domain.server.url, token, "tablet") as device:
        await device.open("ticket/t9")
        record = device.record() | {"type": "opened", "subject": "wifi", "after": []}
        record.pop("text")
        await device.update("ticket/t9", device.encode("ticket/t9", record, root="events"))
        await device.expect(frames.Acks)
        await domain.settled()
        assert (await domain.state("t9")).group == "service"
        assert await domain.hub.rights.access(ZHAO, parse_name("ticket/t9")) is Access.APPEND


@pytest.mark.parametrize("type_", ["opened", "link"])
async def test_a_technician_lets_nobody_into_a_conversation_that_they_may_not_open(domain: Domain, type_: str) -> None:
    mine = await domain.conversation("mine", customer=None)
    await domain.hub.conversations.add_participant(TENANT, mine, "zhao", Role.TECHNICIAN)
    token = domain.server.token("zhao", "technician", groups=["billing"])
    async with wire_device(domain.server.url, token, "tablet") as device:
        await device.open("ticket/t9")

        def event(type_: str, after: list[str], **fields: str) -> dict[str, Any]:
            record = device.record() | {"type": type_, "after": after} | fields
            del record["text"]
            return record

        first = event("opened", [], subject="wifi")
        if type_ == "link":
            await device.update("ticket/t9", device.encode("ticket/t9", first, root="events"))
            await device.expect(frames.Acks)
        after = [first["id"]] if type_ == "link" else []
        fields = {} if type_ == "link" else {"subject": "wifi"}
        stolen = device.encode("ticket/t9", event(type_, after, conversation="c1", **fields), root="events")
        refused = await device.refusal("ticket/t9", stolen)
        assert refused.code == RefusalCode.FORBIDDEN.value
        assert "conversation/c1" in refused.reason
        device.clocks["ticket/t9"] -= 1
        own = device.encode("ticket/t9", event(type_, after, conversation=mine, **fields), root="events")
        for _ in range(2):  # sent again, it is acknowledged again
            await device.update("ticket/t9", own)
            await device.expect(frames.Acks)
        await domain.hub.conversations.remove_participant(TENANT, mine, "zhao")
        await device.update("ticket/t9", own)
        await device.expect(frames.Acks)
        await domain.settled()
    assert await domain.hub.rights.access(ZHAO, parse_name("conversation/c1")) is Access.NONE


async def test_updates_of_a_technician_are_admitted_in_their_order(domain: Domain) -> None:
    ticket = await domain.ticket()
    token = domain.server.token("li", "technician", groups=["service"])
    async with wire_device(domain.server.url, token, "tablet") as device:
        await device.open(f"ticket/{ticket}", "conversation/c1/1")
        heads = list((await domain.state(ticket)).heads)
        numbers = []
        for number in range(20):
            if number % 2:
                record = device.record(f"step {number}") | {"type": "note", "after": heads}
                payload = device.encode(f"ticket/{ticket}", record, root="events")
                numbers.append(await device.update(f"ticket/{ticket}", payload))
            else:
                payload = device.encode("conversation/c1/1", device.record(f"message {number}"))
                numbers.append(await device.update("conversation/c1/1", payload))
        acked: list[int] = []
        while len(acked) < len(numbers):
            acked += (await device.expect(frames.Acks)).updates[1::3]
    assert sorted(acked) == numbers


async def test_who_was_on_it_goes_on_watching(domain: Domain) -> None:
    ticket = await domain.ticket()
    await domain.event(WANG, ticket, "claim")
    await domain.event(MEI, ticket, "transfer", group="billing")
    assert await domain.hub.rights.access(WANG, parse_name(f"ticket/{ticket}")) is Access.APPEND


async def test_a_removed_customer_loses_the_public_side_of_the_conversations_tickets(domain: Domain) -> None:
    ticket = await domain.ticket(customer=None)
    async with wire_device(domain.server.url, domain.server.token("cus", "customer"), "phone") as device:
        await device.open(f"ticket/{ticket}/public")
        await domain.hub.conversations.remove_participant(TENANT, "c1", "cus")
        assert (await device.expect(frames.Evicted)).code == RefusalCode.FORBIDDEN.value


async def test_groups_of_a_new_configuration_count_for_who_is_connected(tmp_path: Path) -> None:
    file = tmp_path / "syncline.toml"
    group = '[[group]]\nname = "service"\nmembers = ["ana", {}]\n[ticket]\ngroup = "service"\n'
    file.write_text(group.format('"li"'))
    async with running(tmp_path / "data", configuration=file) as server:
        domain = Domain(server)
        await domain.conversation()
        ticket = await domain.ticket()
        async with wire_device(server.url, server.token("li", "technician"), "tablet") as device:
            opened = await device.open(f"ticket/{ticket}")
            assert opened.documents[0].access == Access.APPEND.value
            file.write_text(group.format('"zhao"'))
            assert server.hub.configuration.reload() == ()
            assert (await device.expect(frames.Evicted)).code == RefusalCode.FORBIDDEN.value


async def test_rights_that_cannot_be_known_are_not_given(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(domain.hub.states, "head", fails)
    with pytest.raises(RefusedUpdate, match="unavailable"):
        await domain.hub.rights.access(CUS, parse_name("conversation/c1"))
