"""The bounds of what one device has on its way: by number, by bytes, by rate."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.echo import Echo, EchoServer, echo_server
from syncline_protocol import limits
from syncline_protocol.documents.identity import Identity, Role
from syncline_protocol.errors import CloseCode, ProtocolViolation, RefusedUpdate
from syncline_server import intake as intake_module
from syncline_server.intake import IN_FLIGHT_BYTES_MAX, Intake
from syncline_server.rates import Rates
from syncline_server.socket import Socket
from websockets.asyncio.client import connect

MEI = Identity(tenant="t", user="mei", device="d1", role=Role.AGENT)


@pytest.fixture
async def socket() -> AsyncIterator[Socket]:
    """A connected socket."""
    async with echo_server(EchoServer()) as echo, connect(echo.url, compression=None) as client:
        await client.send(b"hello")
        await client.recv()
        receiver = echo.receivers[0]
        assert isinstance(receiver, Echo)
        yield receiver.socket


async def test_one_update_too_many_in_flight_is_a_violation(socket: Socket) -> None:
    intake = Intake(socket)
    for _ in range(limits.UPDATES_IN_FLIGHT_MAX):
        intake.enter(1)
    with pytest.raises(ProtocolViolation) as caught:
        intake.enter(1)
    assert caught.value.close_code is CloseCode.TOO_MANY


async def test_a_device_with_much_in_flight_is_not_read_until_half_is_answered(socket: Socket) -> None:
    intake = Intake(socket)
    part = IN_FLIGHT_BYTES_MAX // 8
    for _ in range(8):
        intake.enter(part)
    assert socket.transport.is_reading()
    intake.enter(part)
    assert not socket.transport.is_reading()
    for _ in range(4):
        intake.leave()
    assert not socket.transport.is_reading()
    intake.leave()
    assert socket.transport.is_reading()


async def test_a_device_over_its_rate_is_held_then_refused(socket: Socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "HOLD_S_MAX", 0.25)
    intake, rates = Intake(socket), Rates(10.0, 1_000.0)
    for _ in range(20):
        intake.hold(MEI, rates)
    assert socket.transport.is_reading()
    intake.hold(MEI, rates)
    assert not socket.transport.is_reading()
    intake.hold(MEI, rates)
    with pytest.raises(RefusedUpdate) as caught:
        intake.hold(MEI, rates)
    assert caught.value.detail["retry_after_ms"] in range(250, 350)
    async with asyncio.timeout(5):
        while not socket.transport.is_reading():
            await asyncio.sleep(0.01)


async def test_two_reasons_to_hold_are_both_waited_for(socket: Socket) -> None:
    intake, rates = Intake(socket), Rates(10.0, 1_000.0)
    intake.enter(IN_FLIGHT_BYTES_MAX + 1)
    for _ in range(21):
        intake.hold(MEI, rates)
    intake.leave()
    assert not socket.transport.is_reading()
    async with asyncio.timeout(5):
        while not socket.transport.is_reading():
            await asyncio.sleep(0.01)
