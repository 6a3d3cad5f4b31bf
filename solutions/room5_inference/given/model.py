"""The model as the pipeline sees it: the log's events in, forecasts and alerts out."""

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from shared.contracts.benches.model import Card
from shared.contracts.facts import Fact
from shared.contracts.messages import Findings, LoggedEvent
from shared.contracts.ports import ModelParts
from shared.contracts.settings import Settings

from ..drift import population_stability_index
from .observer import Observer
from .places import Limits
from .shelf import card_fields
from .training import Artefact

JITTER_WALL_S: Final = 0.5
"""How much later than others a reading may arrive, in wall time, without being late."""
RECENT_ERRORS: Final = 2_016
LEAST_ERRORS: Final = 504


class StreamModel:
    """The port of Room 5. Findings are a function of the log's order alone; telemetry isn't."""

    def __init__(
        self, settings: Settings, parts: ModelParts, artefact: Artefact, card: Card | None
    ) -> None:
        self._telemetry = parts.telemetry
        self._budget_s = settings.model.latency_budget_s
        self._card = card
        tolerance_ms = round(JITTER_WALL_S * settings.clock.speed * 1_000)
        limits = Limits(tolerance_ms, settings.model.latency_budget_s)
        self._observer = Observer(artefact, limits, parts.telemetry)
        self._first: dict[str, list[float]] = {}
        self._recent: dict[str, deque[float]] = {}

    def observe(self, events: Sequence[LoggedEvent]) -> Findings:
        """Take the next stretch of the log; return forecasts, and alerts opened or resolved."""
        started = time.perf_counter()
        for logged in events:
            self._observer.take(logged)
        findings = Findings(tuple(self._observer.forecasts), tuple(self._observer.alerts))
        self._observer.forecasts, self._observer.alerts = [], []
        self._tell(findings, time.perf_counter() - started, len(events))
        return findings

    def snapshot(self) -> str:
        """Return the state as JSON text; floats come back to the last bit."""
        return json.dumps(self._observer.state(), allow_nan=False)

    def restore(self, snapshot: str) -> None:
        """Go back to a snapshot; ValueError if it is none of this model's version."""
        try:
            state = json.loads(snapshot)
            self._observer.recall(state)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"expected a snapshot of this model, got {error!r}") from error

    def describe(self) -> Mapping[str, object]:
        """Return the model's card: version, the data's hash, metrics; what is untrained says so.

        `learning` has the sensors of which too little is known yet, and the days they need.
        """
        learning = {"learning": self._observer.places.lacking()}
        if self._card is None:
            return {"version": self._observer.artefact.version, "metrics": {}, **learning}
        return {**card_fields(self._card), **learning}

    def _tell(self, findings: Findings, taken_s: float, count: int) -> None:
        if count:
            self._telemetry.measure(Fact.INFERENCE_S, taken_s / count, mode="batch")
        if count and taken_s / count > self._budget_s:
            self._telemetry.event("warning", "inference_late", seconds=taken_s, events=count)
        for alert in findings.alerts:
            state = "opened" if alert.resolved_at is None else "resolved"
            self._telemetry.measure(
                Fact.ALERTS, kind=alert.kind, severity=alert.severity, state=state
            )
        for kind, error, missed in self._observer.errors:
            self._telemetry.measure(Fact.FORECAST_ERROR, error, type=kind)
            self._telemetry.measure(Fact.FORECAST_COVERED, 0.0 if missed > 0 else 1.0, type=kind)
            self._watch_drift(kind, error)
        self._observer.errors = []

    def _watch_drift(self, kind: str, error: float) -> None:
        """Compare the errors of the last weeks with the first ones: residuals, not weather."""
        first = self._first.setdefault(kind, [])
        if len(first) < RECENT_ERRORS:
            first.append(error)
            return
        recent = self._recent.setdefault(kind, deque(maxlen=RECENT_ERRORS))
        recent.append(error)
        if len(recent) >= LEAST_ERRORS and len(recent) % 24 == 0:
            psi = population_stability_index(np.array(first), np.array(recent))
            self._telemetry.measure(Fact.MODEL_DRIFT, psi, feature=f"{kind}_error")
