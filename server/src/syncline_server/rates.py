"""How fast devices and tenants may write: token buckets, which first hold a device and only then refuse it."""

from collections import deque
from typing import Final

from syncline_protocol.documents.identity import Identity

BURST_SECONDS: Final = 2.0
"""A bucket holds what its rate gives in so many seconds."""


class TokenBucket:
    """May go into debt: `take` says how long to wait until the debt is paid."""

    __slots__ = ("_at_s", "_level", "_per_second")

    def __init__(self, per_second: float, now_s: float) -> None:
        self._per_second = per_second
        self._level = per_second * BURST_SECONDS
        self._at_s = now_s

    def take(self, now_s: float) -> float:
        """Take one token; returns the seconds until the bucket is out of debt, 0 if it is not in any."""
        rate = self._per_second
        self._level = min(rate * BURST_SECONDS, self._level + (now_s - self._at_s) * rate) - 1
        self._at_s = now_s
        return 0.0 if self._level >= 0 else -self._level / rate

    def is_full(self, now_s: float) -> bool:
        """Whether forgetting it would make no difference."""
        return self._level + (now_s - self._at_s) * self._per_second >= self._per_second * BURST_SECONDS


class Rates:
    """The buckets of the devices that are connected, and of their tenants."""

    def __init__(self, device_per_second: float, tenant_per_second: float) -> None:
        self._device_per_second = device_per_second
        self._tenant_per_second = tenant_per_second
        self._devices: dict[tuple[str, str, str], TokenBucket] = {}
        self._tenants: dict[str, TokenBucket] = {}
        self._gone: deque[tuple[str, str, str]] = deque()

    def take(self, identity: Identity, now_s: float) -> float:
        """Count one update; returns the seconds for which its device should not be read."""
        key = (identity.tenant, identity.user, identity.device)
        device = self._devices.get(key)
        if device is None:
            device = self._devices[key] = TokenBucket(self._device_per_second, now_s)
        tenant = self._tenants.get(identity.tenant)
        if tenant is None:
            tenant = self._tenants[identity.tenant] = TokenBucket(self._tenant_per_second, now_s)
        return max(device.take(now_s), tenant.take(now_s))

    def forget(self, identity: Identity, now_s: float) -> None:
        """The device is gone. Its bucket is kept until it is full again, so that reconnecting gains nothing."""
        self._gone.append((identity.tenant, identity.user, identity.device))
        for _ in range(min(2, len(self._gone))):  # each leaving device looks after two that left before
            key = self._gone.popleft()
            bucket = self._devices.get(key)
            if bucket is None or bucket.is_full(now_s):
                self._devices.pop(key, None)
            else:
                self._gone.append(key)
