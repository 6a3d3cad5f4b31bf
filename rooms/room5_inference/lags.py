"""What a forecast is made from: how far the present is from the usual, and where it comes from."""

from typing import Final

import numpy as np

from shared.contracts.todo import Todo

from .features import SEASON_DAYS, Columns, Values, middle_of, seasonal_residual, typical_of

LAGS: Final = (0, 1, 2, 3, 5, 8, 11, 17, 23)
"""Slots back at which the residual is looked at."""
BRIDGED: Final = 6
"""A residual may be as old as so many slots; beyond that nothing is known: 0, the usual."""


def lags(window: Values, neighbours: Columns, day: int) -> Values:
    """Return (sensors, len(LAGS) + 4): residuals from the usual day, recent means, neighbours.

    Strictly causal; nothing is interpolated: a gap keeps its last known residual for a while.
    """
    # task 5.1: the residual at each lag, its means, and the neighbours' residual and tendency
    raise Todo("5.1")


def usual(window: Values, day: int, horizons: int) -> Values:
    """Return (horizons, sensors): the usual value at each of the next slots, by time of day."""
    recent = window[-SEASON_DAYS * day :]
    days = recent[len(recent) % day :].reshape(-1, day, window.shape[1])
    typical = typical_of(days)
    return np.asarray(typical[np.arange(horizons) % day])


def carried(residual: Values) -> Values:
    """Return the residual with each gap holding what was last known, BRIDGED slots at most."""
    filled = residual.copy()
    for back in range(1, BRIDGED + 1):
        earlier = np.vstack([np.full((back, residual.shape[1]), np.nan), residual[:-back]])
        filled = np.where(np.isnan(filled), earlier, filled)
    return np.nan_to_num(filled)


def around_of(row: Values, neighbours: Columns) -> Values:
    """Return (sensors,): the mean of the neighbours' values in `row`, 0 without any."""
    there = neighbours >= 0
    total = np.where(there, row[neighbours], 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(there.sum(axis=1), 1))
