"""What is wrong with one sensor just now, and how surely: evidence over learnt thresholds."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from shared.contracts.todo import Todo

from .surprise import Surprise
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
DISTANCES: Final = (0.75, 1.5, 3.0, 5.0)
"""Edges of classes: ordinary changes by which neighbours moved while a value stood still."""
FLOOR_SHIFT: Final = 2.25
"""A shift against the neighbours of so many ordinary changes is the least that counts as drift."""


class Watch:
    """What one sensor's past says about its present. Everything it learns is causal."""

    def __init__(self, slots_a_month: float) -> None:
        self._chance = BUDGET_A_MONTH / slots_a_month
        self.tails = {channel: Tail() for channel in CHANNELS}
        self.changes = Tail()
        self.stuck = Surprise.new((len(DISTANCES) + 2) * 4 * 3 * 2)
        self.silent = Surprise.new(4 * 3 * 5)
        self.taken_back = False
        """Whether the last spike was told by the reading after it."""
        self._thresholds: dict[str, tuple[int, float]] = {}

    def scores(self, row: Mapping[str, float]) -> dict[str, float]:
        """Return the score of each channel that looks at values, NaN where nothing is known.

        `row` has the sensor's features by name, and `forest`, `days` and `weeks` beside them.
        """
        # task 5.3: what a spike looks like at once, and when it was taken back; what else counts
        # <solution>
        change, relative = row["change"], row["relative"]
        before, relative_before = row["change_before"], row["relative_before"]
        lone = math.isnan(relative)
        back = (change, -before) if lone else (change, relative, -before, -relative_before)
        return {
            "jump": joint(change, relative),
            "return": joint(*back),
            "alone": abs(change),
            "season": abs(row["season_day"]),
            "forest": row["forest"],
            "days": abs(row["days"]),
            "weeks": abs(row["weeks"]),
        }
        # </solution>
        #: raise Todo("5.3")

    def repetition(
        self, moved: float, sibling: int, *, repeated: bool, at_limit: bool, learn: bool
    ) -> float:
        """Return the surprise of a value that is the same again (0 when it moved).

        `moved` is how far the neighbours went since the value last moved; `sibling` whether
        another sensor of the same device repeated its value too (0 unknown, 1 it did, 2 it
        didn't); `at_limit` whether it is the largest or the smallest value of the window, where
        sensors stay for natural reasons (fog: 100 % humidity).
        """
        unit = self.unit
        if unit == 0:
            return 0.0  # it never moved: nobody can say whether it should
        distance = 0 if math.isnan(moved) else 1 + sum(moved >= edge * unit for edge in DISTANCES)
        context = distance * 4 + min(3, self.stuck.run.bit_length())
        context = (context * 3 + sibling) * 2 + int(at_limit)
        return self.stuck.observe(context, repeated=repeated, learn=learn)

    def silence(self, absent: float, weather: int, *, missing: bool, learn: bool) -> float:
        """Return the surprise of a slot without a value (0 with one).

        `absent` is the share of the neighbours that gave none either; `weather` the class, 0 to
        4, of what another sensor of the same device says.
        """
        context = (3 * round(3 * absent) + min(2, self.silent.run)) * 5 + weather
        return self.silent.observe(context, repeated=missing, learn=learn)

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
            # Surprise is a probability already: this is the floor that the budget asks for.
            floor = -math.log(self._chance)
            return floor if math.isinf(threshold) else max(floor, threshold)
        if math.isinf(threshold) and tail.total > LEAST_SLOTS:
            threshold = margin * tail.largest()
        if channel in {"days", "weeks"}:
            return max(FLOOR_SHIFT, 0.0 if math.isinf(threshold) else threshold)
        return max(threshold, FLOOR_UNITS.get(channel, 0.0) * self.unit)
        # </solution>
        #: raise Todo("5.3")

    def strengths(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return the strength of the evidence for each kind: a score over its threshold.

        A deviation needs two witnesses, the whole day's residual and the forest (if there is one);
        a sensor with neighbours is judged by them instead.
        """
        over = {
            channel: score / self.threshold(channel)
            for channel, score in scores.items()
            if not math.isnan(score)
        }
        if "jump" in over:
            del over["alone"]
        self.taken_back = over.get("return", 0.0) >= 1 > over.get("jump", 0.0)
        return {
            "spike": max(over.get("jump", 0.0), over.get("return", 0.0), over.get("alone", 0.0)),
            "stuck": over.get("stuck", 0.0),
            "dropout": over.get("silence", 0.0),
            "drift": max(over.get("days", 0.0), over.get("weeks", 0.0)),
            "deviation": min(over.get("season", 0.0), over.get("forest", math.inf)),
        }

    def state(self) -> dict[str, Any]:
        """Return everything that it has learnt, for JSON."""
        tails = {**self.tails, "": self.changes}
        return {
            "chance": self._chance,
            "tails": {name: tail.state() for name, tail in tails.items()},
            "runs": [
                [run.counts, run.level, run.run, run.unsettled] for run in (self.stuck, self.silent)
            ],
            "thresholds": {name: list(pair) for name, pair in self._thresholds.items()},
        }

    def rested(self) -> dict[str, Any]:
        """Return its state with all runs ended: what it has learnt, not what it sees just now."""
        state = self.state()
        state["runs"] = [[counts, 0.0, 0, []] for counts, *_run in state["runs"]]
        return state

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Watch":
        """Return the watch whose `state` that is."""
        watch = cls(1.0)
        watch._chance = state["chance"]
        watch.tails = {name: Tail.of_state(tail) for name, tail in state["tails"].items()}
        watch.changes = watch.tails.pop("")
        watch.stuck, watch.silent = (Surprise(*run) for run in state["runs"])
        watch._thresholds = {name: (pair[0], pair[1]) for name, pair in state["thresholds"].items()}
        return watch


def joint(*witnesses: float) -> float:
    """Return the weakest size if all witnesses point one way, else 0; NaN if one says nothing."""
    if any(math.isnan(witness) for witness in witnesses):
        return math.nan
    if all(witness > 0 for witness in witnesses) or all(witness < 0 for witness in witnesses):
        return min(abs(witness) for witness in witnesses)
    return 0.0
