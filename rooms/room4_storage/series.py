"""The reading side: pages by key, buckets, gaps filled, last values, and what may be forgotten."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, tuple_

from shared.contracts.identifiers import from_milliseconds, to_milliseconds
from shared.contracts.messages import LoggedEvent, Window
from shared.contracts.ports import Page, Point, SeriesQuery
from shared.contracts.settings import StorageSettings
from shared.contracts.todo import Todo
from shared.database.engine import create_tables, open_engine, store_errors
from shared.database.schema import LOG, SERIES, events, latest, readings, windows
from shared.language import _

from .event_log import logged
from .gaps import filled

FILLS: Final = ("none", "null", "previous", "linear")


def open_series(settings: StorageSettings) -> "SqlSeries":
    """Return the reading side of `settings`; its tables are made at the first use."""
    return SqlSeries(settings)


class SqlSeries:
    """Reads the read model (and, for whole events, the log behind it)."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._series = open_engine(settings.series_url, durable=False)
        self._log = open_engine(settings.log_url, durable=False)
        self._ready = False

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        """Return the newest event of each sensor, by name, a page, and the cursor of the next."""
        # task 4.6: a table of the last ones, read by its key; no search a sensor
        raise Todo("4.6")

    def points(self, query: SeriesQuery) -> Page:
        """Return a page of readings, or of buckets when `query.bucket_s` is set.

        Ordered by time, then position. Buckets are means of unmarked readings, aligned to
        1970; `fill` completes the empty ones. ValueError for a cursor or a fill that isn't ours.
        """
        # task 4.6: keyset pages, (time, position) above the last one seen
        raise Todo("4.6")

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        """Return closed windows of that width, ordered by start, and the next cursor."""
        # task 4.6: the same pages, over another table
        raise Todo("4.6")

    def prune(self) -> int:
        """Forget what is older than its tier allows, by the newest event time; return how many.

        Of the read model only: the log is the truth, and stays.
        """
        # task 4.6: raw readings go first, windows later
        raise Todo("4.6")

    def _buckets(self, query: SeriesQuery, bucket_s: int) -> Page:
        """Return a page of buckets; a gap is filled by what the page and its last value know."""
        # task 4.6: grouped by the database, gaps filled here
        raise Todo("4.6")

    def _before(self, query: SeriesQuery, first: int) -> tuple[int, float] | None:
        """Return the last known (time in ms, value) before a bucket."""
        found = (
            select(readings.c.timestamp_ms, readings.c.value)
            .where(
                _sensor(readings, query), readings.c.timestamp_ms < first, readings.c.marks == ""
            )
            .order_by(readings.c.timestamp_ms.desc(), readings.c.position.desc())
            .limit(1)
        )
        rows = self._rows(found)
        return (rows[0][0], rows[0][1]) if rows else None

    def _events(self, places: Sequence[int]) -> list[LoggedEvent]:
        query = select(events).where(events.c.position.in_(places))
        with store_errors(), self._log.connect() as connection:
            reader = connection.execution_options(reads=True)
            return [logged(row) for row in reader.execute(query)]

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with store_errors(), self._series.connect() as connection:
            return connection.execution_options(reads=True).execute(query).fetchall()

    def _prepare(self) -> None:
        if not self._ready:
            create_tables(self._series, SERIES)
            create_tables(self._log, LOG)
            self._ready = True


def _sensor(table: Any, query: SeriesQuery) -> ColumnElement[bool]:  # noqa: ANN401 - a table
    return and_(
        table.c.device_id == query.device_id,
        table.c.sensor_id == query.sensor_id,
        table.c.sensor_type == query.sensor_type,
    )


def _within(table: Any, query: SeriesQuery) -> ColumnElement[bool]:  # noqa: ANN401 - a table
    return and_(
        _sensor(table, query),
        table.c.timestamp_ms >= to_milliseconds(query.start),
        table.c.timestamp_ms < to_milliseconds(query.end),
    )


def _split(cursor: str, parts: int) -> list[str]:
    found = cursor.split("/")
    if len(found) != parts:
        raise ValueError(_("cursor: expected one of ours, got {cursor!r}").format(cursor=cursor))
    return found


def _numbers(cursor: str) -> tuple[int, int]:
    moment, position = _split(cursor, 2)
    try:
        return int(moment), int(position)
    except ValueError:
        told = _("cursor: expected one of ours, got {cursor!r}")
        raise ValueError(told.format(cursor=cursor)) from None


def _marks(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _window(row: Any) -> Window:  # noqa: ANN401 - a row of `windows`
    device, sensor, kind, width_s, start_ms, *figures = row
    return Window(device, sensor, kind, from_milliseconds(start_ms), width_s, *figures)
