"""The outbox: in the order of writing, waiting or refused."""

from syncline_client.outbox import Outbox
from syncline_client.store import Row


def row(number: int, *, document: str = "page/p", code: str = "") -> Row:
    return Row(number, document, "messages", f"r{number}", b"{}", 0, code, "why" if code else "")


def test_edits_wait_in_the_order_of_writing() -> None:
    outbox = Outbox([row(1), row(2, document="page/q"), row(3)])
    assert [one.id for one in outbox.waiting("page/p")] == [1, 3]
    assert [one.id for one in outbox.waiting_after("page/p", 1)] == [3]
    assert (outbox.count_waiting, outbox.waiting_count("page/p"), outbox.next_id()) == (3, 2, 4)
    assert sorted(outbox.waiting_documents()) == ["page/p", "page/q"]


def test_an_acknowledged_edit_leaves() -> None:
    outbox = Outbox([row(1), row(2)])
    outbox.remove(1)
    outbox.remove(1)
    assert [one.id for one in outbox.waiting("page/p")] == [2]
    outbox.remove(2)
    assert not outbox.is_waiting("page/p")
    assert outbox.next_id() == 3, "places are never given twice"


def test_a_refused_edit_stays_and_does_not_wait() -> None:
    outbox = Outbox([row(1), row(2)])
    outbox.put(row(1, code="invalid"))
    assert [one.id for one in outbox.waiting("page/p")] == [2]
    assert [one.id for one in outbox.refused()] == [1]
    assert [one.id for one in outbox.of("page/p")] == [1, 2]
    assert outbox.get(1) == row(1, code="invalid")


def test_an_edit_that_is_written_again_keeps_its_place() -> None:
    outbox = Outbox([row(1), row(2)])
    outbox.put(row(1)._replace(payload=b"again"))
    assert [one.payload for one in outbox.waiting("page/p")] == [b"again", b"{}"]


def test_a_document_nobody_wrote_in_has_nothing() -> None:
    outbox = Outbox([])
    assert outbox.waiting("page/p") == []
    assert outbox.waiting_count("page/p") == 0
    assert outbox.get(1) is None
