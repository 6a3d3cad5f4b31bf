# ruff: noqa: D102 - a double does what the docstring of its port says, and may check
"""Doubles of what stands behind the door."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx

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
from shared.contracts.ports import (
    AccessRefused,
    AsgiApp,
    Page,
    Point,
    SeriesQuery,
    StoreUnavailable,
)

Row = TypeVar("Row")
NOW = datetime(2013, 5, 6, 12, tzinfo=UTC)


class StillClock:
    """An event clock that stands at noon, 2013-05-06, of a world sixty times as fast."""

    def now(self) -> datetime:
        return NOW

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        return (moment - NOW).total_seconds() / 60

    def tolerance(self, wall_s: float) -> float:
        return wall_s * 60


@dataclass
class Tale:
    """Telemetry that remembers."""

    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: list[str] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)

    def event(self, level: str, name: str, **context: object) -> None:
        self.events.append(f"{level} {name} {context}")

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        told = labels.get("outcome") or labels.get("reason") or labels.get("route") or ""
        self.counted[fact.value, told] += int(value) if fact is not Fact.API_REQUEST_S else 1

    def trace(self, traceparent: str | None = None) -> str:
        known = traceparent is not None and len(traceparent) == 55
        return traceparent if known and traceparent else f"00-{'a' * 32}-{'b' * 16}-00"

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        assert end_s >= start_s
        self.spans.append(f"{name} {traceparent}")


@dataclass
class MemoryLog:
    """An event log in a list; it can be away, slow, or choke on one device's readings."""

    events: list[LoggedEvent] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    away: bool = False
    poison: str | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    waited: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        self.waited.set()
        assert self.gate.wait(10)
        if self.away:
            raise StoreUnavailable("the disk is full")
        if any(event.device_id == self.poison for event in events):
            raise RuntimeError("secret detail of the inside")
        self.commits.append(len(events))
        return [self._one(event) for event in events]

    def _one(self, event: Event) -> Appended:
        for logged in self.events:
            known = logged.event
            if (known.device_id, known.message_id) == (event.device_id, event.message_id):
                same = (known.sensor_id, known.value, known.timestamp) == (
                    event.sensor_id, event.value, event.timestamp,
                )  # fmt: skip
                outcome = AppendOutcome.DUPLICATE if same else AppendOutcome.CONFLICT
                return Appended(event.message_id, outcome, logged.stored_at)
        stored_at = datetime.now(UTC)
        self.events.append(LoggedEvent(len(self.events) + 1, stored_at, event))
        return Appended(event.message_id, AppendOutcome.CREATED, stored_at)

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        return self.events[after : after + limit]

    def head(self) -> int:
        if self.away:
            raise StoreUnavailable("the disk is full")
        return len(self.events)


@dataclass
class MemorySeries:
    """Reads the list; a cursor is the number of rows already seen."""

    log: MemoryLog
    asked: list[SeriesQuery] = field(default_factory=list)

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        newest: dict[tuple[str, str], LoggedEvent] = {}
        for logged in sorted(self.log.events, key=lambda one: one.event.timestamp):
            if device_id in {None, logged.event.device_id}:
                newest[logged.event.device_id, logged.event.sensor_id] = logged
        return _cut([newest[key] for key in sorted(newest)], cursor, limit)

    def points(self, query: SeriesQuery) -> Page:
        self.asked.append(query)
        found = [
            Point(one.event.timestamp, one.event.value, 1, (), one.event.message_id)
            for one in self.log.events
            if one.event.sensor_id == query.sensor_id
            and query.start <= one.event.timestamp < query.end
        ]
        points, cursor = _cut(found, query.cursor, query.limit)
        return Page(tuple(points), cursor)

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        self.asked.append(query)
        window = Window(
            query.device_id, query.sensor_id, query.sensor_type, query.start, width_s,
            3, 20.0, 19.0, 21.0, 0.8, 20.0,
        )  # fmt: skip
        return [window], None

    def prune(self) -> int:
        return 0


def _cut(rows: list[Row], cursor: str | None, limit: int) -> tuple[list[Row], str | None]:
    start = int(cursor or 0)  # ValueError for a cursor that isn't ours
    end = start + limit
    return rows[start:end], str(end) if end < len(rows) else None


class SmallMonitor:
    """Metrics of one line, and a health that can be set."""

    ready = True

    def exposition(self) -> bytes:
        return b"academy_up 1\n"

    def health(self) -> Health:
        return Health(
            live=True,
            ready=self.ready,
            dependencies=(("broker", "ok" if self.ready else "refused"),),
        )

    def render(self, folder: str) -> Sequence[str]:
        return [folder]


class SmallGate:
    """Knows the gateway and an operator by token, and devices by a certificate of their name."""

    def issue(self, client_id: str, secret: str) -> Token:
        if (client_id, secret) != ("gateway", "open sesame"):
            raise AccessRefused("wrong_secret")
        return Token("gateway", datetime.now(UTC) + timedelta(seconds=900))

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        if certificate is not None:
            return Principal(certificate.decode(), "device")
        if authorization is None:
            return Principal("nobody", "anonymous")
        name = authorization.removeprefix("Bearer ")
        if name not in {"gateway", "operator"}:
            raise AccessRefused("bad_token")
        return Principal(name, name)

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        return {
            "gateway": action == "write" and device_id != "foreign",
            "operator": action == "read",
            "device": action == "write" and device_id == principal.subject,
        }.get(principal.kind, False)


@dataclass
class House:
    """A running door and what stands behind it."""

    client: httpx.Client
    app: AsgiApp
    log: MemoryLog
    tale: Tale
    series: MemorySeries
    monitor: SmallMonitor
    port: int
