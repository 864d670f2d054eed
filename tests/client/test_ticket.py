"""A ticket's handle: events that know what their author knew, and what is made of them, also without a connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from client.conftest import ServedPeer
from client.test_conversation import SERVER, Head
from pycrdt import Text
from support.records import record_id, record_value
from syncline_client import ChangeKind, Device, EditNotAllowed, MemoryStore, NeverConnected, Ticket
from syncline_protocol.documents.ticket import ClaimOutcome
from syncline_protocol.update import RecordStruct, encode_records

WAIT_S = 10.0
NOWHERE = "http://127.0.0.1:1"
OPENED = record_id(1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)


def opened(peer: ServedPeer, **fields: Any) -> None:
    """A ticket `t` that alice's phone has opened."""
    value = record_value(1, "opened", after=[], subject="no wifi", **fields)
    peer.append("ticket/t", encode_records([RecordStruct(SERVER, 0, "events", value["id"], value)]))


def answered(peer: ServedPeer, number: int, type_: str, **fields: Any) -> None:
    """An event of the server's."""
    clock = sum(struct.client == SERVER + 1 for struct in peer.document("ticket/t").structs())
    value = record_value(number, type_, **fields) | {"by": "server", "device": "server"}
    peer.append("ticket/t", encode_records([RecordStruct(SERVER + 1, clock, "events", value["id"], value)]))


def written(peer: ServedPeer) -> list[dict[str, Any]]:
    return peer.document("ticket/t").records()


@asynccontextmanager
async def working(peer: ServedPeer, token: str = "ann", **options: Any) -> AsyncIterator[Ticket]:
    async with Device(peer.url, token=token, **options) as device:
        await device.connected()
        yield await device.ticket("t")
        await device.settled()
        assert not device.refused


async def test_each_event_knows_the_heads_of_what_is_here(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer) as ticket:
        first = await ticket.note("rebooted it")
        second = await ticket.set_priority("high")
        assert ticket.state is not None
        assert (ticket.state.heads, ticket.state.notes[0].text) == ((second,), "rebooted it")
        await until(lambda: not ticket.unaccepted)
        _, note, priority = written(peer)
        assert (note["after"], priority["after"]) == ([OPENED], [first])
        answered(peer, 5, "note", text="so did I", after=[OPENED])
        await until(lambda: ticket.state is not None and len(ticket.state.heads) == 2)
        await ticket.topic(subject="no wifi in the kitchen", issue_type="network")
        await until(lambda: len(written(peer)) == 5)
        assert sorted(written(peer)[-1]["after"]) == sorted([second, record_id(5)])


async def test_two_verbs_at_once_do_not_cross(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer) as ticket:
        await asyncio.gather(*(ticket.set_field("serial", f"SN{number}") for number in range(5)))
        state = ticket.state
        assert state is not None
        assert (state.fields["serial"].others, len(state.heads)) == ((), 1)


async def test_what_is_written_offline_shows_and_goes_out_later(peer: ServedPeer) -> None:
    opened(peer)
    store = MemoryStore()
    async with working(peer, store=store) as ticket:
        assert ticket.state is not None
    async with Device(NOWHERE, token="none", store=store) as offline:
        ticket = await offline.ticket("t")
        claim = await ticket.claim()
        await ticket.resolve("replaced the antenna")
        assert ticket.state is not None
        assert [(one.event, one.state) for one in ticket.state.claims] == [(claim, ClaimOutcome.PROVISIONAL)]
        assert ticket.state.status == "resolved"
        assert len(ticket.unaccepted) == 2
    async with working(peer, store=store) as ticket:
        await until(lambda: not ticket.unaccepted)
        assert [one["type"] for one in written(peer)] == ["opened", "claim", "status"]
        answered(peer, 7, "claim_lost", cause=claim, holder="bob", after=[claim])
        await until(lambda: ticket.state is not None and ticket.state.claims[0].state is ClaimOutcome.LOST)
        assert ticket.state is not None
        assert (ticket.state.claims[0].holder, ticket.state.resolutions[0].text) == ("bob", "replaced the antenna")


