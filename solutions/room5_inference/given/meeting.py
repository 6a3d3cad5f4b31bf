"""The first readings of a sensor that nobody knows: how often it speaks, and when."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from .samples import Sample

INTRODUCTION: Final = 8
"""Readings after which a sensor's rhythm is taken as known."""
ROUND_S: Final = (
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    300,
    600,
    900,
    1_200,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
)
"""Rhythms that people choose; one within 3 % of these is taken to be it."""


@dataclass
class Newcomer:
    """A sensor's first samples, kept until its rhythm can be told."""

    samples: list[Sample] = field(default_factory=list)

    def take(self, sample: Sample) -> bool:
        """Keep a sample; return whether the rhythm can be told now."""
        self.samples.append(sample)
        return len({one.timestamp_ms for one in self.samples}) >= INTRODUCTION


def rhythm(times_ms: Sequence[int]) -> tuple[int, int]:
    """Return (step, phase) in milliseconds of readings at `times_ms`, two different ones at least.

    The step is the median interval; the phase, in [0, step), is when in a step the readings come
    (a circular median, so that a phase around the edge isn't torn apart).
    """
    ordered = sorted(set(times_ms))
    middle = statistics.median_low(later - earlier for earlier, later in pairwise(ordered))
    step = next((1_000 * s for s in ROUND_S if abs(middle - 1_000 * s) <= 30 * s), middle)
    first = ordered[0] % step
    half = step // 2
    away = statistics.median_low((time - first + half) % step - half for time in ordered)
    return step, (first + away) % step
