"""A server with a conversation in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.running import running
from support.running_domain import Domain


@pytest.fixture
async def domain(tmp_path: Path) -> AsyncIterator[Domain]:
    """See the module's text."""
    async with running(tmp_path / "data") as server:
        made = Domain(server)
        await made.conversation()
        yield made
