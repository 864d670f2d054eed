"""Records as callers send them, made from the schemas that admission reads them by."""

from typing import Any, get_args

import msgspec
import pytest
from syncline_protocol.documents.message_records import Edit, TextMessage
from syncline_protocol.documents.schema import EVENTS, MESSAGES, SCHEMAS
from syncline_protocol.documents.ticket_records import Note
from syncline_server.rest import records
from syncline_server.rest.records import BESIDES, MessageRecord, NewEvent, NewMessage, as_sent

ID = "01890000-0000-7000-8000-000000000000"


def test_the_servers_fields_are_not_sent_and_the_rest_is_as_declared() -> None:
    sent = as_sent(TextMessage)
    assert set(sent.__struct_fields__) == set(TextMessage.__struct_fields__) - {"by", "device"}
    value = msgspec.convert({"type": "text", "text": "hello"}, sent)
    assert records.value_of(value) == {"type": "text", "text": "hello"}
    given = {"type": "text", "text": "hello", "id": ID, "at": 7, "reply_to": ID, "lang": "en"}
    assert records.value_of(msgspec.convert(given, sent)) == given
    event = {"type": "note", "text": "hello", "after": [ID]}
    assert records.value_of(msgspec.convert(event, as_sent(Note))) == event


@pytest.mark.parametrize(
    "value",
    [
        {"type": "text"},
        {"type": "text", "text": ""},
        {"type": "text", "text": "x", "by": "mei"},
        {"type": "text", "text": "x", "device": "rest"},
        {"type": "text", "text": "x", "id": "x"},
        {"type": "edit", "text": "x", "message": ID},
    ],
)
def test_what_is_not_as_declared_is_not_read(value: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, as_sent(TextMessage))


def test_what_holds_of_several_fields_is_checked_and_described() -> None:
    """Each type whose schema checks several fields together says so as JSON Schema."""
    checked = {
        type_
        for root, schemas in SCHEMAS.items()
        for type_, schema in schemas.items()
        if root in {MESSAGES, EVENTS} and hasattr(schema, "__post_init__")
        if type_ in types(NewMessage) | types(NewEvent)
    }
    assert set(BESIDES) == checked
    for value in (
        {"type": "edit", "message": ID},
        {"type": "edit", "message": ID, "text": "x", "markup": "x"},
        {"type": "topic"},
        {"type": "transfer"},
        {"type": "link"},
        {"type": "link", "blob": {"sha256": "0" * 64, "name": "x", "media_type": "a/b", "size": 1}, "message": ID},
        {"type": "status", "status": "closed", "seen": ID},
        {"type": "status", "status": "new"},
        {"type": "note", "text": "x", "after": []},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, NewMessage if value["type"] == "edit" else NewEvent)


def types(union: Any) -> set[str]:
    return {str(one.__struct_config__.tag) for one in get_args(union)}


def test_what_only_the_server_writes_is_not_sent() -> None:
    assert set(SCHEMAS[MESSAGES]) - types(NewMessage) == {"system", "redacted"}
    left_out = {"opened", "assignment", "claim_lost", "satisfaction", "number", "reopened", "redacted"}
    assert set(SCHEMAS[EVENTS]) - types(NewEvent) == left_out
    assert types(MessageRecord) == set(SCHEMAS[MESSAGES])


def test_a_stored_record_is_read_as_what_it_is() -> None:
    value = {"type": "edit", "id": ID, "by": "mei", "device": "rest", "at": 1, "message": ID, "text": "x"}
    assert isinstance(records.stored(MESSAGES, value), Edit)
    with pytest.raises(ValueError, match="no type"):
        records.stored(MESSAGES, value | {"type": "hologram"})
