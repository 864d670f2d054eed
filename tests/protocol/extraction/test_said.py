"""An extraction as JSON is what `GET …/extraction` answers."""

import msgspec
from syncline_protocol.extraction.said import Extracted, Extraction, Guess


def test_as_json_it_has_the_shape_of_the_request() -> None:
    extraction = Extraction(
        issue_type=Guess("softwareupdate", 80, "m1", ("升级",)),
        language=Guess("zh", 100, "m1"),
        urgency=Guess("normal", 50, None),
        fields=(Extracted("version", "1.4.7", 92, "m1", (7, 12)),),
    )
    assert msgspec.json.decode(msgspec.json.encode(extraction)) == {
        "issue_type": {"value": "softwareupdate", "confidence": 80, "message": "m1", "because": ["升级"]},
        "language": {"value": "zh", "confidence": 100, "message": "m1"},
        "urgency": {"value": "normal", "confidence": 50, "message": None},
        "fields": [{"name": "version", "value": "1.4.7", "confidence": 92, "message": "m1", "span": [7, 12]}],
    }
