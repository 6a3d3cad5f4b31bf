"""Every fact passes through here on its way to Room 7: a part's own running sums.

The live view and `./academy status` read these, so they work with any telemetry, a stand-in's or
an unfinished one's.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from shared.contracts.facts import Fact
from shared.contracts.ports import Telemetry
from shared.contracts.todo import Todo

Result = TypeVar("Result")

_CURRENT = frozenset(
    {
        Fact.OUTBOX_PENDING,
        Fact.GATEWAY_QUEUE,
        Fact.STREAM_LAG,
        Fact.BREAKER_STATE,
        Fact.MQTT_CONNECTED,
    }
)


class Tally:
    """A telemetry that counts, and passes everything on."""

    def __init__(self, behind: Telemetry, instead: Callable[[], Telemetry]) -> None:
        """Pass facts on to `behind`; once that turns out unfinished, to what `instead` returns."""
        self._behind = behind
        self._instead = instead
        self.waits_for: str | None = None
        self._sums: dict[str, float] = {}
        self._ages: deque[float] = deque(maxlen=4_096)
        self._lock = Lock()

    def event(self, level: str, name: str, **context: object) -> None:
        """Pass the line on."""
        self._try(lambda: self._behind.event(level, name, **context))

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Add the value (or keep the latest, for current numbers) and pass the fact on."""
        key = fact.value
        if outcome := labels.get("outcome") or labels.get("status") or labels.get("direction"):
            key = f"{key}.{outcome}"
        elif fact in _CURRENT and "device" in labels:
            key = f"{key}.{labels['device']}"
        with self._lock:
            if fact is Fact.READING_AGE_S:
                self._ages.append(value)
            self._sums[key] = value if fact in _CURRENT else self._sums.get(key, 0.0) + value
        self._try(lambda: self._behind.measure(fact, value, **labels))

    def trace(self, traceparent: str | None = None) -> str:
        """Pass the question on."""
        return self._try(lambda: self._behind.trace(traceparent))

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Pass the span on."""
        self._try(lambda: self._behind.span(name, traceparent, start_s, end_s))

    def _try(self, call: Callable[[], Result]) -> Result:
        """Return what `call` returns; at the first task undone, change to the stand-in for good."""
        try:
            return call()
        except Todo as todo:
            self.waits_for = todo.task
            self._behind = self._instead()
            return call()

    def sums(self) -> dict[str, float]:
        """Return the sums so far, and the median and 99th percentile of the latest ages."""
        with self._lock:
            found = dict(self._sums)
            ages = sorted(self._ages)
        if ages:
            found["age_p50_s"] = ages[len(ages) // 2]
            found["age_p99_s"] = ages[min(len(ages) - 1, len(ages) * 99 // 100)]
        return found
