"""What follows for a conversation."""

import sqlite3
from typing import Any

import pytest
from support.records import record_value
from syncline_server.projections import heads, markers
from syncline_server.projections.model import Projected
from syncline_server.projections.segments import Segment
from syncline_server.projections.settling import EXCERPT_CHARACTERS, settle
from syncline_server.projections.writing import Writing

HEAD = [
    record_value(1, "opened", by="server", subject="wifi", channel="chat", language="zh", customer="ann"),
    record_value(2, "participant_added", by="server", user="ann", role="customer"),
    record_value(3, "participant_added", by="server", user="mei", role="agent"),
]


class Tables:
    """Writes into the tables, one transaction after the other."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.change = 0

    def say(self, *values: dict[str, Any]) -> Projected:
        writing = Writing(self.db, self.change)
        Segment(writing, "acme", "c1", 1).take(values, records_before=0)
        return self._settle(writing)

    def open(self, *more: dict[str, Any]) -> Projected:
        writing = Writing(self.db, self.change)
        heads.take(writing, "acme", "c1", [*HEAD, *more])
        return self._settle(writing)

    def read(self, user: str, message: dict[str, Any]) -> Projected:
        writing = Writing(self.db, self.change)
        marker = record_value(99, "read_marker", conversation="c1", up_to=message["at"], message=message["id"])
        markers.take(writing, "acme", user, [marker])
        return self._settle(writing)

    def drop(self) -> Projected:
        writing = Writing(self.db, self.change)
        Segment(writing, "acme", "c1", 1).drop()
        return self._settle(writing)

    def _settle(self, writing: Writing) -> Projected:
        projected = settle(writing)
        self.change = writing.change
        return projected

    def row(self) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self.db.execute(
            "SELECT messages, last_by, last_type, last_text, stamp FROM conversations"
        ).fetchone()
        return found

    def unread(self) -> dict[str, int]:
        return dict(self.db.execute("SELECT user, unread FROM following").fetchall())

    def lists(self, *, gone: bool = False) -> set[str]:
        return {row[0] for row in self.db.execute("SELECT list FROM lists WHERE gone = ?", (gone,))}


@pytest.fixture
def made(db: sqlite3.Connection) -> Tables:
    return Tables(db)


def text(number: int, words: str = "hello", by: str = "ann") -> dict[str, Any]:
    return record_value(100 + number, "text", by=by, text=words)


def test_the_newest_message_shows_in_one_line(made: Tables) -> None:
    made.open()
    assert made.row() == (0, None, None, None, HEAD[0]["at"])
    made.say(text(5, "line one\n\tline two " + "x" * 500, by="mei"), text(3))
    count, by, type_, shown, stamp = made.row()
    assert (count, by, type_, stamp) == (2, "mei", "text", text(5)["at"])
    assert (shown[:18], len(shown)) == ("line one line two ", EXCERPT_CHARACTERS)
    made.say(record_value(106, "recall", message=text(5)["id"]))
    assert made.row()[:4] == (2, "mei", "text", None)
    made.drop()
    assert made.row() == (0, None, None, None, HEAD[0]["at"])


def test_unread_is_counted_by_differences(made: Tables) -> None:
    made.open()
    made.say(text(1), text(2, by="mei"), text(3))
    assert made.unread() == {"ann": 1, "mei": 2}
    made.read("mei", text(1))
    made.say(text(0), text(4), record_value(105, "system", by="server", event="joined"))
    assert made.unread() == {"ann": 1, "mei": 2}
    made.say(record_value(106, "recall", message=text(3)["id"]))
    assert made.unread() == {"ann": 1, "mei": 1}
    made.read("tom", text(1))
    assert made.unread() == {"ann": 1, "mei": 1, "tom": 2}
    made.drop()
    assert made.unread() == {"ann": 0, "mei": 0, "tom": 0}


def test_who_left_follows_no_more_unless_they_have_read_some(made: Tables) -> None:
    made.open()
    made.say(text(1))
    made.read("mei", text(1))
    gone = [record_value(5, "participant_removed", by="server", user=user) for user in ("ann", "mei")]
    gone[1]["id"] = text(-4)["id"]
    made.open(*gone)
    assert made.unread() == {"mei": 0}


def test_it_stands_in_lists_once_its_head_is_known_and_leaves_a_trace(made: Tables) -> None:
    made.say(text(1))
    assert made.lists() == set()
    made.open()
    assert made.lists() == {"/all/", "/person/ann", "/person/mei", "/unread/mei"}
    before = dict(made.db.execute("SELECT list, change FROM lists").fetchall())
    projected = made.read("mei", text(1))
    assert made.lists() == {"/all/", "/person/ann", "/person/mei"}
    assert made.lists(gone=True) == {"/unread/mei"}
    after = dict(made.db.execute("SELECT list, change FROM lists").fetchall())
    assert all(after[name] > before[name] for name in before)
    assert projected.changes == {"acme": max(after.values())}


def test_a_message_that_changes_nothing_else_moves_it_up_in_all_its_lists(made: Tables) -> None:
    made.open()
    made.say(text(1))
    made.read("mei", text(1))
    made.say(text(2))
    stood = made.lists()
    projected = made.say(text(3))
    assert made.lists() == stood == {"/all/", "/person/ann", "/person/mei", "/unread/mei"}
    rows = set(made.db.execute("SELECT tenant, stamp, change FROM lists WHERE gone = 0"))
    assert rows == {("acme", text(3)["at"], projected.changes["acme"])}
    made.say(text(4, by="mei"))
    assert made.lists() == stood | {"/unread/ann"}


def test_traces_are_kept_for_a_while(made: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncline_server.projections.settling.CHANGES_KEPT", 2)
    made.open()
    made.say(text(1))
    made.read("mei", text(1))
    for number in range(2, 5):
        assert made.lists(gone=True) == {"/unread/mei"}
        made.say(text(number, by="mei"))
    assert made.lists(gone=True) == set()
