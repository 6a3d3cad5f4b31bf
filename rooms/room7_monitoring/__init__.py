"""Room 7: seeing without looking."""

import json
from collections.abc import Sequence
from pathlib import Path

from shared.contracts.facts import Fact
from shared.contracts.messages import Health
from shared.contracts.ports import Observability, TelemetryParts
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo

from .alert_rules import alert_rules
from .dashboards import dashboards
from .health import Doctor, ask
from .journal import masked, open_journal
from .latency import quantile
from .metrics import Metrics, make_metrics
from .presence import make_presence
from .scores import score
from .traces import SpanFile, next_traceparent, parse_traceparent

__all__ = [
    "alert_rules",
    "ask",
    "build",
    "dashboards",
    "make_metrics",
    "make_presence",
    "masked",
    "next_traceparent",
    "open_journal",
    "parse_traceparent",
    "quantile",
    "score",
]


class Reporting:
    """What every part reports through: a journal, spans, metrics. Never raises, never blocks."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        folder = Path(settings.telemetry.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._share = settings.telemetry.trace_share
        self._journal = open_journal(str(folder / f"{settings.role}.log"), settings.telemetry.level)
        self._spans = SpanFile(folder / f"spans-{settings.role}.jsonl", settings.role)
        self._metrics = metrics

    def event(self, level: str, name: str, **context: object) -> None:
        """Write one line of the journal."""
        self._journal.event(level, name, **context)

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Record a fact; one that can't be recorded is told in the journal."""
        try:
            self._metrics.measure(fact, value, labels)
        except Todo:
            raise
        except Exception as error:  # noqa: BLE001 - telemetry never stops what it reports on
            self._journal.event("error", "fact_lost", fact=fact.value, reason=repr(error))

    def trace(self, traceparent: str | None = None) -> str:
        """Return a child of a valid traceparent, else the start of a new trace."""
        return next_traceparent(traceparent, self._share)

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep the span of a sampled trace."""
        self._spans.keep(name, traceparent, start_s, end_s)


class Watching:
    """What the outside reads of a process."""

    def __init__(self, parts: TelemetryParts, metrics: Metrics) -> None:
        self._doctor = Doctor(parts.dependencies)
        self._metrics = metrics

    def exposition(self) -> bytes:
        """Return the metrics of this process."""
        return self._metrics.exposition()

    def health(self) -> Health:
        """Return the health of this process, at most half a second old."""
        return self._doctor.health()

    def render(self, folder: str) -> Sequence[str]:
        """Write dashboards and alert rules (JSON is YAML) into `folder`; return their paths."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        files = {**dashboards(), "rules.yml": alert_rules()}
        for name, content in files.items():
            (place / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return [str(place / name) for name in files]


class Telescope:
    """Both sides over the same metrics."""

    def __init__(self, settings: Settings, parts: TelemetryParts) -> None:
        metrics = make_metrics()
        self.telemetry = Reporting(settings, metrics)
        self.monitor = Watching(parts, metrics)


def build(settings: Settings, parts: TelemetryParts) -> Observability:
    """Return telemetry for the process of `settings.role`; opens its files at the first line."""
    return Telescope(settings, parts)
