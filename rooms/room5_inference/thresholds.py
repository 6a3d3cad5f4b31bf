"""How large a score must be to be an alert: from a budget of false alarms, never from labels."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.contracts.todo import Todo

RESOLUTION: Final = 16
"""Scores are counted in bins a sixteenth of a doubling wide (4.4 %)."""
TAIL_SHARE: Final = 0.02
"""The upper share of the scores to which a tail is fitted."""
TAIL_LEAST: Final = 12
"""and the least number of scores that can show a tail."""
WINSOR_SHARE: Final = 0.1
"""The share of the tail whose size doesn't count: an anomaly in training mustn't move it."""


class Tail:
    """How often which size of a score was seen, and the size that will be seen too rarely.

    It keeps counts, not scores: its size doesn't grow, two can be added, and JSON holds it exactly.
    """

    def __init__(self, counts: Mapping[int, int] | None = None, total: int = 0) -> None:
        self.counts = dict(counts or {})
        self.total = total

    def add(self, score: float) -> None:
        """Count a score; zero and less only in the total."""
        self.total += 1
        if score > 0:
            bin_number = round(math.log2(score) * RESOLUTION)
            self.counts[bin_number] = self.counts.get(bin_number, 0) + 1

    def threshold(self, chance: float) -> float:
        """Return the score that a slot exceeds with that `chance`; infinity until it can be told.

        Above a high quantile most distributions fall off exponentially (Pickands 1975, with
        shape 0), so the threshold may lie beyond the largest score seen.
        """
        # task 5.3: fit the tail above the quantile, robustly, and extrapolate
        raise Todo("5.3")

    def _upper(self) -> list[tuple[float, int]]:
        """Return (score, count) of the tail's bins, largest first."""
        wanted = max(self.total * TAIL_SHARE, 2 * TAIL_LEAST)
        wanted = min(wanted, sum(self.counts.values()) / 2)
        upper: list[tuple[float, int]] = []
        seen = 0
        for bin_number in sorted(self.counts, reverse=True):
            upper.append((2.0 ** (bin_number / RESOLUTION), self.counts[bin_number]))
            seen += self.counts[bin_number]
            if seen >= wanted:
                break
        return upper

    def middle(self) -> float:
        """Return the median of the scores above zero, 0 if there is none."""
        half = sum(self.counts.values()) / 2
        for size, above in _running(sorted(self._sizes())):
            if above >= half:
                return size
        return 0.0

    def largest(self) -> float:
        """Return the largest score seen (its bin's), 0 if there is none."""
        return 2.0 ** (max(self.counts) / RESOLUTION) if self.counts else 0.0

    def state(self) -> list[Any]:
        """Return everything that it has counted, for JSON."""
        return [sorted(self.counts.items()), self.total]

    @classmethod
    def of_state(cls, state: Sequence[Any]) -> "Tail":
        """Return the tail whose `state` that is."""
        return cls({int(number): count for number, count in state[0]}, state[1])

    def _sizes(self) -> list[tuple[float, int]]:
        return [(2.0 ** (number / RESOLUTION), count) for number, count in self.counts.items()]


def _running(sizes: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return each size with the count of it and all before it."""
    total = 0
    running = []
    for size, count in sizes:
        total += count
        running.append((size, total))
    return running
