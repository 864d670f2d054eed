"""Events of a ticket: what their types say beyond the fields; each field is in tests/vectors/records.json."""

from typing import Any

import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.fields import HEADS_MAX, Redacted
from syncline_protocol.documents.schema import EVENTS, SCHEMAS, parse_record, schema_of
from syncline_protocol.documents.ticket_records import NOT_SET, StatusSet, TicketEvent, TicketStatus
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX


def event(kind: str, **fields: Any) -> TicketEvent:
    """An event as admission reads it."""
    value = record_value(1, kind, after=[record_id(0)], **fields)
    schema = schema_of(EVENTS, value)
    assert schema is not None
    read = parse_record(schema, value)
    assert isinstance(read, TicketEvent)
    return read


def test_every_event_names_the_heads_that_its_author_knew() -> None:
    events = set(SCHEMAS[EVENTS].values()) - {Redacted}
    assert all(issubclass(schema, TicketEvent) for schema in events)
    with pytest.raises(ValueError, match="after"):
        parse_record(StatusSet, record_value(1, "status", status="resolved"))


def test_an_event_names_no_more_heads_than_there_may_be() -> None:
    heads = [record_id(number) for number in range(HEADS_MAX + 1)]
    assert parse_record(StatusSet, record_value(99, "status", status="resolved", after=heads[1:])) is not None
    with pytest.raises(ValueError, match="after"):
        parse_record(StatusSet, record_value(99, "status", status="resolved", after=heads))


@pytest.mark.parametrize("status", TicketStatus)
def test_people_set_every_status_but_those_that_come_of_themselves(status: TicketStatus) -> None:
    if status in NOT_SET:
        with pytest.raises(ValueError, match="status"):
            event("status", status=status.value)
    else:
        assert event("status", status=status.value) is not None


@pytest.mark.parametrize("status", TicketStatus)
def test_an_assignment_makes_a_ticket_accepted_and_nothing_else(status: TicketStatus) -> None:
    if status is TicketStatus.ACCEPTED:
        assert event("assignment", cause=record_id(0), status=status.value) is not None
    else:
        with pytest.raises(ValueError, match="status"):
            event("assignment", cause=record_id(0), status=status.value)


@pytest.mark.parametrize("seen", [{}, {"seen": record_id(0), "seen_at": 7}])
def test_what_was_seen_is_named_with_its_stamp_or_not_at_all(seen: dict[str, Any]) -> None:
    assert event("status", status="resolved", **seen) is not None
    for name, value in seen.items():
        with pytest.raises(ValueError, match="`seen` and `seen_at` go together"):
            event("status", status="resolved", **{name: value})


@pytest.mark.parametrize(
    ("kind", "nothing", "something"),
    [
        ("topic", {"confidence": 7}, {"subject": "x"}),
        ("topic", {}, {"issue_type": "wifi"}),
        ("transfer", {"reason": "x"}, {"user": "bo"}),
        ("transfer", {}, {"group": "network"}),
        ("link", {"relation": "duplicate"}, {"ticket": "t2"}),
        ("link", {}, {"conversation": "c1"}),
        ("link", {"message": record_id(0)}, {"message": record_id(0), "conversation": "c1"}),
        ("link", {"message": record_id(0), "ticket": "t2"}, {"conversation": "c1", "ticket": "t2"}),
    ],
)
def test_an_event_says_something(kind: str, nothing: dict[str, Any], something: dict[str, Any]) -> None:
    assert event(kind, **something) is not None
    with pytest.raises(ValueError, match=r"topic|transfer|link"):
        event(kind, **nothing)


@pytest.mark.parametrize(("start", "end", "is_taken"), [(0, 0, True), (3, 9, True), (3, 2, False), (-1, 2, False)])
def test_a_source_is_a_span_of_a_message(start: int, end: int, *, is_taken: bool) -> None:
    fields = {"name": "serial", "value": "x", "source": {"message": record_id(0), "start": start, "end": end}}
    if is_taken:
        assert event("field", **fields) is not None
    else:
        with pytest.raises(ValueError, match=r"source|start"):
            event("field", **fields)


def test_a_source_ends_within_the_longest_message() -> None:
    source = {"message": record_id(0), "start": 0, "end": MESSAGE_TEXT_CHARACTERS_MAX + 1}
    with pytest.raises(ValueError, match="end"):
        event("topic", subject="x", source=source)


def test_a_program_says_that_it_is_one_and_a_person_says_nothing() -> None:
    assert event("note", text="x", auto=True).auto is True
    with pytest.raises(ValueError, match="auto"):
        event("note", text="x", auto=False)
