"""What only one sensor of a device did: weather moves several of them, a fault moves one."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..features import Columns, Values, agreement, pairs
from ..neighbourhood import BAND_SHARE, BANDS, Bools, band, moved

SHARED: Final = 1.0
"""How many times what the others of its device have shifted doesn't count as its own."""
BEFORE_DAYS: Final = 10
"""The weeks to compare with end so many days ago: a slow drift isn't compared with itself."""


def shifts(
    window: Values,
    doubtful: Bools,
    neighbours: tuple[Columns, Columns],
    fixed: tuple[Values, Values],
    day: int,
) -> dict[str, Values]:
    """Return (sensors,) for each channel of BANDS: how far the band of differences has moved.

    `neighbours` are all and those trusted just now; `fixed` is the band of training. Two
    references must agree. Seasons part two stations over months, so the training alone isn't
    enough; the weeks before may have had a drift in them that nobody found, so that its end would
    look like a new one. Values from an open incident (`doubtful`) bear no witness, neither then
    nor later.
    """
    everybody, trusted = neighbours
    voting = everybody >= 0
    sound = np.where(doubtful, np.nan, window)
    apart = window[:, :, None] - np.where(trusted >= 0, sound[:, trusted], np.nan)
    before = band(pairs(sound[: -BEFORE_DAYS * day], everybody), BAND_SHARE)
    found = {}
    for channel, days in BANDS:
        now = band(apart[-days * day :], BAND_SHARE)
        both = [moved(now, before, voting), moved(now, fixed, voting)]
        found[channel] = agreement(np.stack(both, axis=1))
    return found


def own_share(shift: Values, units: Values, names: Sequence[tuple[str, str, str]]) -> Values:
    """Return the shifts in ordinary changes, less what the device's other sensors shifted too.

    `shift` and `units` are (sensors,), `names` (device, sensor, type). NaN stays NaN.
    """
    sizes = np.abs(shift) / units
    devices: dict[str, list[int]] = {}
    for column, (device, _sensor, _kind) in enumerate(names):
        devices.setdefault(device, []).append(column)
    own = sizes.copy()
    for columns in devices.values():
        for column in columns:
            beside = [
                float(sizes[other])
                for other in columns
                if names[other][2] != names[column][2] and not np.isnan(sizes[other])
            ]
            own[column] = np.maximum(0.0, sizes[column] - SHARED * max(beside, default=0.0))
    return own
