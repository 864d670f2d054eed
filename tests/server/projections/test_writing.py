"""What one transaction has touched."""

import sqlite3

from syncline_server.projections.writing import Writing


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
