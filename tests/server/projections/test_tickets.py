"""Tickets in their tables."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from support.records import record_value
from syncline_protocol.documents.search_terms import index_terms
from syncline_server.projections import tickets
from syncline_server.projections.writing import Writing


class History:
    """Events, each of which knows of all before it."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []

    def add(self, type_: str, by: str = "mei", **fields: Any) -> dict[str, Any]:
        after = [self.values[-1]["id"]] if self.values else []
        value = record_value(len(self.values) + 1, type_, by=by, after=after, **fields)
        self.values.append(value)
        return value


def worked_on() -> History:
    history = History()
    opened = history.add("opened", subject="No wifi", conversation="c1", customer="ann", language="zh")
    history.add("number", by="server", cause=opened["id"], number=7)
    history.add("topic", issue_type="network")
    history.add("priority", priority="high")
    history.add("field", name="serial", value="SN-8842/A1")
    history.add("assignment", by="server", cause=opened["id"], user="tom", group="hardware")
    history.add("note", text="Antenne ersetzt")
    history.add("checklist_item", text="call back")
    history.add("link", conversation="c2")
    return history


def row(db: sqlite3.Connection) -> Mapping[str, Any]:
    cursor = db.execute("SELECT * FROM tickets")
    return dict(zip([one[0] for one in cursor.description], cursor.fetchone(), strict=True))


def linked(db: sqlite3.Connection) -> set[str]:
    found = db.execute("SELECT id FROM ticket_links JOIN conversations ON ref = conversation")
    return {name for (name,) in found}


def found(db: sqlite3.Connection, term: str) -> int:
    sql = "SELECT count(*) FROM ticket_terms WHERE ticket_terms MATCH ?"
    return int(db.execute(sql, (f'terms : "{term}"',)).fetchone()[0])


def test_a_ticket_says_what_its_events_say(db: sqlite3.Connection) -> None:
    history = worked_on()
    writing = Writing(db, 0)
    tickets.take(writing, "acme", "t1", history.values)
    ticket = row(db)
    assert {name: ticket[name] for name in ("number", "conversation", "customer", "subject", "issue_type")} == {
        "number": 7,
        "conversation": "c1",
        "customer": "ann",
        "subject": "No wifi",
        "issue_type": "network",
    }
    assert (ticket["language"], ticket["priority"], ticket["team"], ticket["assignee"]) == (
        "zh",
        "high",
        "hardware",
        "tom",
    )
    assert (ticket["opened_at"], ticket["opened_by"]) == (history.values[0]["at"], "mei")
    assert ticket["updated_at"] == history.values[-1]["at"]
    assert linked(db) == {"c1", "c2"}
    assert all(touched.is_moved for touched in writing.touched.values())
    assert set(writing.dirty) >= {("acme", "ticket", "t1"), ("acme", "conversation", "c1")}


def take(db: sqlite3.Connection, history: History) -> None:
    """One transaction with these events, as far as the search index goes."""
    writing = Writing(db, 0)
    tickets.take(writing, "acme", "t1", history.values)
    writing.terms.write(db)


def test_it_is_found_by_all_that_is_written_in_it_and_by_nothing_else(db: sqlite3.Connection) -> None:
    take(db, worked_on())
    for term in ("wifi", "sn8842a1", "antenne", "call", "7"):
        assert found(db, term) == 1, term
    history = worked_on()
    history.add("field", name="serial", value="SN-9999")
    take(db, history)
    assert (found(db, "sn8842a1"), found(db, "sn9999"), found(db, "antenne")) == (0, 1, 1)


def test_status_and_its_times(db: sqlite3.Connection) -> None:
    history = worked_on()
    resolved = history.add("status", status="resolved", resolution="new antenna")
    take(db, history)
    assert (row(db)["status"], row(db)["resolved_at"]) == ("resolved", resolved["at"])
    assert found(db, "antenna") == 1
    history.add("status", status="closed")
    tickets.take(Writing(db, 0), "acme", "t1", history.values)
    assert (row(db)["status"], row(db)["updated_at"]) == ("closed", history.values[-1]["at"])


def test_links_that_were_taken_away_are_gone(db: sqlite3.Connection) -> None:
    history = worked_on()
    tickets.take(Writing(db, 0), "acme", "t1", history.values)
    history.add("unlink", link=history.values[-1]["id"])
    writing = Writing(db, 0)
    tickets.take(writing, "acme", "t1", history.values)
    assert linked(db) == {"c1"}
    assert len(writing.touched) == 2


def test_dropped_it_leaves_nothing(db: sqlite3.Connection) -> None:
    take(db, worked_on())
    writing = Writing(db, 0)
    tickets.drop(writing, "acme", "t1")
    writing.terms.write(db)
    assert (db.execute("SELECT count(*) FROM tickets").fetchone(), linked(db)) == ((0,), set())
    assert not any(found(db, term) for term in index_terms("No wifi SN-8842/A1"))
    assert (writing.is_purging, len(writing.touched)) == (True, 2)
    tickets.drop(writing, "acme", "t1")


def test_what_was_never_opened_is_no_ticket(db: sqlite3.Connection) -> None:
    note = record_value(1, "note", after=[], text="lost")
    tickets.take(Writing(db, 0), "acme", "t1", [note, record_value(2, "status", after=[])])
    assert db.execute("SELECT count(*) FROM tickets").fetchone() == (0,)
