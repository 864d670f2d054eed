"""A refusal names the record."""

import pytest
from syncline_protocol.documents.refusing import refuse
from syncline_protocol.errors import RefusalCode, RefusedUpdate


def test_the_record_is_in_the_reason_and_in_the_detail() -> None:
    with pytest.raises(RefusedUpdate) as refusal:
        refuse(RefusalCode.INVALID, "r1", "it says nothing")
    assert (refusal.value.code, refusal.value.detail) == (RefusalCode.INVALID, {"record": "r1"})
    assert refusal.value.reason == "record r1: it says nothing"
