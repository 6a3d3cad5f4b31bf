"""Each kind of evidence has its own scale: what a sensor's scores were, and what is too much."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from shared.contracts.todo import Todo

from .thresholds import Tail

CHANNELS: Final = (
    "jump", "return", "alone", "stuck", "silence", "season", "forest", "days", "weeks",
)  # fmt: skip
"""The kinds of evidence, each with its own scores and threshold."""

BUDGET_A_MONTH: Final = 0.2
"""False alerts that one channel of one sensor may raise a month."""
MARGIN: Final = 1.5
"""Training hasn't seen every season, so thresholds are 1.5 times what the tail says."""
SPIKE_MARGIN: Final = 2.0
"""A spike is told from one or two readings, so it must be surer than what takes days."""
MARGIN_SLOTS: Final = 25.0
"""After so many slots the margin is twice as large, and falls from there."""
LEAST_SLOTS: Final = 168
"""With fewer slots than this nothing is said about a sensor."""
FLOOR_UNITS: Final = MappingProxyType({"jump": 3.0, "return": 2.0, "alone": 3.0, "season": 2.0})
"""No threshold lies below so many of the sensor's ordinary changes (its resolution, often)."""
FLOOR_SHIFT: Final = 2.25
"""A shift against the neighbours of so many ordinary changes is the least that counts as drift."""


class Channels:
    """The scores that one sensor has had so far, and the threshold of each channel.

    A threshold is worked out anew when its channel has seen 2 % more than last time.
    """

    def __init__(self, slots_a_month: float) -> None:
        self._chance = BUDGET_A_MONTH / slots_a_month
        self.tails = {channel: Tail() for channel in CHANNELS}
        self.changes = Tail()
        self._thresholds: dict[str, tuple[int, float]] = {}

    def learn(self, scores: Mapping[str, float], change: float) -> None:
        """Take the scores of a slot into the tails."""
        for channel, score in scores.items():
            if not math.isnan(score):
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
        least = LEAST_SLOTS // 4 if channel in {"days", "weeks"} else LEAST_SLOTS
        if tail.total >= least and tail.total > 1.02 * known:
            threshold = self._fresh(channel, tail)
            self._thresholds[channel] = (tail.total, threshold)
        return threshold if threshold > 0 else math.inf

    def _fresh(self, channel: str, tail: Tail) -> float:
        # task 5.3: the tail's threshold for the budget, with a margin, and never below the floor
        # <solution>
        margin = SPIKE_MARGIN if channel in {"jump", "alone", "return"} else MARGIN
        if channel in {"forest", "stuck", "silence"}:
            margin = 1.0
        margin *= 1 + MARGIN_SLOTS / tail.total
        threshold = margin * tail.threshold(self._chance)
        if channel in {"stuck", "silence"}:
            # Surprise is a probability already: the budget gives the floor, and twice that is
            # believed of no run, however many faults there were among the first ones.
            floor = -math.log(self._chance)
            return floor if math.isinf(threshold) else min(max(floor, threshold), 2 * floor)
        if math.isinf(threshold) and tail.total > LEAST_SLOTS:
            threshold = margin * tail.largest()
        if channel in {"days", "weeks"}:
            return max(FLOOR_SHIFT, 0.0 if math.isinf(threshold) else threshold)
        return max(threshold, FLOOR_UNITS.get(channel, 0.0) * self.unit)
        # </solution>
        #: raise Todo("5.3")

    def state(self) -> dict[str, Any]:
        """Return everything that it has learnt, for JSON."""
        tails = {**self.tails, "": self.changes}
        return {
            "chance": self._chance,
            "tails": {name: tail.state() for name, tail in tails.items()},
            "thresholds": {name: list(pair) for name, pair in self._thresholds.items()},
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self._chance = state["chance"]
        self.tails = {name: Tail.of_state(tail) for name, tail in state["tails"].items()}
        self.changes = self.tails.pop("")
        self._thresholds = {name: (pair[0], pair[1]) for name, pair in state["thresholds"].items()}
