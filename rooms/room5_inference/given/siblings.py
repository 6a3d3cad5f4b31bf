"""Which other sensor of a device tells most about one's silences and repetitions."""

from typing import Any, Final

import numpy as np

from ..features import Values
from .recordings import Panel

CLASSES: Final = (0.25, 0.5, 0.75)
"""A sibling's values are told apart by these quantiles of its training."""


def best_sibling(panel: Panel, column: int) -> int | None:
    """Return the column of the same device that tells most about this one's silences and rests."""
    device = panel.names[column][0]
    repeats = _repeats(panel.values[:, column])
    missing = np.isnan(panel.values[:, column])
    best, most = None, 0.0
    for other, names in enumerate(panel.names):
        if other == column or names[0] != device or names[2] == panel.names[column][2]:
            continue
        there = panel.values[:, other]
        edges = np.quantile(there[~np.isnan(there)], CLASSES)
        told = information(
            missing, np.where(np.isnan(there), -1, np.searchsorted(edges, there, side="right"))
        )
        told += information(repeats, _repeats(there).astype(np.int64))
        if told > max(most, 0.01):
            best, most = other, told
    return best


def _repeats(values: Values) -> Any:  # noqa: ANN401 - these libraries bring no types
    return np.concatenate([[False], np.diff(values) == 0])


def information(happened: Any, classes: Any) -> float:  # noqa: ANN401 - these libraries bring no types
    """Return the mutual information of an event and a class, in nats a slot."""
    total, told = len(happened), 0.0
    for one in np.unique(classes):
        for other in (False, True):
            both = np.mean((classes == one) & (happened == other))
            alone = np.mean(classes == one) * np.mean(happened == other)
            told += float(both * np.log(both / alone)) if both > 0 else 0.0
    return told if total else 0.0
