"""The air at a site: the sun's two cycles, and a noise that remembers."""

from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from math import acos, cos, exp, expm1, pi, radians, sin, sqrt, tan
from random import Random

from shared.contracts.benches.sensors import Site
from shared.contracts.todo import Todo
from shared.language import _

WARMEST_HOUR = 15.0
"""Solar time; the air is warmest two to three hours after the sun stands highest."""

_YEAR_DAYS = 365.2425
_COLDEST_DAY = date(2000, 1, 26).toordinal()  # as fitted to the New York stations of 2013
_WEATHER_TAU_S = 36 * 3600.0  # a residual that is 0.97 like itself after an hour
_WEATHER_C = 3.7  # the residual's standard deviation at the same stations


def generator(seed: int, *names: str) -> Random:
    """Return a random generator that belongs to `names` alone: same seed and names, same stream.

    Not by `hash()`, which Python salts anew in every process.
    """
    text = "\0".join((str(seed), *names))
    return Random(int.from_bytes(sha256(text.encode()).digest()))


class Noise:
    """Gaussian noise with memory, AR(1): the shorter the step, the more it is like itself."""

    def __init__(self, tau_s: float, deviation: float, random: Random) -> None:
        if tau_s <= 0 or deviation < 0:
            message = _("expected tau_s above 0 and a deviation of at least 0, got {tau} and {got}")
            raise ValueError(message.format(tau=tau_s, got=deviation))
        self._tau_s = tau_s
        self._deviation = deviation
        self._random = random
        self._moment: datetime | None = None
        self._value = 0.0

    def at(self, moment: datetime) -> float:
        """Return the process at `moment`: correlation exp(−Δt/τ), standard deviation kept.

        A stationary Gaussian AR(1) reads the same backwards, so an earlier moment is welcome.
        """
        # task 1.2: φ follows from the step; the fresh part has the deviation that keeps the whole
        # <solution>
        fresh = self._random.gauss(0.0, self._deviation)
        if self._moment is None:
            self._value = fresh  # of the stationary distribution: no warming up
        else:
            steps = abs((moment - self._moment).total_seconds()) / self._tau_s
            # sqrt(1 − φ²), which expm1 keeps exact where φ is nearly 1
            self._value = exp(-steps) * self._value + sqrt(-expm1(-2.0 * steps)) * fresh
        self._moment = moment
        return self._value
        # </solution>
        #: raise Todo("1.2")


def make_noise(tau_s: float, deviation: float, seed: int) -> Noise:
    """Return noise with time constant `tau_s` and standard deviation `deviation`."""
    return Noise(tau_s, deviation, generator(seed, "noise"))


@lru_cache(maxsize=1024)
def _sun(ordinal: int) -> tuple[float, float]:
    """Return the equation of time (minutes) and the sun's declination (radians) of a day.

    J. W. Spencer, "Fourier series representation of the position of the sun", Search 2 (1971),
    as in NOAA's general solar position calculations; good to half a minute and 0.04°.
    """
    day = date.fromordinal(ordinal)
    g = 2.0 * pi * (ordinal - date(day.year, 1, 1).toordinal()) / 365.0
    equation = 229.18 * (
        0.000075
        + 0.001868 * cos(g)
        - 0.032077 * sin(g)
        - 0.014615 * cos(2 * g)
        - 0.040849 * sin(2 * g)
    )
    yearly = 0.006918 - 0.399912 * cos(g) + 0.070257 * sin(g)
    finer = -0.006758 * cos(2 * g) + 0.000907 * sin(2 * g) - 0.002697 * cos(3 * g)
    return equation, yearly + finer + 0.00148 * sin(3 * g)


def solar_hour(moment: datetime, longitude: float) -> float:
    """Return the apparent solar time in hours, [0, 24), at degrees east `longitude`.

    Never the machine's zone: at 15° to the hour the place says when its noon is.
    """
    # task 1.2: UTC, four minutes a degree, and the equation of time
    # <solution>
    utc = moment.astimezone(UTC)
    hours = utc.hour + utc.minute / 60.0 + (utc.second + utc.microsecond / 1e6) / 3600.0
    equation_min, _declination = _sun(utc.toordinal())
    return (hours + longitude / 15.0 + equation_min / 60.0) % 24.0
    # </solution>
    #: raise Todo("1.2")


def sunrise(moment: datetime, latitude: float) -> float:
    """Return the solar hour of sunrise: cos H = −tan(latitude) · tan(declination).

    Where the sun doesn't rise or set that day, half the day is taken as 1 h or 11 h.
    """
    _equation, declination = _sun(moment.toordinal())
    cosine = -tan(radians(latitude)) * tan(declination)
    half_day_h = acos(max(-1.0, min(1.0, cosine))) * 12.0 / pi
    return 12.0 - max(1.0, min(11.0, half_day_h))


def daily_cycle(hour: float, rise: float) -> float:
    """Return the day's swing, −1 at the hour of sunrise `rise`, +1 at WARMEST_HOUR, mean 0.

    Two half cosines: the WAVE method of de Wit, as compared in D. C. Reicosky et al., "Accuracy
    of hourly air temperatures calculated from daily minima and maxima" (1989).
    """
    # task 1.2: up from sunrise to the warmest hour, down through the night to the next sunrise
    # <solution>
    warming_h = WARMEST_HOUR - rise
    since_rise = (hour - rise) % 24.0
    if since_rise < warming_h:
        return -cos(pi * since_rise / warming_h)
    return cos(pi * (since_rise - warming_h) / (24.0 - warming_h))
    # </solution>
    #: raise Todo("1.2")


class Air:
    """The temperature of the air at a site. Equal seeds make equal weather, object by object."""

    def __init__(self, site: Site, random: Random) -> None:
        self.site = site
        self._weather = Noise(_WEATHER_TAU_S, _WEATHER_C, random)

    def at(self, moment: datetime) -> tuple[float, float]:
        """Return (temperature, the part of it that isn't the day's swing), °C, at `moment`."""
        # task 1.2: season and weather, then the day's swing by local solar time
        # <solution>
        site = self.site
        hour = solar_hour(moment, site.longitude)
        days = moment.toordinal() - _COLDEST_DAY + hour / 24.0
        season = -site.annual_c * cos(2.0 * pi * days / _YEAR_DAYS)
        base = site.mean_c + season + self._weather.at(moment)
        return base + site.daily_c * daily_cycle(hour, sunrise(moment, site.latitude)), base
        # </solution>
        #: raise Todo("1.2")
