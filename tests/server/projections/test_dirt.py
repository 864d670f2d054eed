"""Marks of what is to be looked at."""

import sqlite3

from syncline_server.projections import dirt
from syncline_server.projections.model import Dirty


def mark(db: sqlite3.Connection, id_: str, number: int) -> None:
    db.execute("INSERT OR REPLACE INTO dirty VALUES ('acme', 'ticket', ?, ?)", (id_, number))


def test_the_oldest_marks_come_first_and_no_more_than_wanted(db: sqlite3.Connection) -> None:
    for id_, number in (("t1", 5), ("t2", 3), ("t3", 4)):
        mark(db, id_, number)
    assert dirt.read(db, 2) == [Dirty("acme", "ticket", "t2", 3), Dirty("acme", "ticket", "t3", 4)]


def test_what_was_marked_again_meanwhile_stays(db: sqlite3.Connection) -> None:
    mark(db, "t1", 1)
    mark(db, "t2", 2)
    looked_at = dirt.read(db, 10)
    mark(db, "t1", 3)
    dirt.clean(db, looked_at)
    assert dirt.read(db, 10) == [Dirty("acme", "ticket", "t1", 3)]
    dirt.clean(db, dirt.read(db, 10))
    assert dirt.read(db, 10) == []
