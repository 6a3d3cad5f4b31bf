"""How surprising a repetition has become: a value that doesn't move, or one that doesn't come."""

import math
from collections.abc import Sequence

PRIOR = (4.0, 0.5)
"""Before anything was seen: how often it went on as it should, and how often it didn't."""


class Surprise:
    """The improbability of the present run, in nats, given how runs went before.

    A *context* is a small number that tells how likely a repetition is just now: how much the
    neighbours move, how long the run is. What is usual in its context adds little.
    """

    def __init__(
        self,
        counts: Sequence[Sequence[float]],
        level: float = 0.0,
        run: int = 0,
        unsettled: Sequence[int] = (),
    ) -> None:
        self.counts = [list(pair) for pair in counts]
        self.level = level
        self.run = run
        self.unsettled = list(unsettled)
        """The contexts of the present run: learnt when it ends well, or not at all."""

    @classmethod
    def new(cls, contexts: int) -> "Surprise":
        """Return one that has seen nothing in any of its `contexts`."""
        return cls([list(PRIOR) for _ in range(contexts)])

    def observe(self, context: int, *, repeated: bool, learn: bool = True) -> float:
        """Take the next slot and return the surprise: 0 as soon as the run is broken.

        With `learn` at the end of a run, the run becomes part of what is usual. A run that was an
        incident must not: an anomaly learnt as normal is never seen again.
        """
        if not repeated:
            ended = self.unsettled if learn else []
            self.counts[context][0] += learn
            for earlier in ended:
                self.counts[earlier][1] += 1
            self.run, self.unsettled, self.level = 0, [], 0.0
            return 0.0
        self.unsettled = [*self.unsettled, context]
        self.run = len(self.unsettled)
        # Counts stand still during a run, so its surprise can be summed anew.
        self.level = -sum(
            math.log(self.counts[at][1] / sum(self.counts[at])) for at in self.unsettled
        )
        return self.level
