"""What a remote extractor is asked, and what of its answer is believed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.extraction import shipped, talk
from syncline_protocol.extraction import Said, extract
from syncline_protocol.extraction.heard import MESSAGES_FIRST, MESSAGES_LAST
from syncline_protocol.extraction.remote_shape import field_names, read_answer, request_body

SAID = (*talk("😀 序列号 PF3X9Q2K 的笔记本蓝屏", "> 好的"), Said("m2", "li.na", "", True, 5, ("image/png",)))


def answer() -> dict[str, Any]:
    return {
        "issue_type": {"value": "hardwarefault", "confidence": 90, "message": "m0"},
        "fields": [
            {
                "name": "serial",
                "value": "PF3X9Q2K",
                "confidence": 97,
                "message": "m0",
                "span": [6, 14],
                "quote": "PF3X9Q2K",
            }
        ],
    }


def test_the_request_has_messages_and_choices() -> None:
    body = msgspec.json.decode(request_body(SAID, shipped()))
    assert body["format"] == 1
    assert body["messages"][2] == {
        "id": "m2",
        "by": "li.na",
        "text": "",
        "is_customer": True,
        "at": 5,
        "attachments": ["image/png"],
    }
    assert {"name": "invoice", "label": {"zh": "发票", "en": "Invoice"}} in body["issue_types"]
    assert body["otherwise"] == "outofdomain"
    assert body["fields"] == list(field_names(shipped()))
    assert {"serial", "symptom", "product"} <= set(body["fields"])


def test_of_a_long_conversation_both_ends_are_sent() -> None:
    said = talk(*["x"] * (MESSAGES_FIRST + MESSAGES_LAST + 9))
    assert len(msgspec.json.decode(request_body(said, shipped()))["messages"]) == MESSAGES_FIRST + MESSAGES_LAST


def test_a_good_answer_is_believed_and_completed() -> None:
    local = extract(SAID, shipped())
    found = read_answer(msgspec.json.encode(answer()), SAID, shipped(), local)
    assert found.issue_type.value == "hardwarefault"
    assert (found.language, found.urgency) == (local.language, local.urgency)
    assert [(field.name, field.value) for field in found.fields] == [
        ("attachment", "image/png"),
        ("serial", "PF3X9Q2K"),
    ]


def test_an_answer_may_say_language_and_urgency() -> None:
    more = answer()
    more["language"] = {"value": "zh-Hans", "confidence": 99}
    more["urgency"] = {"value": "urgent", "confidence": 70}
    found = read_answer(msgspec.json.encode(more), SAID, shipped(), extract(SAID, shipped()))
    assert (found.language.value, found.urgency.value, found.urgency.message) == ("zh-Hans", "urgent", None)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    made = answer()
    change(made)
    return msgspec.json.encode(made)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "shape"),
        (b"\xff", "shape"),
        (b"[]", "shape"),
        (b"{}", "shape"),
        (changed(lambda made: made.update(extra=1)), "shape"),
        (changed(lambda made: made["issue_type"].update(value="magic")), r"^issue_type.value"),
        (changed(lambda made: made["issue_type"].update(message="m9")), r"^issue_type.message"),
        (changed(lambda made: made["issue_type"].update(confidence=101)), "shape"),
        (changed(lambda made: made.update(urgency={"value": "very", "confidence": 1})), r"^urgency.value"),
        (changed(lambda made: made["fields"][0].update(name="shoe_size")), r"^fields\[0\].name"),
        (changed(lambda made: made["fields"].append(made["fields"][0])), r"^fields\[1\].name.*already"),
        (changed(lambda made: made["fields"][0].update(message="m9")), r"^fields\[0\].message"),
        (changed(lambda made: made["fields"][0].update(message="m1")), r"^fields\[0\].span"),
        (changed(lambda made: made["fields"][0].update(span=[7, 15])), r"^fields\[0\].quote"),  # UTF-16: 😀 is two
        (changed(lambda made: made["fields"][0].update(span=[6, 6], quote="P")), r"^fields\[0\].span"),
        (changed(lambda made: made["fields"][0].update(span=[14, 6])), r"^fields\[0\].span"),
        (changed(lambda made: made["fields"][0].update(span=[-2, 6])), "shape"),
        (changed(lambda made: made["fields"][0].update(span=[6, 14, 15])), "shape"),
        (changed(lambda made: made["fields"][0].update(value="")), "shape"),
    ],
)
def test_a_bad_answer_is_refused_with_its_place(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_answer(body, SAID, shipped(), extract(SAID, shipped()))
