"""The telemetry bench: what the checks call, task by task (7.1 to 7.7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.contracts.facts import Fact
from shared.contracts.messages import Health


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A W3C traceparent: 32 and 16 lower-case hexadecimal digits, and whether it is sampled."""

    trace_id: str
    parent_id: str
    sampled: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """What truth says of a run of alerts. None where nothing can be divided by."""

    precision: float | None
    recall: float | None
    accuracy: float | None


class TelemetryJournal(Protocol):
    """7.1: one JSON object a line."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Write one line, if the level is asked for. Never raises."""

    def close(self) -> None:
        """Close the file."""


class TelemetryMetrics(Protocol):
    """7.3: the metrics of one process, in a registry of their own."""

    def measure(self, fact: Fact, value: float, labels: Mapping[str, str]) -> None:
        """Take a fact in."""

    def exposition(self) -> bytes:
        """Return all metrics in the Prometheus text format 0.0.4."""


class TelemetryPresence(Protocol):
    """7.4: which devices are connected, from births and wills."""

    def seen(self, device: str, *, online: bool) -> None:
        """Take note of a birth or a will."""

    @property
    def connected(self) -> int:
        """How many are connected now."""


class TelemetryBench(Protocol):
    """One function or class a task."""

    def open_journal(self, path: str, level: str) -> TelemetryJournal:
        """7.1: open a journal that writes `level` and above."""

    def masked(self, context: Mapping[str, object]) -> dict[str, object]:
        """7.1: return the context with every secret replaced by ***."""

    def parse_traceparent(self, text: str) -> TraceContext | None:
        """7.2: return what a traceparent says, None if it isn't a valid one."""

    def next_traceparent(
        self, parent: str | None, share: float, digits: Callable[[int], str] = ...
    ) -> str:
        """7.2: return a child of a valid parent, else the start of a new trace."""

    def make_metrics(self) -> TelemetryMetrics:
        """7.3: return metrics that nothing was measured of yet."""

    def make_presence(self) -> TelemetryPresence:
        """7.4: return a presence that has heard of nobody."""

    def ask(self, dependencies: Mapping[str, Callable[[float], None]], limit_s: float) -> Health:
        """7.4: ask all dependencies at once, each for at most `limit_s` seconds."""

    def quantile(self, buckets: Sequence[tuple[float, float]], share: float) -> float | None:
        """7.5: return the quantile that cumulative buckets (upper edge, count) tell."""

    def score(self, hits: int, misses: int, false_alarms: int, quiet: int) -> Scores:
        """7.6: return precision, recall and accuracy."""

    def dashboards(self) -> Mapping[str, Mapping[str, Any]]:
        """7.7: return the dashboards as Grafana's JSON model, by file name."""

    def alert_rules(self) -> Mapping[str, Any]:
        """7.7: return the recording and alert rules as Prometheus reads them."""
