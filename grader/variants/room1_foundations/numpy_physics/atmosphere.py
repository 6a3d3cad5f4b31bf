"""Humidity and pressure, which physics ties to temperature and altitude."""

from collections.abc import Callable
from datetime import datetime
from math import cos, exp, pi, radians, sin

from shared.contracts.benches.sensors import Site
from shared.contracts.todo import Todo

from .temperature import Instrument
from .weather import Noise, generator, solar_hour

_GRAVITY = 9.80665  # m/s², standard gravity (CGPM 1901)
_DRY_AIR = 287.053  # J/(kg K), specific gas constant (U.S. Standard Atmosphere 1976)
_LAPSE = 0.0065  # K/m, of the standard atmosphere
_KELVIN = 273.15

_DEW_SPREAD_C = 6.0  # how far the dew point lies below the day's mean where it is dry
_CONDENSING_C = 1.5  # how softly the air gives off its water as it cools to the dew point


def saturation_pressure(celsius: float) -> float:
    """Return the pressure of saturated vapour over water in hPa, by Magnus' formula.

    Coefficients: O. A. Alduchov and R. E. Eskridge, "Improved Magnus form approximation of
    saturation vapor pressure", J. Appl. Meteor. 35 (1996), eq. 21: within 0.4 % from −40 to 50 °C.
    """
    # task 1.3: Magnus with these coefficients
    # <solution>
    import numpy as np

    result: float = 6.1094 * np.exp(np.float64(17.625) * celsius / (243.04 + celsius))
    return result
    # </solution>
    #: raise Todo("1.3")


def relative_humidity(celsius: float, dew_point: float) -> float:
    """Return the relative humidity in percent: the vapour that is there over what could be."""
    # task 1.3: the vapour there is saturates at the dew point
    # <solution>
    return 100.0 * saturation_pressure(dew_point) / saturation_pressure(celsius)
    # </solution>
    #: raise Todo("1.3")


def dew_point(celsius: float, moisture: float) -> float:
    """Return the dew point in °C of air that is `celsius` warm and held dew at `moisture` before.

    It never exceeds `celsius`: air that cools to its dew point gives off water, so the dew point
    goes down with it. The softened edge is the smooth minimum of the two, −s·ln(1 + e^(x/s)).
    """
    # task 1.3: no min(), no clamping: subtract a depression that is positive by its form
    # <solution>
    excess = (celsius - moisture) / _CONDENSING_C
    import numpy as np

    softened = float(np.logaddexp(0.0, excess))
    return celsius - _CONDENSING_C * softened
    # </solution>
    #: raise Todo("1.3")


def station_pressure(sea_level: float, altitude_m: float, celsius: float) -> float:
    """Return the pressure in hPa at `altitude_m` where it is `celsius` warm.

    Hypsometric equation, p = p0 · exp(−g·h / (R·T)), T the mean temperature in K of the air
    between sea level and the station, half of the standard lapse above the station's.
    """
    # task 1.3: the column's mean temperature in kelvin, then the exponential
    # <solution>
    column_k = celsius + _KELVIN + _LAPSE * altitude_m / 2.0
    return sea_level * exp(-_GRAVITY * altitude_m / (_DRY_AIR * column_k))
    # </solution>
    #: raise Todo("1.3")


def pressure_wave(solar: float, latitude: float) -> float:
    """Return the atmosphere's daily and half-daily tide in hPa at a `solar` hour.

    S. Chapman and R. S. Lindzen, "Atmospheric Tides" (1970): 0.593 cos³φ sin(t + 12°) and
    1.16 cos³φ sin(2t + 158°), t = 15° an hour from midnight.
    """
    # task 1.3: two sines, both fading towards the poles
    # <solution>
    angle = 2.0 * pi * solar / 24.0
    daily = 0.593 * sin(angle + radians(12.0))
    half_daily = 1.16 * sin(2.0 * angle + radians(158.0))
    return (daily + half_daily) * float(cos(radians(latitude)) ** 3)
    # </solution>
    #: raise Todo("1.3")


class HumiditySensor(Instrument):
    """A hygrometer in the same air as the device's thermometers. Percent, never above 100."""

    sensor_type = "humidity"
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
        self._moisture = Noise(30 * 3600.0, 3.5, generator(seed, device_id, "moisture"))
        self._error = Noise(2 * 3600.0, 0.2, self._random)  # of the dew point, in °C

    def value_at(self, moment: datetime) -> float:
        """Return the relative humidity at `moment` in percent, not quantised."""
        # task 1.3: noise moves the dew point, never the humidity itself
        # <solution>
        temperature, base = self._air.at(moment)
        moisture = base - _DEW_SPREAD_C + self._moisture.at(moment) + self._error.at(moment)
        return relative_humidity(temperature, dew_point(temperature, moisture))
        # </solution>
        #: raise Todo("1.3")


class PressureSensor(Instrument):
    """A barometer at the site's altitude: slow weather and the daily tide. hPa."""

    sensor_type = "pressure"
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
        self._highs_and_lows = Noise(60 * 3600.0, 7.0, generator(seed, device_id, "pressure"))
        self._error = Noise(6 * 3600.0, 0.1, self._random)

    def value_at(self, moment: datetime) -> float:
        """Return the station pressure at `moment` in hPa, not quantised."""
        # task 1.3: sea level, tide, then up to the station through air of the present temperature
        # <solution>
        temperature, _base = self._air.at(moment)
        tide = pressure_wave(solar_hour(moment, self.site.longitude), self.site.latitude)
        sea_level = 1016.0 + self._highs_and_lows.at(moment) + tide
        station = station_pressure(sea_level, self.site.altitude_m, temperature)
        return station + self._error.at(moment)
        # </solution>
        #: raise Todo("1.3")
