"""Metrics of four families: system, application, ML, IoT, as the architecture lists them."""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, Final

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.contracts.facts import Fact
from shared.contracts.todo import Todo

from .given.catalogue import CATALOGUE, COUNTER, GAUGE
from .presence import Presence
from .scores import ScoreBoard

MOST_SERIES: Final = 100
"""So many label values a metric; whatever comes beyond is counted under `other`."""
OTHER: Final = "other"


def make_metrics() -> "Metrics":
    """Return metrics in a registry of their own: built twice, nothing is registered twice."""
    return Metrics()


class Metrics:
    """Turns facts into metrics, cheaply: a fact is measured for each batch, or each reading."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._children: dict[tuple[Fact, tuple[str, ...]], Any] = {}
        self._counts: dict[Fact, int] = {}
        self._pending: dict[str, float] = {}
        self._metrics = {fact: _made(fact, self._registry) for fact in CATALOGUE}
        self.presence = Presence()
        self.scores = ScoreBoard()
        self._lock = Lock()
        self._registry.register(SystemFamily())
        self._registry.register(TruthFamily(self.presence, self.scores))

    def measure(self, fact: Fact, value: float, labels: Mapping[str, str]) -> None:
        """Take a fact in: counts are added, current numbers set, seconds and sizes observed.

        A device's name never becomes a label value: ten thousand devices would be ten thousand
        series, and devices choose their names.
        """
        # task 7.3: what isn't in the catalogue belongs to presence or scores
        raise Todo("7.3")

    def exposition(self) -> bytes:
        """Return all metrics in the Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def _values(self, fact: Fact, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(str(labels.get(name, "")) for name in CATALOGUE[fact].labels)

    def _child(self, fact: Fact, values: tuple[str, ...]) -> Any:  # noqa: ANN401 - prometheus_client's
        """Return the series of these label values; beyond the bound, the one called `other`."""
        # task 7.3: bounded, whatever comes
        raise Todo("7.3")


def _made(fact: Fact, registry: CollectorRegistry) -> Any:  # noqa: ANN401 - one of three kinds
    entry = CATALOGUE[fact]
    if entry.kind == COUNTER:
        return Counter(entry.name, entry.help, entry.labels, registry=registry)
    if entry.kind == GAUGE:
        return Gauge(entry.name, entry.help, entry.labels, registry=registry)
    return Histogram(entry.name, entry.help, entry.labels, registry=registry, buckets=entry.edges)


def _apply(child: Any, kind: str, value: float) -> None:  # noqa: ANN401 - prometheus_client's
    if kind == COUNTER:
        child.inc(value)
    elif kind == GAUGE:
        child.set(value)
    else:
        child.observe(value)


class SystemFamily(Collector):
    """CPU, memory and network of this process and its machine, asked when somebody scrapes."""

    def __init__(self) -> None:
        psutil.cpu_percent()  # it tells the share since the last call: the first one tells nothing

    def collect(self) -> Iterable[Metric]:
        """Yield the system family."""
        # task 7.3: base units: seconds and bytes
        raise Todo("7.3")


class TruthFamily(Collector):
    """Connected devices, and what truth says of alerts and forecasts."""

    def __init__(self, presence: Presence, scores: ScoreBoard) -> None:
        self._presence = presence
        self._scores = scores

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges that are reckoned when asked."""
        told = "Devices connected, by their births and wills."
        yield _gauge("academy_devices_connected", told, self._presence.connected)
        for name, help_text, value in self._scores.gauges():
            if value is not None:
                yield _gauge(name, help_text, value)


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text)
    family.add_metric([], value)
    return family
