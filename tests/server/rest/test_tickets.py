"""Tickets by REST: opened, shown to staff and customers, listed."""

import asyncio
from typing import Any

import httpx
import pytest
from support.rest import faults, problem
from support.running import Running

SAID = "my tablet MX-200 no longer connects to wifi, error code E-1234"


@pytest.fixture(autouse=True)
async def conversation(server: Running) -> str:
    """A conversation of `cus`, in which they say what is wrong; the message's id."""
    await server.conversation("cus", id="c1")
    async with server.rest("cus", "customer") as cus:
        answer = await cus.post("/v1/conversations/c1/messages", json={"type": "text", "text": SAID, "lang": "en"})
    return str(answer.json()["id"])


async def opened(
    client: httpx.AsyncClient, path: str = "/v1/conversations/c1/tickets", /, **body: Any
) -> dict[str, Any]:
    """A new ticket."""
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_ticket_out_of_a_conversation_has_what_was_said(server: Running, conversation: str) -> None:
    async with server.rest() as mei:
        ticket = await opened(mei)
        shown = (await mei.get(f"/v1/tickets/{ticket['id']}")).json()
    assert (ticket["conversation"], ticket["customer"], ticket["language"]) == ("c1", "cus", "en")
    assert ticket["number"] == shown["number"] == 1
    code = ticket["fields"]["error_code"]
    assert (code["value"], code["source"]["message"]) == ("E-1234", conversation)
    assert SAID[code["source"]["start"] : code["source"]["end"]] == "E-1234"
    assert {link["message"] for link in ticket["links"]} == {conversation}
    assert shown["labels"] == {"zh": "待受理", "en": "Waiting"}


async def test_what_is_given_stands_in_the_place_of_what_was_said(server: Running) -> None:
    given = {
        "subject": "no wifi",
        "issue_type": "antenna",
        "priority": "low",
        "fields": {"error_code": "F-1", "seat": 7},
    }
    async with server.rest() as mei:
        ticket = await opened(mei, **given)
    assert (ticket["subject"]["value"], ticket["issue_type"]["value"]) == ("no wifi", "antenna")
    assert (ticket["priority"]["value"], ticket["fields"]["seat"]["value"]) == ("low", 7)
    code = ticket["fields"]["error_code"]
    assert (code["value"], code.get("source"), code.get("others")) == ("F-1", None, None)
    assert ticket["fields"]["model"]["value"] == "MX-200"


async def test_a_ticket_without_a_body_is_what_was_said(server: Running) -> None:
    async with server.rest() as mei:
        answer = await mei.post("/v1/conversations/c1/tickets")
        assert answer.status_code == 201
        assert answer.json()["fields"]["model"]["value"] == "MX-200"


async def test_a_ticket_alone(server: Running) -> None:
    async with server.rest() as mei:
        ticket = await opened(mei, "/v1/tickets", subject="antenna", customer="cus", fields={"height": 3})
        linked = await opened(mei, "/v1/tickets", subject="antenna", conversation="c1")
        problem(await mei.post("/v1/tickets", json={"subject": "x", "conversation": "none"}), 404, "not_found")
    assert (ticket["subject"]["value"], ticket["customer"], ticket["via"]) == ("antenna", "cus", "api")
    assert ticket["fields"]["height"]["value"] == 3
    assert (linked["conversation"], linked.get("fields")) == ("c1", None)


@pytest.mark.parametrize("path", ["/v1/conversations/c1/tickets", "/v1/tickets"])
async def test_an_id_is_one_ticket(server: Running, path: str) -> None:
    async with server.rest() as mei:
        wanted = {"id": "t1", "subject": "antenna"}
        answers = await asyncio.gather(*(mei.post(path, json=wanted) for _ in range(8)))
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert 201 in {answer.status_code for answer in answers}
        again = await mei.post(path, json=wanted | {"subject": "another"})
        assert (again.status_code, again.json()["subject"]["value"]) == (200, "antenna")
        events = (await mei.get("/v1/tickets/t1/events")).json()["events"]
        assert [event["type"] for event in events].count("opened") == 1
        assert [row["number"] for row in (await mei.get("/v1/tickets")).json()["tickets"]] == [1]


async def test_required_fields_that_are_missing_are_named(server: Running) -> None:
    async with server.rest() as mei:
        ticket = await opened(
            mei, "/v1/tickets", subject="x", issue_type="reportbrokensoftware", fields={"product": "A"}
        )
        configured = (await mei.get("/v1/configuration")).json()["issue_types"]
        required = next(one["required"] for one in configured if one["name"] == "reportbrokensoftware")
    assert ticket["missing"] == [name for name in required if name != "product"]


