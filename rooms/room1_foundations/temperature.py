"""A thermometer in that air, and what all simulated instruments have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date, datetime
from typing import ClassVar

from shared.contracts.benches.sensors import Site
from shared.contracts.messages import UNITS, Reading, SensorCard
from shared.contracts.todo import Todo

from .reading import make_reading
from .weather import Air, Noise, generator


class Instrument(ABC):
    """One simulated sensor. Its clock is handed in; its generator belongs to it alone."""

    sensor_type: ClassVar[str]
    resolution: ClassVar[float]

    def __init__(
        self,
        device_id: str,
        sensor_id: str,
        site: Site,
        seed: int,
        clock: Callable[[], datetime],
    ) -> None:
        self.device_id = device_id
        self.sensor_id = sensor_id
        self.site = site
        self.calibration_date: date | None = None
        self.location: str | None = None
        self._clock = clock
        self._random = generator(seed, device_id, sensor_id, self.sensor_type)
        # The same stream for every instrument of the device, each in an object of its own: they
        # stand in one air, and yet none moves another's generator on.
        self._air = Air(site, generator(seed, device_id, "air"))

    @property
    def card(self) -> SensorCard:
        """What the device's birth says about this sensor."""
        return SensorCard(
            self.sensor_id,
            self.sensor_type,
            UNITS[self.sensor_type],
            self.location,
            self.calibration_date,
            self.resolution,
        )

    @abstractmethod
    def value_at(self, moment: datetime) -> float:
        """Return the value at `moment` in the type's canonical unit, not quantised."""

    def read(self) -> Reading:
        """Return a reading for the time that the injected clock shows."""
        # task 1.2: ask the clock once; value and timestamp are of one moment
        raise Todo("1.2")


class TemperatureSensor(Instrument):
    """A thermometer in the shade: the air, and an error of its own that wanders slowly."""

    sensor_type = "temperature"
    resolution = 0.1

    def __init__(
        self,
        device_id: str,
        sensor_id: str,
        site: Site,
        seed: int,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(device_id, sensor_id, site, seed, clock)
        self._error = Noise(2 * 3600.0, 0.15, self._random)

    def value_at(self, moment: datetime) -> float:
        """Return the temperature at `moment` in °C, not quantised."""
        # task 1.2: the air and the instrument's own error
        raise Todo("1.2")
