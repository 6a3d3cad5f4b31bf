"""A fleet in a terminal: one line a sensor, with the shape of its last readings."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.contracts.messages import Reading, Truth
from shared.language import _

_BARS: Final = "▁▂▃▄▅▆▇█"
_WIDTH = 48
_MOST_ROWS = 24
_MOST_TRUTHS = 8
_SYMBOLS: Final = {"celsius": "°C", "percent": "%", "hectopascal": "hPa"}


def spark(values: Sequence[float]) -> str:
    """Return one bar a value, the lowest to the highest of them over the whole height."""
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in values)


def symbol(unit: str) -> str:
    """Return how people write a unit."""
    return _SYMBOLS.get(unit, unit)


def line_of(reading: Reading) -> str:
    """Return a reading as one plain line."""
    moment = f"{reading.timestamp:%Y-%m-%d %H:%M:%S}"
    value = f"{reading.value:10.2f} {symbol(reading.unit)}"
    return f"{moment}  {reading.device_id:12} {reading.sensor_id:10} {value}"


def truth_line(truth: Truth) -> str:
    """Return a fault as it really was, as one plain line."""
    end = f"{truth.end:%m-%d %H:%M}" if truth.end is not None else _("now")
    size = f"{truth.size:+.2f}" if truth.size else ""
    name = f"{truth.device_id:12} {truth.sensor_id:10} {truth.kind:8}"
    return f"{name} {truth.start:%m-%d %H:%M} – {end:11} {size}".rstrip()


class Board:
    """What the last readings of each sensor look like."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[Reading]] = {}

    def note(self, reading: Reading) -> None:
        """Take a reading; only the last ones of each sensor are kept."""
        key = (reading.device_id, reading.sensor_id)
        self._seen.setdefault(key, deque(maxlen=_WIDTH)).append(reading)

    def show(self, truths: Iterable[Truth]) -> Group:
        """Return the table of sensors and, apart from it, what is really wrong."""
        table = Table(expand=True)
        for heading in (_("device"), _("sensor"), _("time"), _("value"), _("last readings")):
            table.add_column(heading, justify="right" if heading == _("value") else "left")
        for (device, sensor), readings in sorted(self._seen.items())[:_MOST_ROWS]:
            last = readings[-1]
            value = f"{last.value:.1f} {symbol(last.unit)}"
            shape = spark([reading.value for reading in readings])
            table.add_row(device, sensor, f"{last.timestamp:%d %b %H:%M}", value, shape)
        more = len(self._seen) - _MOST_ROWS
        if more > 0:
            table.caption = _("and {count} more").format(count=more)
        latest = [truth_line(truth) for truth in truths][-_MOST_TRUTHS:]
        body = Text("\n".join(latest) or _("no fault so far"))
        return Group(table, Panel(body, title=_("ground truth: in no reading")))
