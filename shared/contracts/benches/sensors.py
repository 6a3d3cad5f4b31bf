"""The bench of Room 1: what its checks call, one typed function or class a task."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event as StopSignal
from typing import Protocol

from shared.contracts.messages import Birth, Reading, SensorCard, Truth
from shared.contracts.ports import Clock, SensorParts, Sensors
from shared.contracts.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place and its climate. Degrees north and east, metres, degrees Celsius.

    Around `mean_c` the year swings by ± `annual_c` and the day by ± `daily_c`.
    """

    latitude: float = 40.64
    longitude: float = -73.78
    altitude_m: float = 4.0
    mean_c: float = 12.6
    annual_c: float = 12.0
    daily_c: float = 4.0


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Why one field of a recording can't become a reading. `line` counts from 1, the header."""

    file: str
    line: int
    column: str
    expected: str
    got: str


class Instrument(Protocol):
    """One simulated sensor, with a generator of its own."""

    @property
    def card(self) -> SensorCard:
        """What the device's birth says about it."""

    def value_at(self, moment: datetime) -> float:
        """Return the value at `moment`, in the type's canonical unit, not yet quantised.

        What was asked before matters: noise has memory. The same questions in the same order to
        a sensor with the same seed, device and name get the same answers, whatever others do.
        """

    def read(self) -> Reading:
        """Return a reading for the time that the injected clock shows."""


class Noise(Protocol):
    """Gaussian noise with memory: an AR(1) process in continuous time."""

    def at(self, moment: datetime) -> float:
        """Return the process at `moment`.

        Correlation with the value before is exp(−Δt / τ), whatever the step; the standard
        deviation stays the stationary one, from the first value on.
        """


class FaultyStream(Protocol):
    """Readings as a faulty sensor gives them, and what is really wrong, told apart."""

    def __iter__(self) -> Iterator[Reading]:
        """Yield the readings that are left, faults in them, quantised once."""

    def truth(self) -> Sequence[Truth]:
        """Return the faults that touched a reading so far, in the order in which they did."""


class Twin(Protocol):
    """A station's temperature as a formula and a noise. Degrees Celsius."""

    @property
    def correlations(self) -> tuple[float, float]:
        """The residual's autocorrelation at 1 h and 24 h as fitted."""

    def expected(self, moment: datetime) -> float:
        """Return mean, annual and daily cycle at `moment`, without noise."""

    def simulate(self, moments: Iterable[datetime], seed: int) -> Iterator[float]:
        """Yield a simulated temperature for each of `moments`; same seed, same stream."""


