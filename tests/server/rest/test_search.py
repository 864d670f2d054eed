"""Search by REST."""

import httpx
from support.rest import faults, problem
from support.running import Running


async def say(client: httpx.AsyncClient, conversation: str, text: str) -> str:
    answer = await client.post(f"/v1/conversations/{conversation}/messages", json={"type": "text", "text": text})
    return str(answer.json()["id"])


def found(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


async def test_what_was_written_before_is_found_by_who_may_read_it(server: Running) -> None:
    await server.conversation("cus", id="c1")
    await server.conversation("eve", id="e1")
    async with server.rest("cus", "customer") as cus, server.rest("eve", "customer") as eve, server.rest() as mei:
        first = await say(cus, "c1", "我家在上海东边，WiFi连不上")
        second = await say(eve, "e1", "上海 SN-4711")
        assert found(await mei.get("/v1/search", params={"q": "上海"})) == [second, first]
        assert found(await cus.get("/v1/search", params={"q": "上海"})) == [first]
        assert found(await mei.get("/v1/search", params={"q": "sn-4711"})) == [second]
        assert found(await mei.get("/v1/search", params={"q": "上海", "conversation": "c1"})) == [first]
        hit = (await mei.get("/v1/search", params={"q": "WiFi"})).json()["hits"][0]
    start, end = hit["spans"][0]
    assert hit["excerpt"][start:end] == "WiFi"
    assert (hit["kind"], hit["conversation"], hit["by"]) == ("message", "c1", "cus")


async def test_tickets_are_the_staffs_to_find(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        await mei.post("/v1/tickets", json={"subject": "antenna", "id": "t1", "customer": "cus", "conversation": "c1"})
        message = await say(mei, "c1", "which antenna?")
        assert found(await mei.get("/v1/search", params={"q": "antenna"})) == [message, "t1"]
        assert found(await mei.get("/v1/search", params={"q": "antenna", "kind": "ticket"})) == ["t1"]
        assert found(await cus.get("/v1/search", params={"q": "antenna"})) == [message]


async def test_pages(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest() as mei:
        written = [await say(mei, "c1", f"antenna {number}") for number in range(7)]
        hits: list[str] = []
        query: dict[str, str | int] = {"q": "antenna", "limit": 3}
        while True:
            answer = await mei.get("/v1/search", params=query)
            hits += found(answer)
            if "next" not in answer.json():
                break
            query["cursor"] = answer.json()["next"]
    assert hits == written[::-1]


async def test_it_is_asked_for_properly(server: Running) -> None:
    async with server.rest() as mei:
        for query, where in (("", "?q"), ("q=", "?q"), ("q=x&kind=person", "?kind"), ("q=x&limit=101", "?limit")):
            assert faults(await mei.get(f"/v1/search?{query}")) == [where]
        problem(await mei.get("/v1/search?q=x&cursor=x"), 404, "not_found")
        assert found(await mei.get("/v1/search", params={"q": '\x00 " OR * ) ( NEAR'})) == []
