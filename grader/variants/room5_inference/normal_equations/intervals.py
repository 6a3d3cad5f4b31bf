"""Intervals that cover what they say, whatever the distribution: conformal, and adaptive."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL: Final = 0.9
RATE: Final = 0.05
"""By which share of its first radius an interval grows at a miss, less what it shrinks at a hit."""


def conformal_radius(
    residuals: Sequence[float] | NDArray[np.float64], level: float = LEVEL
) -> float:
    """Return the half-width that covers a new residual with probability `level` at least.

    Split conformal prediction: the ceil((n + 1) level)-th smallest absolute residual of n that
    the model wasn't fitted on (Vovk et al. 2005; Lei et al. 2018). Infinity if n is too small for
    that level; it holds for exchangeable residuals, so seasons need `AdaptiveRadius` on top.
    """
    sizes = sorted(abs(float(residual)) for residual in residuals)
    wanted = math.ceil((len(sizes) + 1) * level)
    return [*sizes, math.inf][min(wanted, len(sizes) + 1) - 1]


def adapted(
    radius: NDArray[np.float64],
    first: NDArray[np.float64],
    missed: NDArray[np.float64],
    level: float = LEVEL,
) -> NDArray[np.float64]:
    """Return the radii after one more truth each: `missed` is 1 where it lay outside, 0 inside.

    A missed truth widens by RATE * level of the first radius, a covered one narrows by RATE *
    (1 - level): in the long run the share of misses is 1 - level whatever the weather does
    (quantile tracking; Gibbs and Candès 2021, Angelopoulos et al. 2023). NaN leaves it as it is.
    """
    wider = np.where(missed == 1, radius + RATE * level * first, radius)
    narrower = np.where(missed == 0, wider - RATE * (1 - level) * first, wider)
    return np.clip(narrower, 0.05 * first, None)
