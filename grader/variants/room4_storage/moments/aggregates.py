"""Count, mean, deviation, extremes: taken in one at a time, or merged from parts."""

from collections.abc import Sequence

from shared.contracts.benches.storage import Aggregate
from shared.contracts.todo import Todo


def add(aggregate: Aggregate, value: float) -> None:
    """Take one more value in.

    B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
    Technometrics 4 (1962): the sum of squares minus the square of sums would lose all digits of
    a small deviation around a large mean.
    """
    # task 4.3: the mean moves by its share; the squares grow by old distance times new distance
    # <solution>
    one = Aggregate(1, value, 0.0, value, value)
    total = merged([aggregate, one])
    aggregate.count, aggregate.mean, aggregate.squares = total.count, total.mean, total.squares
    aggregate.minimum, aggregate.maximum = total.minimum, total.maximum
    # </solution>
    #: raise Todo("4.3")


def merged(aggregates: Sequence[Aggregate]) -> Aggregate:
    """Return the aggregate of all values in `aggregates`, merged in the order given.

    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances" (1979). A mean of means would forget how many each stands for.
    """
    # task 4.3: each part weighs as much as it counts
    # <solution>
    parts = [part for part in aggregates if part.count]
    if not parts:
        return Aggregate()
    count = sum(part.count for part in parts)
    shift = parts[0].mean
    mean = shift + sum((part.mean - shift) * part.count for part in parts) / count
    squares = sum(part.squares + part.count * (part.mean - mean) ** 2 for part in parts)
    low, high = min(part.minimum for part in parts), max(part.maximum for part in parts)
    return Aggregate(count, mean, squares, low, high)
    # </solution>
    #: raise Todo("4.3")


def deviation(aggregate: Aggregate) -> float:
    """Return the population's standard deviation, 0 for a single value."""
    return (max(0.0, aggregate.squares) / aggregate.count) ** 0.5 if aggregate.count else 0.0
