"""What the model found, and how far it has read: one transaction, so a killed model repeats itself.

The model is a function of the log's order, and its alerts and forecasts have ids of their own: a
stretch that is read twice writes the same rows again.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from shared.contracts.identifiers import to_milliseconds
from shared.contracts.messages import Alert, Findings, Forecast

from .engine import create_tables, insert_of, open_engine, store_errors
from .schema import FINDINGS, alerts, forecasts, model_progress

KEPT_FORECASTS_MS = 3 * 86_400_000


class FindingsStore:
    """The tables `alerts`, `forecasts` and `model_progress`."""

    def __init__(self, url: str, model: str = "model") -> None:
        """Open the database at `url` for the progress of `model`; makes the tables."""
        self._engine = open_engine(url, durable=False)
        self._model = model
        create_tables(self._engine, FINDINGS)

    def resume(self) -> tuple[int, str | None]:
        """Return the position of the last snapshot and the snapshot (0 and None at first)."""
        query = select(model_progress.c.snapshot_position, model_progress.c.snapshot).where(
            model_progress.c.name == self._model
        )
        with store_errors(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return (0, None) if row is None else (int(row[0]), row[1])

    def commit(
        self, position: int, findings: Findings, moment: datetime, snapshot: str | None
    ) -> None:
        """Write `findings` up to `position`, and `snapshot` if there is a new one.

        `moment` (wall clock) is when an alert was first raised. Raises StoreUnavailable.
        """
        with store_errors(), self._engine.begin() as connection:
            if findings.forecasts:
                self._keep_forecasts(connection, findings.forecasts)
            for alert in findings.alerts:
                self._keep_alert(connection, alert, moment)
            self._keep_progress(connection, position, snapshot)

    def _keep_forecasts(self, connection: Connection, found: tuple[Forecast, ...]) -> None:
        rows = [_forecast_row(forecast) for forecast in found]
        connection.execute(self._upsert(forecasts, ["value", "lower", "upper"]), rows)
        oldest = max(row["issued_ms"] for row in rows) - KEPT_FORECASTS_MS
        connection.execute(delete(forecasts).where(forecasts.c.issued_ms < oldest))

    def _keep_alert(self, connection: Connection, alert: Alert, moment: datetime) -> None:
        statement = self._upsert(alerts, ["resolved_ms", "severity", "score", "reason"])
        connection.execute(statement, _alert_row(alert, to_milliseconds(moment)))

    def _keep_progress(self, connection: Connection, position: int, snapshot: str | None) -> None:
        row = {
            "name": self._model,
            "position": position,
            "snapshot": snapshot,
            "snapshot_position": position if snapshot is not None else 0,
        }
        changed = ["position"] if snapshot is None else list(row)[1:]
        connection.execute(self._upsert(model_progress, changed), row)

    def _upsert(self, table: Table, changed: list[str]) -> Any:  # noqa: ANN401 - one of two dialects
        insert = insert_of(self._engine)
        statement = insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: statement.excluded[name] for name in changed},
        )


def _forecast_row(forecast: Forecast) -> dict[str, Any]:
    return {
        "device_id": forecast.device_id,
        "sensor_id": forecast.sensor_id,
        "sensor_type": forecast.sensor_type,
        "target_ms": to_milliseconds(forecast.target),
        "issued_ms": to_milliseconds(forecast.issued_at),
        "value": forecast.value,
        "lower": forecast.lower,
        "upper": forecast.upper,
        "model_version": forecast.model_version,
    }


def _alert_row(alert: Alert, raised_ms: int) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "device_id": alert.device_id,
        "sensor_id": alert.sensor_id,
        "sensor_type": alert.sensor_type,
        "kind": alert.kind,
        "severity": alert.severity,
        "opened_ms": to_milliseconds(alert.opened_at),
        "resolved_ms": None if alert.resolved_at is None else to_milliseconds(alert.resolved_at),
        "value": alert.value,
        "expected": alert.expected,
        "score": alert.score,
        "reason": alert.reason,
        "message_id": alert.message_id,
        "position": alert.position,
        "traceparent": alert.traceparent,
        "raised_ms": raised_ms,
    }
