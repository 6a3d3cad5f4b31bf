"""From the log to the read models: each exactly once, each made again at will.

State is a function of the log's order alone: where the log is cut into batches changes nothing.
"""

import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, func, select

from shared.contracts.facts import Fact
from shared.contracts.ports import StorageParts, Telemetry
from shared.contracts.settings import Settings, StorageSettings
from shared.contracts.todo import Todo
from shared.database.engine import create_tables, open_engine, store_errors
from shared.database.schema import LOG, SERIES, events

from .given import read_model
from .projection import WindowedSeries

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


class Projection(Protocol):
    """One read model. What it knows comes from the log alone, in the log's order.

    Its rows lie beside its position, so that both are committed together. One that is added later
    begins at the log's first event and catches up, while the others stay where they are.
    """

    @property
    def name(self) -> str:
        """Its name for ever: the position is kept under it."""

    def resume(self, connection: Connection) -> None:
        """Load what it remembers from one stretch to the next; nothing, at its first start."""

    def clear(self, connection: Connection) -> None:
        """Forget and delete everything that it made."""

    def take(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Write what these events mean, and what a restart needs to go on from here."""

    def tell(self, telemetry: Telemetry) -> None:
        """Say what the last stretch did; called once it is committed."""


def open_stream(settings: Settings, parts: StorageParts) -> "StreamProcessor":
    """Return the stream processor of `settings.storage`. One process runs it at a time."""
    storage = settings.storage
    return StreamProcessor(storage, parts.telemetry, [WindowedSeries(storage)])


class StreamProcessor:
    """Reads the log behind everybody's back and keeps each projection behind the log."""

    def __init__(
        self, settings: StorageSettings, telemetry: Telemetry, projections: Sequence[Projection]
    ) -> None:
        self._telemetry = telemetry
        self._projections = projections
        self._log = open_engine(settings.log_url, durable=False)
        self._series = open_engine(settings.series_url, durable=False)
        self._positions: dict[str, int] = {}  # of those that are in memory

    def step(self, limit: int) -> int:
        """Process up to `limit` further events; return how many, 0 when there are none.

        Rows, state and position are committed together: killed before that, the same stretch is
        taken again; killed after it, it isn't.
        """
        return max(self._advance(projection, limit) for projection in self._projections)

    def lag(self) -> int:
        """Return how many positions of the log aren't processed yet by whoever is last."""
        done = min(map(self._position_of, self._projections))
        with store_errors(), self._log.connect() as connection:
            reader = connection.execution_options(reads=True)
            head = int(reader.execute(select(func.max(events.c.position))).scalar() or 0)
        return max(0, head - done)

    def rebuild(self) -> int:
        """Delete the read models and make them again from the log; return the number of events.

        Each in one transaction: readers see the old one until the new one is whole.
        """
        create_tables(self._series, SERIES)
        create_tables(self._log, LOG)
        return max(map(self._made_again, self._projections))

    def _advance(self, projection: Projection, limit: int) -> int:
        """Take one stretch of the log into one projection; return how many events it had."""
        # task 4.5: one transaction for the rows and the position that they stand for
        # <solution>
        start_s = time.time()
        rows = self._after(self._position_of(projection), limit)
        if not rows:
            return 0
        try:
            with store_errors(), self._series.begin() as connection:
                self._apply(connection, projection, rows)
        except BaseException:
            del self._positions[projection.name]  # the memory is ahead of the disk: load it again
            raise
        self._tell(projection, rows, start_s)
        return len(rows)
        # </solution>
        #: raise Todo("4.5")

    def _made_again(self, projection: Projection) -> int:
        """Make one projection again, from nothing; return how many events it took."""
        # task 4.5: the same log gives the same bits
        # <solution>
        count = position = 0
        try:
            with store_errors(), self._series.begin() as connection:
                projection.clear(connection)
                read_model.write_position(connection, projection.name, 0)
                while rows := self._after(position, REBUILD_STRETCH):
                    self._apply(connection, projection, rows)
                    position = rows[-1].position
                    count += len(rows)
        except BaseException:
            self._positions.pop(projection.name, None)
            raise
        return count
        # </solution>
        #: raise Todo("4.5")

    def _apply(self, connection: Connection, projection: Projection, rows: Sequence[Any]) -> None:
        projection.take(connection, rows)
        done = int(rows[-1].position)
        read_model.write_position(connection, projection.name, done)
        self._positions[projection.name] = done

    def _position_of(self, projection: Projection) -> int:
        """Return how far a projection is; at the start and after a failure as the disk says."""
        if projection.name not in self._positions:
            create_tables(self._series, SERIES)
            create_tables(self._log, LOG)
            with store_errors(), self._series.connect() as connection:
                reader = connection.execution_options(reads=True)
                projection.resume(reader)
                self._positions[projection.name] = read_model.position(reader, projection.name)
        return self._positions[projection.name]

    def _after(self, position: int, limit: int) -> Sequence[Any]:
        query = _WANTED.where(events.c.position > position).order_by(events.c.position)
        with store_errors(), self._log.connect() as connection:
            reader = connection.execution_options(reads=True)
            return reader.execute(query.limit(limit)).fetchall()

    def _tell(self, projection: Projection, rows: Sequence[Any], start_s: float) -> None:
        self._telemetry.measure(Fact.STREAM_EVENTS, len(rows))
        projection.tell(self._telemetry)
        end_s = time.time()
        for row in rows:
            if row.traceparent is not None and row.traceparent.endswith("1"):  # sampled
                self._telemetry.span("stream", row.traceparent, start_s, end_s)
