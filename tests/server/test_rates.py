"""Token buckets: what is let through, how long is waited, that devices and tenants do not share."""

from syncline_protocol.documents.identity import Identity, Role
from syncline_server.rates import BURST_SECONDS, Rates, TokenBucket


def identity(device: str, tenant: str = "acme") -> Identity:
    """A device of an agent."""
    return Identity(tenant=tenant, user="mei", device=device, role=Role.AGENT)


def test_a_burst_passes_and_then_the_rate_counts() -> None:
    bucket = TokenBucket(10, 0.0)
    burst = int(10 * BURST_SECONDS)
    assert [bucket.take(0.0) for _ in range(burst)] == [0.0] * burst
    assert bucket.take(0.0) == 0.1
    assert bucket.take(0.0) == 0.2
    assert bucket.take(0.3) == 0.0


def test_over_any_time_no_more_passes_than_rate_and_burst() -> None:
    bucket = TokenBucket(100, 0.0)
    now_s = passed = 0.0
    while now_s < 10:
        wait_s = bucket.take(now_s)
        passed += 1
        now_s += wait_s
    assert passed <= 100 * (10 + BURST_SECONDS) + 1


def test_an_idle_bucket_holds_no_more_than_a_burst() -> None:
    bucket = TokenBucket(10, 0.0)
    assert [bucket.take(1_000.0) for _ in range(21)] == [0.0] * 20 + [0.1]


def test_devices_do_not_pay_for_each_other_but_a_tenant_for_all() -> None:
    rates = Rates(10, 15)
    for _ in range(20):
        assert rates.take(identity("phone"), 0.0) == 0.0
    assert rates.take(identity("phone"), 0.0) > 0
    assert rates.take(identity("tablet"), 0.0) == 0.0
    waits = [rates.take(identity(f"d{number}"), 0.0) for number in range(20)]
    assert waits[0] == 0.0
    assert waits[-1] > 0
    assert rates.take(identity("phone", "other"), 0.0) == 0.0


def test_reconnecting_does_not_fill_a_bucket() -> None:
    rates = Rates(10, 1_000)
    for _ in range(30):
        rates.take(identity("phone"), 0.0)
    rates.forget(identity("phone"), 0.0)
    assert rates.take(identity("phone"), 0.0) > 0
    rates.forget(identity("phone"), 100.0)
    assert rates.take(identity("phone"), 100.0) == 0.0
    assert rates.take(identity("phone"), 100.0) == 0.0
