"""What one update may hold altogether."""

import pytest
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import (
    CLIENTS_PER_UPDATE_MAX,
    CLOCK_SPAN_WITHOUT_BYTES_MAX,
    NESTING_DEPTH_MAX,
    STRUCTS_PER_UPDATE_MAX,
)
from syncline_protocol.update.budget import VALUES_PER_UPDATE_MAX, Budget


@pytest.mark.parametrize(
    ("take", "most"),
    [
        (Budget.take_clients, CLIENTS_PER_UPDATE_MAX),
        (Budget.take_structs, STRUCTS_PER_UPDATE_MAX),
        (Budget.take_span, CLOCK_SPAN_WITHOUT_BYTES_MAX),
        (Budget.take, VALUES_PER_UPDATE_MAX),
    ],
)
def test_each_account_ends_at_its_limit(take: object, most: int) -> None:
    assert callable(take)
    take(Budget(), most)
    with pytest.raises(RefusedUpdate) as caught:
        take(Budget(), most + 1)
    assert caught.value.code is RefusalCode.TOO_LARGE


def test_structs_spans_and_values_are_counted_together() -> None:
    budget = Budget()
    for _ in range(2):
        budget.take_structs(STRUCTS_PER_UPDATE_MAX // 2)
        budget.take_span(CLOCK_SPAN_WITHOUT_BYTES_MAX // 2)
        budget.take(VALUES_PER_UPDATE_MAX // 2)
    for take in (budget.take_structs, budget.take_span, budget.take):
        with pytest.raises(RefusedUpdate):
            take(1)


def test_depth_is_remembered_and_bounded() -> None:
    budget = Budget()
    budget.enter(0, NESTING_DEPTH_MAX)
    assert budget.depth == 1
    budget.enter(0, 1)
    budget.enter(0, 5)
    assert budget.depth == NESTING_DEPTH_MAX
    with pytest.raises(RefusedUpdate, match="nested deeper"):
        budget.enter(0, 0)


def test_a_snapshot_may_hold_what_its_bytes_can() -> None:
    budget = Budget.of_snapshot(bytes(40_000_000))
    budget.take_clients(CLIENTS_PER_UPDATE_MAX + 1)
    budget.take_structs(STRUCTS_PER_UPDATE_MAX + 1)
    budget.take_span(2**40)
    budget.take(VALUES_PER_UPDATE_MAX + 1)
