"""Events of tickets by REST, and claims that wait for their answer."""

import asyncio
from typing import Any

import httpx
import pytest
from support.rest import faults, problem
from support.running import Running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.update import scan_records
from syncline_server.rest import ticket_events
from syncline_server.tickets import new_id

EVENTS = "/v1/tickets/t1/events"
CLAIM = "/v1/tickets/t1/claim"


@pytest.fixture(autouse=True)
async def ticket(server: Running) -> None:
    """A ticket `t1`, answered by the server."""
    async with server.rest() as mei:
        assert (await mei.post("/v1/tickets", json={"id": "t1", "subject": "antenna"})).status_code == 201
    await server.server.automation.settled()


def note(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "note", "text": text, **fields}


async def notes(client: httpx.AsyncClient) -> list[str]:
    return [one["text"] for one in (await client.get("/v1/tickets/t1")).json().get("notes", ())]


# --- written


async def test_what_rest_writes_every_device_sees_and_the_ticket_says(server: Running) -> None:
    async with server.rest() as mei, wire_device(server.url, server.token("tom", "supervisor")) as tom:
        await tom.open("ticket/t1")
        written = (await mei.post(EVENTS, json=note("look at the antenna"))).json()["events"]
        seen: list[Any] = []
        while not seen or seen[-1]["type"] != "note":
            updates = await tom.expect(frames.Updates)
            seen += [one.value for payload in updates.payloads for one in scan_records(payload)]
        assert written == [seen[-1]]
        assert (seen[-1]["by"], seen[-1]["device"]) == ("mei", "rest")
        assert await notes(mei) == ["look at the antenna"]


async def test_several_are_written_together_or_not_at_all(server: Running) -> None:
    async with server.rest() as mei:
        answer = await mei.post(EVENTS, json=[note("one"), {"type": "status", "status": "in_progress"}, note("two")])
        assert answer.status_code == 201
        one, status, two = answer.json()["events"]
        assert (status["after"], two["after"]) == ([one["id"]], [status["id"]])
        answer = await mei.post(EVENTS, json=[note("three"), {"type": "unlink", "link": new_id()}])
        problem(answer, 409, "conflict")
        assert await notes(mei) == ["one", "two"]


async def test_an_event_of_the_same_id_is_written_once(server: Running) -> None:
    id_ = new_id()
    async with server.rest() as mei, server.rest("tom", "supervisor") as tom:
        answers = await asyncio.gather(*(mei.post(EVENTS, json=note("one", id=id_)) for _ in range(8)))
        assert {one.status_code for one in answers} <= {200, 201}
        assert 201 in {one.status_code for one in answers}
        assert len({one.text for one in answers}) == 1
        both = await mei.post(EVENTS, json=[note("one", id=id_), note("two")])
        assert both.status_code == 201
        assert (await mei.post(EVENTS, json=note("other", id=id_))).status_code == 200
        answer = await tom.post(EVENTS, json=note("mine", id=id_))
        problem(answer, 409, "exists")
        assert answer.json()["record"] == id_
        assert await notes(mei) == ["one", "two"]


async def test_what_one_knew_can_be_said(server: Running) -> None:
    """Two who both knew the same heads wrote at the same time: both priorities are kept."""
    async with server.rest() as mei, server.rest("tom", "supervisor") as tom:
        heads = (await mei.get("/v1/tickets/t1")).json()["heads"]
        for client, priority in ((mei, "high"), (tom, "low")):
            event = {"type": "priority", "priority": priority, "after": heads}
            assert (await client.post(EVENTS, json=event)).status_code == 201
        shown = (await mei.get("/v1/tickets/t1")).json()["priority"]
    assert (shown["value"], [one["value"] for one in shown["others"]]) == ("high", ["low"])


async def test_the_rules_are_those_of_the_sockets(server: Running) -> None:
    async with server.rest("bot", "bot") as bot, server.rest("aud", "auditor") as aud, server.rest() as mei:
        problem(await bot.post(EVENTS, json=note("x")), 403, "forbidden")
        assert (await bot.post(EVENTS, json=note("x", auto=True))).status_code == 201
        problem(await bot.post(CLAIM), 403, "forbidden")
        problem(await aud.post(EVENTS, json=note("x")), 403, "forbidden")
        problem(await mei.post(EVENTS, json=note("x", auto=True)), 403, "forbidden")
        event = (await mei.get(EVENTS)).json()["events"][0]["id"]
        problem(await mei.post(EVENTS, json={"type": "redaction", "event": event}), 403, "forbidden")
        problem(await mei.post(EVENTS, json=note("x", at=2**53 - 1)), 409, "clock_ahead")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], "#"),
        ({"type": "assignment", "cause": "x"}, "#/type"),
        ({"type": "note"}, "#/text"),
        ([{"type": "note", "text": "x"}, {"type": "note", "text": ""}], "#/1/text"),
        ([{"type": "note", "text": "x"}] * 51, "#"),
        ({"type": "status", "status": "gone"}, "#/status"),
        ({"type": "note", "text": "x", "by": "tom"}, "#/by"),
        ({"type": "note", "text": "x", "after": ["x"]}, "#/after/0"),
        ({"type": "note", "text": "x", "after": []}, "#/after"),
        ({"type": "topic"}, "#"),
    ],
)
async def test_an_event_is_pointed_into(server: Running, body: Any, where: str) -> None:
    async with server.rest() as mei:
        assert faults(await mei.post(EVENTS, json=body)) == [where]


