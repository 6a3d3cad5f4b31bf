"""What to say of an hour in which nobody spoke: nothing, a gap, the last word, a guess."""

from collections.abc import Iterable, Iterator, Mapping

from shared.contracts.identifiers import from_milliseconds
from shared.contracts.ports import Point
from shared.contracts.todo import Todo


def filled(
    rows: Mapping[int, tuple[float, int]],
    starts: Iterable[int],
    fill: str,
    before: tuple[int, float] | None,
) -> Iterator[Point]:
    """Yield a point for each bucket that starts at one of `starts` (ms).

    `rows` maps a start to (mean, count). An empty bucket has count 0 and, by `fill`: no point at
    all (none), no value (null), the last known value (previous), or the value on the line between
    its neighbours (linear; none after the last one). `before` is the last one known before them.
    """
    # task 4.6: a filled value is told from a measured one by its count of 0
    raise Todo("4.6")


def _between(left: tuple[int, float], right: tuple[int, float], place: int) -> float:
    share = (place - left[0]) / (right[0] - left[0])
    return left[1] + share * (right[1] - left[1])
