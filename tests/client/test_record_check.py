"""Which records are not even stored on the device."""

import pytest
from support.records import record_value
from syncline_client.errors import EditNotAllowed
from syncline_client.record_check import check_record

SEGMENT = "conversation/c/1"


def test_a_record_as_its_type_demands_is_let_through() -> None:
    check_record(SEGMENT, "messages", record_value(1, "text", text="hello"))


@pytest.mark.parametrize(
    ("root", "type_", "fields", "why"),
    [
        ("messages", "payment", {}, "there is no record of type 'payment'"),
        ("events", "note", {"text": "hello"}, "there is no record of type 'note' under 'events'"),
        ("messages", "text", {}, "a record of type 'text'"),
        ("messages", "text", {"text": "x" * 100_000}, "a record of type 'text'"),
    ],
)
def test_what_every_server_refuses_is_said(root: str, type_: str, fields: dict[str, str], why: str) -> None:
    with pytest.raises(EditNotAllowed, match=why):
        check_record(SEGMENT, root, record_value(1, type_, **fields))
