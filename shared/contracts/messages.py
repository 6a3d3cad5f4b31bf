"""What travels between the parts: frozen carriers with fields, types and units, nothing clever.

All times are aware and UTC, to the millisecond. Validating what comes from outside, formatting
and normalising are tasks of the rooms, so nothing here checks or converts.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

UNITS: Final = MappingProxyType(
    {"temperature": "celsius", "humidity": "percent", "pressure": "hectopascal"}
)
"""The canonical unit of each type that the course knows. A type is also its key in the payload."""

SCHEMA_VERSION: Final = 2
"""Of the API's request as written by the architecture; version 1 said `type` and `ts`."""

TOPIC_ROOT: Final = "aiot-academy"
"""Readings: aiot-academy/{device}/{sensor}/{type}, QoS 1."""
PRESENCE_ROOT: Final = "aiot-academy-presence"
"""Birth and last will: aiot-academy-presence/{device}, QoS 1, retained."""
VERDICT_ROOT: Final = "aiot-academy-verdict"
"""The application's acknowledgements, gateway to device: aiot-academy-verdict/{device}, QoS 1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one sensor at one moment."""

    device_id: str
    sensor_id: str
    sensor_type: str
    value: float
    unit: str
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class SensorCard:
    """What a device says once about a sensor, in its birth."""

    sensor_id: str
    sensor_type: str
    unit: str
    location: str | None = None
    calibration_date: date | None = None
    resolution: float | None = None


@dataclass(frozen=True, slots=True)
class Birth:
    """A device and its sensors, as announced (retained) at every connect."""

    device_id: str
    sensors: tuple[SensorCard, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a simulated fault really was: the ground truth, told apart from every reading.

    `kind`: stuck, spike, dropout, skew or drift. `size` is in the sensor's unit (seconds for
    skew, 0 for stuck and dropout). A fault that still lasts has `end` None.
    """

    device_id: str
    sensor_id: str
    kind: str
    start: datetime
    end: datetime | None
    size: float


@dataclass(frozen=True, slots=True)
class Event:
    """A reading as the API accepted it: canonical unit, UTC, one form of identifiers.

    `original` is what was sent, as JSON text. `received_at` is the wall clock's.
    """

    device_id: str
    message_id: str
    sensor_id: str
    sensor_type: str
    value: float
    unit: str
    timestamp: datetime
    received_at: datetime
    location: str | None = None
    calibration_date: date | None = None
    traceparent: str | None = None
    original: str | None = None
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event in its place in the log. Positions grow; they may have gaps."""

    position: int
    stored_at: datetime
    event: Event


class AppendOutcome(StrEnum):
    """What the event log did with one event."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # the id is taken by other content; nothing was stored


@dataclass(frozen=True, slots=True)
class Appended:
    """The log's answer for one event, in the order of the call.

    `stored_at` is the wall clock's when the event was first stored.
    """

    message_id: str
    outcome: AppendOutcome
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """Aggregates of one sensor over [start, start + width_s), in the type's canonical unit.

    `deviation` is the population's standard deviation. `median` is the quantile 0.5.
    `revision` counts corrections by late readings: 0 when first closed.
    """

    device_id: str
    sensor_id: str
    sensor_type: str
    start: datetime
    width_s: int
    count: int
    mean: float
    minimum: float
    maximum: float
    deviation: float
    median: float
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """One value ahead: for `target`, issued with data up to `issued_at`, with a 90 % interval."""

    device_id: str
    sensor_id: str
    sensor_type: str
    issued_at: datetime
    target: datetime
    value: float
    lower: float
    upper: float
    model_version: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident at one sensor; the same `alert_id` is told again when it is resolved.

    `kind`: spike, stuck, dropout, skew, drift or deviation. `severity`: warning or critical.
    `opened_at` and `resolved_at` are event times. `message_id`, `position` and `traceparent`
    are those of the reading that opened it (None and 0 for a silence). `reason` is for people.
    """

    alert_id: str
    device_id: str
    sensor_id: str
    sensor_type: str
    kind: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None
    value: float | None
    expected: float | None
    score: float
    reason: str
    message_id: str | None
    position: int
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a model says about a stretch of the log."""

    forecasts: tuple[Forecast, ...] = ()
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that can never be accepted, kept with the reason, to be mended and sent again.

    `letter_id` is the same however often the same message is refused: `message_id` where the
    payload names one, else `dead-` and a hash of topic and payload. `status` is the API's answer
    (0: refused before the API). `replayed_at` is set once it was sent again and stored.
    """

    letter_id: str
    device_id: str | None
    topic: str
    payload: bytes
    status: int
    reason: str
    refused_at: datetime
    replayed_at: datetime | None = None


class Verdict(StrEnum):
    """What became of one reading, told to its device under the verdict topic."""

    STORED = "stored"  # committed to the event log, now or earlier
    DEAD = "dead"  # kept in the dead letters, on disk
    LATER = "later"  # not kept: send it again after `retry_after_s`


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The API's verdict on one reading of a batch.

    `status` is the HTTP status that the reading alone would have got; `detail` says why not.
    """

    status: int
    message_id: str | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The API's answer to a batch: its own status, and with 200 one verdict an item, in order."""

    status: int
    items: tuple[ItemAnswer, ...] = ()
    retry_after_s: float | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who stands at the door: proved by a certificate or a token, or nobody (`anonymous`).

    `kind`: device, gateway, operator or anonymous. `scopes` as in the token.
    """

    subject: str
    kind: str
    scopes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where one party's key, certificate chain and trusted authority lie (PEM files).

    `subject` is the certificate's distinguished name as RFC 4514 writes it. `secret` is the file
    with which a gateway or an operator asks for tokens (None for devices and servers).
    """

    name: str
    subject: str
    certificate: str
    key: str
    authority: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """One line of the broker's access list: who, and the topic filters it may use."""

    name: str
    subject: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token as its client receives it. `expires_at` is the wall clock's."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What a device's outbox has seen of one source, counted since the source began.

    `offered` = `made` + `refused`; `pending` of the made ones wait for their verdict.
    A device that restarts goes on with its source after `offered` readings.
    """

    offered: int
    made: int
    refused: int
    pending: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a process can do its work: `ready` only if every dependency answered in time."""

    live: bool
    ready: bool
    dependencies: tuple[tuple[str, str], ...] = ()
    """(name, "ok" or what is wrong) of each dependency that was asked."""
