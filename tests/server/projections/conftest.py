"""A store, projections of it, and histories that are written into the one and told to the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.histories import Histories
from syncline_server.projections.projections import Projections
from syncline_server.storage.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path) as store:
        yield store


@pytest.fixture
async def projections(tmp_path: Path, store: SqliteStore) -> AsyncIterator[Projections]:
    async with Projections(tmp_path, store) as projections:
        yield projections


@pytest.fixture
def histories(store: SqliteStore, projections: Projections) -> Histories:
    return Histories(store, committed=projections.committed, replaced=projections.replaced)