async def test_a_status_says_which_message_its_author_had_seen(peer: ServedPeer) -> None:
    head = Head(peer)
    head.open_segment(1)
    head.say(1, "it does not work")
    head.say(1, "or does it?")
    opened(peer, conversation="c")
    store = MemoryStore()
    async with Device(peer.url, token="ann", store=store) as device:
        conversation = await device.conversation("c")
        ticket = await device.ticket("t")
        await until(lambda: len(conversation.messages()) == 2 and ticket.state is not None)
        newest = conversation.messages()[-1]
    async with Device(NOWHERE, token="none", store=store) as device:
        await (await device.conversation("c")).say("not here yet")
        await (await device.ticket("t")).set_status("awaiting_customer", reason="does it?")
    async with working(peer, store=store) as ticket:
        await until(lambda: not ticket.unaccepted)
        status = written(peer)[-1]
        assert (status["seen"], status["seen_at"], status["reason"]) == (newest.id, newest.at, "does it?")
    async with working(peer, "bob") as ticket:
        await ticket.set_status("in_progress")
        await until(lambda: not ticket.unaccepted)
        assert "seen" not in written(peer)[-1], "bob has not opened the conversation"


async def test_one_of_the_values_kept_apart_is_picked(peer: ServedPeer) -> None:
    opened(peer)
    source = {"message": record_id(90), "start": 3, "end": 9}
    answered(peer, 2, "field", name="serial", value="SN1234", source=source, confidence=80, after=[OPENED])
    answered(peer, 3, "priority", priority="urgent", after=[OPENED])
    async with working(peer) as ticket:
        await until(lambda: ticket.state is not None and len(ticket.state.heads) == 2)
        answered(peer, 4, "field", name="serial", value="SN1284", after=[OPENED])
        answered(peer, 5, "priority", priority="low", after=[OPENED])
        await until(lambda: ticket.state is not None and len(ticket.state.heads) == 4)
        state = ticket.state
        assert state is not None
        assert (state.fields["serial"].value, state.fields["serial"].others[0].value) == ("SN1284", "SN1234")
        await ticket.pick("serial", record_id(2))
        await ticket.pick("priority", record_id(5))
        state = ticket.state
        assert state is not None
        serial = state.fields["serial"]
        assert (serial.value, serial.others, serial.confidence) == ("SN1234", (), 80)
        assert serial.source is not None
        assert serial.source.message == record_id(90), "where it came from goes along"
        assert state.priority is not None
        assert (state.priority.value, state.priority.others) == ("low", ())
        with pytest.raises(
            EditNotAllowed, match=r"says nothing of serial that could be picked; these do: [0-9a-f]{8}-"
        ):
            await ticket.pick("serial", record_id(3))
        with pytest.raises(EditNotAllowed, match="these do: none"):
            await ticket.pick("colour", record_id(3))


async def test_a_status_and_a_subject_are_picked(peer: ServedPeer) -> None:
    opened(peer)
    answered(peer, 2, "status", status="resolved", resolution="new battery", after=[OPENED])
    answered(peer, 3, "status", status="awaiting_customer", after=[OPENED])
    answered(peer, 4, "topic", subject="no network", issue_type="network", after=[OPENED])
    async with working(peer) as ticket:
        await until(lambda: ticket.state is not None and len(ticket.state.heads) == 3)
        assert ticket.state is not None
        assert ticket.state.status == "awaiting_customer"
        await ticket.pick("status", record_id(2))
        await ticket.pick("subject", record_id(4))
        state = ticket.state
        assert (state.status, state.status_others, len(state.resolutions)) == ("resolved", (), 2)
        assert state.subject is not None
        assert state.subject.value == "no network"
        await until(lambda: not ticket.unaccepted)
        assert "issue_type" not in written(peer)[-1], "only what was picked is said anew"


