"""Steps of a ticket's public document: nothing in them is for the staff alone."""

import pytest
from support.records import record_id, record_value
from syncline_protocol.documents.public_records import LABEL_CHARACTERS_MAX, LANGUAGES_MAX, Step
from syncline_protocol.documents.schema import parse_record

STEP = {"cause": record_id(0), "number": 7, "status": "new"}


def test_a_step_has_labels_in_as_many_languages_as_there_may_be() -> None:
    labels = {f"l{number}": "字" * LABEL_CHARACTERS_MAX for number in range(LANGUAGES_MAX)}
    assert parse_record(Step, record_value(1, "step", **STEP, labels=labels)) is not None
    for beyond in ({**labels, "more": "x"}, {"en": "x" * (LABEL_CHARACTERS_MAX + 1)}, {"en": ""}):
        with pytest.raises(ValueError, match="labels"):
            parse_record(Step, record_value(1, "step", **STEP, labels=beyond))


@pytest.mark.parametrize("field", ["note", "resolution", "reason", "assignee", "group", "priority", "fields", "after"])
def test_a_step_has_no_place_for_what_is_the_staff_s(field: str) -> None:
    with pytest.raises(ValueError, match=f"unknown field `{field}`"):
        parse_record(Step, record_value(1, "step", **STEP, labels={"en": "New"}, **{field: "x"}))
