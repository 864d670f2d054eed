"""What the server counts, for `/metrics`.

Counters are plain numbers on the hot path and become Prometheus samples only when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from syncline_protocol.errors import CloseCode, RefusalCode

if TYPE_CHECKING:
    from syncline_server.hub import Hub


COMMIT_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Bounds of the buckets for commits: from a fast disk to one that stalls."""


class Durations:
    """How often something took how long: by bucket, and all together."""

    __slots__ = ("bounds", "counts", "sum_s")

    def __init__(self, bounds: tuple[float, ...] = COMMIT_SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """By bucket, up to its bound; the last is beyond all."""
        self.sum_s = 0.0

    def note(self, seconds: float) -> None:
        """It took so long, once."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum_s += seconds


class Metrics:
    """The counters that are not already kept where they arise."""

    def __init__(self) -> None:
        self.refusals: Counter[RefusalCode] = Counter()
        self.closes: Counter[CloseCode] = Counter()
        self.digest_mismatches = 0
        self.fell_behind = 0
        self.compactions = 0
        self.compactions_failed = 0

    def refused(self, code: RefusalCode) -> None:
        """Count a refused update."""
        self.refusals[code] += 1

    def closed(self, code: CloseCode) -> None:
        """Count a connection that the server closed."""
        self.closes[code] += 1


class HubCollector(Collector):
    """Reads the hub when Prometheus does."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """All samples of this moment."""
        hub, metrics, log = self._hub, self._hub.metrics, self._hub.log
        yield _gauge("syncline_connections", "Connections of devices and stock Yjs clients", len(hub.followers))
        yield _gauge("syncline_documents_loaded", "Documents in memory", len(hub.documents))
        subscriptions = sum(len(document.subscriptions) for document in hub.documents.values())
        yield _gauge("syncline_subscriptions", "Open documents of all connections", subscriptions)
        yield _gauge("syncline_ready", "1 when the store takes writes", 0 if log.failure else 1)
        yield _counter("syncline_updates", "Updates stored in the log", log.updates)
        yield _counter("syncline_commits", "Group commits of the log", log.commits)
        yield _histogram("syncline_commit_seconds", "Time from a commit's start to its being durable", log.durations)
        yield _counter("syncline_digest_mismatches", "Devices whose content differed", metrics.digest_mismatches)
        yield _counter("syncline_fell_behind", "Subscriptions put behind by a full outbox", metrics.fell_behind)
        yield _counter("syncline_compactions", "Documents compacted", metrics.compactions)
        yield _counter("syncline_compactions_failed", "Compactions that failed", metrics.compactions_failed)
        refusals = CounterMetricFamily("syncline_refusals", "Updates refused", labels=["code"])
        for refusal in RefusalCode:
            refusals.add_metric([refusal.value], metrics.refusals[refusal])
        yield refusals
        closes = CounterMetricFamily("syncline_closes", "Connections closed by the server", labels=["code"])
        for close in CloseCode:
            closes.add_metric([str(close.value)], metrics.closes[close])
        yield closes


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _histogram(name: str, text: str, durations: Durations) -> Metric:
    bounds = [*(str(bound) for bound in durations.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(durations.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=durations.sum_s)


def registry(hub: "Hub") -> CollectorRegistry:
    """The registry behind `/metrics`."""
    made = CollectorRegistry()
    made.register(HubCollector(hub))
    ProcessCollector(registry=made)
    return made
