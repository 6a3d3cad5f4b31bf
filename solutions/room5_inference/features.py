"""What is known of every sensor at one moment: from its own past and its neighbours', never later.

Training and serving call the one function `features`, so nothing is computed twice in two ways.
A *window* is an array (slots, sensors), oldest slot first, the present last, NaN where a sensor
gave nothing. *Neighbours* is an array (sensors, K) of columns, -1 where there are fewer than K.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.contracts.todo import Todo

Values = NDArray[np.float64]
Columns = NDArray[np.int64]

FEATURES: Final = (
    "change",  # since the last value, a slot
    "relative",  # the same, less the neighbours' change: what all of them disagree with
    "change_before",  # the two above, one slot earlier
    "relative_before",
    "around",  # how far the neighbours moved, as a size
    "season",  # away from the usual value at this time of day
    "season_day",  # how far the whole last day was away from the usual one
)
"""The columns of `features`, all in the sensor's own unit."""

MEMORY: Final = 4
"""A change is taken to the last value of these many slots; older ones say nothing about now."""
SEASON_DAYS: Final = 15
"""The usual value at a time of day is the median of that time on the two weeks before."""
DAY_SHARE: Final = 0.15
"""The share of a day that may lie on the other side of what the whole day is said to be."""


def features(window: Values, neighbours: Columns, day: int) -> Values:
    """Return (sensors, len(FEATURES)) for the last slot of `window`; NaN where nothing is known.

    `day` is the number of slots in a day. The window holds whole days, two at least. Gaps are
    never filled: a change over a gap is divided by its length, and beyond MEMORY it is unknown.
    Changing anything after the window's last row can't change the result.
    """
    # task 5.1: own changes, changes against neighbours, and the seasonal residual
    # <solution>
    apart = pairs(window[-MEMORY - 2 :], neighbours)
    change = last_change(window)
    residual = seasonal_residual(window[-SEASON_DAYS * day :], day)
    columns = [
        change,
        agreement(last_change(apart)),
        last_change(window[:-1]),
        agreement(last_change(apart[:-1])),
        movement(change, neighbours),
        residual[-1],
        near_zero(residual),
    ]
    return np.stack(columns, axis=1)
    # </solution>
    #: raise Todo("5.1")


def last_change(series: Values) -> Values:
    """Return the last row less the latest known one of the MEMORY rows before it, a slot.

    `series` is (slots, …); the result has the shape of a row.
    """
    # task 5.1: the change since the last known value, divided by the gap
    # <solution>
    change = np.full(series.shape[1:], np.nan)
    for gap in range(min(MEMORY, len(series) - 1), 0, -1):
        step = (series[-1] - series[-1 - gap]) / gap
        change = np.where(np.isnan(step), change, step)
    return change
    # </solution>
    #: raise Todo("5.1")


def pairs(window: Values, neighbours: Columns) -> Values:
    """Return (slots, sensors, K): each sensor less each of its neighbours, NaN without one."""
    others = np.where(neighbours >= 0, window[:, neighbours], np.nan)
    return np.asarray(window[:, :, None] - others)


def agreement(differences: Values) -> Values:
    """Return (sensors,): what the majority of neighbours say at least, with its sign.

    `differences` is (sensors, K). Differences +5 and +3 give 3; +5 and -1 give 0, since one of
    two neighbours may be the one that is wrong. NaN where no neighbour said anything.
    """
    # task 5.1: the middle one of those on the same side, the weaker one of two
    # <solution>
    known = np.sum(~np.isnan(differences), axis=1)
    if differences.shape[1] == 0:
        return np.full(len(differences), np.nan)
    middle = np.maximum(known - 1, 0)[:, None] // 2
    up = np.take_along_axis(np.sort(differences, axis=1), middle, axis=1)[:, 0]
    down = np.take_along_axis(np.sort(-differences, axis=1), middle, axis=1)[:, 0]
    return np.where(known == 0, np.nan, np.maximum(up, 0) - np.maximum(down, 0))
    # </solution>
    #: raise Todo("5.1")


def movement(change: Values, neighbours: Columns) -> Values:
    """Return (sensors,): the middle size of the neighbours' changes, NaN without any."""
    others = np.where(neighbours >= 0, np.abs(change)[neighbours], np.nan)
    return middle_of(others.T)


def seasonal_residual(window: Values, day: int) -> Values:
    """Return (day, sensors): the last day less the earlier days' typical value, slot by slot."""
    # task 5.1: each slot against the same time of the days before it
    # <solution>
    days = window[len(window) % day :].reshape(-1, day, window.shape[1])
    return np.asarray(days[-1] - typical_of(days[:-1]))
    # </solution>
    #: raise Todo("5.1")


def near_zero(values: Values, share: float = DAY_SHARE) -> Values:
    """Return how far all but `share` of the rows lie on one side of zero, with the sign; else 0.

    NaN where fewer than half of the rows are known.
    """
    # task 5.1: the low quantile if it is above zero, the high one if it is below
    # <solution>
    ordered = np.sort(values, axis=0)
    known = np.sum(~np.isnan(values), axis=0)
    outer = np.maximum((share * (known - 1)).astype(np.int64), 0)
    low = np.take_along_axis(ordered, outer[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.maximum(known - 1 - outer, 0)[None], axis=0)[0]
    away = np.maximum(low, 0) + np.minimum(high, 0)
    return np.where(2 * known < len(values), np.nan, away)
    # </solution>
    #: raise Todo("5.1")


def typical_of(days: Values) -> Values:
    """Return the mean over the first axis of what is known, less the largest and the smallest.

    Smoother from hour to hour than the median, and one spike in two weeks still doesn't show. The
    extremes are kept where fewer than four values are known; NaN where none is.
    """
    ordered = np.sort(days, axis=0)
    known = np.sum(~np.isnan(days), axis=0)
    total = np.nansum(ordered, axis=0)
    trimmed = known >= 4  # noqa: PLR2004 - as the docstring says
    if not len(days):
        return np.full(days.shape[1:], np.nan)
    last = np.take_along_axis(ordered, np.maximum(known - 1, 0)[None], axis=0)[0]
    total = np.where(trimmed, total - np.nan_to_num(ordered[0]) - np.nan_to_num(last), total)
    count = np.where(trimmed, known - 2, known)
    return np.asarray(np.where(known > 0, total / np.maximum(count, 1), np.nan))


def middle_of(values: Values) -> Values:
    """Return the median over the first axis of what is known; NaN where nothing is.

    As numpy's nanmedian, without its warnings and ten times faster on small arrays.
    """
    if len(values) == 0:
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(values, axis=0)
    known = np.sum(~np.isnan(values), axis=0)
    low = np.take_along_axis(ordered, np.maximum(known - 1, 0)[None] // 2, axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(known // 2, len(values) - 1)[None], axis=0)[0]
    return np.asarray((low + high) / 2)
