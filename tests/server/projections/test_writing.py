"""What one transaction has touched."""

import sqlite3

import pytest
from syncline_server.projections.writing import Known, Linked, Writing


def test_a_conversation_has_one_row_whoever_asks_first(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    refs = [writing.conversation(tenant, name) for tenant, name in (("acme", "c1"), ("zeta", "c1"), ("acme", "c2"))]
    assert len(set(refs)) == 3
    assert writing.conversation("acme", "c1") == refs[0]
    assert Writing(db, 0).conversation("zeta", "c1") == refs[1]
    assert db.execute("SELECT count(*) FROM conversations").fetchone() == (3,)


def test_what_is_touched_twice_is_touched_once(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    writing.touch(1).messages += 2
    writing.touch(1).messages += 1
    assert [(ref, touched.messages) for ref, touched in writing.touched.items()] == [(1, 3)]
    writing.mark("acme", "ticket", "t1")
    writing.mark("acme", "ticket", "t1")
    assert list(writing.dirty) == [("acme", "ticket", "t1")]


def test_changes_are_numbered_behind_the_last(db: sqlite3.Connection) -> None:
    writing = Writing(db, 41)
    assert [writing.next_change(), writing.next_change()] == [42, 43]
    assert writing.change == 43


def link(db: sqlite3.Connection, ticket: int, conversation: int) -> None:
    db.execute(
        "INSERT INTO tickets (ref, tenant, id, status, team, watchers, opened_at, opened_by, updated_at, place, text)"
        " VALUES (?, 'acme', ?, 'new', 'hardware', 'sue\ntom', 1, 'mei', 1, ?, '')",
        (ticket, f"t{ticket}", ticket),
    )
    db.execute("INSERT INTO ticket_links VALUES (?, ?)", (ticket, conversation))


def test_linked_tickets_are_asked_for_again_once_they_may_have_changed(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    link(db, 1, 7)
    assert writing.linked(7) == [Linked(1, "t1", "new", "hardware", None, ("sue", "tom"))]
    link(db, 2, 7)
    assert len(writing.linked(7)) == 1
    writing.tickets_changed()
    assert [ticket.id for ticket in writing.linked(7)] == ["t1", "t2"]


def test_what_is_known_by_heart_serves_the_next_transaction_and_is_bounded(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Known()
    ref = Writing(db, 0, known).conversation("acme", "c1")
    db.execute("DELETE FROM conversations")
    assert Writing(db, 0, known).conversation("acme", "c1") == ref
    known.forget()
    Writing(db, 0, known).conversation("acme", "c1")
    assert db.execute("SELECT count(*) FROM conversations").fetchone() == (1,)
    known.unaltered.add((ref, 1))
    known.trim()
    assert (len(known.refs), len(known.unaltered)) == (1, 1)
    monkeypatch.setattr("syncline_server.projections.writing.KNOWN_MAX", 1)
    known.trim()
    assert not known.refs
    assert not known.unaltered
