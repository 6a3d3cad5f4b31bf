"""The room's own projection: readings with their marks, and windows that event time closes."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from shared.contracts.benches.storage import MarkState
from shared.contracts.facts import Fact
from shared.contracts.ports import Telemetry
from shared.contracts.settings import StorageSettings
from shared.contracts.todo import Todo

from .given import read_model
from .marks import mark
from .panes import ASIDE, CORRECTED, Key, Panes
from .watermark import Watermark, pane_ms


class _Batch:
    """What one stretch of the log adds to the read model, besides panes and windows."""

    def __init__(self) -> None:
        self.readings: list[tuple[Any, ...]] = []
        self.late: list[tuple[Any, ...]] = []
        self.latest: dict[Key, tuple[int, int]] = {}
        self.sensors: set[Key] = set()
        self.marked: dict[str, int] = {}
        self.corrected = 0
        self.closed = 0


class WindowedSeries:
    """Time series and windows of every sensor."""

    name: Final = read_model.NAME

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._batch = _Batch()
        self._marks: dict[Key, MarkState] = {}
        self._start_over()

    def resume(self, connection: Connection) -> None:
        """Load open panes, watermark and what the filters remember."""
        self._start_over()
        self._marks = read_model.load(connection, self._panes, self._watermark)

    def clear(self, connection: Connection) -> None:
        """Forget and delete everything."""
        read_model.clear(connection)
        self._start_over()

    def take(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Write readings, windows that are due, and the state of a restart."""
        batch = self._batch = _Batch()
        for row in rows:
            self._take(batch, *row[:-1])
        read_model.write_readings(connection, batch.readings)
        read_model.write_late(connection, batch.late)
        read_model.write_latest(connection, batch.latest)
        batch.closed = read_model.write_windows(connection, self._panes)
        marks = [(key, self._marks[key]) for key in sorted(batch.sensors)]
        read_model.write_state(connection, self._panes, self._watermark, marks)
        self._panes.forget()

    def tell(self, telemetry: Telemetry) -> None:
        """Count what was marked, late and closed in the last stretch."""
        batch = self._batch
        counts = [(Fact.EVENTS_MARKED, n, {"mark": m}) for m, n in batch.marked.items()]
        counts += [
            (Fact.EVENTS_LATE, batch.corrected, {"outcome": CORRECTED}),
            (Fact.EVENTS_LATE, len(batch.late), {"outcome": ASIDE}),
            (Fact.WINDOWS_CLOSED, batch.closed, {}),
        ]
        for fact, number, labels in counts:
            if number and labels.get("mark") != "late":  # counted as late, by its outcome
                telemetry.measure(fact, number, **labels)

    def _start_over(self) -> None:
        self._panes = Panes(self._settings)
        self._watermark = Watermark(self._settings, pane_ms(self._settings))
        self._marks = {}

    def _take(  # noqa: PLR0913, PLR0917 - the columns of a row
        self,
        batch: _Batch,
        position: int,
        device: str,
        sensor: str,
        kind: str,
        moment: int,
        value: float,
        message: str,
    ) -> None:
        """Take one event: mark it, let it move the watermark, put it into its pane."""
        # task 4.3: a marked reading is kept, and stays out of the windows
        raise Todo("4.3")
