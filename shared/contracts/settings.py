"""One description of a run that every process reads: where things are, and whose time it is."""

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings:
    """The event clock: `start` (event time) was at `wall_start` (Unix seconds); it runs at `speed`.

    `speed` is in seconds of event time a second of wall time; 1 is real time.
    """

    start: datetime = datetime(2013, 5, 6, tzinfo=UTC)
    wall_start: float = 0.0
    speed: float = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Where readings come from: a recording (CSV file), a simulated fleet, or both.

    `recording` is a path; at `recording_from` its event time begins: what is older is left out
    of the stations' recording, never of somebody's own. `rate` is readings a second of wall time
    over the whole fleet. `faults` injects them into the fleet. `source_id` names this choice of
    source: a device goes on where it stopped only within the same one.
    `paced` False hands readings out as fast as they are taken (for benchmarks).
    """

    recording: str | None = None
    recording_from: datetime | None = None
    devices: int = 3
    sensors: int = 3
    rate: float = 18.0
    faults: bool = True
    seed: int = 1
    source_id: str = "default"
    paced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings:
    """The broker's door and the manners at it. Times in seconds of wall time."""

    flavour: str = "nats"  # or "mosquitto"
    host: str = "127.0.0.1"
    port: int = 8883
    websocket_port: int | None = 9001
    max_payload: int = 262_144
    keepalive_s: int = 30
    outbox_limit: int = 200_000
    inflight: int = 200
    resend_after_s: float = 10.0
    batch_size: int = 500
    batch_age_s: float = 0.03
    queue_limit: int = 2_000
    call_timeout_s: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The API's door and limits. `future_tolerance_s` is wall time (times the speed: event time).

    `device_rate` readings a second of wall time, with bursts of `device_burst`, are taken from
    one device before it hears 429; 0 means no limit.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    url: str = "https://127.0.0.1:8000"
    max_body_bytes: int = 1_048_576
    batch_limit: int = 1_000
    future_tolerance_s: float = 60.0
    device_rate: float = 5_000.0
    device_burst: float = 20_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """The databases (SQLAlchemy URLs) and the stream's rules. Times in seconds of event time.

    `log_url` holds the event log and the dead letters, `series_url` the read model,
    `findings_url` what the model found. `windows_s` are the widths of the tumbling windows;
    `sliding_s` is (width, step). The watermark trails the log's newest event time by
    `lateness_s`; a window stays correctable for `grace_s` more. A device is idle once the
    fleet's event time has left its own behind by `idle_s`. `retention_s` are the tiers of the
    read model: raw readings, then windows; None keeps everything.
    """

    log_url: str = "sqlite:///log.db"
    series_url: str = "sqlite:///series.db"
    findings_url: str = "sqlite:///findings.db"
    windows_s: tuple[int, ...] = (3_600, 86_400)
    sliding_s: tuple[int, int] = (21_600, 3_600)
    lateness_s: float = 7_200.0
    grace_s: float = 21_600.0
    idle_s: float = 43_200.0
    retention_s: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Where the registry lies, what the model is trained on, and until when (event time)."""

    folder: str = "models"
    recording: str | None = None
    train_before: datetime | None = None
    latency_budget_s: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """Where keys lie (a folder of mode 0700), and who is enrolled. Lifetimes in seconds."""

    folder: str = "identity"
    devices: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    leaf_lifetime_s: float = 30 * 86_400.0
    token_lifetime_s: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """Where logs and spans are written, and which share of the readings is followed closely.

    `age_objective_s` is the service level objective on a reading's age: an edge of its histogram.
    """

    folder: str = "logs"
    level: str = "info"
    trace_share: float = 0.02
    age_objective_s: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a room is told. `role` is the process that runs it, `state_dir` a path."""

    role: str = "alone"
    state_dir: str = "."
    clock: ClockSettings = field(default_factory=ClockSettings)
    source: SourceSettings = field(default_factory=SourceSettings)
    bus: BusSettings = field(default_factory=BusSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
