"""The events that open a ticket: each is one that admission takes, behind the one before it."""

from itertools import count

from support.records import record_id
from syncline_protocol.documents.opening import Opening, opening_events
from syncline_protocol.documents.schema import EVENTS, parse_record, schema_of
from syncline_protocol.documents.ticket import reduce_ticket
from syncline_protocol.extraction import Extracted

WHOLE = Opening(
    "平板连不上",
    "agent",
    conversation="c1",
    customer="cus",
    language="zh",
    issue_type="network",
    issue_confidence=80,
    priority="high",
    fields=[Extracted(name="phone", value="+8613800138000", confidence=95, message=record_id(900), span=(3, 14))],
    links=[{"conversation": "c1", "message": record_id(900)}],
)


def written(opening: Opening) -> list[dict[str, object]]:
    """The records that a device makes of it."""
    numbers = count(1)
    events = opening_events(opening, lambda: record_id(next(numbers)))
    return [{"by": "mei", "device": "desk", "at": 1024 * place, **event} for place, event in enumerate(events)]


def test_everything_that_is_known_becomes_an_event() -> None:
    events = written(WHOLE)
    assert [event["type"] for event in events] == ["opened", "topic", "priority", "field", "link"]
    assert [event["after"] for event in events] == [[], *([event["id"]] for event in events[:-1])]
    for event in events:
        schema = schema_of(EVENTS, event)
        assert schema is not None
        parse_record(schema, event)


def test_the_ticket_says_what_the_opening_says() -> None:
    ticket = reduce_ticket(written(WHOLE))
    assert ticket is not None
    assert (ticket.conversation, ticket.customer, ticket.language, ticket.via) == ("c1", "cus", "zh", "agent")
    phone = ticket.fields["phone"]
    assert (phone.value, phone.confidence) == ("+8613800138000", 95)
    assert phone.source is not None
    assert (phone.source.message, phone.source.start, phone.source.end) == (record_id(900), 3, 14)
    assert [link.message for link in ticket.links] == [record_id(900)]


def test_a_subject_is_enough() -> None:
    (opened,) = written(Opening("wifi", "api"))
    assert {name: opened[name] for name in ("type", "subject", "via", "after")} == {
        "type": "opened",
        "subject": "wifi",
        "via": "api",
        "after": [],
    }


def test_what_somebody_gave_is_a_field_without_a_source() -> None:
    ticket = reduce_ticket(written(Opening("wifi", "api", values={"seat": 12, "paid": True, "note": "by the window"})))
    assert ticket is not None
    assert {name: (field.value, field.source) for name, field in ticket.fields.items()} == {
        "note": ("by the window", None),
        "paid": (True, None),
        "seat": (12, None),
    }
