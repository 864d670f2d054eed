"""Records of a conversation's head: all tell who asked; each field is in tests/vectors/records.json."""

import pytest
from support.records import record_value
from syncline_protocol.documents.head_records import HeadRecord, TicketLinked
from syncline_protocol.documents.schema import CONVERSATION, SCHEMAS, parse_record


def test_all_of_them_may_tell_at_whose_request_they_were_written() -> None:
    assert all(issubclass(schema, HeadRecord) for schema in SCHEMAS[CONVERSATION].values())


@pytest.mark.parametrize("asked_by", ["", "x" * 129, 7, None])
def test_whoever_asked_is_a_user(asked_by: object) -> None:
    with pytest.raises(ValueError, match="asked_by"):
        parse_record(TicketLinked, record_value(1, "ticket_linked", ticket="t1", number=1, asked_by=asked_by))
