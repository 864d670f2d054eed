"""Committed updates into tables: what follows on, what has to be read, and how far everything is."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from support.records import record_value
from syncline_protocol.documents.schema import CONVERSATION, EVENTS, MESSAGES
from syncline_protocol.names import DocumentKind, parse_name
from syncline_protocol.update import RecordStruct, encode_records
from syncline_server.projections.projector import Projector, Whole, has_more, lagging, name_of
from syncline_server.projections.queue import Job
from syncline_server.storage.interface import DocumentKey, StoredDocument

SEGMENT = "conversation/c1/1"
ROOTS = {
    DocumentKind.SEGMENT: MESSAGES,
    DocumentKind.CONVERSATION: CONVERSATION,
    DocumentKind.TICKET: EVENTS,
}


def update(name: str, *values: Mapping[str, Any], clock: int = 0) -> bytes:
    root = ROOTS[parse_name(name).kind]
    return encode_records([RecordStruct(9, clock + n, root, one["id"], dict(one)) for n, one in enumerate(values)])


def text(number: int) -> dict[str, Any]:
    return record_value(number, "text", text=f"text {number}")


def job(updates: Sequence[tuple[int, bytes]] | None, name: str = SEGMENT, *, number: int = 1, epoch: int = 7) -> Job:
    made = Job(DocumentKey("acme", name), parse_name(name), number, epoch)
    made.updates = None if updates is None else list(updates)
    return made


def said(*numbers: int) -> list[tuple[int, bytes]]:
    """Update n brings message n."""
    return [(number, update(SEGMENT, text(number), clock=number)) for number in numbers]


def texts(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT text FROM messages ORDER BY at")]


def position(db: sqlite3.Connection) -> tuple[int, int, int]:
    row: tuple[int, int, int] = db.execute("SELECT epoch, seq, records FROM positions").fetchone()
    return row


def test_what_follows_on_is_taken_once(db: sqlite3.Connection) -> None:
    projector = Projector()
    assert not projector.lacking(db, [job(said(1, 2))])
    projector.project(db, [job(said(1, 2))], {})
    projector.project(db, [job(said(1, 2, 3))], {})
    projector.project(db, [job(said(2))], {})
    assert texts(db) == ["text 1", "text 2", "text 3"]
    assert position(db) == (7, 3, 3)


@pytest.mark.parametrize("is_known_by_heart", [True, False])
def test_what_does_not_follow_on_has_to_be_read(db: sqlite3.Connection, is_known_by_heart: bool) -> None:  # noqa: FBT001
    projector = Projector()
    assert projector.lacking(db, [job(said(2))]) == {1}
    projector.project(db, [job(said(1, 2))], {})
    if not is_known_by_heart:
        projector.forget()
    assert projector.lacking(db, [job(said(3))]) == set()
    assert projector.lacking(db, [job(said(1, 2))]) == set()
    assert projector.lacking(db, [job(said(4))]) == {1}
    assert projector.lacking(db, [job(None)]) == {1}
    assert projector.lacking(db, [job(said(3), epoch=8)]) == {1}
    replaced = job(said(3))
    replaced.is_replaced = True
    assert projector.lacking(db, [replaced]) == {1}


def test_read_whole_it_is_the_same_and_counts_once(db: sqlite3.Connection) -> None:
    projector = Projector()
    projector.project(db, [job(said(1, 2))], {})
    whole = {1: Whole(4, [payload for _, payload in said(1, 2, 3, 4)])}
    projected = projector.project(db, [job(None)], whole)
    assert texts(db) == ["text 1", "text 2", "text 3", "text 4"]
    assert position(db) == (7, 4, 4)
    assert not projected.erased
    assert db.execute("SELECT messages FROM conversations").fetchone() == (4,)


def test_replaced_what_was_there_goes(db: sqlite3.Connection) -> None:
    projector = Projector()
    projector.project(db, [job(said(1, 2))], {})
    replaced = job(None, epoch=8)
    replaced.is_replaced = True
    projected = projector.project(db, [replaced], {1: Whole(2, [update(SEGMENT, text(2))])})
    assert (texts(db), position(db), projected.erased) == (["text 2"], (8, 2, 1), True)
    assert db.execute("SELECT messages FROM conversations").fetchone() == (1,)


def test_heads_and_tickets_are_made_of_all_their_records(db: sqlite3.Connection) -> None:
    name = "conversation/c1"
    opened = record_value(1, "opened", by="server", subject="wifi", channel="chat", language="zh", customer="ann")
    changed = record_value(2, "subject_changed", by="server", subject="tablet")
    closed = record_value(3, "closed", by="server")
    projector = Projector()
    projector.project(db, [job([(1, update(name, opened))], name)], {})
    projector.project(db, [job([(2, update(name, changed, clock=1))], name)], {})
    third = job([(3, update(name, closed, clock=2))], name)
    projector.forget()
    assert projector.lacking(db, [third]) == {1}
    projector.project(db, [third], {1: Whole(3, [update(name, opened, changed, closed)])})
    row = db.execute("SELECT subject, customer, closed FROM conversations").fetchone()
    assert row == ("tablet", "ann", 1)


def test_an_update_that_nobody_can_read_hides_no_other(db: sqlite3.Connection) -> None:
    projector = Projector()
    projector.project(db, [job([(1, b"\xff\xff"), *said(2)]), job(said(1), number=2)], {})
    assert texts(db) == ["text 1", "text 2"]


def stored(number: int, head: int, *, epoch: int = 7, name: str | None = None) -> StoredDocument:
    return StoredDocument(number, DocumentKey("acme", name or f"conversation/c1/{number}"), epoch, head, 0, "")


@pytest.fixture
def three(db: sqlite3.Connection) -> sqlite3.Connection:
    """Positions of documents 1 to 3, each up to its number."""
    for number in (1, 2, 3):
        key = DocumentKey("acme", f"conversation/c1/{number}")
        db.execute("INSERT INTO positions VALUES (?, ?, 7, ?, 0)", (number, name_of(key), number))
    return db


def test_what_lags_is_found(three: sqlite3.Connection) -> None:
    documents = [stored(1, 1), stored(2, 5), stored(3, 3, epoch=8), stored(4, 0), stored(5, 2)]
    lag = lagging(three, 0, documents)
    assert lag is not None
    assert [document.number for document in lag] == [2, 3, 5]
    assert lagging(three, 1, documents[1:2]) == documents[1:2]


@pytest.mark.parametrize(
    "documents",
    [
        [stored(1, 1), stored(3, 3)],
        [stored(1, 0), stored(2, 2), stored(3, 3)],
        [stored(1, 1), stored(2, 2), stored(3, 3, name="conversation/other/3")],
    ],
)
def test_positions_of_another_store_are_known(three: sqlite3.Connection, documents: list[StoredDocument]) -> None:
    assert lagging(three, 0, documents) is None


def test_there_may_be_more_than_the_store_has(three: sqlite3.Connection) -> None:
    assert has_more(three, 2)
    assert not has_more(three, 3)
