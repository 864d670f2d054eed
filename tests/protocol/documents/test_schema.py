from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.records import record_id, record_value
from support.vectors import as_json, read_vectors
from syncline_protocol.documents.message_records import ImageMessage, SystemMessage, TextMessage
from syncline_protocol.documents.schema import (
    MESSAGE_TYPES,
    MESSAGES,
    NESTED,
    ROOTS,
    SCHEMAS,
    parse_record,
    read_record,
    read_scanned,
    schema_of,
)
from syncline_protocol.limits import MESSAGE_TEXT_CHARACTERS_MAX, RECORD_BYTES_MAX
from syncline_protocol.names import DocumentKind
from syncline_protocol.update import RecordStruct, encode_records, scan_records

VECTORS = read_vectors("records")
ACCEPTED = [(case["root"], case["value"]) for case in VECTORS["accepted"]]
REFUSED = [(case["root"], case["field"], case["value"]) for case in VECTORS["refused"]]


def parse(root: str, value: dict[str, Any]) -> msgspec.Struct:
    schema = schema_of(root, value)
    assert schema is not None
    return parse_record(schema, value)


@pytest.mark.parametrize(("root", "value"), ACCEPTED)
def test_well_formed_records_are_taken_and_nothing_of_them_is_lost(root: str, value: dict[str, Any]) -> None:
    assert as_json(parse(root, value)) == value
    assert as_json(read_record(root, value)) == value


@pytest.mark.parametrize(("root", "field", "value"), REFUSED)
def test_malformed_records_are_refused_by_the_field(root: str, field: str, value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=field):
        parse(root, value)


def test_the_vectors_have_every_type() -> None:
    every = {(root, type_) for root, schemas in SCHEMAS.items() for type_ in schemas}
    assert {(root, value["type"]) for root, value in ACCEPTED} == every
    assert {(root, value["type"]) for root, _, value in REFUSED} == every


@pytest.mark.parametrize(("root", "value"), ACCEPTED)
def test_no_record_has_a_field_too_many(root: str, value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="unknown field `colour`"):
        parse(root, {**value, "colour": "red"})


@pytest.mark.parametrize(("root", "value"), ACCEPTED)
def test_a_device_reads_what_a_newer_server_admitted(root: str, value: dict[str, Any]) -> None:
    newer = {**value, "colour": {"red": 1}}
    newer |= {name: {**value[name], "frames": 3} for name in NESTED.keys() & value.keys()}
    assert read_record(root, newer) == read_scanned(root, newer) == parse(root, value)
    assert read_scanned(root, value) == parse(root, value)


@pytest.mark.parametrize("kind", ["poll", "", None, 7, ["text"], {}])
def test_a_type_that_this_version_does_not_know_is_passed_over(kind: Any) -> None:
    value = {**record_value(1, "text", text="hi"), "type": kind}
    assert read_record(MESSAGES, value) is None
    assert read_scanned(MESSAGES, value) is None
    assert schema_of(MESSAGES, value) is None
    assert read_record("ratings", record_value(1, "text", text="hi")) is None


@pytest.mark.parametrize("read", [read_record, read_scanned])
@pytest.mark.parametrize("field", ["id", "at", "text", "lang"])
def test_a_device_does_not_read_what_was_never_well_formed(
    field: str, read: Callable[[str, dict[str, Any]], object]
) -> None:
    with pytest.raises(ValueError, match=field):
        read(MESSAGES, record_value(1, "text", text="hi") | {field: []})


def test_numbers_that_yjs_wrote_as_floating_point_are_whole_numbers() -> None:
    value = record_value(1, "text", text="hi")
    assert parse(MESSAGES, {**value, "at": float(value["at"])}) == parse(MESSAGES, value)


@pytest.mark.parametrize("character", ["x", "é", "字", "😀"])
def test_the_longest_text_fits_into_a_record(character: str) -> None:
    longest = record_value(1, "text", text=character * MESSAGE_TEXT_CHARACTERS_MAX, reply_to=record_id(0))
    assert isinstance(parse(MESSAGES, longest), TextMessage)
    update = encode_records([RecordStruct(1, 0, MESSAGES, longest["id"], longest)])
    assert len(update) <= RECORD_BYTES_MAX
    assert scan_records(update)[0].value == longest
    with pytest.raises(ValueError, match="text"):
        parse(MESSAGES, {**longest, "text": longest["text"] + character})


def test_every_root_stands_in_one_kind_of_document() -> None:
    assert sorted(root for roots in ROOTS.values() for root in roots) == sorted(SCHEMAS)
    assert set(ROOTS) == set(DocumentKind)


def test_messages_are_told_from_records_about_them() -> None:
    assert set(SCHEMAS[MESSAGES]) - MESSAGE_TYPES == {
        "edit",
        "recall",
        "reaction",
        "redaction",
        "redacted",
        "satisfaction",
    }
    assert all("message" not in SCHEMAS[MESSAGES][type_].__struct_fields__ for type_ in MESSAGE_TYPES)


def test_records_are_frozen() -> None:
    message = parse(MESSAGES, record_value(1, "text", text="hi"))
    with pytest.raises(AttributeError):
        message.text = "ho"  # type: ignore[attr-defined]


def test_schemas_carry_their_types() -> None:
    assert {SCHEMAS[MESSAGES][type_] for type_ in ("text", "image", "system")} == {
        TextMessage,
        ImageMessage,
        SystemMessage,
    }
