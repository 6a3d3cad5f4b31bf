"""From the log to the read model: filtered, windowed, exactly once.

State is a function of the log's order alone: where the log is cut into batches changes nothing.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select

from shared.contracts.benches.storage import MarkState
from shared.contracts.facts import Fact
from shared.contracts.ports import StorageParts
from shared.contracts.settings import Settings, StorageSettings
from shared.contracts.todo import Todo
from shared.database.engine import create_tables, open_engine, store_errors
from shared.database.schema import LOG, SERIES, events

from .given import read_model
from .marks import mark
from .panes import ASIDE, CORRECTED, Key, Panes
from .watermark import Watermark, pane_ms

REBUILD_STRETCH: Final = 20_000

_WANTED: Final = select(
    events.c.position,
    events.c.device_id,
    events.c.sensor_id,
    events.c.sensor_type,
    events.c.timestamp_ms,
    events.c.value,
    events.c.message_id,
    events.c.traceparent,
)


def open_stream(settings: Settings, parts: StorageParts) -> "StreamProcessor":
    """Return the stream processor of `settings.storage`. One process runs it at a time."""
    return StreamProcessor(settings.storage, parts)


class _Batch:
    """What one stretch of the log adds to the read model, besides panes and windows."""

    def __init__(self) -> None:
        self.readings: list[tuple[Any, ...]] = []
        self.late: list[tuple[Any, ...]] = []
        self.latest: dict[Key, tuple[int, int]] = {}
        self.sensors: set[Key] = set()
        self.marked: dict[str, int] = {}
        self.corrected = 0


class StreamProcessor:
    """Reads the log behind everybody's back and keeps the read model behind the log."""

    def __init__(self, settings: StorageSettings, parts: StorageParts) -> None:
        self._settings = settings
        self._telemetry = parts.telemetry
        self._log = open_engine(settings.log_url, durable=False)
        self._series = open_engine(settings.series_url, durable=False)
        self._position: int | None = None
        self._start_over()

    def step(self, limit: int) -> int:
        """Process up to `limit` further events; return how many, 0 when there are none.

        Rows, state and position are committed together: killed before that, the same stretch is
        taken again; killed after it, it isn't.
        """
        # task 4.5: one transaction for the rows and the position that they stand for
        # <solution>
        self._resume()
        start_s = time.time()
        rows = self._next(limit)
        if not rows:
            return 0
        try:
            with store_errors(), self._series.begin() as connection:
                batch = self._apply(connection, rows)
        except BaseException:
            self._position = None  # the memory is ahead of the disk: load it again
            raise
        self._tell(batch, rows, start_s)
        return len(rows)
        # </solution>
        #: raise Todo("4.5")

    def lag(self) -> int:
        """Return how many positions of the log aren't processed yet."""
        self._resume()
        with store_errors(), self._log.connect() as connection:
            reader = connection.execution_options(reads=True)
            head = int(reader.execute(select(func.max(events.c.position))).scalar() or 0)
        return max(0, head - (self._position or 0))

    def rebuild(self) -> int:
        """Delete the read model and make it again from the log; return the number of events.

        In one transaction: readers see the old one until the new one is whole.
        """
        # task 4.5: the same log gives the same bits
        # <solution>
        create_tables(self._series, SERIES)
        create_tables(self._log, LOG)
        count = 0
        try:
            with store_errors(), self._series.begin() as connection:
                read_model.clear(connection)
                self._start_over()
                self._position = 0
                while rows := self._next(REBUILD_STRETCH):
                    self._apply(connection, rows)
                    count += len(rows)
        except BaseException:
            self._position = None
            raise
        return count
        # </solution>
        #: raise Todo("4.5")

    def _start_over(self) -> None:
        self._panes = Panes(self._settings)
        self._watermark = Watermark(self._settings, pane_ms(self._settings))
        self._marks: dict[Key, MarkState] = {}

    def _resume(self) -> None:
        """Load state and position from the database, at the start and after a failure."""
        if self._position is not None:
            return
        create_tables(self._series, SERIES)
        create_tables(self._log, LOG)
        self._start_over()
        with store_errors(), self._series.connect() as connection:
            reader = connection.execution_options(reads=True)
            self._marks = read_model.load(reader, self._panes, self._watermark)
            self._position = read_model.position(reader)

    def _next(self, limit: int) -> Sequence[Any]:
        query = _WANTED.where(events.c.position > self._position).order_by(events.c.position)
        with store_errors(), self._log.connect() as connection:
            reader = connection.execution_options(reads=True)
            return reader.execute(query.limit(limit)).fetchall()

    def _apply(self, connection: Connection, rows: Sequence[Any]) -> _Batch:
        batch = _Batch()
        for row in rows:
            self._take(batch, *row[:-1])
        read_model.write_readings(connection, batch.readings)
        read_model.write_late(connection, batch.late)
        read_model.write_latest(connection, batch.latest)
        closed = read_model.write_windows(connection, self._panes)
        done = int(rows[-1][0])
        marks = [(key, self._marks[key]) for key in sorted(batch.sensors)]
        read_model.write_state(connection, done, self._panes, self._watermark, marks)
        self._panes.forget()
        self._position = done
        if closed:
            self._telemetry.measure(Fact.WINDOWS_CLOSED, closed)
        return batch

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
        # <solution>
        key = (device, sensor, kind)
        state = self._marks.get(key)
        if state is None:
            state = self._marks[key] = MarkState()
        marks = mark(state, kind, moment, value)
        batch.sensors.add(key)
        if not marks:
            fate = self._panes.take(key, moment, value, self._watermark.value)
            if fate == ASIDE:
                marks = ("late",)
                batch.late.append((position, *key, moment, value, self._watermark.value))
            batch.corrected += fate == CORRECTED
            newest = batch.latest.get(key)
            if newest is None or moment >= newest[0]:
                batch.latest[key] = (moment, position)
        for name in marks:
            batch.marked[name] = batch.marked.get(name, 0) + 1
        batch.readings.append((*key, moment, position, value, ",".join(marks), message))
        if self._watermark.observe(device, moment, position):
            self._panes.close(self._watermark.value)
        # </solution>
        #: raise Todo("4.3")

    def _tell(self, batch: _Batch, rows: Sequence[Any], start_s: float) -> None:
        self._telemetry.measure(Fact.STREAM_EVENTS, len(rows))
        end_s = time.time()
        for row in rows:
            if row.traceparent is not None and row.traceparent.endswith("1"):  # sampled
                self._telemetry.span("stream", row.traceparent, start_s, end_s)
        for name, number in batch.marked.items():
            if name != "late":
                self._telemetry.measure(Fact.EVENTS_MARKED, number, mark=name)
        if batch.corrected:
            self._telemetry.measure(Fact.EVENTS_LATE, batch.corrected, outcome=CORRECTED)
        if batch.late:
            self._telemetry.measure(Fact.EVENTS_LATE, len(batch.late), outcome=ASIDE)
