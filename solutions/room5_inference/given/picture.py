"""A stretch of values drawn with characters: a sensor, its neighbours, and its alerts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from shared.contracts.messages import Alert, Reading

ROWS = 14
OWN, OTHER, WRONG = "●", "·", "✗"


def picture(readings: Sequence[Reading], sensor_id: str, alerts: Sequence[Alert]) -> Text:
    """Return one column for each time: `sensor_id` as ●, all others as ·, alerted readings as ✗.

    `readings` are of one type. The scale stands at the left.
    """
    times = sorted({one.timestamp for one in readings})
    values = [one.value for one in readings]
    low, high = min(values), max(values)
    wrong = {alert.opened_at for alert in alerts if alert.sensor_id == sensor_id}
    marks: dict[tuple[int, int], str] = {}
    place = {moment: column for column, moment in enumerate(times)}
    for one in sorted(readings, key=lambda reading: reading.sensor_id == sensor_id):
        row = round((high - one.value) / ((high - low) or 1.0) * (ROWS - 1))
        own = one.sensor_id == sensor_id
        mark = WRONG if own and one.timestamp in wrong else OWN if own else OTHER
        marks[row, place[one.timestamp]] = mark
    return _drawn(marks, len(times), (low, high))


def _drawn(marks: Mapping[tuple[int, int], str], columns: int, scale: tuple[float, float]) -> Text:
    styles = {OWN: "cyan", OTHER: "dim", WRONG: "bold red"}
    low, high = scale
    text = Text()
    for row in range(ROWS):
        value = high - (high - low) * row / (ROWS - 1)
        text.append(f"{value:7.1f} ", style="dim")
        for column in range(columns):
            mark = marks.get((row, column), " ")
            text.append(mark, style=styles.get(mark, ""))
        text.append("\n")
    return text


def between(
    readings: Sequence[Reading], first: datetime, last: datetime, kind: str
) -> list[Reading]:
    """Return the readings of a type in [first, last)."""
    return [one for one in readings if one.sensor_type == kind and first <= one.timestamp < last]
