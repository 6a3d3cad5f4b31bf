"""What stands behind the door when the room runs alone: a list, a clock, one token."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.contracts.facts import Fact
from shared.contracts.messages import (
    Appended,
    AppendOutcome,
    Event,
    Health,
    LoggedEvent,
    Principal,
    Token,
    Window,
)
from shared.contracts.ports import AccessRefused, Page, Point, SeriesQuery, StoreUnavailable

TOKEN: Final = "alone"  # noqa: S105 - of a door on loopback that lasts as long as the show
NO_TRACE: Final = f"00-{'0' * 31}1-{'0' * 15}1-00"


class RealTime:
    """An event clock that is the wall clock."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        """Return the same."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the seconds until `moment`."""
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s`: both clocks run alike."""
        return wall_s


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


class OneToken:
    """A gate that knows one token: its bearer reads everything, and writes for any device."""

    def issue(self, client_id: str, secret: str) -> Token:
        """Return the token for the client `alone` with the secret `alone`."""
        if (client_id, secret) != (TOKEN, TOKEN):
            raise AccessRefused("wrong_secret")
        return Token(TOKEN, datetime.now(UTC) + timedelta(hours=1))

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        """Return the bearer, or nobody; AccessRefused for another token."""
        del certificate
        if authorization is None:
            return Principal("nobody", "anonymous")
        if authorization != f"Bearer {TOKEN}":
            raise AccessRefused("unknown_token")
        return Principal(TOKEN, "gateway")

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """Permit the bearer everything but writing for the device `somebody-else`."""
        del action
        return principal.kind != "anonymous" and device_id != "somebody-else"


class Silence:
    """Telemetry that tells nobody, and a monitor with one line."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Say nothing."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Count nothing."""

    def trace(self, traceparent: str | None = None) -> str:
        """Return a trace that nobody samples."""
        return traceparent if traceparent and len(traceparent) == len(NO_TRACE) else NO_TRACE

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""

    def exposition(self) -> bytes:
        """Return that the process is up."""
        return b"# HELP academy_up This process runs.\n# TYPE academy_up gauge\nacademy_up 1\n"

    def health(self) -> Health:
        """Say that all is well: the log answers for itself."""
        return Health(live=True, ready=True)

    def render(self, folder: str) -> Sequence[str]:
        """Render nothing."""
        del folder
        return []
