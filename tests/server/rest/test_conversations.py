"""Conversations by REST: who may do what, and what comes of it."""

from typing import get_args

import pytest
from support.rest import faults, problem
from support.running import Running
from syncline_protocol.documents.identity import STAFF, Role
from syncline_server.rest.conversations import GivenRole

NEW = {"subject": "wifi", "channel": "chat", "customer": "cus"}
PEOPLE = "/v1/conversations/c1/participants"
ROLES = sorted(set(Role) - {Role.SERVER})


def test_every_role_is_given_but_the_servers() -> None:
    assert sorted(get_args(GivenRole)) == sorted(role.value for role in ROLES)


@pytest.mark.parametrize("role", [role for role in ROLES if role is not Role.TECHNICIAN])
async def test_who_may_do_what(server: Running, role: Role) -> None:
    """Staff does all, customers open and see their own, auditors read."""
    await server.conversation("cus", id="c1")
    await server.conversation("somebody", id="c2")
    staff, customer = role in STAFF, role is Role.CUSTOMER
    async with server.rest("cus" if customer else "eve", role.value) as client:
        statuses = [
            (await client.post("/v1/conversations", json=NEW)).status_code,
            (await client.post("/v1/conversations", json=NEW | {"customer": "somebody"})).status_code,
            (await client.get("/v1/conversations/c1")).status_code,
            (await client.get("/v1/conversations/c2")).status_code,
            (await client.post(PEOPLE, json={"user": "jin"})).status_code,
            (await client.delete(f"{PEOPLE}/jin")).status_code,
        ]
    if staff:
        assert statuses == [201, 201, 200, 200, 204, 204]
    elif customer:
        assert statuses == [201, 403, 200, 403, 403, 403]
    else:
        assert statuses == [403, 403, 200, 200, 403, 403]


async def test_a_new_conversation_is_shown_as_it_was_opened(server: Running) -> None:
    async with server.rest() as client:
        created = (await client.post("/v1/conversations", json=NEW | {"language": "en"})).json()
        head = (await client.get(f"/v1/conversations/{created['id']}")).json()
    assert created["document"] == f"conversation/{created['id']}"
    assert created["segment"] == f"conversation/{created['id']}/1"
    assert (head["subject"], head["channel"], head["language"], head["customer"]) == ("wifi", "chat", "en", "cus")
    assert {user: one["role"] for user, one in head["participants"].items()} == {"cus": "customer", "mei": "agent"}
    assert head["segments"] == [1]


async def test_a_customer_opens_for_themselves_unasked(server: Running) -> None:
    async with server.rest("cus", "customer") as client:
        created = await client.post("/v1/conversations", json={"subject": "wifi", "channel": "web"})
        head = (await client.get(f"/v1/conversations/{created.json()['id']}")).json()
    assert (head["customer"], list(head["participants"])) == ("cus", ["cus"])


async def test_creating_again_with_the_same_id_makes_nothing_new(server: Running) -> None:
    async with server.rest() as client:
        answers = [await client.post("/v1/conversations", json=NEW | {"id": "c1"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.text for answer in answers}) == 1
        await client.post("/v1/conversations", json=NEW | {"id": "c1", "subject": "another", "customer": "thief"})
        head = (await client.get("/v1/conversations/c1")).json()
    assert (head["subject"], sorted(head["participants"])) == ("wifi", ["cus", "mei"])


async def test_what_is_not_there_is_not_found(server: Running) -> None:
    async with server.rest() as client:
        problem(await client.get("/v1/conversations/none"), 404, "not_found")
        problem(await client.post("/v1/conversations/none/participants", json={"user": "jin"}), 404, "not_found")
        problem(await client.delete("/v1/conversations/none/participants/jin"), 404, "not_found")
        assert faults(await client.get("/v1/conversations/n%20e")) == ["?id"]
    async with server.rest("cus", "customer") as client:
        problem(await client.get("/v1/conversations/none"), 403, "forbidden")


async def test_another_tenants_conversations_do_not_exist(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest("boss", "admin", tenant="other") as client:
        problem(await client.get("/v1/conversations/c1"), 404, "not_found")
        problem(await client.post(PEOPLE, json={"user": "jin"}), 404, "not_found")
        problem(await client.delete(f"{PEOPLE}/cus"), 404, "not_found")
        assert (await client.post("/v1/conversations", json=NEW | {"id": "c1", "subject": "ours"})).status_code == 201
        assert (await client.get("/v1/conversations/c1")).json()["subject"] == "ours"
    async with server.rest() as client:
        assert (await client.get("/v1/conversations/c1")).json()["subject"] == "wifi"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"user": ""}, "#/user"),
        ({"user": "jin", "role": "king"}, "#/role"),
        ({"user": "jin", "role": "server"}, "#/role"),
        ({"user": "x" * 300}, "#/user"),
    ],
)
async def test_nobody_of_a_made_up_role_takes_part(server: Running, body: dict[str, str], where: str) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest() as client:
        assert faults(await client.post(PEOPLE, json=body)) == [where]
        assert sorted((await client.get("/v1/conversations/c1")).json()["participants"]) == ["cus", "mei"]


async def test_only_who_may_open_a_conversation_says_who_takes_part(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest("eve", "technician", groups=["sales"]) as eve:
        problem(await eve.post(PEOPLE, json={"user": "eve", "role": "technician"}), 403, "forbidden")
        problem(await eve.delete(f"{PEOPLE}/cus"), 403, "forbidden")
        problem(await eve.get("/v1/conversations/c1"), 403, "forbidden")
        async with server.rest() as mei:
            assert sorted((await mei.get("/v1/conversations/c1")).json()["participants"]) == ["cus", "mei"]
            assert (await mei.post(PEOPLE, json={"user": "eve", "role": "technician"})).status_code == 204
        assert (await eve.post(PEOPLE, json={"user": "tom", "role": "technician"})).status_code == 204


async def test_an_id_that_somebody_else_took_is_said(server: Running) -> None:
    await server.conversation("cus", id="c1")
    for user, role in (("thief", "customer"), ("eve", "technician")):
        async with server.rest(user, role) as client:
            problem(await client.post("/v1/conversations", json={**NEW, "id": "c1", "customer": user}), 409, "exists")
