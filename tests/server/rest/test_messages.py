"""Messages by REST: the same rules and the same log as for devices, and each record once."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from support.rest import faults, problem, request_and_leave
from support.running import Running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.clock import at_ms
from syncline_protocol.update import scan_records
from syncline_server.storage.interface import StoreUnavailable
from syncline_server.tickets import new_id

MESSAGES = "/v1/conversations/c1/messages"


@pytest.fixture(autouse=True)
async def conversation(server: Running) -> None:
    """A conversation of the customer `cus`."""
    await server.conversation("cus", id="c1")


async def say(client: httpx.AsyncClient, text: str, **fields: Any) -> dict[str, Any]:
    """Write a text message; it must be new."""
    answer = await client.post(MESSAGES, json={"type": "text", "text": text, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def shown(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get(MESSAGES)).json()["messages"])


# --- written


async def test_what_rest_writes_every_device_sees(server: Running) -> None:
    async with server.rest("cus", "customer") as cus, wire_device(server.url, server.token("mei")) as mei:
        await mei.open("conversation/c1/1")
        record = await say(cus, "no wifi", lang="en")
        relayed = await mei.expect(frames.Updates)
    assert [one.value for payload in relayed.payloads for one in scan_records(payload)] == [record]
    assert (record["by"], record["device"], record["type"], record["lang"]) == ("cus", "rest", "text", "en")


async def test_what_a_program_writes_is_marked(server: Running) -> None:
    async with server.rest("robo", "bot") as robo, server.rest("erp", "integration") as erp, server.rest() as mei:
        assert [(await say(client, "beep")).get("auto") for client in (robo, erp, mei)] == [True, True, None]
        message = (await say(robo, "beep", id=new_id()))["id"]
        for record in (
            {"type": "text", "text": "beep", "id": message},
            {"type": "edit", "message": message, "text": "boop"},
        ):
            assert (await robo.post(MESSAGES, json=record)).status_code in (200, 201)
        problem(
            await mei.post(MESSAGES, json={"type": "text", "text": "I was not here", "auto": True}), 403, "forbidden"
        )


async def test_what_was_written_is_in_what_is_read_after(server: Running) -> None:
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        for number in range(5):
            await say(cus, str(number))
            assert [one["text"] for one in await shown(mei)] == [str(one) for one in range(number + 1)]


async def test_a_record_of_the_same_id_is_written_once(server: Running) -> None:
    wanted = {"type": "text", "text": "no wifi", "id": new_id()}
    async with server.rest("cus", "customer") as cus:
        answers = [await cus.post(MESSAGES, json=wanted) for _ in range(3)]
        answers.append(await cus.post(MESSAGES, json=wanted | {"text": "something else"}))
        assert [one.status_code for one in answers] == [201, 200, 200, 200]
        assert len({one.text for one in answers}) == 1
        assert len(await shown(cus)) == 1


async def test_of_many_at_once_with_the_same_id_one_is_written(server: Running) -> None:
    wanted = {"type": "text", "text": "no wifi", "id": new_id()}
    async with server.rest("cus", "customer") as cus:
        answers = await asyncio.gather(*(cus.post(MESSAGES, json=wanted) for _ in range(12)))
        assert sorted(one.status_code for one in answers) == [200] * 11 + [201]
        assert len({one.text for one in answers}) == 1
        assert len(await shown(cus)) == 1


async def test_another_users_record_is_not_ones_own(server: Running) -> None:
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        record = await say(cus, "no wifi")
        answer = await mei.post(MESSAGES, json={"type": "text", "text": "mine", "id": record["id"]})
        problem(answer, 409, "exists")
        assert answer.json()["record"] == record["id"]
        assert [one["text"] for one in await shown(mei)] == ["no wifi"]


async def test_a_record_of_an_older_segment_is_found_again(server: Running) -> None:
    wanted = {"type": "text", "text": "no wifi", "id": new_id()}
    async with server.rest("cus", "customer") as cus:
        assert (await cus.post(MESSAGES, json=wanted)).status_code == 201
        for segment in (2, 3):
            await server.hub.conversations.open_segment("default", "c1", segment)
        assert (await cus.post(MESSAGES, json=wanted)).status_code == 200
        await say(cus, "still none")
        for type_, fields in (("edit", {"text": "no network"}), ("reaction", {"emoji": "👍", "on": True})):
            answer = await cus.post(MESSAGES, json={"type": type_, "message": wanted["id"], **fields})
            assert answer.status_code == 201, answer.text
        page = await shown(cus)
    assert [one["text"] for one in page] == ["no network", "still none"]
    assert page[0]["reactions"] == [{"emoji": "👍", "users": ["cus"]}]


async def test_a_reply_is_stamped_behind_what_it_answers(server: Running) -> None:
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        first = await say(cus, "no wifi")
        ahead = at_ms(first["at"]) + 20_000
        future = f"{ahead:012x}"
        asked = await say(cus, "and now?", id=f"{future[:8]}-{future[8:]}-7000-8000-000000000001", at=ahead << 10)
        answer = await say(mei, "now it works", reply_to=asked["id"])
    assert answer["at"] > asked["at"]


async def test_a_caller_who_leaves_half_way_leaves_all_or_nothing(server: Running) -> None:
    def request(body: bytes) -> bytes:
        token = server.token("cus", "customer")
        head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}"
        return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    bodies = [json.dumps({"type": "text", "text": str(number), "id": new_id()}).encode() for number in range(20)]
    async with server.rest() as mei:
        for body in bodies:
            await request_and_leave(server.http, request(body)[:-1])
        for body in bodies[:10]:
            await request_and_leave(server.http, request(body))
        async with asyncio.timeout(10):
            while len(page := await shown(mei)) < 10:
                await asyncio.sleep(0.02)
    assert sorted(one["text"] for one in page) == sorted(str(number) for number in range(10))


# --- refused


async def test_the_rules_are_those_of_the_sockets(server: Running) -> None:
    async with server.rest("cus", "customer") as cus, server.rest() as mei, server.rest("boss", "admin") as boss:
        record = await say(cus, "no wifi")
        about = {"message": record["id"]}
        problem(await mei.post(MESSAGES, json={"type": "edit", "text": "x", **about}), 403, "forbidden")
        problem(await mei.post(MESSAGES, json={"type": "recall", **about}), 403, "forbidden")
        problem(await mei.post(MESSAGES, json={"type": "redaction", **about}), 403, "forbidden")
        problem(await cus.post(MESSAGES, json={"type": "recall", "message": new_id()}), 403, "forbidden")
        assert faults(await cus.post(MESSAGES, json={"type": "edit", **about})) == ["#"]
        ahead = await cus.post(MESSAGES, json={"type": "text", "text": "x", "at": 2**53 - 1})
        problem(ahead, 409, "clock_ahead")
        assert ahead.json()["server_time_ms"] > 0
        assert (await boss.post(MESSAGES, json={"type": "recall", **about})).status_code == 201
        page = await shown(mei)
    assert [(one["id"], one["recalled_by"], one.get("text")) for one in page] == [(record["id"], "boss", None)]


async def test_who_may_not(server: Running) -> None:
    text = {"type": "text", "text": "hello"}
    async with server.rest("eve", "customer") as eve, server.rest("aud", "auditor") as aud:
        problem(await eve.post(MESSAGES, json=text), 403, "forbidden")
        problem(await eve.get(MESSAGES), 403, "forbidden")
        problem(await aud.post(MESSAGES, json=text), 403, "forbidden")
        assert (await aud.get(MESSAGES)).status_code == 200
    async with server.rest() as mei:
        problem(await mei.post("/v1/conversations/none/messages", json=text), 404, "not_found")
        problem(await mei.get("/v1/conversations/none/messages"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"text": "x"}, "#/type"),
        ({"type": "system", "event": "joined"}, "#/type"),
        ({"type": "text"}, "#/text"),
        ({"type": "text", "text": ""}, "#/text"),
        ({"type": "text", "text": "x", "by": "mei"}, "#/by"),
        ({"type": "text", "text": "x", "id": "1"}, "#/id"),
        ({"type": "image", "blob": {"sha256": "x", "name": "x", "media_type": "a/b", "size": 1}}, "#/blob/sha256"),
    ],
)
async def test_a_record_is_pointed_into(server: Running, body: dict[str, Any], where: str) -> None:
    async with server.rest() as mei:
        assert faults(await mei.post(MESSAGES, json=body)) == [where]


async def test_a_record_over_its_limit_is_too_large(server: Running) -> None:
    async with server.rest() as mei:
        answer = await mei.post(MESSAGES, json={"type": "text", "text": "😀" * 16_000})
        assert answer.status_code == 201
        files = {"type": "file", "blob": {"sha256": "0" * 64, "name": "x", "media_type": "a/b", "size": 1}}
        assert faults(await mei.post(MESSAGES, json=files | {"caption": "x" * 4_001})) == ["#/caption"]


async def test_nothing_is_written_while_the_store_takes_none(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"type": "text", "text": "no wifi", "id": new_id()}
    async with server.rest("cus", "customer") as cus:
        await say(cus, "hello")

        async def broken(_: Any) -> None:
            raise StoreUnavailable("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(server.hub.store, "append", broken)
            answers = await asyncio.gather(*(cus.post(MESSAGES, json=wanted) for _ in range(3)))
            for answer in answers:
                problem(answer, 503, "unavailable")
        async with asyncio.timeout(10):
            while (answer := await cus.post(MESSAGES, json=wanted)).status_code == 503:
                await asyncio.sleep(0.1)
        assert answer.status_code == 201
        assert [one["text"] for one in await shown(cus)] == ["hello", "no wifi"]


# --- read


async def test_pages_go_back_to_the_first_message_across_segments(server: Running) -> None:
    texts = [str(number) for number in range(23)]
    async with server.rest() as mei:
        for number, text in enumerate(texts):
            if number in {5, 12, 13}:
                segment = {5: 2, 12: 3, 13: 4}[number]
                await server.hub.conversations.open_segment("default", "c1", segment)
            await say(mei, text)
        for limit in (1, 4, 7, 23, 200):
            found: list[str] = []
            query: dict[str, Any] = {"limit": limit}
            while True:
                page = (await mei.get(MESSAGES, params=query)).json()
                found[:0] = [one["text"] for one in page["messages"]]
                assert len(page["messages"]) <= limit
                if "before" not in page:
                    break
                query["before"] = page["before"]
            assert found == texts


async def test_a_page_is_asked_for_properly(server: Running) -> None:
    async with server.rest() as mei:
        for query, where in (
            ("limit=0", "?limit"),
            ("limit=201", "?limit"),
            ("limit=ten", "?limit"),
            ("limit=1&limit=2", "?limit"),
            ("after=x", "?after"),
        ):
            assert faults(await mei.get(f"{MESSAGES}?{query}")) == [where], query
        for cursor in ("!", "AAAA"):
            problem(await mei.get(f"{MESSAGES}?before={cursor}"), 404, "not_found")
        assert (await mei.get(MESSAGES)).json() == {"messages": []}
