"""Who can bear witness for whom: sensors of one type whose values move together."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.contracts.todo import Todo

from .features import Columns, Values, agreement

Bools = NDArray[np.bool_]

MOST: Final = 4
LEAST_CORRELATION: Final = 0.3
LEAST_COMMON: Final = 48
CANDIDATES: Final = 64
"""In a larger grid a sensor looks for neighbours among the first so many only."""
BANDS: Final = (("days", 7), ("weeks", 14))
"""(channel, days): over how many days the band of differences is looked at."""
BAND_SHARE: Final = 0.3
"""A band leaves out this share of the slots at either end: the afternoons of sea breezes."""


def choose_neighbours(window: Values, kinds: Sequence[str]) -> Columns:
    """Return (sensors, MOST): the columns whose changes go most with each sensor's, -1 where none.

    Only sensors of the same kind are asked; `kinds` has one a column.
    Correlation of changes, not of values: two stations share a season without being neighbours.
    """
    changes = np.diff(window, axis=0)
    chosen = np.full((len(kinds), MOST), -1, dtype=np.int64)
    for column, kind in enumerate(kinds):
        others = [other for other, its in enumerate(kinds) if its == kind and other != column]
        others = others[:CANDIDATES]
        together = correlation(changes[:, column], changes[:, others])
        best = np.argsort(-together, kind="stable")[:MOST]
        good = [others[place] for place in best if together[place] >= LEAST_CORRELATION]
        chosen[column, : len(good)] = good
    return chosen


def correlation(one: Values, many: Values) -> Values:
    """Return the correlation of `one` (slots,) with each column of `many`, over common slots."""
    common = ~np.isnan(one[:, None] + many)
    number = np.maximum(common.sum(axis=0), 1)
    left = np.where(common, one[:, None], 0.0)
    right = np.where(common, many, 0.0)
    left = np.where(common, left - left.sum(axis=0) / number, 0.0)
    right = np.where(common, right - right.sum(axis=0) / number, 0.0)
    scale = np.sqrt((left**2).sum(axis=0) * (right**2).sum(axis=0))
    together = np.where(
        scale > 0, (left * right).sum(axis=0) / np.where(scale > 0, scale, 1.0), 0.0
    )
    return np.where(common.sum(axis=0) >= LEAST_COMMON, together, 0.0)


def band(apart: Values, share: float) -> tuple[Values, Values]:
    """Return what all but a `share` of the slots lie above, and below: (sensors, K) each.

    `apart` is (slots, sensors, K). NaN where fewer than half of the slots are known.
    """
    ordered = np.sort(apart, axis=0)
    known = np.sum(~np.isnan(apart), axis=0)
    outer = (share * np.maximum(known - 1, 0)).astype(np.int64)
    low = np.take_along_axis(ordered, outer[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.maximum(known - 1 - outer, 0)[None], axis=0)[0]
    enough = 2 * known >= len(apart)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def moved(now: tuple[Values, Values], usual: tuple[Values, Values], voting: Bools) -> Values:
    """Return (sensors,): by how much the whole band of differences has left its usual place.

    Sea breezes widen the band to one side for days; a drift moves the whole of it. So what counts
    is the side that moved least, against most of the neighbours; its sign is the drift's.
    `voting` (sensors, K) is False where there is no neighbour. One of whom too little is known
    votes against: with one witness left nobody could say which of the two has drifted.
    """
    # task 5.3: how far the low end rose above the usual low, or the high end fell below
    # <solution>
    rose = np.maximum(now[0] - usual[0], 0)
    fell = np.minimum(now[1] - usual[1], 0)
    return agreement(np.where(voting, np.nan_to_num(rose + fell), np.nan))
    # </solution>
    #: raise Todo("5.3")
