"""Latency that means something: an objective, and quantiles that say how sure they are."""

import math
from collections.abc import Sequence

from shared.contracts.todo import Todo


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """Return the quantile that cumulative `buckets` (upper edge, count so far) tell.

    As Prometheus' `histogram_quantile` reckons it: on a straight line inside the bucket; in the
    last, endless one the edge before it. None without any observation. ValueError for a `share`
    outside of 0 to 1, or buckets that don't grow.
    """
    # task 7.5: no average over instances: buckets can be added, quantiles can't
    raise Todo("7.5")
