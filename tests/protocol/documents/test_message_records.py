"""Records of a segment: what their types say beyond the fields; each field is in tests/vectors/records.json."""

import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.message_records import (
    BlobMessage,
    Edit,
    FileMessage,
    ImageMessage,
    PersonMessage,
    RichTextMessage,
    SystemMessage,
    TextMessage,
    VideoMessage,
    VoiceMessage,
)
from syncline_protocol.documents.schema import MESSAGE_TYPES, MESSAGES, SCHEMAS, parse_record


@pytest.mark.parametrize(
    ("fields", "is_taken"),
    [({}, False), ({"text": "a"}, True), ({"markup": "a"}, True), ({"text": "a", "markup": "a"}, False)],
)
def test_an_edit_is_one_of_text_or_of_markup(fields: dict[str, str], is_taken: bool) -> None:  # noqa: FBT001
    value = record_value(1, "edit", message=record_id(0), **fields)
    if is_taken:
        assert isinstance(parse_record(Edit, value), Edit)
    else:
        with pytest.raises(ValueError, match="either `text` or `markup`"):
            parse_record(Edit, value)


def test_people_s_messages_are_told_from_the_server_s() -> None:
    people = {type_ for type_ in MESSAGE_TYPES if issubclass(SCHEMAS[MESSAGES][type_], PersonMessage)}
    assert people == MESSAGE_TYPES - {"system"}
    assert not issubclass(SystemMessage, PersonMessage)


def test_messages_with_a_file_are_told_from_those_without() -> None:
    with_file = {schema for schema in SCHEMAS[MESSAGES].values() if issubclass(schema, BlobMessage)}
    assert with_file == {ImageMessage, VoiceMessage, VideoMessage, FileMessage}
    assert not any(issubclass(schema, BlobMessage) for schema in (TextMessage, RichTextMessage))
