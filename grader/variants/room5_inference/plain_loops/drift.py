"""Has the world changed under the model? Asked so that weather alone isn't an answer."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

import numpy as np

from shared.contracts.benches.model import DriftFinding, DriftReport

from .features import Values

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
    before, now = (sorted(v for v in one.tolist() if v == v) for one in (expected, actual))  # noqa: PLR0124 - NaN is unlike itself
    if not before or not now:
        raise ValueError("there is nothing to compare")
    edges = sorted(set(np.percentile(before, range(10, 100, 10)).tolist()))
    total = 0.0
    for place in range(len(edges) + 1):
        share = []
        for values in (before, now):
            low = bisect_left(values, edges[place - 1]) if place else 0
            high = bisect_left(values, edges[place]) if place < len(edges) else len(values)
            share.append(max(high - low, 0.5) / len(values))
        total += (share[1] - share[0]) * math.log(share[1] / share[0])
    return total


def block_means(values: Values, block: int) -> Values:
    """Return the means of whole blocks of `block` values, NaN left out, blocks without any too.

    A reading is nearly its predecessor, so a thousand of them are no thousand witnesses; means
    of blocks longer than the memory of the series nearly are independent.
    """
    means = []
    for start in range(0, len(values) - block + 1, block):
        known = [v for v in values[start : start + block].tolist() if not math.isnan(v)]
        if known:
            means.append(math.fsum(known) / len(known))
    return np.array(means)


def ks_blocks(expected: Values, actual: Values, block: int) -> float:
    """Return the p-value of the two-sample Kolmogorov-Smirnov test on means of blocks.

    1.0 while one side has fewer than LEAST_BLOCKS blocks: too little is known to say anything.
    """
    from scipy.stats import ks_2samp

    sides = [block_means(values, block) for values in (expected, actual)]
    if any(len(side) < LEAST_BLOCKS for side in sides):
        return 1.0
    return float(ks_2samp(*sides, method="asymp").pvalue)


def drift_report(
    expected: Mapping[str, Values], actual: Mapping[str, Values], block: int
) -> DriftReport:
    """Return what moved between two stretches of the same quantities, by name.

    Give residuals of a forecast, or the same season of two years: raw temperatures of spring and
    summer differ, and that is no news. Moved is what both the index and the test say: one
    measures how far, the other how surely. With k quantities the test's level is P_MOVED / k.
    """
    findings = []
    for name in expected:
        psi = population_stability_index(expected[name], actual[name])
        p_value = ks_blocks(expected[name], actual[name], block)
        moved = psi >= PSI_MOVED and p_value < P_MOVED / len(expected)
        findings.append(DriftFinding(name, psi, p_value, moved))
    return DriftReport(tuple(findings))