async def test_every_other_verb(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer) as ticket:
        await ticket.transfer(group="network", reason="needs a ladder")
        link = await ticket.link(conversation="c", message=record_id(90))
        await ticket.link(ticket="t-2", relation="duplicate")
        await ticket.unlink(link)
        screws, cable = await ticket.checklist("screws", "cable")
        await ticket.mark(cable)
        await ticket.mark(screws)
        await ticket.mark(screws, done=False)
        merge = await ticket.merge("t-3")
        state = ticket.state
        assert state is not None
        assert (state.merged_into, [one.ticket for one in state.links]) == ("t-3", ["t-2"])
        assert [(one.text, one.done) for one in state.checklist] == [("screws", False), ("cable", True)]
        await ticket.unmerge(merge)
        note = await ticket.note("card 4111 …")
        await ticket.redact(note, reason="card number")
        state = ticket.state
        assert state is not None
        assert (state.merged_into, state.group, state.notes[0].text) == (None, "network", None)
        with pytest.raises(EditNotAllowed, match="priority"):
            await ticket.set_priority("whatever")
        with pytest.raises(EditNotAllowed, match="a transfer names"):
            await ticket.transfer()
        with pytest.raises(EditNotAllowed, match="`subject`"):
            await ticket.topic()


async def test_a_program_says_that_it_is_one(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer, "sorter:bot") as ticket:
        await ticket.set_priority("high")
        await until(lambda: not ticket.unaccepted)
    assert written(peer)[-1]["auto"] is True


async def test_a_customers_device_follows_the_public_side_alone(peer: ServedPeer) -> None:
    opened(peer)
    fields = {"cause": OPENED, "subject": "no wifi", "status": "new", "labels": {"zh": "待受理"}, "responsible": "Tom"}
    step = record_value(2, "step", **fields) | {"number": 7}
    peer.append("ticket/t/public", encode_records([RecordStruct(SERVER, 0, "public", step["id"], step)]))
    async with working(peer, "li:customer") as ticket:
        await until(lambda: ticket.public is not None)
        assert ticket.public is not None
        assert (ticket.public.number, ticket.public.responsible) == (7, "Tom")
        assert ticket.state is None
        assert not ticket._replica.document("ticket/t").followed
        with pytest.raises(EditNotAllowed, match="ticket t is not on this device"):
            await ticket.note("let me in")
    async with working(peer, "ann") as ticket:
        assert ticket.public is None
        with ticket.changes() as changes:
            public = await ticket.open_public()
            assert public is not None
            assert public.labels == {"zh": "待受理"}
            async for change in changes:
                if change.document == "ticket/t/public":
                    break


async def test_the_texts_are_written_together(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer, "ann") as mine, working(peer, "bob") as theirs:
        ours, others = await mine.texts(), await theirs.texts()
        await ours.edit(lambda document: document.get("reply", type=Text).insert(0, "您好，"))
        await until(lambda: others.text("reply") == "您好，")
        await others.edit(
            lambda document: document.get("reply", type=Text).insert(len("您好，".encode()), "天线已更换。")
        )
        await until(lambda: ours.text("reply") == "您好，天线已更换。")


async def test_who_is_looking_and_writing_shows(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer, "ann") as mine, working(peer, "bob") as theirs:
        await mine.viewing(True)
        await mine.typing("note")
        await until(lambda: [one.state for one in theirs.attendants()] == [{"viewing": True, "typing": "note"}])
        await mine.typing(None)
        await mine.viewing(False)
        await until(lambda: theirs.attendants() == [])


async def test_changes_tell_what_was_written_and_accepted(peer: ServedPeer) -> None:
    opened(peer)
    async with working(peer) as ticket:
        with ticket.changes() as changes:
            note = await ticket.note("x")
            kinds = [(await anext(changes)) for _ in range(2)]
        assert [(one.kind, one.records) for one in kinds] == [
            (ChangeKind.WRITTEN, (note,)),
            (ChangeKind.ACCEPTED, (note,)),
        ]


async def test_a_ticket_that_is_not_to_be_had_says_why(peer: ServedPeer) -> None:
    peer.missing.add("ticket/t")
    async with Device(peer.url, token="ann") as device:
        with pytest.raises(NeverConnected):
            await device.ticket("t")
        await device.connected()
        ticket = await device.ticket("t")
        assert (ticket.state, ticket.refusal) == (None, "there is no such document")
        with pytest.raises(EditNotAllowed, match="ticket t is not on this device: there is no such document"):
            await ticket.claim()
        assert await device.ticket("t") is ticket
