"""Sensors that fail as real ones do, and the truth about it, which no reading carries."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from shared.contracts.messages import Reading, Truth
from shared.contracts.todo import Todo

_FOREVER = datetime.max.replace(tzinfo=UTC)


@lru_cache(maxsize=256)
def _decimal(resolution: float) -> Decimal:
    """Return the decimal that `resolution` is written as: 0.1 means a tenth."""
    if not resolution > 0:
        raise ValueError(f"expected a resolution above 0, got {resolution}")
    return Decimal(repr(resolution))


def quantise(value: float, resolution: float) -> float:
    """Return the multiple of `resolution` nearest to `value`, as the shortest decimal.

    217 · 0.1 is 21.700000000000003 in floats, so the product is taken in decimals.
    """
    # task 1.5: whole steps of the converter, then back
    # <solution>
    return float(round(value / resolution) * _decimal(resolution))
    # </solution>
    #: raise Todo("1.5")


class FaultySensor:
    """What becomes of one sensor's readings under its faults (ordered by start)."""

    def __init__(self, faults: Iterable[Truth], resolution: float | None) -> None:
        self._coming = iter(faults)
        self._next = next(self._coming, None)
        self._resolution = resolution
        self._active: list[Truth] = []
        self._touched: list[Truth] = []
        self._held: float | None = None
        self._now: datetime | None = None

    def apply(self, reading: Reading) -> Reading | None:
        """Return the reading as the faulty sensor gives it, None for a dropout.

        Quantised once, after all errors: the converter sits behind what fails.
        """
        # task 1.5: errors add up, the converter rounds, then the output may stick or be silent
        # <solution>
        active = self._active_at(reading)
        kinds = {fault.kind for fault in active}
        value = reading.value + sum(_error(fault, reading.timestamp) for fault in active)
        if self._resolution is not None:
            value = quantise(value, self._resolution)
        if "stuck" in kinds and self._held is not None:
            value = self._held
        if "dropout" in kinds:
            return None
        self._held = value
        shift = timedelta(seconds=sum(fault.size for fault in active if fault.kind == "skew"))
        return replace(reading, value=value, timestamp=reading.timestamp + shift)
        # </solution>
        #: raise Todo("1.5")

    def _active_at(self, reading: Reading) -> list[Truth]:
        """Return the faults that touch `reading`, and note those that touch their first one."""
        # task 1.5: half open, [start, end); the truth is what really happened, not what was planned
        # <solution>
        self._now = now = reading.timestamp
        if self._active:
            self._active = [fault for fault in self._active if _end(fault) > now]
        while self._next is not None and self._next.start <= now:
            if _end(self._next) > now:
                fault = _as_it_happens(self._next, reading)
                self._active.append(fault)
                self._touched.append(fault)
            self._next = next(self._coming, None)
        return self._active
        # </solution>
        #: raise Todo("1.5")

    def truth(self) -> list[Truth]:
        """Return the faults that touched a reading so far; those that last have `end` None."""
        now = self._now
        return [] if now is None else [_so_far(fault, now) for fault in tuple(self._touched)]


class FaultyReadings:
    """Readings of one sensor with faults in them; iterated over once."""

    def __init__(
        self, readings: Iterable[Reading], faults: Iterable[Truth], resolution: float | None
    ) -> None:
        self._sensor = FaultySensor(faults, resolution)
        self._readings = iter(readings)

    def __iter__(self) -> Iterator[Reading]:
        """Yield what is left of the readings, faults in them."""
        return (given for given in map(self._sensor.apply, self._readings) if given is not None)

    def truth(self) -> list[Truth]:
        """Return the faults that touched a reading so far."""
        return self._sensor.truth()


def inject(
    readings: Iterable[Reading], faults: Iterable[Truth], resolution: float | None
) -> FaultyReadings:
    """Return the readings of one sensor with `faults` (ordered by start) in them."""
    return FaultyReadings(readings, faults, resolution)


def _as_it_happens(planned: Truth, reading: Reading) -> Truth:
    """Return the fault as it hits `reading`: a hygrometer's spike points into its scale."""
    if planned.kind != "spike" or reading.sensor_type != "humidity":
        return planned
    half_scale = 50.0
    size = abs(planned.size) if reading.value < half_scale else -abs(planned.size)
    return replace(planned, size=size)


def _error(fault: Truth, moment: datetime) -> float:
    """Return what `fault` adds to the value at `moment`."""
    # task 1.5: a spike at once, a drift by the share of its time that is over
    # <solution>
    if fault.kind == "spike":
        return fault.size
    if fault.kind == "drift":
        return fault.size * ((moment - fault.start) / (_end(fault) - fault.start))
    return 0.0
    # </solution>
    #: raise Todo("1.5")


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
        raise ValueError(f"expected an end for the drift of {fault.sensor_id}: there it is `size`")
    return fault.end or _FOREVER
