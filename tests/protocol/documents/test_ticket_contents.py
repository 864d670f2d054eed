"""What adds up on a ticket: all of it, in order, without what was taken away or erased."""

from typing import Any

from support.records import record_id, record_value
from syncline_protocol.documents.history import History
from syncline_protocol.documents.ticket_contents import (
    Item,
    reduce_checklist,
    reduce_links,
    reduce_notes,
    reduce_resolutions,
)

BLOB = {"sha256": "9f" * 32, "name": "截图.png", "media_type": "image/png", "size": 7}


def event(number: int, kind: str, *after: int, **fields: Any) -> dict[str, Any]:
    return record_value(number, kind, after=[record_id(one) for one in after], **fields)


def redaction(number: int, of: int) -> dict[str, Any]:
    return event(number, "redaction", event=record_id(of))


def test_notes_stand_in_order_whoever_knew_of_whom() -> None:
    history = History([event(3, "note", text="c"), event(1, "note", text="a"), event(2, "note", 1, text="b", by="bo")])
    assert [(one.by, one.text) for one in reduce_notes(history)] == [("alice", "a"), ("bo", "b"), ("alice", "c")]


def test_an_erased_note_is_missed() -> None:
    history = History([event(1, "note", text="4711"), event(2, "note", text="b"), redaction(3, 1)])
    assert [one.text for one in reduce_notes(history)] == [None, "b"]


def test_links_hold_what_they_join() -> None:
    history = History([event(1, "link", conversation="c1", message=record_id(9), blob=BLOB, relation="evidence")])
    (link,) = reduce_links(history)
    assert (link.conversation, link.message, link.ticket, link.relation) == ("c1", record_id(9), None, "evidence")
    assert link.blob is not None
    assert link.blob.name == "截图.png"


def test_a_link_is_gone_once_somebody_took_it_away_and_may_be_made_again() -> None:
    linked = [event(1, "link", ticket="t2"), event(2, "link", ticket="t3")]
    assert [one.ticket for one in reduce_links(History(linked))] == ["t2", "t3"]
    unlinked = [*linked, event(3, "unlink", 1, link=record_id(1))]
    assert [one.ticket for one in reduce_links(History(unlinked))] == ["t3"]
    assert [one.ticket for one in reduce_links(History([*unlinked, event(4, "link", ticket="t2")]))] == ["t3", "t2"]
    assert [one.ticket for one in reduce_links(History([*unlinked, redaction(5, 2)]))] == []


def items(*values: dict[str, Any]) -> tuple[Item, ...]:
    return reduce_checklist(History(values))


def test_items_are_open_until_they_are_marked() -> None:
    item = event(1, "checklist_item", text="reset")
    assert [(one.text, one.done, one.by, one.marked_by) for one in items(item)] == [("reset", False, "alice", None)]
    done = event(2, "checklist_mark", 1, item=record_id(1), done=True, by="bo")
    assert [(one.done, one.by, one.marked_by) for one in items(item, done)] == [(True, "alice", "bo")]
    undone = event(3, "checklist_mark", 2, item=record_id(1), done=False, by="cy")
    assert [(one.done, one.marked_by) for one in items(item, done, undone)] == [(False, "cy")]


def test_of_marks_that_cross_a_person_s_holds_then_the_latest() -> None:
    item = event(1, "checklist_item", text="reset")
    person = event(2, "checklist_mark", 1, item=record_id(1), done=True)
    program = event(3, "checklist_mark", 1, item=record_id(1), done=False, auto=True)
    other = event(4, "checklist_mark", 1, item=record_id(1), done=False, by="bo")
    assert [one.done for one in items(item, person, program)] == [True]
    assert [one.done for one in items(item, person, program, other)] == [False]


def test_an_erased_item_keeps_its_place_and_its_mark() -> None:
    values = [event(1, "checklist_item", text="4711"), event(2, "checklist_mark", 1, item=record_id(1), done=True)]
    assert [(one.text, one.done) for one in items(*values, redaction(3, 1))] == [(None, True)]


def test_a_mark_without_an_item_shows_nothing() -> None:
    assert items(event(2, "checklist_mark", item=record_id(1), done=True)) == ()


def test_every_resolution_that_was_ever_written_is_there() -> None:
    history = History(
        [
            event(1, "status", status="resolved", resolution="rebooted"),
            event(2, "status", 1, status="in_progress", reason="not solved"),
            event(3, "status", 2, status="resolved"),
            event(4, "status", 2, status="resolved", resolution="new antenna", by="bo"),
            event(5, "status", 4, status="closed", resolution="4711"),
            redaction(6, 5),
        ]
    )
    assert [(one.by, one.text) for one in reduce_resolutions(history)] == [("alice", "rebooted"), ("bo", "new antenna")]
