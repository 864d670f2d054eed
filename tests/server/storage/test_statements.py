"""Every statement fits the tables, and finds its rows by a key."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from syncline_server.storage import schema, statements

TEXTS = {
    name: text for name, text in vars(statements).items() if name[0] != "_" and name.isupper() and isinstance(text, str)
}

MADE = {
    "read_stored_heads": statements.read_stored_heads(3),
    "read_documents_named": statements.read_documents_named(3),
    "add_runs": statements.add_runs(2),
    "lease": statements.lease(2),
    "write_cursors": statements.write_cursors(2),
}

SCANNED = {"READ_REVOCATIONS", "READ_TAIL"}
"""These read a whole table, and mean to."""

PLACEHOLDERS = 100


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in schema.MIGRATIONS[0]:
            database.execute(statement)
        yield database


def plan(database: sqlite3.Connection, text: str) -> list[str]:
    """SQLite's query plan: raises if the statement does not fit the tables."""
    for placeholders in range(PLACEHOLDERS):
        try:
            return [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", [None] * placeholders)]
        except sqlite3.ProgrammingError:
            continue  # another number of values is wanted
    raise AssertionError(f"more than {PLACEHOLDERS} values: {text}")


@pytest.mark.parametrize("name", [*TEXTS, *MADE])
def test_no_statement_reads_a_whole_table(database: sqlite3.Connection, name: str) -> None:
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    scans = [
        step for step in plan(database, (TEXTS | MADE)[name]) if step.startswith("SCAN") and step.split()[1] in tables
    ]
    assert bool(scans) == (name in SCANNED), scans


def test_there_are_statements() -> None:
    assert len(TEXTS) > 20
