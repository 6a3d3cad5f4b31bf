"""Readings that come at one rate, in slots of equal length: a row closes when it's complete."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ..features import Values
from .samples import Row, Sample, plain, sample_of, sample_state, table_of

DAYS: Final = 45
"""Days that a grid remembers: one or two weeks to look at, and five to compare them with."""
LONGEST_WINDOW: Final = 4_096
"""Slots that a grid remembers at the most."""
SHORTEST_STEP_MS: Final = 300_000
"""Faster sensors are looked at in slots of five minutes, at the value that moved most."""
FARTHEST: Final = 100_000
"""A reading so many slots ahead is of no use: a clock of another century."""
PATIENCE_SLOTS: Final = 2
"""A row waits for sensors that are late by so many slots, and a tolerance beside."""


class Grid:
    """The sensors whose readings come every `step_ms`, in slots of that length.

    Each sensor has its own phase (when in the slot it speaks), so that jitter around a slot's
    edge makes no gap. A closed slot never changes: what comes later is late.
    """

    def __init__(self, step_ms: int, tolerance_ms: int) -> None:
        self.step_ms = max(step_ms, SHORTEST_STEP_MS)
        self.coarse = step_ms < SHORTEST_STEP_MS
        self.tolerance_ms = tolerance_ms
        self.day = max(2, round(86_400_000 / self.step_ms))
        slots = min(DAYS * self.day, LONGEST_WINDOW // self.day * self.day)
        self.window: Values = np.full((max(slots, 2 * self.day), 0), np.nan)
        self.keys: list[str] = []
        self.phases: list[int] = []
        self.seen: list[int] = []
        self.next: int | None = None
        self.pending: dict[int, dict[int, Sample]] = {}
        self._passed = 0
        self._awaited: int | None = None

    def join(self, key: str, phase_ms: int) -> int:
        """Take a sensor in and return its column."""
        self.keys.append(key)
        self.phases.append(0 if self.coarse else phase_ms)
        self._awaited = None
        self.seen.append(-1)
        self.window = np.hstack([self.window, np.full((len(self.window), 1), np.nan)])
        return len(self.keys) - 1

    def slot_of(self, column: int, timestamp_ms: int) -> int:
        """Return the slot whose middle, for this sensor, is nearest."""
        half = 0 if self.coarse else self.step_ms // 2
        return (timestamp_ms - self.phases[column] + half) // self.step_ms

    def start_of(self, slot: int) -> int:
        """Return when `slot` is, in milliseconds, for a sensor of phase 0."""
        return slot * self.step_ms

    def offer(self, column: int, sample: Sample) -> bool:
        """Put a sample into its slot; return False if that slot was closed before."""
        slot = self.slot_of(column, sample.timestamp_ms)
        if self.next is None:
            self.next = slot
        if slot > self.next + FARTHEST:
            return False
        done = slot - 1 if self.coarse else slot
        if self.seen[column] < self.next <= done:
            self._passed += 1
        self.seen[column] = max(self.seen[column], done)
        if slot < self.next:
            return False
        here = self.pending.setdefault(slot, {})
        if column not in here or (self.coarse and self._moved(column, sample, here[column])):
            here[column] = sample
        return True

    def _moved(self, column: int, sample: Sample, kept: Sample) -> bool:
        last = self.window[-1, column]
        return bool(abs(sample.value - last) > abs(kept.value - last))

    def ready(self, watermark_ms: int) -> bool:
        """Return whether the next slot may close: all have spoken, or it has waited enough."""
        if self.next is None:
            return False
        if self._awaited is None:
            self._count()
        patience = (self.next + 1 + PATIENCE_SLOTS) * self.step_ms + self.tolerance_ms
        return 0 < (self._awaited or 0) <= self._passed or watermark_ms >= patience

    def _count(self) -> None:
        """Count who has passed the next slot, and who is still expected to."""
        following = self.next or 0
        self._passed = sum(seen >= following for seen in self.seen)
        self._awaited = sum(seen >= following - PATIENCE_SLOTS - 1 for seen in self.seen)

    def close(self) -> Row:
        """Close the next slot: push its row into the window and return it."""
        slot = self.next or 0
        here = self.pending.pop(slot, {})
        samples = tuple(here.get(column) for column in range(len(self.keys)))
        row = np.array([np.nan if one is None else one.value for one in samples])
        self.window = np.concatenate([self.window[1:], row[None, :]])
        self.next = slot + 1
        self._awaited = None
        return Row(slot, self.start_of(slot), samples)

    def skip_to(self, slot: int) -> None:
        """Go on at `slot`; after a pause longer than the window nothing of it is left."""
        skipped = slot - (self.next or slot)
        if skipped > 0:
            blank = np.full((min(skipped, len(self.window)), self.window.shape[1]), np.nan)
            self.window = np.concatenate([self.window, blank])[len(blank) :]
        self.pending = {there: row for there, row in self.pending.items() if there >= slot}
        self.next = slot
        self._awaited = None

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for JSON."""
        return {
            "phases": self.phases,
            "seen": self.seen,
            "next": self.next,
            "window": plain(self.window),
            "pending": [
                [slot, column, sample_state(sample)]
                for slot, row in self.pending.items()
                for column, sample in row.items()
            ],
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state` of the same sensors."""
        self.phases, self.seen, self.next = (
            list(state["phases"]),
            list(state["seen"]),
            state["next"],
        )
        self.window = table_of(state["window"])
        self.pending = {}
        for slot, column, fields in state["pending"]:
            sample = sample_of(fields)
            if sample is not None:
                self.pending.setdefault(slot, {})[column] = sample
        self._awaited = None
