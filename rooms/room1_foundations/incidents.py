"""When which sensor will fail: drawn in advance, lazily, from generators of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from heapq import merge
from random import Random
from types import MappingProxyType
from typing import Final

from shared.contracts.messages import SensorCard, Truth
from shared.contracts.todo import Todo

from .weather import generator

_SPIKES: Final = MappingProxyType(
    {"temperature": (6.0, 15.0), "humidity": (25.0, 45.0), "pressure": (12.0, 30.0)}
)
_DRIFTS: Final = MappingProxyType(
    {"temperature": (3.0, 5.0), "humidity": (8.0, 12.0), "pressure": (5.0, 9.0)}
)
_HEALTHY = 150  # readings between two incidents of a sensor, on average; the same for a clock
_RECALIBRATED = 600  # readings between two drifts, on average
_MOST_AHEAD_S = 30.0  # a clock that is further ahead has its readings refused at every door


class _Schedule:
    """Turns numbers of readings into times. Edges lie midway between two readings."""

    def __init__(self, sensor: tuple[str, str], start: datetime, interval_s: float) -> None:
        self._sensor = sensor
        self._start = start
        self._interval_s = interval_s

    def fault(self, kind: str, first: float, length: int, size: float) -> Truth:
        """Return a fault that touches `length` readings from the number `first` on."""
        begin = self._start + timedelta(seconds=(first - 0.5) * self._interval_s)
        end = begin + timedelta(seconds=length * self._interval_s)
        return Truth(*self._sensor, kind, begin, end, size)


def plan_faults(
    device_id: str, card: SensorCard, start: datetime, interval_s: float, seed: int
) -> Iterator[Truth]:
    """Yield the faults to come of one sensor that reads every `interval_s`, by their start.

    Endless, lazy, the same for the same arguments. A drift starts at midnight UTC of the card's
    `calibration_date`, if it still grows at `start`, or at a later recalibration. Skew is the
    same for all sensors of a device: they share its clock.
    """
    schedule = _Schedule((device_id, card.sensor_id), start, interval_s)
    names = (device_id, card.sensor_id, card.sensor_type)
    return merge(
        _incidents(schedule, card.sensor_type, generator(seed, *names, "incidents")),
        _skews(schedule, interval_s, generator(seed, device_id, "clock")),
        _drifts(schedule, card, (start, interval_s), generator(seed, *names, "drifts")),
        key=lambda fault: fault.start,
    )


def _incidents(schedule: _Schedule, sensor_type: str, random: Random) -> Iterator[Truth]:
    """Yield values that stick, spikes and dropouts, never two at once."""
    # task 1.5: healthy for a while (exponential), then one of three, of random length and size
    raise Todo("1.5")


def _skews(schedule: _Schedule, interval_s: float, random: Random) -> Iterator[Truth]:
    """Yield times in which the device's clock is wrong: behind by some time, or a little ahead.

    The error is never a whole number of intervals, so that no timestamp comes twice.
    """
    # task 1.5: as above; the size in seconds
    raise Todo("1.5")


def _drifts(
    schedule: _Schedule, card: SensorCard, timing: tuple[datetime, float], random: Random
) -> Iterator[Truth]:
    """Yield errors that grow from a calibration on until the next one.

    Hygrometers drift towards dry, as those with a dirty filter do.
    """
    # task 1.5: the first from the card's calibration, if it has one recent enough
    raise Todo("1.5")
