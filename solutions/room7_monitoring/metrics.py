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
        # <solution>
        if fact is Fact.DEVICE_PRESENCE:
            self.presence.seen(labels.get("device", ""), online=value > 0)
        elif fact in {Fact.FORECAST_COVERED, Fact.ALERT_TRUTH}:
            self.scores.take(fact, value, labels)
        elif fact is Fact.OUTBOX_PENDING:
            self._pending[labels.get("device", "")] = value
            self._child(fact, ()).set(sum(self._pending.values()))
        else:
            _apply(self._child(fact, self._values(fact, labels)), CATALOGUE[fact].kind, value)
        # </solution>
        #: raise Todo("7.3")

    def exposition(self) -> bytes:
        """Return all metrics in the Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def _values(self, fact: Fact, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(str(labels.get(name, "")) for name in CATALOGUE[fact].labels)

    def _child(self, fact: Fact, values: tuple[str, ...]) -> Any:  # noqa: ANN401 - prometheus_client's
        """Return the series of these label values; beyond the bound, the one called `other`."""
        # task 7.3: bounded, whatever comes
        # <solution>
        child = self._children.get((fact, values))
        if child is not None:
            return child
        with self._lock:
            if values and self._counts.get(fact, 0) >= MOST_SERIES:
                values = (OTHER,) * len(values)
            metric = self._metrics[fact]
            child = self._children.setdefault(
                (fact, values), metric.labels(*values) if values else metric
            )
            self._counts[fact] = sum(1 for known, _values in self._children if known is fact)
        return child
        # </solution>
        #: raise Todo("7.3")


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
        # <solution>
        process = psutil.Process()
        times, memory = process.cpu_times(), process.memory_info()
        machine, network = psutil.virtual_memory(), psutil.net_io_counters()
        cpu = CounterMetricFamily("academy_process_cpu_seconds", "CPU time of this process.")
        cpu.add_metric([], times.user + times.system)
        yield cpu
        yield _gauge("academy_process_memory_bytes", "Resident memory of this process.", memory.rss)
        share = psutil.cpu_percent() / 100
        yield _gauge("academy_machine_cpu_ratio", "CPU in use on this machine, 0 to 1.", share)
        used = machine.total - machine.available
        yield _gauge("academy_machine_memory_bytes", "Memory in use on this machine.", used)
        traffic = CounterMetricFamily(
            "academy_machine_network_bytes", "Bytes over the network.", labels=["direction"]
        )
        if network is not None:
            traffic.add_metric(["in"], network.bytes_recv)
            traffic.add_metric(["out"], network.bytes_sent)
        yield traffic
        # </solution>
        #: raise Todo("7.3")


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
