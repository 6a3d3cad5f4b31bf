"""Room 4: history first, answers second."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.messages import LoggedEvent
from shared.contracts.ports import Storage, StorageParts
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo

from .aggregates import add, merged
from .cache import cached
from .event_log import SqlEventLog, open_log
from .marks import mark
from .series import SqlSeries, open_series
from .stream import StreamProcessor, open_stream
from .watermark import make_watermark

__all__ = [
    "add",
    "build",
    "cached",
    "make_watermark",
    "mark",
    "merged",
    "open_log",
    "open_series",
    "open_stream",
]

FRESH_S = 0.25
"""How stale a last value may be: about as long as a person needs to look twice."""


class CachedSeries:
    """The reading side with last values from a cache; everything else as it is on disk."""

    def __init__(self, series: SqlSeries) -> None:
        self._series = series
        try:
            self._last = cached(self._load, FRESH_S, time.monotonic)
        except Todo:
            self._last = self._load  # without 4.7 each question goes to the database
        self.points = series.points
        self.windows = series.windows
        self.prune = series.prune

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        """Return a page of last values, at most `FRESH_S` old."""
        found: Any = self._last(json.dumps([device_id, cursor, limit]))["page"]
        page: tuple[Sequence[LoggedEvent], str | None] = found
        return page

    def _load(self, question: str) -> Mapping[str, object]:
        device_id, cursor, limit = json.loads(question)
        return {"page": self._series.last(device_id, cursor, limit)}


class SqlStorage:
    """Log, stream and series over the databases of the settings."""

    def __init__(self, log: SqlEventLog, stream: StreamProcessor, series: CachedSeries) -> None:
        self.log = log
        self.stream = stream
        self.series = series


def build(settings: Settings, parts: StorageParts) -> Storage:
    """Return the storage; opens no database before it is used."""
    return SqlStorage(
        open_log(settings.storage),
        open_stream(settings, parts),
        CachedSeries(open_series(settings.storage)),
    )
