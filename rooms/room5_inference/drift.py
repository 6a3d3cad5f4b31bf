"""Has the world changed under the model? Asked so that weather alone isn't an answer."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from shared.contracts.benches.model import DriftFinding, DriftReport
from shared.contracts.todo import Todo

from .features import Values

BINS: Final = 10
PSI_MOVED: Final = 0.25
"""The usual reading of the index: under 0.1 nothing, from 0.25 on another population."""
P_MOVED: Final = 0.01
LEAST_BLOCKS: Final = 12


def population_stability_index(expected: Values, actual: Values) -> float:
    """Return the PSI of `actual` against `expected`: the sum of (a - e) ln(a / e) over BINS bins.

    Bins are the deciles of `expected`; values beyond its range fall into the outer ones; NaN is
    left out. An empty bin counts as half a value, so the index stays finite. ValueError if either
    has no value.
    """
    # task 5.6: shares in the deciles of the expected values, smoothed, then the sum
    raise Todo("5.6")


def block_means(values: Values, block: int) -> Values:
    """Return the means of whole blocks of `block` values, NaN left out, blocks without any too.

    A reading is nearly its predecessor, so a thousand of them are no thousand witnesses; means
    of blocks longer than the memory of the series nearly are independent.
    """
    # task 5.6: cut, average what is known, drop what isn't
    raise Todo("5.6")


def ks_blocks(expected: Values, actual: Values, block: int) -> float:
    """Return the p-value of the two-sample Kolmogorov-Smirnov test on means of blocks.

    1.0 while one side has fewer than LEAST_BLOCKS blocks: too little is known to say anything.
    """
    # task 5.6: the test, on what it assumes
    raise Todo("5.6")


def drift_report(
    expected: Mapping[str, Values], actual: Mapping[str, Values], block: int
) -> DriftReport:
    """Return what moved between two stretches of the same quantities, by name.

    Give residuals of a forecast, or the same season of two years: raw temperatures of spring and
    summer differ, and that is no news. Moved is what both the index and the test say: one
    measures how far, the other how surely. With k quantities the test's level is P_MOVED / k.
    """
    # task 5.6: both measures of each quantity, Bonferroni's level
    raise Todo("5.6")
