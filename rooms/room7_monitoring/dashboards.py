"""Dashboards as code: one a family of metrics and an overview, in Grafana's JSON model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.contracts.todo import Todo

from .given.catalogue import OBJECTIVE_S

SOURCE: Final = {"type": "prometheus", "uid": "academy"}
WIDTH: Final = 12
HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """A title, a query, and the unit in which Grafana shows it."""

    title: str
    query: str
    unit: str


def _quantile(metric: str, share: float, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[1m])))"


AGE: Final = "academy_reading_age_seconds"
WITHIN: Final = f'sum(rate({AGE}_bucket{{le="{OBJECTIVE_S}"}}[1m])) / sum(rate({AGE}_count[1m]))'

PANELS: Final[Mapping[str, Sequence[Panel]]] = {
    "overview": (
        Panel("Readings within the objective", WITHIN, "percentunit"),
        Panel("Age of readings, p99", _quantile(AGE, 0.99), "s"),
        Panel("Readings stored", "sum(rate(academy_readings_stored_total[1m]))", "ops"),
        Panel("Devices connected", "max(academy_devices_connected)", "none"),
    ),
    "system": (
        Panel("CPU a process", "rate(academy_process_cpu_seconds_total[1m])", "percentunit"),
        Panel("CPU of the machine", "max(academy_machine_cpu_ratio)", "percentunit"),
        Panel("Memory a process", "academy_process_memory_bytes", "bytes"),
        Panel(
            "Network", "max by (direction) (rate(academy_machine_network_bytes_total[1m]))", "Bps"
        ),
    ),
    "application": (
        Panel("API latency, p99", _quantile("academy_api_request_seconds", 0.99, "route"), "s"),
        Panel(
            "MQTT throughput", "sum by (direction) (rate(academy_mqtt_messages_total[1m]))", "ops"
        ),
        Panel("Answers", "sum by (status) (rate(academy_gateway_answers_total[1m]))", "ops"),
        Panel("Stream lag", "max(academy_stream_lag_events)", "none"),
    ),
    "ml": (
        Panel("Inference, p99", _quantile("academy_inference_seconds", 0.99, "mode"), "s"),
        Panel("Alerts", "sum by (kind, state) (rate(academy_alerts_total[5m]))", "ops"),
        Panel(
            "Forecast error, median",
            _quantile("academy_forecast_absolute_error", 0.5, "type"),
            "none",
        ),
        Panel("Drift", "max by (feature) (academy_model_drift_index)", "none"),
        Panel("Accuracy (see its help)", "max(academy_model_accuracy_ratio)", "percentunit"),
    ),
    "iot": (
        Panel("Readings made", "sum(rate(academy_readings_made_total[1m]))", "ops"),
        Panel("Devices connected", "max(academy_devices_connected)", "none"),
        Panel("Waiting in outboxes", "sum(academy_outbox_pending_readings)", "none"),
        Panel("Age of readings, median", _quantile(AGE, 0.5), "s"),
    ),
}


def dashboards() -> Mapping[str, Mapping[str, Any]]:
    """Return the dashboards as Grafana's JSON model, by file name."""
    # task 7.7: no two dashboards with one uid, no panel without a unit
    raise Todo("7.7")


def _dashboard(name: str, panels: Sequence[Panel]) -> Mapping[str, Any]:
    return {
        "uid": f"academy-{name}",
        "title": f"AIoT Academy: {name}",
        "tags": ["aiot-academy"],
        "timezone": "utc",
        "refresh": "5s",
        "schemaVersion": 39,
        "time": {"from": "now-15m", "to": "now"},
        "panels": [_panel(place, panel) for place, panel in enumerate(panels)],
    }


def _panel(place: int, panel: Panel) -> Mapping[str, Any]:
    position = {"x": WIDTH * (place % 2), "y": HEIGHT * (place // 2), "w": WIDTH, "h": HEIGHT}
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": position,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": panel.query, "datasource": SOURCE}],
    }
