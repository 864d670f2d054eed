"""Who calls."""

import asyncio

import pytest
from support.running import Running
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.names import parse_name
from syncline_server.rest import callers
from syncline_server.rest.callers import DEVICE
from syncline_server.storage.interface import DocumentKey

NEW = {"subject": "wifi", "channel": "chat"}


def identity(user: str, role: Role = Role.AGENT) -> Identity:
    return Identity(tenant="default", user=user, device=DEVICE, role=role)


async def test_one_user_writes_twice_at_once_and_in_two_roles(server: Running) -> None:
    """All of it is stored, under one lease, without a gap."""
    await server.conversation("cus", id="c1")
    hub, name = server.hub, parse_name("conversation/c1/1")
    document = await hub.find(DocumentKey("default", name.path), name, create=False)
    both = [identity("mei"), identity("mei", Role.ADMIN)]
    writes = [
        hub.actors.of(both[number % 2]).write(document, "messages", [{"type": "text", "text": str(number)}])
        for number in range(40)
    ]
    written = [record["text"] for records in await asyncio.gather(*writes) for record in records]
    hub.unpin(document)
    assert written == [str(number) for number in range(40)]
    assert document.committed == 40
    assert document.admission is not None
    assert list(document.admission.vector.values()) == [40]


async def test_who_called_longest_ago_is_forgotten(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    monkeypatch.setattr(callers, "CALLERS_KEPT", 2)
    monkeypatch.setattr(server.hub.rates, "forget", lambda identity, _: forgotten.append(identity.user))
    for user in ("mei", "jin", "mei", "tom", "ann"):
        async with server.rest(user) as client:
            assert (await client.post("/v1/conversations", json=NEW)).status_code == 201
    assert forgotten == ["jin", "mei"]
