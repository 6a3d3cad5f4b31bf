"""A list for a store: lines in one file, in the order of arrival, doubles and all."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from shared.contracts.facts import Fact
from shared.contracts.messages import Appended, AppendOutcome, Event, LoggedEvent, Window
from shared.contracts.ports import Page, Point, SeriesQuery, Storage, StorageParts
from shared.contracts.settings import Settings
from shared.database.engine import sqlite_path


class Lines:
    """The file. A position is a line's number, and reading starts at the top each time."""

    def __init__(self, path: Path, parts: StorageParts) -> None:
        self._path = path
        self._telemetry = parts.telemetry
        self._done = 0

    def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Write a line an event, without asking whether it is there already."""
        now = datetime.now(UTC)
        with self._path.open("a", encoding="utf-8") as file:
            for event in events:
                file.write(json.dumps(asdict(event), default=str) + "\n")
        self._telemetry.measure(Fact.READINGS_STORED, len(events), outcome="created")
        return [Appended(event.message_id, AppendOutcome.CREATED, now) for event in events]

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return lines `after` + 1 to `after` + `limit`."""
        lines = self._lines()[after : after + limit]
        return [_logged(after + place, line) for place, line in enumerate(lines, 1)]

    def head(self) -> int:
        """Return the number of lines."""
        return len(self._lines())

    def step(self, limit: int) -> int:
        """Count further lines; nothing is made of them."""
        count = min(limit, self.head() - self._done)
        self._done += count
        self._telemetry.measure(Fact.STREAM_EVENTS, count)
        return count

    def lag(self) -> int:
        """Return how many lines weren't counted yet."""
        return self.head() - self._done

    def rebuild(self) -> int:
        """Count from the top."""
        self._done = 0
        return self.head()

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        """Return the last lines, whatever sensor they are of."""
        del cursor
        found = [
            event
            for event in self.read(0, self.head())
            if device_id in {None, event.event.device_id}
        ]
        return found[-limit:], None

    def points(self, query: SeriesQuery) -> Page:
        """Return the sensor's lines between the two times, by looking at every line."""
        events = [line.event for line in self.read(0, self.head())]
        found = [
            Point(event.timestamp, event.value, message_id=event.message_id)
            for event in events
            if event.sensor_id == query.sensor_id and query.start <= event.timestamp < query.end
        ]
        return Page(tuple(found[: query.limit]), None)

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        """Return nothing: a list has no windows."""
        del query, width_s
        return [], None

    def prune(self) -> int:
        """Forget nothing."""
        return 0

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        # A line that is still being written has no end yet.
        return self._path.read_text(encoding="utf-8").split("\n")[:-1]


def _logged(position: int, line: str) -> LoggedEvent:
    found = json.loads(line)
    for name in ("timestamp", "received_at"):
        found[name] = datetime.fromisoformat(found[name])
    if found["calibration_date"] is not None:
        found["calibration_date"] = date.fromisoformat(found["calibration_date"])
    return LoggedEvent(position, found["received_at"], Event(**found))


class ListStore:
    """The same file, seen from three sides."""

    def __init__(self, lines: Lines) -> None:
        self.log = lines
        self.stream = lines
        self.series = lines


def build(settings: Settings, parts: StorageParts) -> Storage:
    """Return the stand-in for Room 4."""
    beside = sqlite_path(settings.storage.log_url) or Path(settings.state_dir) / "log.db"
    return ListStore(Lines(beside.with_suffix(".jsonl"), parts))