# --- read


async def test_events_are_told_once(server: Running) -> None:
    async with server.rest() as mei, server.rest("tom", "supervisor") as tom:
        first = (await mei.get(EVENTS)).json()
        assert first["events"][0]["type"] == "opened"
        heads = (await mei.get("/v1/tickets/t1")).json()["heads"]
        await mei.post(EVENTS, json=note("one"))
        await tom.post(EVENTS, json=note("crossing", after=heads))
        second = (await mei.get(EVENTS, params={"after": first["after"]})).json()
        assert [one["text"] for one in second["events"]] == ["one", "crossing"]
        third = (await mei.get(EVENTS, params={"after": second["after"]})).json()
        assert third["events"] == []
        assert len((await mei.get(EVENTS)).json()["events"]) == len(first["events"]) + 2
        problem(await mei.get(EVENTS, params={"after": "x"}), 404, "not_found")


# --- claimed


async def test_of_many_claims_at_once_one_is_granted_and_the_others_told_whose_it_is(server: Running) -> None:
    clients = [server.rest(f"agent{number}") for number in range(12)]
    try:
        answers = await asyncio.gather(*(client.post(CLAIM) for client in clients))
    finally:
        for client in clients:
            await client.aclose()
    (granted,) = (one for one in answers if one.status_code == 200)
    holder = granted.json()["assignee"]
    assert granted.json()["number"] == 1
    for answer in answers:
        if answer is not granted:
            assert holder in problem(answer, 409, "claim_lost")
            assert answer.json()["holder"] == holder
    async with server.rest() as mei:
        assert (await mei.get("/v1/tickets/t1")).json()["assignee"] == holder


async def test_a_claim_sent_again_is_the_same_claim(server: Running) -> None:
    id_ = new_id()
    async with server.rest() as mei:
        answers = [await mei.post(CLAIM, json={"id": id_}) for _ in range(3)]
        assert {one.status_code for one in answers} == {200}
        assert {one.json()["claim"] for one in answers} == {id_}
        events = (await mei.get(EVENTS)).json()["events"]
    assert [one["type"] for one in events].count("claim") == 1


async def test_a_claim_that_is_not_answered_in_time_is_not_taken_for_granted(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def idle(*_: Any) -> None:
        return None

    monkeypatch.setattr(ticket_events, "WAIT_S", 0.1)
    id_ = new_id()
    async with server.rest() as mei:
        with monkeypatch.context() as patched:
            patched.setattr(server.server.automation, "_look_at", idle)
            answer = await mei.post(CLAIM, json={"id": id_})
            problem(answer, 503, "unavailable")
            assert answer.json()["record"] == id_
        await server.server.automation.settled()
        assert (await mei.post(CLAIM, json={"id": id_})).json()["assignee"] == "mei"


async def test_a_conversation_is_linked_by_who_may_open_it(server: Running) -> None:
    """Whoever works on a ticket may open the conversations that it is linked to."""
    await server.conversation("cus", id="c1")
    async with server.rest("eve", "technician") as eve, server.rest() as mei:
        assert (await eve.post("/v1/tickets", json={"id": "own", "subject": "mine"})).status_code == 201
        link = {"type": "link", "conversation": "c1", "id": new_id()}
        problem(await eve.post("/v1/tickets/own/events", json=[note("a"), link]), 403, "forbidden")
        await server.server.automation.settled()
        problem(await eve.get("/v1/conversations/c1"), 403, "forbidden")
        assert (await mei.get("/v1/tickets/own")).json().get("links", []) == []
        assert (await mei.post("/v1/tickets/own/events", json=link)).status_code == 201
        await server.server.automation.settled()
        assert (await eve.get("/v1/conversations/c1")).status_code == 200


async def test_a_ticket_is_merged_into_another_one_that_goes_on(server: Running) -> None:
    async with server.rest() as mei:
        for id_ in ("t2", "t3"):
            assert (await mei.post("/v1/tickets", json={"id": id_, "subject": "antenna"})).status_code == 201
        problem(await mei.post(EVENTS, json={"type": "merge", "into": "none"}), 404, "not_found")
        problem(await mei.post(EVENTS, json={"type": "merge", "into": "t1"}), 409, "conflict")
        merge = {"type": "merge", "into": "t2", "id": new_id()}
        assert (await mei.post(EVENTS, json=merge)).status_code == 201
        assert (await mei.post("/v1/tickets/t2/events", json={"type": "merge", "into": "t3"})).status_code == 201
        problem(await mei.post("/v1/tickets/t3/events", json={"type": "merge", "into": "t1"}), 409, "conflict")
        assert (await mei.post(EVENTS, json=merge)).status_code == 200
        assert (await mei.get("/v1/tickets/t3")).json()["status"] != "merged"
