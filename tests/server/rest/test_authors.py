"""Those who write by REST."""

import asyncio

import pytest
from support.running import Running
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.names import parse_name
from syncline_server.rest import authors
from syncline_server.rest.authors import DEVICE, Authors
from syncline_server.storage.interface import DocumentKey


def identity(user: str) -> Identity:
    return Identity(tenant="default", user=user, device=DEVICE, role=Role.AGENT)


async def test_a_user_has_one_author_and_another_in_another_role(server: Running) -> None:
    known = Authors(server.hub)
    mei = known.author(identity("mei"), 0.0)
    assert known.author(identity("mei"), 1.0) is mei
    boss = Identity(tenant="default", user="mei", device=DEVICE, role=Role.ADMIN)
    assert known.author(boss, 1.0) is not mei


async def test_who_asked_longest_ago_is_forgotten(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authors, "AUTHORS_KEPT", 2)
    known = Authors(server.hub)
    mei, jin = known.author(identity("mei"), 0.0), known.author(identity("jin"), 0.0)
    known.author(identity("mei"), 0.0)
    known.author(identity("tom"), 0.0)
    assert known.author(identity("mei"), 0.0) is mei
    assert known.author(identity("jin"), 0.0) is not jin


async def test_one_user_writes_twice_at_once_and_in_two_roles(server: Running) -> None:
    """All of it is stored, under one lease, without a gap."""
    await server.conversation("cus", id="c1")
    hub, known = server.hub, Authors(server.hub)
    name = parse_name("conversation/c1/1")
    document = await hub.find(DocumentKey("default", name.path), name, create=False)
    both = [identity("mei"), Identity(tenant="default", user="mei", device=DEVICE, role=Role.ADMIN)]
    writes = [
        known.author(both[number % 2], 0.0).write(document, "messages", [{"type": "text", "text": str(number)}])
        for number in range(40)
    ]
    written = [record["text"] for records in await asyncio.gather(*writes) for record in records]
    hub.unpin(document)
    assert written == [str(number) for number in range(40)]
    assert document.committed == 40
    assert document.admission is not None
    assert list(document.admission.vector.values()) == [40]
