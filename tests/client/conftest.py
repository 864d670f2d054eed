"""What the device's tests share: a peer behind real sockets, and the real server."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from support.peer import Peer, serve
from support.server import ServerProcess


class ServedPeer(Peer):
    """A peer with an address."""

    url = ""


@pytest.fixture
async def peer() -> AsyncIterator[ServedPeer]:
    """A small server of the tests' own, on the loopback interface."""
    served = ServedPeer()
    async with serve(served) as url:
        served.url = url
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The real server, one for each module of tests."""
    with ServerProcess(tmp_path_factory.mktemp("server") / "data") as process:
        yield process


def new_conversation(server: ServerProcess, *, customer: str = "li", subject: str = "平板连不上网") -> str:
    """A conversation of agent `mei` with a customer; returns its id."""
    answer = httpx.post(
        f"{server.http}/v1/conversations",
        json={"subject": subject, "channel": "chat", "customer": customer},
        headers={"Authorization": f"Bearer {server.token('mei')}"},
    )
    answer.raise_for_status()
    return str(answer.json()["id"])
