"""The types of fields: what they take at their edges, and that records keep within theirs."""

from typing import Any

import msgspec
import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.fields import (
    CAPTION_CHARACTERS_MAX,
    DATA_ENTRIES_MAX,
    HEADS_MAX,
    SCORE_MAX,
    At,
    Blob,
    Caption,
    DeviceId,
    DocumentId,
    LanguageTag,
    RecordId,
    Redacted,
    Scalar,
    Score,
    Word,
)
from syncline_protocol.documents.records import INTEGER_MAX
from syncline_protocol.limits import DEVICE_BYTES_MAX, RECORD_BYTES_MAX
from syncline_protocol.names import ID_CHARACTERS_MAX
from syncline_protocol.update import RecordStruct, encode_records

TAKEN: list[tuple[Any, Any]] = [
    (RecordId, record_id(1)),
    (DocumentId, "x" * ID_CHARACTERS_MAX),
    (DeviceId, "x" * DEVICE_BYTES_MAX),
    (At, 0),
    (At, INTEGER_MAX),
    (Word, "a" + 63 * "_"),
    (LanguageTag, "zh-Hans-CN"),
    (Caption, "😀" * CAPTION_CHARACTERS_MAX),
    (Score, 1),
    (Score, SCORE_MAX),
    (Scalar, None),
    (Scalar, ""),
    (Scalar, -INTEGER_MAX),
    (Scalar, True),
]

REFUSED: list[tuple[Any, Any]] = [
    (RecordId, record_id(1).upper()),
    (RecordId, record_id(1) + "\n"),
    (DocumentId, ""),
    (DocumentId, "x" * (ID_CHARACTERS_MAX + 1)),
    (DeviceId, "x" * (DEVICE_BYTES_MAX + 1)),
    (At, -1),
    (At, INTEGER_MAX + 1),
    (Word, "a" + 64 * "_"),
    (Word, "Word"),
    (Word, "7up"),
    (LanguageTag, "zh_CN"),
    (Caption, "x" * (CAPTION_CHARACTERS_MAX + 1)),
    (Score, 0),
    (Score, SCORE_MAX + 1),
    (Scalar, INTEGER_MAX + 1),
    (Scalar, []),
]


@pytest.mark.parametrize(("kind", "value"), TAKEN)
def test_what_lies_within_is_taken(kind: Any, value: Any) -> None:
    assert msgspec.convert(value, kind) == value


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_what_lies_beyond_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, kind)


def test_as_many_heads_as_there_may_be_fit_into_a_record() -> None:
    note = record_value(99, "note", text="x", after=[record_id(number) for number in range(HEADS_MAX)])
    update = encode_records([RecordStruct(1, 0, "events", note["id"], note)])
    assert len(update) < RECORD_BYTES_MAX / 8


def test_as_many_data_as_there_may_be_fit_into_a_record() -> None:
    data = {f"entry_{number}": "x" * 1_000 for number in range(DATA_ENTRIES_MAX)}
    message = record_value(1, "system", event="joined", data=data)
    assert len(encode_records([RecordStruct(1, 0, "messages", message["id"], message)])) < RECORD_BYTES_MAX


def test_a_file_is_named_by_the_hash_of_its_bytes() -> None:
    blob = {"sha256": "9f" * 32, "name": "截图.png", "media_type": "image/png", "size": 0}
    assert msgspec.to_builtins(msgspec.convert(blob, Blob)) == blob
    for field, value in (("sha256", "9F" * 32), ("name", ""), ("media_type", "picture"), ("size", -1)):
        with pytest.raises(msgspec.ValidationError, match=field):
            msgspec.convert({**blob, field: value}, Blob)


def test_what_remains_of_a_record_has_no_place_for_content() -> None:
    rest = record_value(1, "redacted", of="note", after=[record_id(0)])
    assert msgspec.convert(rest, Redacted).of == "note"
    for field in ("text", "value", "subject", "blob", "markup", "data", "reason", "resolution", "source"):
        with pytest.raises(msgspec.ValidationError, match=field):
            msgspec.convert({**rest, field: "x"}, Redacted)
