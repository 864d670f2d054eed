"""What a conversation says of its problem, by REST."""

import pytest
from support.rest import problem
from support.running import Running
from syncline_server.rest import extraction

SAID = "my tablet MX-200 no longer connects to wifi, error code E-1234"


async def test_each_value_has_its_words(server: Running) -> None:
    await server.conversation("cus", id="c1")
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        record = (await cus.post("/v1/conversations/c1/messages", json={"type": "text", "text": SAID})).json()
        found = (await mei.get("/v1/conversations/c1/extraction")).json()
        problem(await cus.get("/v1/conversations/c1/extraction"), 403, "forbidden")
    assert set(found["issue_type"]) >= {"value", "confidence", "message"}
    assert found["issue_type"]["message"] == record["id"]
    code = next(field for field in found["fields"] if field["name"] == "error_code")
    assert set(code) == {"name", "value", "confidence", "message", "span"}
    start, end = code["span"]
    assert (code["value"], code["message"], SAID[start:end]) == ("E-1234", record["id"], "E-1234")
    assert 0 < code["confidence"] <= 100


async def test_of_a_long_conversation_the_newest_is_read(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MESSAGES_READ_MAX", 1)
    await server.conversation("cus", id="c1")
    async with server.rest("cus", "customer") as cus, server.rest() as mei:
        await cus.post("/v1/conversations/c1/messages", json={"type": "text", "text": SAID})
        await server.hub.conversations.open_segment("default", "c1", 2)
        await cus.post("/v1/conversations/c1/messages", json={"type": "text", "text": "error code E-9999"})
        fields = (await mei.get("/v1/conversations/c1/extraction")).json()["fields"]
    assert [field["value"] for field in fields if field["name"] == "error_code"] == ["E-9999"]


async def test_what_is_not_there_says_nothing(server: Running) -> None:
    async with server.rest() as mei:
        problem(await mei.get("/v1/conversations/none/extraction"), 404, "not_found")
    await server.conversation("cus", id="c1")
    async with server.rest() as mei:
        found = (await mei.get("/v1/conversations/c1/extraction")).json()
    assert found["fields"] == []
    assert found["issue_type"]["message"] is None
