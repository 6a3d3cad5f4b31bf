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
    # <solution>
    before, now = expected[~np.isnan(expected)], actual[~np.isnan(actual)]
    if not (len(before) and len(now)):
        raise ValueError(f"expected values on both sides, got {len(before)} and {len(now)}")
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for values in (before, now):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        shares.append(np.maximum(counts, 0.5) / len(values))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))
    # </solution>
    #: raise Todo("5.6")


def block_means(values: Values, block: int) -> Values:
    """Return the means of whole blocks of `block` values, NaN left out, blocks without any too.

    A reading is nearly its predecessor, so a thousand of them are no thousand witnesses; means
    of blocks longer than the memory of the series nearly are independent.
    """
    # task 5.6: cut, average what is known, drop what isn't
    # <solution>
    whole = values[: len(values) // block * block].reshape(-1, block)
    known = np.sum(~np.isnan(whole), axis=1)
    means = np.nansum(whole, axis=1) / np.maximum(known, 1)
    return np.asarray(means[known > 0])
    # </solution>
    #: raise Todo("5.6")


def ks_blocks(expected: Values, actual: Values, block: int) -> float:
    """Return the p-value of the two-sample Kolmogorov-Smirnov test on means of blocks.

    1.0 while one side has fewer than LEAST_BLOCKS blocks: too little is known to say anything.
    """
    # task 5.6: the test, on what it assumes
    # <solution>
    from scipy.stats import ks_2samp

    before, now = block_means(expected, block), block_means(actual, block)
    if min(len(before), len(now)) < LEAST_BLOCKS:
        return 1.0
    return float(ks_2samp(before, now).pvalue)
    # </solution>
    #: raise Todo("5.6")


def drift_report(
    expected: Mapping[str, Values], actual: Mapping[str, Values], block: int
) -> DriftReport:
    """Return what moved between two stretches of the same quantities, by name.

    Give residuals of a forecast, or the same season of two years: raw temperatures of spring and
    summer differ, and that is no news. Moved is what both the index and the test say: one
    measures how far, the other how surely. With k quantities the test's level is P_MOVED / k.
    """
    # task 5.6: both measures of each quantity, Bonferroni's level
    # <solution>
    findings = []
    for name in expected:
        psi = population_stability_index(expected[name], actual[name])
        p_value = ks_blocks(expected[name], actual[name], block)
        moved = psi >= PSI_MOVED and p_value < P_MOVED / len(expected)
        findings.append(DriftFinding(name, psi, p_value, moved))
    return DriftReport(tuple(findings))
    # </solution>
    #: raise Todo("5.6")
