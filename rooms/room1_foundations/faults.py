"""Sensors that fail as real ones do, and the truth about it, which no reading carries."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from shared.contracts.messages import Reading, SensorCard, Truth
from shared.contracts.todo import Todo
from shared.language import _

from .reading import make_reading

_FOREVER = datetime.max.replace(tzinfo=UTC)


@lru_cache(maxsize=256)
def _decimal(resolution: float) -> Decimal:
    """Return the decimal that `resolution` is written as: 0.1 means a tenth."""
    if not resolution > 0:
        raise ValueError(_("expected a resolution above 0, got {got}").format(got=resolution))
    return Decimal(repr(resolution))


def quantise(value: float, resolution: float) -> float:
    """Return the multiple of `resolution` nearest to `value`, as the shortest decimal.

    217 · 0.1 is 21.700000000000003 in floats, so the product is taken in decimals.
    """
    # task 1.5: whole steps of the converter, then back
    raise Todo("1.5")


class FaultySensor:
    """What becomes of one sensor's values under its faults (ordered by start)."""

    def __init__(self, faults: Iterable[Truth], card: SensorCard) -> None:
        self._coming = iter(faults)
        self._next = next(self._coming, None)
        self._card = card
        self._active: list[Truth] = []
        self._touched: list[Truth] = []
        self._held: float | None = None
        self._now: datetime | None = None

    def apply(self, moment: datetime, value: float) -> tuple[datetime, float] | None:
        """Return timestamp and value as the faulty sensor gives them, None for a dropout.

        Quantised once, after all errors: the converter sits behind what fails.
        """
        # task 1.5: errors add up, the converter rounds, then the output may stick or be silent
        raise Todo("1.5")

    def _active_at(self, moment: datetime, value: float) -> list[Truth]:
        """Return the faults that touch this reading, and note those that touch their first one."""
        # task 1.5: half open, [start, end); the truth is what really happened, not what was planned
        raise Todo("1.5")

    def truth(self) -> list[Truth]:
        """Return the faults that touched a reading so far; those that last have `end` None."""
        now = self._now
        return [] if now is None else [_so_far(fault, now) for fault in tuple(self._touched)]


class FaultyReadings:
    """Readings of one sensor with faults in them; iterated over once."""

    def __init__(
        self, readings: Iterable[Reading], faults: Iterable[Truth], card: SensorCard
    ) -> None:
        self._sensor = FaultySensor(faults, card)
        self._readings = iter(readings)

    def __iter__(self) -> Iterator[Reading]:
        """Yield what is left of the readings, faults in them."""
        for reading in self._readings:
            given = self._sensor.apply(reading.timestamp, reading.value)
            if given is not None:
                names = (reading.device_id, reading.sensor_id, reading.sensor_type)
                yield make_reading(*names, given[1], given[0])

    def truth(self) -> list[Truth]:
        """Return the faults that touched a reading so far."""
        return self._sensor.truth()


def inject(
    readings: Iterable[Reading], faults: Iterable[Truth], card: SensorCard
) -> FaultyReadings:
    """Return the readings of the sensor of `card` with `faults` (ordered by start) in them."""
    return FaultyReadings(readings, faults, card)


def _as_it_happens(planned: Truth, card: SensorCard, value: float) -> Truth:
    """Return the fault as it hits `value`: a hygrometer's spike points into its scale."""
    if planned.kind != "spike" or card.sensor_type != "humidity":
        return planned
    half_scale = 50.0
    return replace(planned, size=abs(planned.size) * (1.0 if value < half_scale else -1.0))


def _error(fault: Truth, moment: datetime) -> float:
    """Return what `fault` adds to the value at `moment`."""
    # task 1.5: a spike at once, a drift by the share of its time that is over
    raise Todo("1.5")


def _so_far(fault: Truth, now: datetime) -> Truth:
    """Return what is true of `fault` at `now`: what still lasts has no end yet."""
    if _end(fault) <= now:
        return fault
    return replace(
        fault, end=None, size=_error(fault, now) if fault.kind == "drift" else fault.size
    )


def _end(fault: Truth) -> datetime:
    """Return when the fault ends; a drift without an end would have no slope."""
    if fault.end is None and fault.kind == "drift":
        message = _("expected an end for the drift of {sensor}: when it has reached its size")
        raise ValueError(message.format(sensor=fault.sensor_id))
    return fault.end or _FOREVER
