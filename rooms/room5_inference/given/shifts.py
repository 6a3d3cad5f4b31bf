"""What only one sensor of a device did: weather moves several of them, a fault moves one."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..features import Columns, Values, pairs
from ..neighbourhood import BANDS, Bools, band, moved

SHARED: Final = 1.5
"""How much more a sensor must have shifted than the others of its device."""


def shifts(
    window: Values,
    doubtful: Bools,
    neighbours: tuple[Columns, Columns],
    fixed: tuple[Values, Values],
    day: int,
) -> dict[str, Values]:
    """Return (sensors,) for each channel of BANDS: how far the band of differences has moved.

    `neighbours` are all and those trusted just now; `fixed` is the band of training. The short
    channel compares some days with the weeks before them, the long one some weeks with training.
    Values from an open incident (`doubtful`) bear no witness, neither then nor later.
    """
    (short, days, share), (long, weeks, outer) = BANDS
    everybody, trusted = neighbours
    voting = everybody >= 0
    sound = np.where(doubtful, np.nan, window)
    apart = window[:, :, None] - np.where(trusted >= 0, sound[:, trusted], np.nan)
    before = pairs(sound[: -days * day], everybody)
    return {
        short: moved(band(apart[-days * day :], share), band(before, share), voting),
        long: moved(band(apart[-weeks * day :], outer), fixed, voting),
    }


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
