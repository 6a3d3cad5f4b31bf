"""A twin of a real station: its year, its day, and a noise that remembers as its weather does."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, pi, sin
from random import Random
from typing import TYPE_CHECKING

from shared.contracts.benches.sensors import Site
from shared.contracts.todo import Todo
from shared.language import _

from .temperature import Instrument
from .weather import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

HOUR_S = 3_600.0
ORDER = 24
"""Of the autoregression, in hours: Yule and Walker's equations then meet every lag up to a day."""

_LEAST_HOURS = 300 * 24  # of less than that, season and weather can't be told apart
_PERIODS_S = tuple(
    period / harmonic for period in (365.2425 * 86_400.0, 86_400.0) for harmonic in (1, 2)
)


def _terms(seconds: float) -> tuple[float, ...]:
    """Return the formula's terms at Unix `seconds`: 1, then cosine and sine of each period."""
    angles = [2.0 * pi * seconds / period for period in _PERIODS_S]
    return (1.0, *(wave(angle) for angle in angles for wave in (cos, sin)))


@dataclass(frozen=True, slots=True)
class StationTwin:
    """A station's temperature as a formula and a noise. °C.

    `coefficients` belong to the terms 1 and cosine and sine of a year, half a year, a day and
    half a day. `autocorrelation` is the residual's at 0, 1, … 24 h, `deviation` its standard
    deviation.
    """

    coefficients: tuple[float, ...]
    deviation: float
    autocorrelation: tuple[float, ...]

    @property
    def correlations(self) -> tuple[float, float]:
        """The residual's autocorrelation at 1 h and 24 h as fitted."""
        return self.autocorrelation[1], self.autocorrelation[ORDER]

    def expected(self, moment: datetime) -> float:
        """Return mean, annual and daily cycle at `moment`, without noise."""
        terms = _terms(moment.timestamp())
        return sum(a * b for a, b in zip(self.coefficients, terms, strict=True))

    def simulate(self, moments: Iterable[datetime], seed: int) -> Iterator[float]:
        """Yield a simulated temperature for each of `moments`, which don't go back in time."""
        weather = TwinWeather(self, generator(seed, "twin"))
        for moment in moments:
            yield self.expected(moment) + weather.at(moment)


class TwinWeather:
    """The twin's residual: made hour by hour, a straight line between two hours.

    How often it is asked changes nothing.
    """

    def __init__(self, twin: StationTwin, random: Random) -> None:
        import numpy as np

        self._random = random
        covariance = np.array(twin.autocorrelation) * twin.deviation**2
        lags = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
        self._weights, self._fresh = yule_walker(twin.autocorrelation, twin.deviation)
        # The first day is drawn as a whole from the stationary distribution: no warming up.
        first = np.linalg.cholesky(covariance[lags]) @ [random.gauss(0.0, 1.0) for _lag in lags]
        self._past: list[float] = [float(value) for value in first]  # newest last
        self._hour: float | None = None

    def at(self, moment: datetime) -> float:
        """Return the residual at `moment` in °C; the same again for an earlier one."""
        hour = moment.timestamp() / HOUR_S
        if self._hour is None:
            self._hour = hour // 1.0
        while self._hour + 1.0 < hour:
            self._advance()
            self._hour += 1.0
        share = min(max(hour - self._hour, 0.0), 1.0)
        return self._past[-2] * (1.0 - share) + self._past[-1] * share

    def _advance(self) -> None:
        """Make the next hour from the last day and something fresh."""
        # task 1.7: the autoregression's step; the past keeps its length
        raise Todo("1.7")


def fit_twin(moments: Sequence[datetime], celsius: Sequence[float]) -> StationTwin:
    """Return the twin fitted to hourly temperatures of a year or so; gaps are allowed.

    ValueError below 300 days of readings, or if too many gaps leave no valid autocorrelation.
    """
    import numpy as np

    if len(moments) != len(celsius) or len(moments) < _LEAST_HOURS:
        message = _("expected at least {least} hours and a temperature each, got {hours} and {got}")
        raise ValueError(message.format(least=_LEAST_HOURS, hours=len(moments), got=len(celsius)))
    # task 1.7: least squares on the terms, then the residual's autocorrelation
    raise Todo("1.7")


def autocorrelation(seconds: "Numbers", residual: "Numbers") -> tuple[float, ...]:
    """Return the autocorrelation of `residual` at 0 to ORDER h over the pairs that exist.

    A gap is no pair: it is neither filled in nor closed up.
    """
    import numpy as np

    # task 1.7: lay the residual on a grid of hours with NaN for gaps, then multiply shifted copies
    raise Todo("1.7")


def yule_walker(rho: Sequence[float], deviation: float) -> tuple[tuple[float, ...], float]:
    """Return the AR weights (newest first) that meet `rho`, and the fresh part's deviation.

    G. U. Yule (1927), G. Walker (1931): R·w = r, variance σ²(1 − w·r). ValueError if `rho` is no
    autocorrelation of anything.
    """
    import numpy as np

    # task 1.7: solve the Toeplitz system; refuse it if it isn't positive definite
    raise Todo("1.7")


class TwinSensor(Instrument):
    """A thermometer at a station that doesn't exist, in weather like the real one's."""

    sensor_type = "temperature"
    resolution = 0.1

    def __init__(
        self,
        identity: tuple[str, str],
        twin: StationTwin,
        seed: int,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(*identity, Site(), seed, clock)
        self._twin = twin
        self._weather = TwinWeather(twin, self._random)

    def value_at(self, moment: datetime) -> float:
        """Return the temperature at `moment` in °C, not quantised."""
        return self._twin.expected(moment) + self._weather.at(moment)
