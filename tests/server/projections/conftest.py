"""A store, projections of it, histories that are written into the one and told to the other; and bare tables."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.histories import Histories
from support.projected import tables
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


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with tables() as connection:
        yield connection
