"""The read model's rows, and the positions that projections stand for."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, select

from shared.contracts.benches.storage import Aggregate, MarkState
from shared.database.schema import (
    SERIES,
    late_readings,
    latest,
    panes,
    projection_state,
    projections,
    readings,
    windows,
)

from ..aggregates import deviation
from ..panes import Key, Panes
from ..watermark import Watermark

Row = tuple[Any, ...]

NAME: Final = "series"
META: Final = "watermark"

_MEDIAN: Final = """
SELECT avg(value) FROM (SELECT value FROM readings
 WHERE device_id = ? AND sensor_id = ? AND sensor_type = ?
 AND timestamp_ms >= ? AND timestamp_ms < ? AND marks = ''
 ORDER BY value LIMIT ? OFFSET ?) AS middle
"""
"""The middle value, or the mean of the two in the middle, of the readings that count."""


def position(connection: Connection, name: str) -> int:
    """Return how far the projection of that name has come."""
    query = select(projections.c.position).where(projections.c.name == name)
    return int(connection.execute(query).scalar() or 0)


def write_position(connection: Connection, name: str, done: int) -> None:
    """Write how far the projection of that name has come."""
    _write(connection, projections, [(name, done)], _replacing(projections))


def clear(connection: Connection) -> None:
    """Delete the read model, whole; the positions stay, other projections' state too."""
    connection.execute(delete(projection_state).where(projection_state.c.name == NAME))
    for table in SERIES.sorted_tables:
        if table not in {projections, projection_state}:
            connection.execute(delete(table))


def load(connection: Connection, open_panes: Panes, watermark: Watermark) -> dict[Key, MarkState]:
    """Fill panes and watermark from the database; return what the filters remember."""
    for row in connection.execute(select(panes)):
        device, sensor, kind, start, *figures = row
        open_panes.open.setdefault((device, sensor, kind), {})[start] = Aggregate(*figures)
    marks: dict[Key, MarkState] = {}
    query = select(projection_state).where(projection_state.c.name == NAME)
    for row in connection.execute(query):
        if row.key == META:
            found_mark = json.loads(row.state)
            watermark.value = found_mark["value"]
            watermark.devices = {d: (n, p) for d, (n, p) in found_mark["devices"].items()}
        else:
            device, sensor, kind = row.key.split("/")
            marks[device, sensor, kind] = MarkState(*json.loads(row.state))
    for key, starts in open_panes.open.items():
        for start in starts:
            open_panes.expect(key, start, watermark.value)
    return marks


def write_readings(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert readings: device, sensor, type, timestamp, position, value, marks, message id."""
    _write(connection, readings, rows)


def write_late(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep readings aside that came after the grace of their window."""
    _write(connection, late_readings, rows)


def write_latest(connection: Connection, found: dict[Key, tuple[int, int]]) -> None:
    """Keep of each sensor its newest reading by event time: (timestamp in ms, position)."""
    rows = [(*key, moment, place) for key, (moment, place) in found.items()]
    newer = " WHERE excluded.timestamp_ms >= latest.timestamp_ms"
    _write(
        connection,
        latest,
        rows,
        "timestamp_ms=excluded.timestamp_ms, position=excluded.position" + newer,
    )


def write_windows(connection: Connection, open_panes: Panes) -> int:
    """Write every window that is due, corrected ones over their older selves; return how many."""
    rows = []
    cursor = _cursor(connection)
    median = _sql(connection, _MEDIAN)
    for (key, width, first), corrections in open_panes.due.items():
        found = open_panes.window(key, width, first)
        if not found.count:
            continue
        many, skipped = (2 - found.count % 2, (found.count - 1) // 2)
        cursor.execute(median, (*key, first, first + width, many, skipped))
        middle = float(cursor.fetchone()[0] or 0.0)
        figures = (found.count, found.mean, found.minimum, found.maximum, deviation(found))
        rows.append((*key, width // 1000, first, *figures, middle, corrections))
    cursor.close()
    told = "revision=windows.revision+excluded.revision"
    _write(connection, windows, rows, f"{_replacing(windows, but='revision')}, {told}")
    return len(rows)


def write_state(
    connection: Connection,
    open_panes: Panes,
    watermark: Watermark,
    marks: Iterable[tuple[Key, MarkState]],
) -> None:
    """Write the state: what a restart needs to go on with the same bits."""
    touched = [
        (*key, start, pane.count, pane.mean, pane.squares, pane.minimum, pane.maximum)
        for key, start in open_panes.touched
        if (pane := open_panes.open[key].get(start)) is not None
    ]
    _write(connection, panes, touched, _replacing(panes))
    _forget(connection, [(*key, start) for key, start in open_panes.gone])
    meta = {"value": watermark.value, "devices": watermark.devices}
    states = [(NAME, META, json.dumps(meta, sort_keys=True))]
    states += [
        (NAME, "/".join(key), json.dumps([s.good_ms, s.good, s.odd, s.odd_value, s.recent]))
        for key, s in marks
    ]
    _write(connection, projection_state, states, _replacing(projection_state))


def _forget(connection: Connection, keys: Sequence[Row]) -> None:
    """Delete the panes that nobody needs any more."""
    if keys:
        wanted = " AND ".join(f"{column.name}=?" for column in panes.primary_key.columns)
        statement = _sql(connection, f"DELETE FROM panes WHERE {wanted}")  # noqa: S608 - our names
        connection.exec_driver_sql(statement, list(keys))


def _write(
    connection: Connection, table: Table, rows: Sequence[Row], instead: str | None = None
) -> None:
    """Insert rows straight through the driver: several times faster than through the core.

    Where the key is there already, `instead` says what is set; without it that is an error.
    """
    if not rows:
        return
    names = [column.name for column in table.columns]
    places = ",".join("?" * len(names))
    statement = f"INSERT INTO {table.name}({','.join(names)}) VALUES({places})"
    if instead is not None:
        keys = ",".join(column.name for column in table.primary_key.columns)
        statement += f" ON CONFLICT({keys}) DO UPDATE SET {instead}"
    connection.exec_driver_sql(_sql(connection, statement), list(rows))


def _replacing(table: Table, but: str = "") -> str:
    columns = (c.name for c in table.columns if not c.primary_key and c.name != but)
    return ", ".join(f"{name}=excluded.{name}" for name in columns)


def _sql(connection: Connection, statement: str) -> str:
    """Return the statement with the driver's own sign for a value."""
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")


def _cursor(connection: Connection) -> Any:  # noqa: ANN401 - the driver's own
    return connection.connection.cursor()
