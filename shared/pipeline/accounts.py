"""What a run has to show for itself: counted from the outboxes, the log and the findings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from shared.contracts.identifiers import from_milliseconds
from shared.contracts.settings import StorageSettings
from shared.database.engine import open_engine, sqlite_path
from shared.database.schema import alerts, dead_letters, events, windows

from .workplace import Workplace


@dataclass(frozen=True, slots=True)
class Account:
    """The sums of one moment. `stored` counts the rows of the log; times are in seconds."""

    made: int = 0
    refused: int = 0
    pending: int = 0
    stored: int = 0
    duplicates: int = 0
    dead: int = 0
    late: int = 0
    lag: int = 0
    windows: int = 0
    alerts: int = 0
    age_p50_s: float | None = None
    age_p99_s: float | None = None
    newest: Sequence[dict[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert as it is shown while it rises and when it settles."""

    alert_id: str
    device_id: str
    sensor_id: str
    kind: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None
    value: float | None
    expected: float | None
    reason: str


class Accountant:
    """Reads the databases of a run without ever writing to them."""

    def __init__(self, place: Workplace, storage: StorageSettings) -> None:
        self._place = place
        self._log = self._open(storage.log_url)
        self._series = self._open(storage.series_url)
        self._findings = self._open(storage.findings_url)
        self._lines = sqlite_path(storage.log_url)

    def account(self) -> Account:
        """Return the sums now; a database that isn't there yet counts as empty."""
        # In the order of a reading's way back: what is stored now was made before.
        stored = self._count(self._log, events) or self._stand_in_lines()
        dead = self._count(self._log, dead_letters)
        devices = self._place.read("devices")
        tallies = [self._place.read(role).get("tally", {}) for role in ("api", "stream", "devices")]
        api, stream, sensors = tallies
        return Account(
            made=int(devices.get("made", 0)),
            refused=int(devices.get("refused", 0)),
            pending=int(devices.get("pending", 0)),
            stored=stored,
            duplicates=int(api.get("readings_stored.duplicate", 0)),
            dead=dead,
            late=int(sum(v for k, v in stream.items() if k.startswith("events_late"))),
            lag=int(stream.get("stream_lag", 0)),
            windows=self._count(self._series, windows),
            alerts=self._count(self._findings, alerts),
            age_p50_s=sensors.get("age_p50_s"),
            age_p99_s=sensors.get("age_p99_s"),
            newest=tuple(devices.get("newest", ())),
        )

    def alert_lines(self, limit: int = 8) -> list[AlertLine]:
        """Return the newest alerts by their opening, newest first."""
        query = select(alerts).order_by(alerts.c.raised_ms.desc(), alerts.c.opened_ms.desc())
        rows = self._rows(self._findings, query.limit(limit))
        return [
            AlertLine(
                row.alert_id,
                row.device_id,
                row.sensor_id,
                row.kind,
                row.severity,
                from_milliseconds(row.opened_ms),
                None if row.resolved_ms is None else from_milliseconds(row.resolved_ms),
                row.value,
                row.expected,
                row.reason,
            )
            for row in rows
        ]

    def latest(self, count: int = 9) -> list[Any]:
        """Return the newest rows of the log."""
        return self._rows(self._log, select(events).order_by(events.c.position.desc()).limit(count))

    def events_of(self, identity: str) -> list[Any]:
        """Return the rows of the log with that message id or, by a scan, that trace id."""
        by_trace = events.c.traceparent.like(f"00-{identity}-%")
        wanted = events.c.message_id == identity if identity.startswith("msg-") else by_trace
        return self._rows(self._log, select(events).where(wanted).limit(20))

    def alerts_of(self, identity: str) -> list[Any]:
        """Return the alerts that the reading of that message id opened."""
        return self._rows(self._findings, select(alerts).where(alerts.c.message_id == identity))

    def _open(self, url: str) -> Engine:
        return open_engine(url, durable=False, read_only=True)

    def _count(self, engine: Engine, table: Any) -> int:  # noqa: ANN401 - a table of any of the groups
        rows = self._rows(engine, select(func.count()).select_from(table))
        return int(rows[0][0]) if rows else 0

    def _rows(self, engine: Engine, query: Any) -> list[Any]:  # noqa: ANN401 - SQLAlchemy's own generics
        path = sqlite_path(engine.url)
        if path is not None and not path.exists():
            return []
        try:
            with engine.connect() as connection:
                return list(connection.execute(query))
        except DBAPIError:
            return []

    def _stand_in_lines(self) -> int:
        path = self._lines.with_suffix(".jsonl") if self._lines is not None else None
        if path is None or not path.exists():
            return 0
        with path.open("rb") as file:
            return sum(1 for _line in file)
