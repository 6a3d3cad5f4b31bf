"""The event log: append only, each message once, in an order that no reader can skip over."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from shared.contracts.identifiers import from_milliseconds, to_milliseconds
from shared.contracts.messages import Appended, AppendOutcome, Event, LoggedEvent
from shared.contracts.settings import StorageSettings
from shared.contracts.todo import Todo
from shared.database.engine import create_tables, open_engine, store_errors
from shared.database.schema import LOG, events

from .given.staging import insert_new

COLUMNS: Final = tuple(column.name for column in events.columns if column.name != "position")
CONTENT: Final = ("sensor_id", "sensor_type", "value", "unit", "timestamp_ms")
"""What makes two events with one id the same: who measured what, when and how much."""
ASKED_AT_ONCE: Final = 500


def open_log(settings: StorageSettings) -> "SqlEventLog":
    """Return the event log at `settings.log_url`; its tables are made at the first use."""
    return SqlEventLog(settings.log_url)


class SqlEventLog:
    """The table `events`, on SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, durable=True)
        self._ready = False

    def append(self, batch: Sequence[Event]) -> Sequence[Appended]:
        """Store a batch in one transaction, on disk when it returns; one outcome an event.

        Of events with one id the first is created; a further one is a duplicate if its content
        (`CONTENT`) is the same, else a conflict. Raises StoreUnavailable with nothing written.
        """
        # task 4.1: insert what is new in one transaction; ask back only when something wasn't
        # <solution>
        if not batch:
            return []
        self._prepare()
        now = datetime.now(UTC)
        rows = [_row(event, to_milliseconds(now)) for event in batch]
        with store_errors(), self._engine.begin() as connection:
            head = _head(connection)
            if insert_new(connection, COLUMNS, rows) == len(rows):
                moment = from_milliseconds(to_milliseconds(now))
                return [Appended(e.message_id, AppendOutcome.CREATED, moment) for e in batch]
            found = _found(connection, {event.message_id for event in batch})
        return _outcomes(batch, rows, found, head)
        # </solution>
        #: raise Todo("4.1")

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return up to `limit` events above `after`, ascending.

        Appends are one after another in both databases, so a position that becomes visible has
        all lower ones visible: nothing can be skipped.
        """
        # task 4.1: in the order of positions
        # <solution>
        self._prepare()
        query = text(
            "SELECT position, device_id, message_id, sensor_id, sensor_type, value, unit,"
            " timestamp_ms, received_ms, stored_ms, location, calibration_date, traceparent,"
            " original, schema_version FROM events WHERE position > :after"
            " ORDER BY position LIMIT :most"
        )
        with store_errors(), self._engine.connect() as connection:
            reader = connection.execution_options(reads=True)
            found = reader.execute(query, {"after": after, "most": limit})
            return [logged(row) for row in found]
        # </solution>
        #: raise Todo("4.1")

    def head(self) -> int:
        """Return the last position, 0 when there is none; StoreUnavailable if the log is away."""
        self._prepare()
        with store_errors(), self._engine.connect() as connection:
            return _head(connection.execution_options(reads=True))

    def _prepare(self) -> None:
        if not self._ready:
            create_tables(self._engine, LOG)
            self._ready = True


def logged(row: Any) -> LoggedEvent:  # noqa: ANN401 - a row of `events`, position first
    """Return the event in a row of the log."""
    calibrated = row[11]
    return LoggedEvent(
        row[0],
        from_milliseconds(row[9]),
        Event(
            device_id=row[1],
            message_id=row[2],
            sensor_id=row[3],
            sensor_type=row[4],
            value=row[5],
            unit=row[6],
            timestamp=from_milliseconds(row[7]),
            received_at=from_milliseconds(row[8]),
            location=row[10],
            calibration_date=None if calibrated is None else date.fromisoformat(calibrated),
            traceparent=row[12],
            original=row[13],
            schema_version=row[14],
        ),
    )


def _row(event: Event, stored_ms: int) -> tuple[Any, ...]:
    calibrated = event.calibration_date
    return (
        event.device_id,
        event.message_id,
        event.sensor_id,
        event.sensor_type,
        event.value,
        event.unit,
        to_milliseconds(event.timestamp),
        to_milliseconds(event.received_at),
        stored_ms,
        event.location,
        None if calibrated is None else calibrated.isoformat(),
        event.traceparent,
        event.original,
        event.schema_version,
    )


def _head(connection: Connection) -> int:
    return int(connection.execute(select(func.max(events.c.position))).scalar() or 0)


def _found(connection: Connection, ids: set[str]) -> dict[tuple[str, str], Any]:
    """Return the rows of those message ids, by device and id."""
    found: dict[tuple[str, str], Any] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), ASKED_AT_ONCE):
        some = ordered[start : start + ASKED_AT_ONCE]
        for row in connection.execute(select(events).where(events.c.message_id.in_(some))):
            found[row.device_id, row.message_id] = row
    return found


def _outcomes(
    batch: Sequence[Event],
    rows: Sequence[tuple[Any, ...]],
    found: dict[tuple[str, str], Any],
    head: int,
) -> list[Appended]:
    """Tell new ones (above the head of before, the first of their id) from repeated ones."""
    seen: set[tuple[str, str]] = set()
    outcomes = []
    for event, row in zip(batch, rows, strict=True):
        key = (event.device_id, event.message_id)
        there = found[key]
        mine = dict(zip(COLUMNS, row, strict=True))
        if there.position > head and key not in seen:
            outcome = AppendOutcome.CREATED
        elif all(mine[name] == getattr(there, name) for name in CONTENT):
            outcome = AppendOutcome.DUPLICATE
        else:
            outcome = AppendOutcome.CONFLICT
        seen.add(key)
        outcomes.append(Appended(event.message_id, outcome, from_milliseconds(there.stored_ms)))
    return outcomes
