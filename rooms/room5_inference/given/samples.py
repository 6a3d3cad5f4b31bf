"""Values in slots, and how they are written down: exactly, in JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..features import Values


@dataclass(frozen=True, slots=True)
class Sample:
    """A value in a slot, and the message that brought it."""

    value: float
    timestamp_ms: int
    message_id: str
    position: int
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A closed slot: one sample a sensor, None where it gave nothing."""

    slot: int
    start_ms: int
    samples: tuple[Sample | None, ...]


def sample_state(sample: Sample | None) -> list[Any] | None:
    """Return a sample as JSON knows it."""
    if sample is None:
        return None
    return [
        sample.value, sample.timestamp_ms, sample.message_id, sample.position, sample.traceparent,
    ]  # fmt: skip


def sample_of(fields: Sequence[Any] | None) -> Sample | None:
    """Return the sample whose `sample_state` that is."""
    return None if fields is None else Sample(*fields)


def plain(table: Values) -> list[list[float | None]]:
    """Return the rows as JSON knows them: None for NaN, floats exact."""
    return [[None if value != value else value for value in row] for row in table.tolist()]  # noqa: PLR0124 - NaN is the number unlike itself


def table_of(rows: Sequence[Sequence[float | None]]) -> Values:
    """Return the table whose `plain` rows those are."""
    return np.array(rows, dtype=np.float64)
