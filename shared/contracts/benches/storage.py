"""The storage bench: what the checks call, task by task (4.1 to 4.7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.contracts.messages import Appended, Event, LoggedEvent
from shared.contracts.ports import Page, SeriesQuery, StorageParts
from shared.contracts.settings import Settings, StorageSettings


@dataclass(slots=True)
class MarkState:
    """What the filters remember of one sensor. Times in milliseconds since 1970.

    `good_ms` and `good` are the last reading without a mark; `odd` and `odd_value` count readings
    in a row that jumped to one another's neighbourhood; `recent` holds the last timestamps.
    """

    good_ms: int | None = None
    good: float = 0.0
    odd: int = 0
    odd_value: float = 0.0
    recent: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Aggregate:
    """Count, mean, sum of squared deviations (Welford), minimum and maximum of some values."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")


class StorageEventLog(Protocol):
    """4.1: the event log, as in the port."""

    def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Store a batch in one transaction."""

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return events above a position."""

    def head(self) -> int:
        """Return the last position."""


class StorageWatermark(Protocol):
    """4.3: how far the data says that time has come. Milliseconds since 1970."""

    @property
    def value(self) -> int:
        """The watermark; never goes back."""

    def observe(self, device_id: str, timestamp_ms: int, position: int) -> bool:
        """Take note of an event; return whether the watermark has moved."""


class StorageStream(Protocol):
    """4.3 to 4.5: the stream processor, as in the port."""

    def step(self, limit: int) -> int:
        """Process up to `limit` events, exactly once."""

    def lag(self) -> int:
        """Return how many are left."""

    def rebuild(self) -> int:
        """Make the read model again."""


class StorageSeries(Protocol):
    """4.6: the reading side, as far as the checks go."""

    def points(self, query: SeriesQuery) -> Page:
        """Return a page of readings or buckets."""

    def prune(self) -> int:
        """Apply the retention."""


class StorageBench(Protocol):
    """One function or class a task."""

    def open_log(self, settings: StorageSettings) -> StorageEventLog:
        """4.1: open the event log at `settings.log_url`."""

    def mark(
        self, state: MarkState, sensor_type: str, timestamp_ms: int, value: float
    ) -> tuple[str, ...]:
        """4.2: return the marks of a reading (duplicate, impossible, jump) and update the state."""

    def add(self, aggregate: Aggregate, value: float) -> None:
        """4.3: take one more value into an aggregate, by Welford's method."""

    def merged(self, aggregates: Sequence[Aggregate]) -> Aggregate:
        """4.3: return the aggregate of all their values, in the order given."""

    def make_watermark(self, settings: StorageSettings) -> StorageWatermark:
        """4.3: return a watermark that has seen nothing."""

    def open_stream(self, settings: Settings, parts: StorageParts) -> StorageStream:
        """4.3, 4.4, 4.5: open the stream processor."""

    def open_series(self, settings: StorageSettings) -> StorageSeries:
        """4.6: open the reading side."""

    def cached(
        self,
        load: Callable[[str], Mapping[str, object]],
        fresh_s: float,
        monotonic: Callable[[], float],
    ) -> Callable[[str], Mapping[str, object]]:
        """4.7: return `load` behind a cache: fresh within `fresh_s`, one load at a time a key."""
