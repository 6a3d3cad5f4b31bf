"""The ports: what the pipeline calls of each room, and what a room may lean on.

A room offers `build(settings, parts)`; `parts` holds only what that room depends on. Each port
has four methods at the most. What the checks call, task by task, is the *bench* of a room: see
`shared.contracts.benches`.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event as StopSignal
from typing import Any, Protocol

from .facts import Fact
from .messages import (
    Answer,
    Appended,
    Birth,
    BrokerUser,
    Credentials,
    DeadLetter,
    Event,
    Findings,
    Health,
    LoggedEvent,
    Principal,
    Progress,
    Reading,
    Token,
    Truth,
    Window,
)

AsgiApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


class Clock(Protocol):
    """Two clocks: the event clock belongs to the data, the wall clock to tokens and retries."""

    def now(self) -> datetime:
        """Return the event clock's time, UTC."""

    def wall(self) -> datetime:
        """Return the wall clock's time, UTC."""

    def seconds_until(self, moment: datetime) -> float:
        """Return the wall seconds until the event clock shows `moment`; negative if it is past."""

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s` seconds of wall time as seconds of event time (times the speed)."""


# --- room 7: telemetry ---------------------------------------------------------------------


class Telemetry(Protocol):
    """What every part reports through. Never raises and never blocks its caller."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Write one line of the log: level debug, info, warning or error; an event's name."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Record a fact; counts are added, current numbers set, seconds and sizes observed."""

    def trace(self, traceparent: str | None = None) -> str:
        """Return a valid W3C traceparent: a child of a valid one, else a new trace."""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep the time that a sampled reading spent in a part (Unix seconds, wall clock)."""


class Monitor(Protocol):
    """What the outside reads of a process."""

    def exposition(self) -> bytes:
        """Return the metrics of this process in the Prometheus text format 0.0.4."""

    def health(self) -> Health:
        """Ask each dependency, each with its time-out, and say whether work can be done."""

    def render(self, folder: str) -> Sequence[str]:
        """Write dashboards and alert rules into `folder`; return the files' paths."""


class Observability(Protocol):
    """What Room 7 offers."""

    @property
    def telemetry(self) -> Telemetry:
        """The reporting side, used by every part."""

    @property
    def monitor(self) -> Monitor:
        """The reading side."""


@dataclass(frozen=True, slots=True)
class TelemetryParts:
    """For Room 7. A dependency is asked by calling it with a time-out; it raises if it's away."""

    clock: Clock
    dependencies: Mapping[str, Callable[[float], None]]


# --- room 6: identity ----------------------------------------------------------------------


class Authority(Protocol):
    """Who is who: run once before the others start, never inside a serving process."""

    def enrol(self, name: str, kind: str) -> Credentials:
        """Return the credentials of a device, gateway, operator, broker or api; make them if new.

        Asked again it returns the same ones while they are good, and renews them near their end.
        Raises Banned for who was revoked for cause.
        """

    def policy(self) -> Sequence[BrokerUser]:
        """Return the broker's access list for everybody enrolled and not revoked."""

    def revoke(self, name: str, *, ban: bool = True) -> None:
        """Withdraw the present certificate of `name`, for cause: it gets no other until `lift`.

        Without `ban` (a key that was changed in time) enrolling again gives its successor.
        """

    def lift(self, name: str) -> None:
        """End the ban on `name`: enrolling again gives its successor. LookupError if unknown."""


class Keyring(Protocol):
    """TLS for one process. None means: no TLS (the stand-in's open door)."""

    def client(self, name: str) -> ssl.SSLContext | None:
        """Return the context with which `name` connects: it shows its certificate, checks hosts."""

    def server(self, name: str, *, require_client: bool) -> ssl.SSLContext | None:
        """Return the context of a server: TLS 1.2 at least, clients' certificates checked."""


class Gate(Protocol):
    """Who may pass: tokens and certificates at the API."""

    def issue(self, client_id: str, secret: str) -> Token:
        """Return a token for a gateway or an operator; AccessRefused if the secret isn't right."""

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        """Return who that is by its Authorization header or its TLS certificate (DER).

        Raises AccessRefused when what is shown isn't valid. Showing nothing is `anonymous`.
        """

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """Return whether `principal` may `write` for that device, `read`, or `replay`."""


class Security(Protocol):
    """What Room 6 offers."""

    @property
    def authority(self) -> Authority:
        """The certificate authority and the access list."""

    @property
    def keyring(self) -> Keyring:
        """TLS contexts."""

    @property
    def gate(self) -> Gate:
        """Tokens and permissions."""


class AccessRefused(Exception):  # noqa: N818 - a fact, named as one
    """Not let in. `reason` is a short code for the log (never for the intruder)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Banned(Exception):  # noqa: N818 - a fact, named as one
    """Revoked for cause: no certificate for that name until somebody lifts the ban."""


@dataclass(frozen=True, slots=True)
class SecurityParts:
    """For Room 6."""

    clock: Clock
    telemetry: Telemetry


# --- room 1: sensors -----------------------------------------------------------------------


class Sensors(Protocol):
    """Devices with sensors: recorded ones, simulated ones."""

    def births(self) -> Sequence[Birth]:
        """Return every device with its sensors; names don't change from run to run."""

    def readings(self, skip: Mapping[str, int], stop: StopSignal) -> Iterator[Reading]:
        """Yield readings of all devices in event-time order as recorded, until `stop` is set.

        Each is due when the event clock shows its timestamp, if the source is paced. Of each
        device the first `skip[device_id]` are left out: they were offered before a restart. The
        sequence of one device depends on the source's settings only.
        """

    def truth(self) -> Sequence[Truth]:
        """Return the faults injected so far: for measuring, never for the pipeline."""


@dataclass(frozen=True, slots=True)
class SensorParts:
    """For Room 1."""

    clock: Clock
    telemetry: Telemetry


# --- room 2: bus ---------------------------------------------------------------------------


class DeviceLink(Protocol):
    """The device's side of the bus."""

    def offer(self, readings: Sequence[Reading]) -> int:
        """Commit readings of this device to its outbox, in order; return how many were made.

        What a full outbox refuses is counted. Returns once the made ones are on disk.
        """

    def progress(self) -> Progress:
        """Return what the outbox has seen of the present source; survives restarts."""

    def close(self, drain_s: float) -> bool:
        """Wait up to `drain_s` seconds for verdicts, disconnect; return whether none is pending."""


class Gateway(Protocol):
    """The subscriber that carries readings to the API."""

    def run(self, stop: StopSignal) -> None:
        """Work until `stop` is set; what wasn't acknowledged comes again to the next run."""


class Bus(Protocol):
    """What Room 2 offers."""

    def device(self, birth: Birth) -> DeviceLink:
        """Open the outbox of a device and connect in the background; returns at once."""

    def gateway(self) -> Gateway:
        """Return the gateway."""


class Door(Protocol):
    """The API as the gateway sees it: HTTPS with a token, one connection kept."""

    def send(self, items: Sequence[Mapping[str, object]]) -> Answer:
        """Post one batch (bodies of the single route); DoorUnreachable if no answer came."""

    def renew(self) -> None:
        """Get a new token; DoorUnreachable if that can't be had."""


class DoorUnreachable(Exception):  # noqa: N818 - a fact, named as one
    """No answer: refused, cut or timed out. Whether the batch was stored is not known."""


class DeadLetters(Protocol):
    """Where refused messages are kept, on disk beside the event log."""

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them durably, once each by `letter_id`; StoreUnavailable if that can't be done."""


class StoreUnavailable(Exception):  # noqa: N818 - a fact, named as one
    """The database is away, locked or full: nothing was written; ask again later."""


@dataclass(frozen=True, slots=True)
class BusParts:
    """For Room 2. `door` and `dead_letters` are None in a process of devices."""

    clock: Clock
    telemetry: Telemetry
    keyring: Keyring
    door: Door | None = None
    dead_letters: DeadLetters | None = None


# --- room 4: storage -----------------------------------------------------------------------


class EventLog(Protocol):
    """The truth: append only, in an order that no reader can skip over."""

    def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Store a batch in one transaction, on disk when it returns; one outcome an event.

        An id of the same device stored before (or earlier in the batch) is a duplicate if the
        content is the same, else a conflict. Raises StoreUnavailable with nothing written.
        """

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return up to `limit` events with positions above `after`, ascending."""

    def head(self) -> int:
        """Return the last position that may be read, 0 when empty; StoreUnavailable if away."""


class Stream(Protocol):
    """From the log to the read model."""

    def step(self, limit: int) -> int:
        """Process up to `limit` further events, exactly once; return how many. 0: caught up."""

    def lag(self) -> int:
        """Return how many events of the log aren't processed yet (positions, an upper bound)."""

    def rebuild(self) -> int:
        """Delete the read model and make it again from the log; return the number of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """What to read of one sensor: [start, end), in event time, `limit` rows from `cursor` on.

    `cursor` is what the page before returned. With `bucket_s` rows are means over buckets
    aligned to 1970; `fill` completes empty ones: none, null, previous or linear.
    """

    device_id: str
    sensor_id: str
    sensor_type: str
    start: datetime
    end: datetime
    limit: int = 1_000
    cursor: str | None = None
    bucket_s: int | None = None
    fill: str = "none"


@dataclass(frozen=True, slots=True)
class Point:
    """One reading, or one bucket (then `marks` is empty and `count` the readings in it).

    `marks`: what the filters said (duplicate, impossible, jump); a marked reading is kept.
    """

    timestamp: datetime
    value: float | None
    count: int = 1
    marks: tuple[str, ...] = ()
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in a stable order; `cursor` None when there are no more."""

    points: tuple[Point, ...]
    cursor: str | None


class Series(Protocol):
    """The reading side."""

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        """Return the newest reading (event time) of each sensor, a page, and the next cursor."""

    def points(self, query: SeriesQuery) -> Page:
        """Return a page of readings or buckets, ordered by time, then position."""

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        """Return closed windows of that width, ordered by start, and the next cursor."""

    def prune(self) -> int:
        """Apply the retention to the read model's tiers; return how many rows went."""


class Storage(Protocol):
    """What Room 4 offers."""

    @property
    def log(self) -> EventLog:
        """The event log."""

    @property
    def stream(self) -> Stream:
        """The stream processor (one process runs it)."""

    @property
    def series(self) -> Series:
        """The reading side."""


@dataclass(frozen=True, slots=True)
class StorageParts:
    """For Room 4."""

    clock: Clock
    telemetry: Telemetry


# --- room 3: ingestion ---------------------------------------------------------------------


class Ingestion(Protocol):
    """What Room 3 offers."""

    def app(self) -> AsgiApp:
        """Return the API as an ASGI application.

        A client's verified certificate stands in the scope as
        `scope["extensions"]["tls"]["client_cert_der"]` (bytes) when it showed one.
        """


@dataclass(frozen=True, slots=True)
class IngestionParts:
    """For Room 3."""

    clock: Clock
    telemetry: Telemetry
    monitor: Monitor
    gate: Gate
    log: EventLog
    series: Series


# --- room 5: model -------------------------------------------------------------------------


class Model(Protocol):
    """What Room 5 offers. Its state is a function of the log's order alone."""

    def observe(self, events: Sequence[LoggedEvent]) -> Findings:
        """Take the next stretch of the log; return forecasts, and alerts opened or resolved.

        How the log is cut into stretches changes nothing. Taking a stretch again after
        `restore` gives the same findings with the same ids.
        """

    def snapshot(self) -> str:
        """Return the state as JSON text."""

    def restore(self, snapshot: str) -> None:
        """Go back to a snapshot; ValueError if it is of another model version."""

    def describe(self) -> Mapping[str, object]:
        """Return the model's card: version, the data's hash, metrics of its evaluation."""


@dataclass(frozen=True, slots=True)
class ModelParts:
    """For Room 5."""

    clock: Clock
    telemetry: Telemetry
