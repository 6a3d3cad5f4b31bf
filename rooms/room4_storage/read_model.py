"""The read model's rows: written with the position that they stand for, in one transaction."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, select

from shared.contracts.benches.storage import Aggregate, MarkState
from shared.database.engine import insert_of
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

from .aggregates import deviation
from .panes import Key, Panes
from .watermark import Watermark

NAME: Final = "series"
META: Final = "watermark"

_MEDIAN: Final = """
SELECT avg(value) FROM (SELECT value FROM readings
 WHERE device_id = {0} AND sensor_id = {0} AND sensor_type = {0}
 AND timestamp_ms >= {0} AND timestamp_ms < {0} AND marks = ''
 ORDER BY value LIMIT {0} OFFSET {0}) AS middle
"""
"""The middle value, or the mean of the two in the middle, of the readings that count."""


def position(connection: Connection) -> int:
    """Return how far the read model has come."""
    query = select(projections.c.position).where(projections.c.name == NAME)
    return int(connection.execute(query).scalar() or 0)


def clear(connection: Connection) -> None:
    """Delete the read model, whole."""
    for table in SERIES.sorted_tables:
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
    return marks


def write_readings(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert readings: device, sensor, type, timestamp, position, value, marks, message id."""
    _insert(connection, readings, [column.name for column in readings.columns], rows)


def write_late(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep readings aside that came after the grace of their window."""
    _insert(connection, late_readings, [column.name for column in late_readings.columns], rows)


def write_windows(connection: Connection, open_panes: Panes) -> int:
    """Write every window that is due, corrected ones over their older selves; return how many."""
    rows = []
    for (key, width, first), corrections in open_panes.due.items():
        found = open_panes.window(key, width, first)
        if not found.count:
            continue
        middle = _median(connection, key, first, width, found.count)
        rows.append(
            {
                **_names(key),
                "width_s": width // 1000,
                "start_ms": first,
                "count": found.count,
                "mean": found.mean,
                "minimum": found.minimum,
                "maximum": found.maximum,
                "deviation": deviation(found),
                "median": middle,
                "revision": corrections,
            }
        )
    if rows:
        statement: Any = insert_of(connection.engine)(windows)
        values = {name: statement.excluded[name] for name in _WINDOW_VALUES}
        values["revision"] = windows.c.revision + statement.excluded.revision
        keys = list(windows.primary_key.columns)
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)
    return len(rows)


_WINDOW_VALUES: Final = ("count", "mean", "minimum", "maximum", "deviation", "median")


def write_state(
    connection: Connection,
    done: int,
    open_panes: Panes,
    watermark: Watermark,
    marks: Iterable[tuple[Key, MarkState]],
) -> None:
    """Write position and state: what a restart needs to go on with the same bits."""
    touched = [
        {
            **_names(key),
            "start_ms": start,
            "count": pane.count,
            "mean": pane.mean,
            "squares": pane.squares,
            "minimum": pane.minimum,
            "maximum": pane.maximum,
        }
        for key, start in open_panes.touched
        if (pane := open_panes.open[key].get(start)) is not None
    ]
    _upsert(connection, panes, touched)
    for key, start in open_panes.gone:
        names = _names(key)
        connection.execute(
            delete(panes).where(
                *(panes.c[name] == value for name, value in names.items()),
                panes.c.start_ms == start,
            )
        )
    meta = {"value": watermark.value, "devices": watermark.devices}
    states = [{"name": NAME, "key": META, "state": json.dumps(meta, sort_keys=True)}]
    states += [
        {
            "name": NAME,
            "key": "/".join(key),
            "state": json.dumps([s.good_ms, s.good, s.odd, s.odd_value, s.recent]),
        }
        for key, s in marks
    ]
    _upsert(connection, projection_state, states)
    _upsert(connection, projections, [{"name": NAME, "position": done}])


def write_latest(connection: Connection, found: dict[Key, tuple[int, int]]) -> None:
    """Keep of each sensor its newest reading by event time: (timestamp in ms, position)."""
    rows = [
        {**_names(key), "timestamp_ms": moment, "position": place}
        for key, (moment, place) in found.items()
    ]
    if rows:
        statement: Any = insert_of(connection.engine)(latest)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(latest.primary_key.columns),
                set_={
                    "timestamp_ms": statement.excluded.timestamp_ms,
                    "position": statement.excluded.position,
                },
                where=statement.excluded.timestamp_ms >= latest.c.timestamp_ms,
            ),
            rows,
        )


def _median(connection: Connection, key: Key, first: int, width: int, count: int) -> float:
    """Return the exact median of the window's readings, asked of the rows just written."""
    sign = "?" if connection.dialect.name == "sqlite" else "%s"
    many, skipped = (1, count // 2) if count % 2 else (2, count // 2 - 1)
    found = connection.exec_driver_sql(
        _MEDIAN.format(sign), (*key, first, first + width, many, skipped)
    ).scalar()
    return float(found or 0.0)


def _names(key: Key) -> dict[str, str]:
    return {"device_id": key[0], "sensor_id": key[1], "sensor_type": key[2]}


def _insert(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows straight through the driver: several times faster than through the core."""
    if not rows:
        return
    sign = "?" if connection.dialect.name == "sqlite" else "%s"
    places = ",".join([sign] * len(names))
    connection.exec_driver_sql(
        f"INSERT INTO {table.name}({','.join(names)}) VALUES({places})",
        list(rows),
    )


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    keys = list(table.primary_key.columns)
    statement: Any = insert_of(connection.engine)(table)
    values = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)
