"""The digest sees every value that is a function of the records, and nothing else."""

import sqlite3

import pytest
from syncline_server.projections.digest import TABLES, read_digest

LEFT_OUT = {
    "conversations": {"ref"},
    "tickets": {"ref", "place"},
    "messages": {"place"},
    "lists": {"change", "gone"},
}
"""What only lives as long as the database."""


@pytest.fixture(autouse=True)
def _a_conversation(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO conversations (ref, tenant, id, opened_at) VALUES (1, 'acme', 'c1', 5)")


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def insert(db: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def row(db: sqlite3.Connection, table: str) -> dict[str, object]:
    """A row of which every column has a value."""
    types = {name: kind for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table})")}
    values: dict[str, object] = {
        name: {"TEXT": "x", "INTEGER": 1, "BLOB": b"x"}[kind] for name, kind in types.items() if name != "gone"
    }
    return values | ({"gone": 0} if "gone" in types else {}) | ({"ref": 2} if table == "conversations" else {})


@pytest.mark.parametrize("table", TABLES)
def test_every_column_counts_but_those_left_out(db: sqlite3.Connection, table: str) -> None:
    empty = read_digest(db)
    values = row(db, table)
    insert(db, table, values)
    before = read_digest(db)
    assert before != empty
    for column in set(values) - {"gone", "ref"} - ({"conversation", "ticket"} if table != "tickets" else set()):
        changed = b"y" if column == "value" else "y" if isinstance(values[column], str) else 7
        db.execute("SAVEPOINT attempt")
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (changed, values[column]))
        assert (read_digest(db) == before) == (column in LEFT_OUT.get(table, set())), column
        db.execute("ROLLBACK TO attempt")


def test_every_table_with_content_counts(db: sqlite3.Connection) -> None:
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    ours = {name for name in tables if not name.startswith(("sqlite_", "message_terms", "ticket_terms"))}
    assert ours - set(TABLES) == {"meta", "positions", "dirty"}


def test_the_order_of_rows_and_their_numbers_do_not_show(db: sqlite3.Connection) -> None:
    insert(db, "people", {"conversation": 1, "user": "ann", "role": "customer"})
    before = read_digest(db)
    db.execute("UPDATE people SET conversation = 9")
    db.execute("UPDATE conversations SET ref = 9")
    assert read_digest(db) == before


def test_what_is_there_no_more_does_not_count(db: sqlite3.Connection) -> None:
    before = read_digest(db)
    insert(db, "lists", row(db, "lists") | {"gone": 1})
    insert(db, "conversations", {"tenant": "acme", "id": "nobody has heard of it"})
    assert read_digest(db) == before
