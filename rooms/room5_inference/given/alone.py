"""What a sensor without neighbours can be told by: hours on end unlike the same hours before."""

from typing import Final

import numpy as np

from ..features import SEASON_DAYS, Columns, Values, near_zero, seasonal_residual

HOURS: Final = 6
"""How long it must be unlike itself. Weather does that too, but weather has neighbours."""


def hours_away(window: Values, neighbours: Columns, day: int) -> Values:
    """Return (sensors,): how far the last hours were from the usual ones; NaN with a neighbour.

    Nearest to zero counts, as for a whole day, so that no single reading says it.
    """
    away = np.full(window.shape[1], np.nan)
    lone = np.flatnonzero((neighbours < 0).all(axis=1))
    if len(lone):
        residual = seasonal_residual(window[-SEASON_DAYS * day :, lone], day)
        away[lone] = near_zero(residual[-max(1, day * HOURS // 24) :])
    return away
