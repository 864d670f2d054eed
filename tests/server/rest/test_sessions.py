"""Logging out by REST."""

import pytest
from support.rest import faults, problem
from support.running import Running
from support.wire import wire_device
from syncline_protocol.errors import CloseCode


async def test_a_token_is_worthless_after_logging_out(server: Running) -> None:
    async with server.rest("mei") as mei, wire_device(server.url, server.token("mei")) as device:
        assert (await mei.delete("/v1/users/mei/sessions")).status_code == 204
        assert problem(await mei.get("/v1/conversations/c1"), 401, "unauthenticated") == "the user was logged out"
        assert (await device.closed())[0] == CloseCode.SESSION_REVOKED


async def test_one_device_only(server: Running) -> None:
    async with server.rest("mei") as mei, wire_device(server.url, server.token("mei")) as device:
        assert (await mei.delete("/v1/users/mei/sessions?device=elsewhere")).status_code == 204
        assert (await mei.get("/v1/conversations/c1")).status_code == 404
        await device.open("user/mei")


@pytest.mark.parametrize(("role", "status"), [("admin", 204), ("supervisor", 403), ("customer", 403), ("auditor", 403)])
async def test_only_an_admin_logs_others_out(server: Running, role: str, status: int) -> None:
    async with server.rest("boss", role) as boss:
        assert (await boss.delete("/v1/users/mei/sessions")).status_code == status


async def test_a_device_is_named_once_and_shortly(server: Running) -> None:
    async with server.rest("mei") as mei:
        assert faults(await mei.delete("/v1/users/mei/sessions?device=a&device=b")) == ["?device"]
        assert faults(await mei.delete(f"/v1/users/mei/sessions?device={'a' * 65}")) == ["?device"]
        assert faults(await mei.delete("/v1/users/mei/sessions?devise=a")) == ["?devise"]
        assert faults(await mei.delete(f"/v1/users/{'m' * 129}/sessions")) == ["?user"]
