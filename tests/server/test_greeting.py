"""The first frame of a device: who is welcome, and what they are told. Real sockets, a real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import Running, running
from support.wire import first_words, hello, wire_device
from syncline_protocol import codec, frames, limits
from syncline_protocol.errors import CloseCode


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started


async def test_welcome_tells_who_one_is_and_lends_a_client_id(server: Running) -> None:
    token = server.token("mei", "supervisor", tenant="acme")
    async with wire_device(server.url, token) as device:
        welcome = device.welcome
    assert (welcome.tenant, welcome.user, welcome.role) == ("acme", "mei", "supervisor")
    assert limits.LEASE_CLIENT_ID_MIN <= welcome.client <= limits.LEASE_CLIENT_ID_MAX
    assert abs(welcome.server_time_ms - server.hub.now_ms()) < 5_000


async def test_a_device_keeps_its_client_id_and_another_gets_another(server: Running) -> None:
    token = server.token("mei")
    async with wire_device(server.url, token, "phone") as phone, wire_device(server.url, token, "desktop") as desktop:
        assert phone.welcome.client != desktop.welcome.client
    async with wire_device(server.url, token, "phone") as again:
        assert again.welcome.client == phone.welcome.client
    async with wire_device(server.url, token, "tablet", client=phone.welcome.client) as thief:
        assert thief.welcome.client != phone.welcome.client


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([b""], CloseCode.MALFORMED_FRAME),
        ([b"\xc1"], CloseCode.MALFORMED_FRAME),
        ([codec.encode(frames.Close(1))], CloseCode.MALFORMED_FRAME),
        ([codec.encode(frames.Acks([]))], CloseCode.MALFORMED_FRAME),
        ([codec.encode(frames.Fragment(True, b"x"))], CloseCode.MALFORMED_FRAME),
        ([b"x" * (limits.HELLO_BYTES_MAX + 1)], CloseCode.TOO_LARGE),
        ([hello("not a token")], CloseCode.UNAUTHENTICATED),
        ([hello("", version=2)], CloseCode.VERSION_NOT_SPOKEN),
        ([hello("", device="")], CloseCode.MALFORMED_FRAME),
        ([hello("", device="x" * 65)], CloseCode.MALFORMED_FRAME),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_greeting_ends_the_connection(server: Running, messages: list[bytes], code: CloseCode) -> None:
    assert (await first_words(server.url, *messages))[0] == code


async def test_a_second_connection_of_a_device_replaces_the_first(server: Running) -> None:
    token = server.token("mei")
    async with wire_device(server.url, token) as first, wire_device(server.url, token) as second:
        assert (await first.closed())[0] == CloseCode.REPLACED
        assert (await second.open("page/one")).documents[0].access == frames.Access.WRITE
