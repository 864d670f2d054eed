"""Heads of conversations in their tables."""

import sqlite3
from typing import Any

from support.records import record_value
from syncline_server.projections import heads
from syncline_server.projections.writing import Writing

OPENED = record_value(1, "opened", by="server", subject="wifi", channel="chat", language="zh", customer="ann")
ADDED = [
    record_value(2, "participant_added", by="server", user="ann", role="customer"),
    record_value(3, "participant_added", by="server", user="mei", role="agent"),
]


def row(db: sqlite3.Connection) -> tuple[Any, ...]:
    found: tuple[Any, ...] = db.execute(
        "SELECT subject, channel, language, customer, opened_at, closed, segments FROM conversations"
    ).fetchone()
    return found


def taking_part(db: sqlite3.Connection) -> set[tuple[str, str]]:
    return set(db.execute("SELECT user, role FROM people").fetchall())


def test_a_head_says_what_its_records_say(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    segments = [record_value(4 + number, "segment_opened", by="server", segment=number) for number in (1, 2)]
    heads.take(writing, "acme", "c1", [OPENED, *ADDED, *segments])
    assert row(db) == ("wifi", "chat", "zh", "ann", OPENED["at"], 0, "1 2")
    changed = record_value(9, "subject_changed", by="server", subject="tablet")
    heads.take(writing, "acme", "c1", [OPENED, *ADDED, *segments, changed, record_value(10, "closed", by="server")])
    assert row(db) == ("tablet", "chat", "zh", "ann", OPENED["at"], 1, "1 2")
    assert [touched.is_moved for touched in writing.touched.values()] == [True]


def test_who_takes_part_follows_and_who_left_does_not(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    heads.take(writing, "acme", "c1", [OPENED, *ADDED])
    assert taking_part(db) == {("ann", "customer"), ("mei", "agent")}
    gone = record_value(5, "participant_removed", by="server", user="mei")
    other = record_value(6, "participant_added", by="server", user="ann", role="agent")
    heads.take(writing, "acme", "c1", [OPENED, *ADDED, gone, other])
    assert taking_part(db) == {("ann", "agent")}


def test_what_is_malformed_counts_for_nothing(db: sqlite3.Connection) -> None:
    heads.take(Writing(db, 0), "acme", "c1", [OPENED, record_value(2, "subject_changed", by="server"), *ADDED])
    assert row(db)[0] == "wifi"
