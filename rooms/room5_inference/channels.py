"""Each kind of evidence has its own scale: what a sensor's scores were, and what is too much."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from shared.contracts.todo import Todo

from .thresholds import Tail

CHANNELS: Final = (
    "jump", "return", "alone", "stuck", "silence", "season", "hours", "forest", "days", "weeks",
)  # fmt: skip
"""The kinds of evidence, each with its own scores and threshold."""
SLOW: Final = ("days", "weeks")
DAYLONG: Final = ("season", "hours")
"""A day's slots are one witness: after a week such thresholds are twice as large, and fall."""
LOOKS_A_DAY: Final = 4
"""Slow evidence is looked at so often a day; a score then stands for all slots until the next."""

BUDGET_A_MONTH: Final = 0.2
"""False alerts that one channel of one sensor may raise a month."""
MARGIN: Final = 1.5
"""Training hasn't seen every season, so thresholds are 1.5 times what the tail says."""
SPIKE_MARGIN: Final = 2.0
"""A spike is told from one or two readings, so it must be surer than what takes days."""
MARGIN_SLOTS: Final = 25.0
"""After so many slots the margin is twice as large, and falls from there."""
LEAST_SLOTS: Final = 168
LEAST_DAYS: Final = 7
"""With fewer slots or days than this nothing is said about a sensor."""
FLOOR_UNITS: Final = MappingProxyType(
    {"jump": 3.0, "return": 2.0, "alone": 3.0, "season": 2.0, "hours": 2.0}
)
"""No threshold lies below so many of the sensor's ordinary changes (its resolution, often)."""
FLOOR_SHIFT: Final = 2.0
"""A shift against the neighbours of so many ordinary changes is the least that counts as drift."""


class Channels:
    """The scores that one sensor has had so far, and the threshold of each channel.

    A threshold is worked out anew when its channel has seen 2 % more than last time.
    """

    def __init__(self, slots_a_month: float) -> None:
        self._set_rate(slots_a_month)
        self.tails = {channel: Tail() for channel in CHANNELS}
        self.changes = Tail()
        self._thresholds: dict[str, tuple[int, float]] = {}

    def _set_rate(self, slots_a_month: float) -> None:
        self._slots_a_month = slots_a_month
        self._chance = BUDGET_A_MONTH / slots_a_month
        self._look = max(1, round(slots_a_month / 30) // LOOKS_A_DAY)
        self.least = max(LEAST_SLOTS, round(LEAST_DAYS * slots_a_month / 30))
        """The slots that a channel must have seen before it says anything."""

    def learn(self, scores: Mapping[str, float], change: float) -> None:
        """Take the scores of a slot into the tails."""
        for channel, score in scores.items():
            if not math.isnan(score):
                for _slot in range(self._look if channel in SLOW else 1):
                    self.tails[channel].add(score)
        if change != 0 and not math.isnan(change):
            self.changes.add(abs(change))

    @property
    def unit(self) -> float:
        """The size of an ordinary change of this sensor, 0 until one was seen."""
        known, unit = self._thresholds.get("unit", (0, 0.0))
        if self.changes.total > 1.02 * known:
            unit = self.changes.middle()
            self._thresholds["unit"] = (self.changes.total, unit)
        return unit

    def threshold(self, channel: str) -> float:
        """Return the score beyond which `channel` speaks of a fault; infinity until it can."""
        tail = self.tails[channel]
        known, threshold = self._thresholds.get(channel, (0, math.inf))
        if tail.total >= self.least and tail.total > 1.02 * known:
            threshold = self._fresh(channel, tail)
            if channel in DAYLONG:
                threshold *= 1 + self.least / tail.total
            self._thresholds[channel] = (tail.total, threshold)
        return threshold if threshold > 0 else math.inf

    def _fresh(self, channel: str, tail: Tail) -> float:
        # task 5.3: the tail's threshold for the budget, with a margin, and never below the floor
        raise Todo("5.3")

    @property
    def lacking(self) -> int:
        """How many slots are still to come before anything is said about this sensor."""
        return max(0, self.least - self.tails["alone"].total)

    def state(self) -> dict[str, Any]:
        """Return everything that it has learnt, for JSON."""
        tails = {**self.tails, "": self.changes}
        return {
            "slots_a_month": self._slots_a_month,
            "tails": {name: tail.state() for name, tail in tails.items()},
            "thresholds": {name: list(pair) for name, pair in self._thresholds.items()},
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self._set_rate(state["slots_a_month"])
        self.tails = {name: Tail.of_state(tail) for name, tail in state["tails"].items()}
        self.changes = self.tails.pop("")
        self._thresholds = {name: (pair[0], pair[1]) for name, pair in state["thresholds"].items()}
