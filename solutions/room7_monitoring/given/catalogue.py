"""The catalogue: which metric a fact becomes, in which family, with which labels and help.

Names by https://prometheus.io/docs/practices/naming/: base units, `_total` for what only grows.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.contracts.facts import Fact

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"

OBJECTIVE_S: Final = 0.25
AGE_EDGES: Final = (0.01, 0.025, 0.05, 0.1, OBJECTIVE_S, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
"""Seconds; one edge is the objective, so that its share is counted and not guessed."""
CALL_EDGES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZE_EDGES: Final = (1.0, 5.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
ERROR_EDGES: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its family, kind, labels (told by our code, never by a device) and help."""

    name: str
    family: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


CATALOGUE: Final = MappingProxyType(
    {
        # application
        Fact.API_REQUEST_S: Metric(
            "academy_api_request_seconds",
            "application",
            HISTOGRAM,
            "Time in which the API answered, by route, method and status.",
            ("route", "method", "status"),
            CALL_EDGES,
        ),
        Fact.MQTT_MESSAGES: Metric(
            "academy_mqtt_messages_total",
            "application",
            COUNTER,
            "MQTT messages, in and out: their rate is the throughput.",
            ("direction",),
        ),
        Fact.MQTT_CONNECTED: Metric(
            "academy_mqtt_connected",
            "application",
            GAUGE,
            "1 while the last connection that was opened here stands.",
        ),
        Fact.GATEWAY_ANSWERS: Metric(
            "academy_gateway_answers_total",
            "application",
            COUNTER,
            "What the API answered to batches, by status.",
            ("status",),
        ),
        Fact.GATEWAY_QUEUE: Metric(
            "academy_gateway_queue_messages",
            "application",
            GAUGE,
            "Messages that the gateway holds and hasn't posted.",
        ),
        Fact.BATCH_READINGS: Metric(
            "academy_gateway_batch_readings",
            "application",
            HISTOGRAM,
            "Readings in a batch.",
            (),
            SIZE_EDGES,
        ),
        Fact.BREAKER_STATE: Metric(
            "academy_gateway_breaker_state",
            "application",
            GAUGE,
            "The breaker before the API: 0 closed, 1 half open, 2 open.",
        ),
        Fact.READINGS_STORED: Metric(
            "academy_readings_stored_total",
            "application",
            COUNTER,
            "Readings by what the event log did: created, duplicate, conflict, refused.",
            ("outcome",),
        ),
        Fact.OLD_SCHEMA: Metric(
            "academy_old_schema_total",
            "application",
            COUNTER,
            "Requests in yesterday's schema: when it stays at rest, the schema can go.",
        ),
        Fact.DEAD_LETTERS: Metric(
            "academy_dead_letters_total",
            "application",
            COUNTER,
            "Messages that can never be accepted, by the status that said so.",
            ("status",),
        ),
        Fact.STREAM_EVENTS: Metric(
            "academy_stream_events_total", "application", COUNTER, "Events that the stream took."
        ),
        Fact.STREAM_LAG: Metric(
            "academy_stream_lag_events",
            "application",
            GAUGE,
            "Events of the log that the stream hasn't taken yet.",
        ),
        Fact.EVENTS_MARKED: Metric(
            "academy_events_marked_total",
            "application",
            COUNTER,
            "Events that the filters marked: duplicate, impossible, jump.",
            ("mark",),
        ),
        Fact.EVENTS_LATE: Metric(
            "academy_events_late_total",
            "application",
            COUNTER,
            "Events behind the watermark: corrected, or kept aside.",
            ("outcome",),
        ),
        Fact.WINDOWS_CLOSED: Metric(
            "academy_windows_closed_total", "application", COUNTER, "Windows written."
        ),
        Fact.CACHE_LOOKUPS: Metric(
            "academy_cache_lookups_total",
            "application",
            COUNTER,
            "Asked of the cache: hit, miss, away.",
            ("outcome",),
        ),
        Fact.ACCESS_REFUSED: Metric(
            "academy_access_refused_total",
            "application",
            COUNTER,
            "Turned away at a door, by reason.",
            ("reason",),
        ),
        # IoT
        Fact.READINGS_MADE: Metric(
            "academy_readings_made_total", "iot", COUNTER, "Readings committed to an outbox."
        ),
        Fact.READINGS_REFUSED: Metric(
            "academy_readings_refused_total", "iot", COUNTER, "Readings that a full outbox refused."
        ),
        Fact.OUTBOX_PENDING: Metric(
            "academy_outbox_pending_readings",
            "iot",
            GAUGE,
            "Readings in the outboxes of this process without a verdict.",
        ),
        Fact.READING_AGE_S: Metric(
            "academy_reading_age_seconds",
            "iot",
            HISTOGRAM,
            "From made (in the outbox) to the verdict that follows the commit.",
            (),
            AGE_EDGES,
        ),
        # ML
        Fact.INFERENCE_S: Metric(
            "academy_inference_seconds",
            "ml",
            HISTOGRAM,
            "Time of one call of the model, by mode.",
            ("mode",),
            CALL_EDGES,
        ),
        Fact.INFERENCE_FALLBACKS: Metric(
            "academy_inference_fallbacks_total",
            "ml",
            COUNTER,
            "Calls that the model couldn't answer itself, by reason.",
            ("reason",),
        ),
        Fact.FORECAST_ERROR: Metric(
            "academy_forecast_absolute_error",
            "ml",
            HISTOGRAM,
            "Absolute error of forecasts once truth arrived, in the type's canonical unit.",
            ("type",),
            ERROR_EDGES,
        ),
        Fact.ALERTS: Metric(
            "academy_alerts_total",
            "ml",
            COUNTER,
            "Alerts opened and resolved, by kind and severity.",
            ("kind", "severity", "state"),
        ),
        Fact.MODEL_DRIFT: Metric(
            "academy_model_drift_index",
            "ml",
            GAUGE,
            "Population stability index of a feature: 0.1 watch, 0.25 retrain.",
            ("feature",),
        ),
    }
)
"""DEVICE_PRESENCE, FORECAST_COVERED and ALERT_TRUTH become the gauges of presence and scores."""
