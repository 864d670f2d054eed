"""One document in memory: the row it is stored as."""

from syncline_client.local_document import LocalDocument
from syncline_client.store import StoredDocument, StoredUpdate

ROW = StoredDocument("conversation/c/1", 7, 4, 3, followed=False)


def test_its_row_is_what_it_was_made_of() -> None:
    assert LocalDocument(ROW).row() == ROW


def test_the_kind_follows_from_the_name() -> None:
    assert not LocalDocument(ROW).is_page
    assert LocalDocument(StoredDocument("page/p")).is_page


def test_a_row_with_updates_counts_them_and_changes_nothing() -> None:
    document = LocalDocument(ROW)
    row = document.row_with(
        [StoredUpdate(6, b""), StoredUpdate(5, b""), StoredUpdate(8, b""), StoredUpdate(0, b"")], clock=2
    )
    assert (row.cursor, row.clock) == (6, 3), "the clock never falls"
    assert document.row() == ROW
    assert document.row_with([], clock=9).clock == 9


def test_it_follows_the_store() -> None:
    document = LocalDocument(ROW)
    document.follow_store(StoredDocument(ROW.name, 8, 0, 0, followed=True))
    assert (document.epoch, document.clock, document.followed) == (8, 0, True)
    assert document.cursor.position == 4, "the cursor moves with the updates themselves"
