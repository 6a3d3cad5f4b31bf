"""A store for the time of the show: event log and series in a list."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shared.contracts.messages import Appended, AppendOutcome, Event, LoggedEvent, Window
from shared.contracts.ports import Page, Point, SeriesQuery, StoreUnavailable


class ListStore:
    """Event log and series in a list; `away` is a switch that the show turns."""

    def __init__(self) -> None:
        self.away = False
        self._events: list[LoggedEvent] = []
        self._known: dict[tuple[str, str], LoggedEvent] = {}

    def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Keep what is new; StoreUnavailable while away."""
        self.head()
        return [self._one(event) for event in events]

    def _one(self, event: Event) -> Appended:
        identity = (event.device_id, event.message_id)
        known = self._known.get(identity)
        if known is not None:
            same = (known.event.sensor_id, known.event.value, known.event.timestamp) == (
                event.sensor_id,
                event.value,
                event.timestamp,
            )
            outcome = AppendOutcome.DUPLICATE if same else AppendOutcome.CONFLICT
            return Appended(event.message_id, outcome, known.stored_at)
        logged = LoggedEvent(len(self._events) + 1, datetime.now(UTC), event)
        self._events.append(logged)
        self._known[identity] = logged
        return Appended(event.message_id, AppendOutcome.CREATED, logged.stored_at)

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return events behind a position."""
        return self._events[after : after + limit]

    def head(self) -> int:
        """Return the number of events; StoreUnavailable while away."""
        if self.away:
            raise StoreUnavailable("away")
        return len(self._events)

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        """Return the newest reading of each sensor, in one page; a cursor is never given."""
        if cursor is not None:
            raise ValueError(cursor)
        newest = {
            (one.event.device_id, one.event.sensor_id, one.event.sensor_type): one
            for one in sorted(self._events, key=lambda one: one.event.timestamp)
            if device_id in {None, one.event.device_id}
        }
        return [newest[key] for key in sorted(newest)][:limit], None

    def points(self, query: SeriesQuery) -> Page:
        """Return the readings in the range, in one page."""
        if query.cursor is not None:
            raise ValueError(query.cursor)
        wanted = (query.device_id, query.sensor_id, query.sensor_type)
        found = [
            Point(one.event.timestamp, one.event.value, message_id=one.event.message_id)
            for one in sorted(self._events, key=lambda one: one.event.timestamp)
            if (one.event.device_id, one.event.sensor_id, one.event.sensor_type) == wanted
            and query.start <= one.event.timestamp < query.end
        ]
        return Page(tuple(found[: query.limit]), None)

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        """Return nothing: nobody closes windows here."""
        del query, width_s
        return [], None

    def prune(self) -> int:
        """Forget nothing."""
        return 0
