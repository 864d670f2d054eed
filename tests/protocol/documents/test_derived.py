"""Ids of effects: a function of cause and effect, and UUIDv7 like all others."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st
from support.records import record_id
from syncline_protocol.documents.derived import derived_id, named_id
from syncline_protocol.documents.fields import RecordId

PATTERN = re.compile(RecordId.__metadata__[0].pattern)  # type: ignore[attr-defined]

causes = st.integers(0, 2**48 - 1).map(record_id)
effects = st.text(min_size=1, max_size=20)


@given(causes, effects)
def test_they_are_ids_of_records_with_the_time_of_their_cause(cause: str, effect: str) -> None:
    derived = derived_id(cause, effect)
    assert PATTERN.match(derived)
    assert derived[:13] == cause[:13]
    assert uuid.UUID(derived).version == 7


@given(st.sets(st.tuples(causes, effects), min_size=2, max_size=20))
def test_no_two_are_alike(pairs: set[tuple[str, str]]) -> None:
    assert len({derived_id(*pair) for pair in pairs}) == len(pairs)


def test_they_are_the_same_for_ever() -> None:
    """They stand in logs: another way to make them would write every effect a second time."""
    assert derived_id(record_id(1), "number") == "01a0c5ad-f400-7638-93b3-f2fa9e8d1a6a"
    assert derived_id(derived_id(record_id(1), "number"), "step") == "01a0c5ad-f400-7c7e-8b16-08390a6e18c6"
    assert named_id("segment/1") == "00000000-0000-7036-b0c6-f2cda6b5c8ae"


def test_a_name_has_an_id_of_its_own() -> None:
    assert named_id("a") != named_id("b")
    assert named_id("a").startswith("00000000-0000-7")
