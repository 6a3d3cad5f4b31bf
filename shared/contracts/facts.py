"""What the parts report about themselves: facts, told once where they happen.

Room 7 turns them into metrics; nobody else knows a metric's name. Units are in the names.
Label values come from our code, never from a device, except `device`, which telemetry must bound.
"""

from enum import StrEnum


class Fact(StrEnum):
    """Name of a fact; the comment tells its value and its labels."""

    READINGS_MADE = "readings_made"  # count; device
    READINGS_REFUSED = "readings_refused"  # count refused by a full outbox; device
    OUTBOX_PENDING = "outbox_pending"  # current number; device
    READING_AGE_S = "reading_age_s"  # seconds from made to acknowledged; device
    MQTT_MESSAGES = "mqtt_messages"  # count; direction = in | out
    MQTT_CONNECTED = "mqtt_connected"  # 1 or 0
    DEVICE_PRESENCE = "device_presence"  # 1 at a birth, 0 at a will; device
    GATEWAY_ANSWERS = "gateway_answers"  # count; status
    GATEWAY_QUEUE = "gateway_queue"  # current number
    BATCH_READINGS = "batch_readings"  # size of one batch
    BREAKER_STATE = "breaker_state"  # 0 closed, 1 half open, 2 open
    DEAD_LETTERS = "dead_letters"  # count; status
    API_REQUEST_S = "api_request_s"  # seconds; route, method, status
    READINGS_STORED = "readings_stored"  # count; outcome = created | duplicate | conflict | refused
    OLD_SCHEMA = "old_schema"  # count of requests in yesterday's schema
    STREAM_EVENTS = "stream_events"  # count
    STREAM_LAG = "stream_lag"  # events of the log not yet processed
    EVENTS_MARKED = "events_marked"  # count; mark = duplicate | impossible | jump
    EVENTS_LATE = "events_late"  # count; outcome = corrected | aside
    WINDOWS_CLOSED = "windows_closed"  # count
    CACHE_LOOKUPS = "cache_lookups"  # count; outcome = hit | miss | away
    INFERENCE_S = "inference_s"  # seconds for one call; mode = single | batch | shadow
    INFERENCE_FALLBACKS = "inference_fallbacks"  # count; reason
    FORECAST_ERROR = "forecast_error"  # absolute error when truth arrives, canonical unit; type
    FORECAST_COVERED = "forecast_covered"  # 1 if truth fell into the 90 % interval, else 0; type
    ALERTS = "alerts"  # count; kind, severity, state = opened | resolved
    ALERT_TRUTH = "alert_truth"  # count; outcome = hit | miss | false
    MODEL_DRIFT = "model_drift"  # population stability index; feature
    ACCESS_REFUSED = "access_refused"  # count; reason
