"""What is answered from the projections is complete, or is not answered."""

from collections.abc import Awaitable, Callable

import pytest
from support.rest import problem
from support.running import Running
from syncline_server.rest.projected import projected


async def test_they_are_caught_up_when_they_are_asked(server: Running) -> None:
    await server.conversation("cus", id="c1")
    projections = await projected(server.hub)
    async with server.rest():
        assert projections.behind == 0


@pytest.mark.parametrize("path", ["/v1/inbox", "/v1/conversations", "/v1/search?q=x", "/v1/tickets"])
async def test_when_they_are_not_in_time_nothing_is_answered(
    server: Running, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def late(*, timeout_s: float) -> bool:
        assert timeout_s > 0
        return False

    complete: Callable[..., Awaitable[bool]] = late
    monkeypatch.setattr(server.hub.projections, "complete", complete)
    async with server.rest() as mei:
        answer = await mei.get(path)
    assert "not complete" in problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
