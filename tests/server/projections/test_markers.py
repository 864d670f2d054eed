"""Read markers only move forward; a draft that comes behind the erasing of what was sent is noticed."""

import itertools
import sqlite3
from typing import Any

import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.erasure import erased
from syncline_server.projections import markers
from syncline_server.projections.segments import Segment
from syncline_server.projections.writing import Writing


def marker(number: int, up_to: int, message: int, conversation: str = "c1") -> dict[str, Any]:
    return record_value(number, "read_marker", conversation=conversation, up_to=up_to, message=record_id(message))


def following(db: sqlite3.Connection) -> list[tuple[str, int, str]]:
    return db.execute("SELECT user, up_to, message FROM following ORDER BY conversation, user").fetchall()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_farthest_counts_whenever_it_comes(db: sqlite3.Connection, order: tuple[int, ...]) -> None:
    values = [marker(1, 10, 5), marker(2, 20, 6), marker(3, 20, 7)]
    for place in order:
        markers.take(Writing(db, 0), "acme", "ann", [values[place]])
    assert following(db) == [("ann", 20, record_id(7))]


def test_who_is_to_be_counted_again_is_noted(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    markers.take(writing, "acme", "ann", [marker(1, 10, 5), marker(2, 10, 5, "c2"), marker(3, 9, 4)])
    assert [(touched.moved, touched.is_moved) for touched in writing.touched.values()] == [({"ann"}, True)] * 2
    later = Writing(db, 0)
    markers.take(later, "acme", "ann", [marker(4, 9, 4)])
    assert not later.touched
    markers.take(later, "acme", "ann", [marker(5, 11, 6)])
    assert [(touched.moved, touched.is_moved) for touched in later.touched.values()] == [({"ann"}, False)]


def test_dropped_they_are_as_if_never_written(db: sqlite3.Connection) -> None:
    for user in ("ann", "bob"):
        markers.take(Writing(db, 0), "acme", user, [marker(1, 10, 5)])
    writing = Writing(db, 0)
    markers.drop(writing, "acme", "ann")
    assert following(db) == [("ann", None, None), ("bob", 10, record_id(5))]
    assert [touched.moved for touched in writing.touched.values()] == [{"ann"}]
    markers.take(writing, "acme", "ann", [marker(2, 3, 2)])
    assert following(db)[0] == ("ann", 3, record_id(2))


@pytest.mark.parametrize(
    ("user", "conversation", "number", "is_late"),
    [
        ("ann", "c1", 4, True),
        ("ann", "c1", 5, True),  # of the message's very stamp
        ("ann", "c1", 6, False),
        ("ann", "c2", 4, False),
        ("bob", "c1", 4, False),
    ],
)
def test_whoever_wrote_a_draft_no_newer_than_their_erased_message_is_looked_at(
    db: sqlite3.Connection, user: str, conversation: str, number: int, *, is_late: bool
) -> None:
    message = record_value(5, "text", by="ann", text="secret")
    redaction = record_value(9, "redaction", by="boss", message=message["id"])
    Segment(Writing(db, 0), "acme", "c1", 1).take([message, redaction], records_before=0)
    writing = Writing(db, 0)
    drafts = [record_value(n, "draft", by=user, conversation=conversation, text="secret") for n in (8, number, 7)]
    markers.take(writing, "acme", user, drafts)
    assert list(writing.dirty) == ([("acme", "user", user)] if is_late else [])
    erased_ones = Writing(db, 0)
    markers.take(erased_ones, "acme", user, [erased(draft) for draft in drafts])
    assert not erased_ones.dirty


def test_drafts_settings_and_what_is_malformed_are_passed_over(db: sqlite3.Connection) -> None:
    values = [
        record_value(1, "draft", conversation="c1", text="secret"),
        record_value(2, "setting", name="theme", value="dark"),
        record_value(3, "read_marker", conversation="c1"),
    ]
    markers.take(Writing(db, 0), "acme", "ann", values)
    assert following(db) == []
