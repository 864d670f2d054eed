"""Records of a user: what their types take at their edges; each field is in tests/vectors/records.json."""

import pytest
from support.records import record_value
from syncline_protocol.documents.schema import parse_record
from syncline_protocol.documents.user_records import Draft, Setting
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX


def test_a_draft_is_as_long_as_a_message_or_empty() -> None:
    for length in (0, MESSAGE_TEXT_CHARACTERS_MAX):
        value = record_value(1, "draft", conversation="c1", text="字" * length)
        assert parse_record(Draft, value) == Draft(**{name: one for name, one in value.items() if name != "type"})
    with pytest.raises(ValueError, match="text"):
        parse_record(Draft, record_value(1, "draft", conversation="c1", text="字" * (MESSAGE_TEXT_CHARACTERS_MAX + 1)))


@pytest.mark.parametrize("value", [["dark"], {"is": "dark"}, 2**53])
def test_a_setting_is_one_plain_value(value: object) -> None:
    with pytest.raises(ValueError, match=r"value|whole number"):
        parse_record(Setting, record_value(1, "setting", name="theme", value=value))