class SensorsBench(Protocol):
    """What the module of Room 1 offers besides `build`."""

    def build(self, settings: Settings, parts: SensorParts) -> Sensors:
        """Return the sensors that `settings.source` describes; ValueError if it can't be met."""

    # 1.1

    def make_reading(
        self, device_id: str, sensor_id: str, sensor_type: str, value: float, timestamp: datetime
    ) -> Reading:
        """Return a reading in the type's canonical unit, its time in UTC, cut to milliseconds.

        Raises ValueError whose text names the field: `device_id` and `sensor_id` that are no
        identifiers, an unknown `sensor_type`, a `value` that is no finite number (bool is none),
        a `timestamp` that is no aware datetime.
        """

    def to_json(self, reading: Reading) -> str:
        """Return JSON with exactly `sensor_id`, `value`, `timestamp` (…T10:30:45.123Z)."""

    def from_json(self, text: str, device_id: str, sensor_type: str) -> Reading:
        """Return the reading that `to_json` wrote, equal in every field.

        Raises ValueError that names the field for a missing or unknown key, a key given twice,
        a wrong type, NaN and infinities; "JSON" for what is no JSON object.
        """

    # 1.2

    def solar_hour(self, moment: datetime, longitude: float) -> float:
        """Return the apparent solar time in hours, [0, 24), at degrees east `longitude`."""

    def make_noise(self, tau_s: float, deviation: float, seed: int) -> Noise:
        """Return noise with time constant `tau_s` and standard deviation `deviation`."""

    def TemperatureSensor(  # noqa: N802 - a class of the room, called to make one
        self, device_id: str, sensor_id: str, site: Site, seed: int, clock: Callable[[], datetime]
    ) -> Instrument:
        """Return a thermometer: coldest about sunrise, warmest at 15 h solar time."""

    # 1.3

    def saturation_pressure(self, celsius: float) -> float:
        """Return the pressure of saturated vapour over water in hPa (Magnus)."""

    def relative_humidity(self, celsius: float, dew_point: float) -> float:
        """Return the relative humidity in percent."""

    def station_pressure(self, sea_level: float, altitude_m: float, celsius: float) -> float:
        """Return the pressure in hPa at an altitude where it is `celsius` warm (hypsometric)."""

    def HumiditySensor(  # noqa: N802 - as above
        self, device_id: str, sensor_id: str, site: Site, seed: int, clock: Callable[[], datetime]
    ) -> Instrument:
        """Return a hygrometer; its air is that of the thermometers of the same device and seed."""

    def PressureSensor(  # noqa: N802 - as above
        self, device_id: str, sensor_id: str, site: Site, seed: int, clock: Callable[[], datetime]
    ) -> Instrument:
        """Return a barometer at the site's altitude."""

    # 1.4

    def replay(
        self, path: str, since: datetime | None, refuse: Callable[[RowRefused], None]
    ) -> Iterator[Reading]:
        """Yield the readings of the recording at `path` that aren't older than `since`.

        Two formats, told apart by the header. The stations':
        `station,time,temperature_fahrenheit,relative_humidity_percent,sea_level_pressure_hpa`,
        devices `station-NAME`, sensors `NAME-TEMP` (°F becomes °C), `NAME-HUM`, `NAME-PRES`;
        stations that stand one after another in the file are merged by time. One's own:
        `timestamp,sensor_id,type,value` and optionally `unit`; the device is the file's stem.

        Any length in constant memory. Gaps, disorder and duplicates stay as they are; `NA` is no
        reading. Each field that can't be used goes to `refuse`, and the rest goes on. A header of
        neither format, or a file that can't be read, is a ValueError.
        """

    # 1.5

    def quantise(self, value: float, resolution: float) -> float:
        """Return the multiple of `resolution` nearest to `value`, as the shortest decimal."""

    def plan_faults(
        self, device_id: str, card: SensorCard, start: datetime, interval_s: float, seed: int
    ) -> Iterator[Truth]:
        """Yield the faults to come of one sensor that reads every `interval_s`, by their start.

        Endless, lazy, the same for the same arguments. A drift starts at midnight UTC of the
        card's `calibration_date` where it has one, or at a recalibration; skew is the same for
        all sensors of a device.
        """

    def inject(
        self, readings: Iterable[Reading], faults: Iterable[Truth], card: SensorCard
    ) -> FaultyStream:
        """Return the readings of the sensor of `card` with `faults` (ordered by start) in them.

        stuck: the last value before it is repeated. spike: `size` on top (for humidity away from
        the nearer end of its scale). dropout: no reading. skew: `size` seconds on the timestamp.
        drift: an error that grows evenly from 0 at `start` to `size` at `end`. A fault lasts over
        [start, end). The value is quantised to the card's resolution, once, after the errors.
        """

    # 1.6

    def merge(self, streams: Iterable[Iterable[Reading]]) -> Iterator[Reading]:
        """Yield the readings of all streams by time, lazily: one reading a stream in memory."""

    def pace(
        self, readings: Iterable[Reading], clock: Clock, stop: StopSignal
    ) -> Iterator[Reading]:
        """Yield each reading once the event clock shows its time; end soon after `stop` is set.

        Every delay is measured against the clock, so it can't creep. What is overdue comes at
        once.
        """

    def fleet_births(self, settings: Settings) -> Sequence[Birth]:
        """Return the births of the simulated devices, with location and calibration date."""

    # 1.7

    def fit_twin(self, moments: Sequence[datetime], celsius: Sequence[float]) -> Twin:
        """Return the twin fitted to hourly temperatures of a year or so; gaps are allowed.

        ValueError below 300 days of hours.
        """
