"""Messages in their table are what the protocol makes of the same records, in whatever order and pieces they come."""

import sqlite3
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from support.records import record_value
from syncline_protocol.documents.erasure import erased
from syncline_protocol.documents.messages import Message, reduce_messages
from syncline_server.projections import digest
from syncline_server.projections.segments import Segment
from syncline_server.projections.writing import Known, Writing

Value = Mapping[str, Any]


def some_records(random: Random, count: int) -> list[Value]:
    """Messages of all kinds, and all that may be said about them."""
    blob = {"sha256": "0" * 64, "name": "a.png", "media_type": "image/png", "size": 1}
    values: list[Value] = []
    for number in range(count):
        by = random.choice(("ann", "bob"))
        about = random.choice(values)["id"] if values else record_value(9_999, "text")["id"]
        at = record_value(random.randrange(20), "text")["at"]
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("text", {"text": f"text {number}"}),
            ("rich_text", {"markup": f"**{number}**"}),
            ("image", {"blob": blob, "caption": f"caption {number}"}),
            ("file", {"blob": blob}),
            ("system", {"event": "joined", "text": f"system {number}"}),
            ("edit", {"message": about, "text": f"edited {number}"}),
            ("edit", {"message": about, "markup": f"*edited {number}*"}),
            ("recall", {"message": about}),
            ("redaction", {"message": about}),
            ("reaction", {"message": about, "emoji": "👍", "on": True}),
            ("satisfaction", {"ticket": "t1", "score": 5}),
        ]
        kind, fields = random.choice(kinds)
        value: Value = record_value(number, kind, by=by, at=at, **fields)
        values.append(erased(value) if random.random() < 0.1 else value)
    return values


def shown(message: Message) -> tuple[Any, ...]:
    """A message as its row has it."""
    state = "redacted" if message.redacted else "" if message.recalled_by is None else "recalled"
    text = message.text if message.text is not None else message.markup
    return (message.id, message.at, message.by, message.type, state, text)


def rows(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return db.execute("SELECT id, at, by, type, state, text FROM messages ORDER BY at, id").fetchall()


@pytest.mark.parametrize("seed", range(30))
def test_rows_are_what_the_reducer_says_whatever_comes_first(db: sqlite3.Connection, seed: int) -> None:
    random = Random(seed)
    values = some_records(random, 60)
    expected = [shown(message) for message in reduce_messages(values)]
    random.shuffle(values)
    known = Known()
    while values:
        count = random.randrange(3, 20)
        Segment(Writing(db, 0, known), "acme", "c1", 1).take(values[:count], records_before=0)
        values = values[count - random.randrange(3) :]  # some come again
    assert rows(db) == expected


def test_what_counts_as_unread_is_noted_with_its_changes(db: sqlite3.Connection) -> None:
    writing = Writing(db, 0)
    segment = Segment(writing, "acme", "c1", 1)
    message = record_value(1, "text", text="hello")
    segment.take([message, record_value(2, "system", event="joined")], records_before=0)
    segment.take([record_value(3, "recall", message=message["id"])], records_before=2)
    (touched,) = writing.touched.values()
    assert [(one.id, one.by_one) for one in touched.counted] == [(message["id"], 1), (message["id"], -1)]
    assert touched.messages == 2


def test_dropped_and_taken_again_it_is_the_same(db: sqlite3.Connection) -> None:
    values = some_records(Random(7), 80)
    Segment(Writing(db, 0), "acme", "c1", 1).take(values, records_before=0)
    Segment(Writing(db, 0), "acme", "c2", 1).take(values, records_before=0)
    before = digest.read_digest(db)
    writing = Writing(db, 0)
    Segment(writing, "acme", "c1", 1).drop()
    assert db.execute("SELECT count(*) FROM messages").fetchone() == (len(reduce_messages(values)),)
    assert writing.is_purging
    Segment(writing, "acme", "c1", 1).take(values, records_before=0)
    assert digest.read_digest(db) == before
    assert sum(touched.messages for touched in writing.touched.values()) == 0


def test_a_full_segment_and_a_redaction_are_to_be_looked_at(db: sqlite3.Connection) -> None:
    message = record_value(1, "text", text="hello")
    writing = Writing(db, 0)
    assert Segment(writing, "acme", "c1", 1).take([message], records_before=998) == 999
    assert not writing.dirty
    Segment(writing, "acme", "c1", 1).take([record_value(2, "text", text="x")], records_before=999)
    assert list(writing.dirty) == [("acme", "conversation", "c1")]
    other = Writing(db, 0)
    Segment(other, "acme", "c1", 1).take([record_value(3, "redaction", message=message["id"])], records_before=0)
    assert list(other.dirty) == [("acme", "conversation", "c1"), ("acme", "user", message["by"])]


def test_the_author_of_an_erased_message_is_to_be_looked_at_whatever_comes_first(db: sqlite3.Connection) -> None:
    message = record_value(1, "text", by="ann", text="hello")
    redaction = record_value(2, "redaction", by="boss", message=message["id"])
    recalled = record_value(3, "text", by="bob", text="hello")
    recall = record_value(4, "recall", by="bob", message=recalled["id"])
    for conversation, values in (
        ("c1", [message, redaction]),
        ("c2", [redaction, message]),
        ("c3", [erased(message)]),
        ("c4", [recalled, recall]),
    ):
        writing = Writing(db, 0)
        Segment(writing, "acme", conversation, 1).take(values, records_before=0)
        users = [id_ for _, kind, id_ in writing.dirty if kind == "user"]
        assert users == (["ann"] if conversation != "c4" else []), conversation


def test_what_is_malformed_counts_for_nothing(db: sqlite3.Connection) -> None:
    values = [record_value(1, "text"), record_value(2, "unheard_of", text="x"), record_value(3, "text", text="good")]
    assert Segment(Writing(db, 0), "acme", "c1", 1).take(values, records_before=0) == 3
    assert [row[5] for row in rows(db)] == ["good"]
