"""Backoff: full jitter under a doubling bound, and never before the server said."""

from random import Random

from syncline_client.backoff import FIRST_WAIT_S, WAIT_S_MAX, Backoff


def test_waits_are_spread_from_nothing_to_a_doubling_bound() -> None:
    for failures in range(12):
        waits = []
        for seed in range(200):
            backoff = Backoff(Random(seed))
            for _ in range(failures):
                backoff.wait_s()
            waits.append(backoff.wait_s())
        bound = min(WAIT_S_MAX, FIRST_WAIT_S * 2**failures)
        assert max(waits) <= bound
        assert min(waits) < bound / 10
        assert max(waits) > bound * 0.9


def test_the_server_is_waited_for_and_then_some() -> None:
    waits = [Backoff(Random(seed)).wait_s(retry_after_ms=2_000) for seed in range(100)]
    assert 2.0 <= min(waits) < max(waits) <= 2.0 + FIRST_WAIT_S


def test_a_success_begins_anew() -> None:
    backoff = Backoff(Random(1))
    for _ in range(50):
        assert backoff.wait_s() <= WAIT_S_MAX
    backoff.succeeded()
    assert backoff.wait_s() <= FIRST_WAIT_S
