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
        # <solution>
        self._prepare()
        key = (latest.c.device_id, latest.c.sensor_id, latest.c.sensor_type)
        query = select(*key, latest.c.position).order_by(*key).limit(limit + 1)
        if device_id is not None:
            query = query.where(latest.c.device_id == device_id)
        if cursor is not None:
            query = query.where(tuple_(*key) > tuple_(*_split(cursor, 3)))
        rows = self._rows(query)
        places = [row[3] for row in rows[:limit]]
        found = {one.position: one for one in self._events(places)}
        following = "/".join(rows[limit - 1][:3]) if len(rows) > limit else None
        return [found[place] for place in places if place in found], following
        # </solution>
        #: raise Todo("4.6")

    def points(self, query: SeriesQuery) -> Page:
        """Return a page of readings, or of buckets when `query.bucket_s` is set.

        Ordered by time, then position. Buckets are means of unmarked readings, aligned to
        1970; `fill` completes the empty ones. ValueError for a cursor or a fill that isn't ours.
        """
        # task 4.6: keyset pages, (time, position) above the last one seen
        # <solution>
        if query.bucket_s is not None:
            return self._buckets(query, query.bucket_s)
        self._prepare()
        place = (readings.c.timestamp_ms, readings.c.position)
        found = select(*place, readings.c.value, readings.c.marks, readings.c.message_id)
        found = found.where(_within(readings, query)).order_by(*place).limit(query.limit + 1)
        if query.cursor is not None:
            moment, position = _numbers(query.cursor)
            found = found.where(tuple_(*place) > tuple_(moment, position))
        rows = self._rows(found)
        points = tuple(
            Point(from_milliseconds(row[0]), row[2], 1, _marks(row[3]), row[4])
            for row in rows[: query.limit]
        )
        more = len(rows) > query.limit
        return Page(points, "/".join(map(str, rows[query.limit - 1][:2])) if more else None)
        # </solution>
        #: raise Todo("4.6")

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        """Return closed windows of that width, ordered by start, and the next cursor."""
        # task 4.6: the same pages, over another table
        # <solution>
        self._prepare()
        found = select(windows).where(
            windows.c.device_id == query.device_id,
            windows.c.sensor_id == query.sensor_id,
            windows.c.sensor_type == query.sensor_type,
            windows.c.width_s == width_s,
            windows.c.start_ms >= to_milliseconds(query.start),
            windows.c.start_ms < to_milliseconds(query.end),
        )
        if query.cursor is not None:
            found = found.where(windows.c.start_ms > _numbers(query.cursor)[0])
        rows = self._rows(found.order_by(windows.c.start_ms).limit(query.limit + 1))
        more = len(rows) > query.limit
        following = f"{rows[query.limit - 1].start_ms}/0" if more else None
        return [_window(row) for row in rows[: query.limit]], following
        # </solution>
        #: raise Todo("4.6")

    def prune(self) -> int:
        """Forget what is older than its tier allows, by the newest event time; return how many.

        Of the read model only: the log is the truth, and stays.
        """
        # task 4.6: raw readings go first, windows later
        # <solution>
        self._prepare()
        raw_s, windows_s = self._settings.retention_s
        gone = 0
        with store_errors(), self._series.begin() as connection:
            newest = connection.execute(select(func.max(latest.c.timestamp_ms))).scalar()
            if newest is None:
                return 0
            for table, column, kept in (
                (readings, readings.c.timestamp_ms, raw_s),
                (windows, windows.c.start_ms, windows_s),
            ):
                if kept is not None:
                    old = delete(table).where(column < newest - int(kept * 1000))
                    gone += connection.execute(old).rowcount
        return gone
        # </solution>
        #: raise Todo("4.6")

    def _buckets(self, query: SeriesQuery, bucket_s: int) -> Page:
        """Return a page of buckets; a gap is filled by what the page and its last value know."""
        # task 4.6: grouped by the database, gaps filled here
        # <solution>
        if query.fill not in FILLS or bucket_s <= 0:
            told = _("fill: expected one of {fills} and a bucket above 0 s, got {got}")
            raise ValueError(told.format(fills=", ".join(FILLS), got=(query.fill, bucket_s)))
        self._prepare()
        width = bucket_s * 1000
        start = to_milliseconds(query.start) if query.cursor is None else _numbers(query.cursor)[0]
        first = start - start % width
        end = min(to_milliseconds(query.end), first + width * query.limit)
        place = readings.c.timestamp_ms - readings.c.timestamp_ms % width
        found = select(place, func.avg(readings.c.value), func.count()).where(
            _sensor(readings, query),
            readings.c.timestamp_ms >= max(start, to_milliseconds(query.start)),
            readings.c.timestamp_ms < end,
            readings.c.marks == "",
        )
        rows = {row[0]: (row[1], row[2]) for row in self._rows(found.group_by(place))}
        before = self._before(query, first) if query.fill in {"previous", "linear"} else None
        points = filled(rows, range(first, end, width), query.fill, before)
        more = end < to_milliseconds(query.end)
        return Page(tuple(points), f"{end}/0" if more else None)
        # </solution>
        #: raise Todo("4.6")

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
