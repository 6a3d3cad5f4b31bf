"""What is wrong with one sensor just now, and how surely: evidence over learnt thresholds."""

import math
from collections.abc import Mapping
from typing import Any, Final

from shared.contracts.todo import Todo

from .channels import Channels
from .surprise import Surprise

DISTANCES: Final = (0.75, 1.5, 3.0, 5.0)
"""Edges of classes: ordinary changes by which neighbours moved while a value stood still."""
LEAST_REPEATS: Final = 2
"""A fine sensor hardly ever says the same twice, but once in a while it does."""


class Watch:
    """What one sensor's past says about its present. Everything it learns is causal."""

    def __init__(self, slots_a_month: float) -> None:
        self.channels = Channels(slots_a_month)
        self.stuck = Surprise.new((len(DISTANCES) + 2) * 4 * 3 * 2)
        self.silent = Surprise.new(4 * 3 * 5)
        self.taken_back = False
        """Whether the last spike was told by the reading after it."""

    def scores(self, row: Mapping[str, float]) -> dict[str, float]:
        """Return the score of each channel that looks at values, NaN where nothing is known.

        `row` has the sensor's features by name, and `forest`, `days` and `weeks` beside them.
        """
        # task 5.3: what a spike looks like at once, and when it was taken back; what else counts
        raise Todo("5.3")

    def repetition(
        self, moved: float, sibling: int, *, repeated: bool, at_limit: bool, learn: bool
    ) -> float:
        """Return the surprise of a value that is the same again (0 when it moved).

        `moved` is how far the neighbours went since the value last moved; `sibling` whether
        another sensor of the same device repeated its value too (0 unknown, 1 it did, 2 it
        didn't); `at_limit` whether it is the largest or the smallest value of the window, where
        sensors stay for natural reasons (fog: 100 % humidity).
        """
        unit = self.channels.unit
        if unit == 0:
            return 0.0  # it never moved: nobody can say whether it should
        distance = 0 if math.isnan(moved) else 1 + sum(moved >= edge * unit for edge in DISTANCES)
        context = distance * 4 + min(3, self.stuck.run.bit_length())
        context = (context * 3 + sibling) * 2 + int(at_limit)
        self.stuck.observe(context, repeated=repeated, learn=learn)
        return self.standing

    @property
    def standing(self) -> float:
        """The surprise of the present run of repetitions."""
        return self.stuck.level if self.stuck.run >= LEAST_REPEATS else 0.0

    def silence(self, absent: float, weather: int, *, missing: bool, learn: bool) -> float:
        """Return the surprise of a slot without a value (0 with one).

        `absent` is the share of the neighbours that gave none either; `weather` the class, 0 to
        4, of what another sensor of the same device says.
        """
        context = (3 * round(3 * absent) + min(2, self.silent.run)) * 5 + weather
        return self.silent.observe(context, repeated=missing, learn=learn)

    def strengths(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return the strength of the evidence for each kind: a score over its threshold.

        A deviation needs two witnesses, the whole day's residual and the forest (if there is one);
        without neighbours some hours are enough. A spike is judged with them where there are any.
        """
        over = {
            channel: score / self.channels.threshold(channel)
            for channel, score in scores.items()
            if not math.isnan(score)
        }
        if "jump" in over:
            over.pop("alone", None)
        self.taken_back = over.get("return", 0.0) >= 1 > over.get("jump", 0.0)
        return {
            "spike": max(over.get("jump", 0.0), over.get("return", 0.0), over.get("alone", 0.0)),
            "stuck": over.get("stuck", 0.0),
            "dropout": over.get("silence", 0.0),
            "drift": max(over.get("days", 0.0), over.get("weeks", 0.0)),
            "deviation": max(
                min(over.get("season", 0.0), over.get("forest", math.inf)), over.get("hours", 0.0)
            ),
        }

    def state(self) -> dict[str, Any]:
        """Return everything that it has learnt, for JSON."""
        runs = (self.stuck, self.silent)
        return {
            "channels": self.channels.state(),
            "runs": [[run.counts, run.level, run.run, run.unsettled] for run in runs],
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
        watch.channels.recall(state["channels"])
        watch.stuck, watch.silent = (Surprise(*run) for run in state["runs"])
        return watch


def joint(*witnesses: float) -> float:
    """Return the weakest size if all witnesses point one way, else 0; NaN if one says nothing."""
    if any(math.isnan(witness) for witness in witnesses):
        return math.nan
    if all(witness > 0 for witness in witnesses) or all(witness < 0 for witness in witnesses):
        return min(abs(witness) for witness in witnesses)
    return 0.0
