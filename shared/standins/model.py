"""A fixed threshold for a model: cries wolf in a heat wave, sleeps through real errors."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from shared.contracts.facts import Fact
from shared.contracts.messages import Alert, Findings, LoggedEvent
from shared.contracts.ports import Model, ModelParts
from shared.contracts.settings import Settings

LIMITS = MappingProxyType({"temperature": 25.0, "humidity": 95.0, "pressure": 1030.0})


class Threshold:
    """An alert a reading above the limit."""

    def __init__(self, parts: ModelParts) -> None:
        self._telemetry = parts.telemetry

    def observe(self, events: Sequence[LoggedEvent]) -> Findings:
        """Return an alert for each reading above its type's limit."""
        return Findings(alerts=tuple(self._alert(logged) for logged in events if _too_high(logged)))

    def snapshot(self) -> str:
        """Return an empty state."""
        return json.dumps({})

    def restore(self, snapshot: str) -> None:
        """Restore nothing: nothing is remembered."""

    def describe(self) -> Mapping[str, object]:
        """Return the card of a model that learnt nothing."""
        return {"version": "stand-in", "limits": dict(LIMITS)}

    def _alert(self, logged: LoggedEvent) -> Alert:
        event = logged.event
        limit = LIMITS[event.sensor_type]
        self._telemetry.measure(Fact.ALERTS, kind="threshold", severity="warning", state="opened")
        return Alert(
            f"alert-{logged.position}",
            event.device_id,
            event.sensor_id,
            event.sensor_type,
            "threshold",
            "warning",
            event.timestamp,
            event.timestamp,
            event.value,
            limit,
            event.value - limit,
            f"{event.value:.1f} > {limit}",
            event.message_id,
            logged.position,
            event.traceparent,
        )


def _too_high(logged: LoggedEvent) -> bool:
    return logged.event.value > LIMITS.get(logged.event.sensor_type, float("inf"))


def build(settings: Settings, parts: ModelParts) -> Model:  # noqa: ARG001 - the port's form
    """Return the stand-in for Room 5."""
    return Threshold(parts)
