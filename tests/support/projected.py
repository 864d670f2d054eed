"""The projections' tables in memory, for tests of single parts."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from syncline_server.projections.schema import TABLES


@contextmanager
def tables() -> Iterator[sqlite3.Connection]:
    """An empty database with all tables."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in TABLES:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()
