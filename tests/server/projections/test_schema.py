"""The tables: made by their statements, and asked by their indices."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.projected import tables
from syncline_server.projections import inbox, schema, search, settling

QUESTIONS = {
    "a window": inbox.IN_A_LIST,
    "changes": inbox.CHANGED,
    "a row": inbox.CONVERSATION,
    "its tickets": inbox.TICKETS,
    "a message": search.MESSAGE_ROW,
    "a ticket": search.TICKET_ROW,
    "unread": settling.UNREAD,
}


@pytest.fixture(scope="module")
def db() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in schema.TABLES:
        connection.execute(statement)
    return connection


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_reads_a_whole_table(db: sqlite3.Connection, question: str) -> None:
    sql = QUESTIONS[question]
    plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?")).fetchall()
    assert plan
    assert not [step for *_, step in plan if step.startswith("SCAN")], plan


def test_windows_and_changes_are_read_in_their_order(db: sqlite3.Connection) -> None:
    for sql in (inbox.IN_A_LIST, inbox.CHANGED):
        plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?")).fetchall()
        assert not [step for *_, step in plan if "TEMP B-TREE" in step], plan


def test_all_tables_are_strict(db: sqlite3.Connection) -> None:
    tables = {name: strict for _, name, kind, _, _, strict in db.execute("PRAGMA table_list") if kind == "table"}
    ours = {name for name in tables if not name.startswith(("sqlite_", "message_terms", "ticket_terms"))}
    assert len(ours) >= 10
    assert all(tables[name] for name in ours)


def test_what_is_missing_is_noticed() -> None:
    for kind, name in (("TABLE", "lists"), ("INDEX", "messages_by_time"), ("TABLE", "message_terms")):
        with tables() as db:
            assert schema.is_whole(db)
            db.execute("CREATE TABLE more (a)")
            assert schema.is_whole(db)
            db.execute(f"DROP {kind} {name}")
            assert not schema.is_whole(db)


def test_a_search_index_that_cannot_be_read_is_noticed(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "damaged.db", isolation_level=None)) as made:
        for statement in schema.TABLES:
            made.execute(statement)
        made.execute("UPDATE ticket_terms_config SET v = 99 WHERE k = 'version'")
    with closing(sqlite3.connect(tmp_path / "damaged.db")) as opened, pytest.raises(sqlite3.Error):
        schema.is_whole(opened)
