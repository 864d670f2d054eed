"""What the tests of the REST interface share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import Running, running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A running server."""
    async with running(tmp_path / "data") as started:
        yield started
