"""What can go wrong: every code says what follows from it."""

import pytest
from syncline_protocol.errors import NEXT_STEP, CloseCode, ProtocolViolation, RefusalCode, RefusedUpdate, SynclineError


def test_every_refusal_has_its_next_step() -> None:
    assert set(NEXT_STEP) == set(RefusalCode)
    assert all(NEXT_STEP.values())


def test_no_next_step_drops_an_edit() -> None:
    """Each one sends the edit again, or keeps it (P5)."""
    for code, step in NEXT_STEP.items():
        assert "again" in step or step.startswith("keep the edit in the outbox"), code


def test_close_codes_are_free_for_applications_and_say_whether_to_come_back() -> None:
    come_back = {CloseCode.INTERNAL, CloseCode.STORAGE_UNAVAILABLE, CloseCode.SHUTTING_DOWN, CloseCode.TOO_MANY}
    for code in CloseCode:
        assert 4400 <= code < 4600
        assert (code >= 4500) == (code in come_back)


def test_errors_are_of_one_tree() -> None:
    assert issubclass(ProtocolViolation, SynclineError)
    assert issubclass(RefusedUpdate, SynclineError)
    assert not issubclass(RefusedUpdate, ProtocolViolation)


def test_a_violation_carries_what_the_connection_ends_with() -> None:
    violation = ProtocolViolation(CloseCode.TOO_LARGE, "over 7 bytes")
    assert (violation.close_code, violation.reason) == (4413, "over 7 bytes")
    assert str(violation) == "TOO_LARGE (4413): over 7 bytes"


def test_a_refusal_carries_what_its_next_step_needs() -> None:
    refusal = RefusedUpdate(RefusalCode.RATE_LIMITED, "too many updates", detail={"retry_after_ms": 7})
    assert (refusal.code, refusal.reason, refusal.detail) == ("rate_limited", "too many updates", {"retry_after_ms": 7})
    assert str(refusal) == "rate_limited: too many updates"


def test_a_refusal_without_detail_shares_nothing_with_another() -> None:
    refusal = RefusedUpdate(RefusalCode.GAP, "something is missing")
    assert dict(refusal.detail) == {}
    with pytest.raises(TypeError):
        refusal.detail["vector"] = b""  # type: ignore[index] # that it cannot be done is what is tested
