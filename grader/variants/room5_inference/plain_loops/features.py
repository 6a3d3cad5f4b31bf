"""What is known of every sensor at one moment: from its own past and its neighbours', never later.

Training and serving call the one function `features`, so nothing is computed twice in two ways.
A *window* is an array (slots, sensors), oldest slot first, the present last, NaN where a sensor
gave nothing. *Neighbours* is an array (sensors, K) of columns, -1 where there are fewer than K.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    near = pairs(window[-MEMORY - 2 :], neighbours)
    usual_day = seasonal_residual(window[-SEASON_DAYS * day :], day)
    row = {"change": last_change(window), "change_before": last_change(window[:-1])}
    row["relative"] = agreement(last_change(near))
    row["relative_before"] = agreement(last_change(near[:-1]))
    row["around"] = movement(row["change"], neighbours)
    row["season"], row["season_day"] = usual_day[-1], near_zero(usual_day)
    return np.array([row[name] for name in FEATURES]).T


def last_change(series: Values) -> Values:
    """Return the last row less the latest known one of the MEMORY rows before it, a slot.

    `series` is (slots, …); the result has the shape of a row.
    """
    shape = series.shape[1:]
    change = np.full(shape, np.nan)
    for place in np.ndindex(shape):
        now = series[(-1, *place)]
        for gap in range(1, min(MEMORY, len(series) - 1) + 1):
            before = series[(-1 - gap, *place)]
            if not np.isnan(before):
                change[place] = (now - before) / gap
                break
    return change


def pairs(window: Values, neighbours: Columns) -> Values:
    """Return (slots, sensors, K): each sensor less each of its neighbours, NaN without one."""
    others = np.where(neighbours >= 0, window[:, neighbours], np.nan)
    return np.asarray(window[:, :, None] - others)


def agreement(differences: Values) -> Values:
    """Return (sensors,): what the majority of neighbours say at least, with its sign.

    `differences` is (sensors, K). Differences +5 and +3 give 3; +5 and -1 give 0, since one of
    two neighbours may be the one that is wrong. NaN where no neighbour said anything.
    """
    said = np.full(len(differences), np.nan)
    for sensor, row in enumerate(differences.tolist()):
        known = [one for one in row if one == one]  # noqa: PLR0124 - NaN is unlike itself
        if known:
            up = sorted((max(one, 0.0) for one in known), reverse=True)
            down = sorted((max(-one, 0.0) for one in known), reverse=True)
            said[sensor] = up[len(known) // 2] - down[len(known) // 2]
    return said


def movement(change: Values, neighbours: Columns) -> Values:
    """Return (sensors,): the middle size of the neighbours' changes, NaN without any."""
    others = np.where(neighbours >= 0, np.abs(change)[neighbours], np.nan)
    return middle_of(others.T)


def seasonal_residual(window: Values, day: int) -> Values:
    """Return (day, sensors): the last day less the earlier days' typical value, slot by slot."""
    residual = np.empty((day, window.shape[1]))
    for slot in range(1, day + 1):
        same_time = window[-slot::-day]
        residual[-slot] = same_time[0] - typical_of(same_time[1 : len(window) // day])
    return residual


def near_zero(values: Values, share: float = DAY_SHARE) -> Values:
    """Return how far all but `share` of the rows lie on one side of zero, with the sign; else 0.

    NaN where fewer than half of the rows are known.
    """
    away = []
    for hours in values.T:
        known = sorted(hours[~np.isnan(hours)])
        spared = int(share * (len(known) - 1))
        if 2 * len(known) < len(hours):
            away.append(np.nan)
        elif known[spared] > 0:
            away.append(known[spared])
        else:
            away.append(min(known[-1 - spared], 0.0))
    return np.array(away)


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
