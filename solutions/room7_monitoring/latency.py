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
    # <solution>
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"expected a share from 0 to 1, got {share}")
    ordered = sorted(buckets)
    counts = [count for _edge, count in ordered]
    if counts != sorted(counts):
        raise ValueError("expected counts that grow with the edges")
    if not ordered or not counts[-1]:
        return None
    rank = share * counts[-1]
    place = next(index for index, count in enumerate(counts) if count >= rank)
    edge = ordered[place][0]
    if math.isinf(edge):
        return ordered[place - 1][0] if place else None
    below = ordered[place - 1] if place else (min(0.0, edge), 0.0)
    inside = counts[place] - below[1]
    return edge if not inside else below[0] + (edge - below[0]) * (rank - below[1]) / inside
    # </solution>
    #: raise Todo("7.5")
