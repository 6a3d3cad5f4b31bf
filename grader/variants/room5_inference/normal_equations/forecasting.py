"""A forecast for each of the next 24 slots, all at once, as a correction of the usual day."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .features import SEASON_DAYS, Columns, Values
from .intervals import conformal_radius
from .lags import lags, usual

HORIZONS: Final = 24
PENALTY: Final = 10.0
EVERY: Final = 3
"""Every third origin is learnt from: those between say nearly the same."""
CALIBRATION_SHARE: Final = 0.25
"""The last share of the training period, on which the intervals are calibrated."""


@dataclass(frozen=True)
class Forecaster:
    """One linear correction a horizon, and the radius of its 90 % interval.

    `weights` is (features, HORIZONS), `bias` and `radius` (HORIZONS,), in the type's unit.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    radius: NDArray[np.float64]

    def correction(self, present: Values) -> Values:
        """Return (HORIZONS, sensors): by how much each slot ahead will differ from the usual day.

        `present` is (sensors, F), what `lags` returns.
        """
        return (present @ self.weights + self.bias).T

    def predict(self, window: Values, neighbours: Columns, day: int) -> Values:
        """Return (HORIZONS, sensors): the value expected 1 … HORIZONS slots after the window."""
        return usual(window, day, HORIZONS) + self.correction(lags(window, neighbours, day))


@dataclass(frozen=True)
class Examples:
    """What a forecaster learns from: one row an origin and sensor, in the order of time.

    `features` is (rows, F); `targets` (rows, HORIZONS) is the truth less the usual value, NaN
    where there is none; `origins` (rows,) is the slot of each.
    """

    features: NDArray[np.float64]
    targets: NDArray[np.float64]
    origins: NDArray[np.int64]

    def part(self, first: int, last: int) -> "Examples":
        """Return the examples with origins in [first, last) and the truths before `last`."""
        kept = (self.origins >= first) & (self.origins < last)
        horizons = np.arange(1, HORIZONS + 1)
        known = self.origins[kept][:, None] + horizons < last
        return Examples(
            self.features[kept], np.where(known, self.targets[kept], np.nan), self.origins[kept]
        )


def examples(panel: Values, neighbours: Columns, day: int) -> Examples:
    """Return the examples of a whole `panel` (slots, sensors), by the functions that serve, too."""
    rows, truths, origins = [], [], []
    padded = np.vstack([panel, np.full((HORIZONS, panel.shape[1]), np.nan)])
    for now in range(2 * day, len(panel), EVERY):
        window = panel[max(0, now + 1 - SEASON_DAYS * day) : now + 1]
        rows.append(lags(window, neighbours, day))
        ahead = padded[now + 1 : now + 1 + HORIZONS] - usual(window, day, HORIZONS)
        truths.append(np.where(np.isnan(panel[now]), np.nan, ahead).T)
        origins.append(np.full(panel.shape[1], now))
    return Examples(np.vstack(rows), np.vstack(truths), np.concatenate(origins))


def fitted(known: Examples, first: int, last: int) -> Forecaster:
    """Return a forecaster that has learnt from the slots [first, last) and from nothing later.

    The radius is calibrated on the last quarter by a model that hasn't seen it (split conformal);
    the weights are then fitted to everything.
    """
    cut = last - round(CALIBRATION_SHARE * (last - first))
    learnt = ridge(known.part(first, cut))
    held = known.part(cut, last)
    said = held.features @ learnt[0] + learnt[1]
    radius = np.empty(HORIZONS)
    for ahead in range(HORIZONS):
        error = held.targets[:, ahead] - said[:, ahead]
        radius[ahead] = conformal_radius(error[np.isfinite(error)])
    return Forecaster(*ridge(known.part(first, last)), radius)


def ridge(known: Examples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (F, HORIZONS) and bias (HORIZONS,), one ridge regression a horizon."""
    weights, bias = [], []
    for truth in known.targets.T:
        there = ~np.isnan(truth)
        x, y = known.features[there], truth[there]
        middle = x.mean(axis=0)
        square = (x - middle).T @ (x - middle) + PENALTY * np.eye(x.shape[1])
        weights.append(np.linalg.solve(square, (x - middle).T @ (y - y.mean())))
        bias.append(y.mean() - middle @ weights[-1])
    return np.stack(weights, axis=1), np.array(bias)
