"""The recording that a model is trained on: columns of values on a grid, and readings in order."""

import csv
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from shared.contracts.identifiers import to_milliseconds
from shared.contracts.messages import UNITS, Reading
from shared.language import _

from ..features import Values
from .meeting import rhythm

STATION_COLUMNS: Final = (
    ("temperature_fahrenheit", "temperature"),
    ("relative_humidity_percent", "humidity"),
    ("sea_level_pressure_hpa", "pressure"),
)


class BadRecording(ValueError):  # noqa: N818 - errors are named by fact
    """The file is no recording that a model could learn from; the message says what is expected."""


@dataclass(frozen=True)
class Panel:
    """The sensors of one rhythm side by side: `values` (slots, sensors), NaN where nothing came.

    `names` are (device, sensor, type) of the columns, `phases` (ms) when in a slot each speaks.
    """

    step_ms: int
    first_slot: int
    names: tuple[tuple[str, str, str], ...]
    phases: tuple[int, ...]
    values: Values


def read_recording(path: Path, before: datetime | None = None) -> list[Reading]:
    """Return the readings older than `before`, in the file's order.

    Two formats: stations (`station,time,…` with °F, %, hPa) and one's own (`timestamp,sensor_id,
    type,value`). `NA`, empty and malformed values are left out, as sensors that said nothing.
    Raises BadRecording for a file without such a header, or without any reading.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        columns = set(rows.fieldnames or ())
        if {"station", "time"} <= columns:
            readings = [one for row in rows for one in _station_row(row)]
        elif {"timestamp", "sensor_id", "type", "value"} <= columns:
            readings = [one for row in rows for one in _own_row(row, path.stem)]
        else:
            raise BadRecording(
                _(
                    "{path}: expected the columns station,time,… or timestamp,sensor_id,type,value;"
                    " got {columns}. Choose another recording."
                ).format(path=path, columns=", ".join(sorted(columns)) or "none")
            )
    kept = [one for one in readings if before is None or one.timestamp < before]
    if not kept:
        raise BadRecording(_("{path}: no reading before {before}").format(path=path, before=before))
    return kept


def data_hash(path: Path, before: datetime | None) -> str:
    """Return what identifies the training data: a hash of the file's bytes and the last moment."""
    digest = hashlib.sha256(path.read_bytes())
    digest.update(str(None if before is None else to_milliseconds(before)).encode())
    return digest.hexdigest()


def panels(readings: Sequence[Reading]) -> list[Panel]:
    """Return the readings on grids: one panel for each rhythm, sensors in order of appearance."""
    columns: dict[tuple[str, str, str], dict[int, float]] = {}
    for one in readings:
        name = (one.device_id, one.sensor_id, one.sensor_type)
        columns.setdefault(name, {})[to_milliseconds(one.timestamp)] = one.value
    by_step: dict[int, list[tuple[tuple[str, str, str], int]]] = {}
    for name, column in columns.items():
        if len(column) > 1:
            step, phase = rhythm(list(column)[:1_000])
            by_step.setdefault(step, []).append((name, phase))
    return [_panel(step, members, columns) for step, members in by_step.items()]


def _panel(
    step: int,
    members: Sequence[tuple[tuple[str, str, str], int]],
    columns: Mapping[tuple[str, str, str], Mapping[int, float]],
) -> Panel:
    placed = [
        {(moment - phase + step // 2) // step: value for moment, value in columns[name].items()}
        for name, phase in members
    ]
    first = min(min(column) for column in placed)
    last = max(max(column) for column in placed)
    values = np.full((last - first + 1, len(placed)), np.nan)
    for place, column in enumerate(placed):
        values[np.array(list(column)) - first, place] = list(column.values())
    names = tuple(name for name, _phase in members)
    return Panel(step, first, names, tuple(phase for _name, phase in members), values)


def _station_row(row: Mapping[str, str]) -> Iterator[Reading]:
    moment = _moment(row.get("time"))
    for column, kind in STATION_COLUMNS:
        value = _number(row.get(column))
        if moment is not None and value is not None:
            if kind == "temperature":
                value = (value - 32) * 5 / 9
            yield Reading(
                row["station"], f"{row['station']}-{kind}", kind, value, UNITS[kind], moment
            )


def _own_row(row: Mapping[str, str], device: str) -> Iterator[Reading]:
    moment, value = _moment(row.get("timestamp")), _number(row.get("value"))
    if moment is not None and value is not None:
        kind = row["type"]
        unit = row.get("unit") or UNITS.get(kind, "")
        yield Reading(device, row["sensor_id"], kind, value, unit, moment)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