async def test_a_customer_sees_the_public_side_only(server: Running) -> None:
    async with server.rest() as mei, server.rest("cus", "customer") as cus, server.rest("eve", "customer") as eve:
        await opened(mei, id="t1")
        await mei.post("/v1/tickets/t1/events", json={"type": "note", "text": "difficult customer"})
        await mei.post("/v1/tickets/t1/claim")
        await server.server.automation.settled()
        shown = (await cus.get("/v1/tickets/t1")).json()
        assert (shown["id"], shown["number"], shown["status"], shown["responsible"]) == ("t1", 1, "accepted", "mei")
        for path in ("/v1/tickets/t1", "/v1/tickets", "/v1/inbox", "/v1/search?q=difficult"):
            assert "difficult" not in (await cus.get(path)).text
        problem(await cus.get("/v1/tickets/t1/events"), 403, "forbidden")
        problem(await eve.get("/v1/tickets/t1"), 403, "forbidden")
        problem(await cus.post("/v1/conversations/c1/tickets", json={}), 403, "forbidden")
        problem(await cus.get("/v1/tickets/none"), 403, "forbidden")


async def test_a_technician_reads_what_is_theirs(server: Running) -> None:
    async with (
        server.rest() as mei,
        server.rest("tom", "technician", groups=["sales"]) as tom,
        server.rest("li", "technician", groups=["service"]) as li,
    ):
        await opened(mei, "/v1/tickets", id="t1", subject="antenna")
        await server.server.automation.settled()
        assert (await li.get("/v1/tickets/t1")).json()["group"] == "service"
        problem(await tom.get("/v1/tickets/t1"), 403, "forbidden")
        assert [row["id"] for row in (await li.get("/v1/tickets")).json()["tickets"]] == ["t1"]
        assert (await tom.get("/v1/tickets")).json() == {"tickets": []}


async def test_what_is_not_there_is_not_made_by_asking(server: Running) -> None:
    async with server.rest() as mei:
        for _ in range(2):
            problem(await mei.get("/v1/tickets/none"), 404, "not_found")
            problem(await mei.get("/v1/tickets/none/events"), 404, "not_found")
            problem(await mei.post("/v1/tickets/none/events", json={"type": "note", "text": "x"}), 404, "not_found")
            problem(await mei.post("/v1/tickets/none/claim"), 404, "not_found")
    key = next((key for key in server.hub.documents if key.name == "ticket/none"), None)
    assert key is None


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "#/subject"),
        ({"subject": "x", "priority": "now"}, "#/priority"),
        ({"subject": "x", "fields": {"A": 1}}, "#/fields"),
        ({"subject": "x", "fields": {"a": 1.5}}, "#/fields"),
        ({"subject": "x", "fields": {"a": []}}, "#/fields"),
        ({"subject": "x", "id": "a b"}, "#/id"),
        ({"subject": "x", "assignee": "mei"}, "#/assignee"),
    ],
)
async def test_a_ticket_is_asked_for_properly(server: Running, body: dict[str, Any], where: str) -> None:
    async with server.rest() as mei:
        assert faults(await mei.post("/v1/tickets", json=body)) == [where]


async def test_lists_are_narrowed_and_paged(server: Running) -> None:
    async with server.rest() as mei:
        for number in range(5):
            await opened(mei, "/v1/tickets", id=f"t{number}", subject="antenna")
        await mei.post("/v1/tickets/t1/claim")
        await mei.post("/v1/tickets/t2/events", json={"type": "status", "status": "resolved", "resolution": "done"})
        await server.server.automation.settled()

        async def listed(**query: Any) -> list[str]:
            found: list[str] = []
            while True:
                page = (await mei.get("/v1/tickets", params={"limit": 2, **query})).json()
                found += [row["id"] for row in page["tickets"]]
                if "next" not in page:
                    return found
                query["cursor"] = page["next"]

        assert await listed() == ["t4", "t3", "t2", "t1", "t0"]
        assert await listed(status="resolved") == ["t2"]
        assert await listed(status="open") == ["t4", "t3", "t1", "t0"]
        assert await listed(mine="true") == await listed(assignee="mei") == ["t1"]
        assert await listed(group="service", status="new") == ["t4", "t3", "t0"]
        assert await listed(group="sales") == []
        assert faults(await mei.get("/v1/tickets?mine=maybe")) == ["?mine"]
        assert await listed(mine="true", assignee="tom") == []
        assert faults(await mei.get("/v1/tickets?status=nothing")) == ["?status"]


async def test_a_bot_opens_tickets_too(server: Running) -> None:
    await server.conversation("cus", id="c2")
    async with server.rest("robo", "bot") as robo:
        given = {"subject": "printer", "priority": "high", "fields": {"serial": "SN1"}}
        assert (await robo.post("/v1/tickets", json={"id": "b1", **given})).status_code == 201
        assert (await robo.post("/v1/conversations/c2/tickets", json={"id": "b2", **given})).status_code == 201
        events = (await robo.get("/v1/tickets/b1/events")).json()["events"]
        assert [one.get("auto", False) for one in events if one["by"] == "robo"] == [True] * 3
