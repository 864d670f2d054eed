"""What the device's tests share: a peer behind real sockets, and the real server."""

from collections.abc import AsyncIterator, Iterator

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
