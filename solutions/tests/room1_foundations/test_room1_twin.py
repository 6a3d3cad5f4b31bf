"""A twin that passes for its station."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from shared.contracts.benches.sensors import Twin
from solutions.room1_foundations import fit_twin, replay
from solutions.room1_foundations.twin import TwinSensor, autocorrelation

WEATHER = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"
YEARS = 10


@cache
def year_of(station: str) -> tuple[list[datetime], list[float]]:
    readings = [
        reading
        for reading in replay(str(WEATHER), None, lambda refused: pytest.fail(str(refused)))
        if reading.sensor_id == f"{station}-TEMP"
    ]
    return [r.timestamp for r in readings], [r.value for r in readings]


def amplitude(moments: Sequence[datetime], celsius: Sequence[float]) -> float:
    """Half the swing of the mean day."""
    by_hour: dict[int, list[float]] = {hour: [] for hour in range(24)}
    for moment, value in zip(moments, celsius, strict=True):
        by_hour[moment.hour].append(value)
    means = [statistics.fmean(values) for values in by_hour.values()]
    return (max(means) - min(means)) / 2.0


def correlations(
    twin: Twin, moments: Sequence[datetime], celsius: Sequence[float]
) -> tuple[float, float]:
    seconds = np.array([moment.timestamp() for moment in moments])
    residual = np.array([v - twin.expected(m) for m, v in zip(moments, celsius, strict=True)])
    rho = autocorrelation(seconds, residual)
    return rho[1], rho[24]


@pytest.mark.parametrize("station", ["EWR", "JFK", "LGA"])
def test_the_twin_meets_the_bounds_of_the_brief(station: str) -> None:
    moments, celsius = year_of(station)
    twin = fit_twin(moments, celsius)
    years = [list(twin.simulate(moments, seed)) for seed in range(YEARS)]
    mean = statistics.fmean(statistics.fmean(year) for year in years)
    assert mean == pytest.approx(statistics.fmean(celsius), abs=0.5)
    daily = statistics.fmean(amplitude(moments, year) for year in years)
    assert daily == pytest.approx(amplitude(moments, celsius), rel=0.1)
    found = [correlations(twin, moments, year) for year in years]
    real = correlations(twin, moments, celsius)
    assert statistics.fmean(one for one, _day in found) == pytest.approx(real[0], abs=0.005)
    assert statistics.fmean(day for _one, day in found) == pytest.approx(real[1], abs=0.05)


def test_removing_the_day_alone_would_leave_the_year_in_the_noise() -> None:
    moments, celsius = year_of("JFK")
    one, day = fit_twin(moments, celsius).correlations
    assert one == pytest.approx(0.972, abs=0.002)
    assert day == pytest.approx(0.528, abs=0.01)


def test_the_deviation_of_a_simulated_year_is_the_real_ones() -> None:
    moments, celsius = year_of("JFK")
    twin = fit_twin(moments, celsius)
    assert twin.deviation == pytest.approx(3.69, abs=0.02)
    spread = statistics.fmean(statistics.pstdev(twin.simulate(moments, seed)) for seed in range(4))
    assert spread == pytest.approx(statistics.pstdev(celsius), rel=0.05)


def test_the_same_seed_makes_the_same_weather_however_often_it_is_asked() -> None:
    moments, celsius = year_of("JFK")
    twin = fit_twin(moments, celsius)
    minutes = [moments[0] + timedelta(minutes=15 * n) for n in range(400)]
    often = list(twin.simulate(minutes, 5))
    assert often[::4] == list(twin.simulate(minutes[::4], 5))
    assert often != list(twin.simulate(minutes, 6))
    steps = [abs(b - a) for a, b in pairwise(often)]
    assert max(steps) < 2.5


def test_gaps_are_no_zeros_and_no_neighbours() -> None:
    moments, celsius = year_of("LGA")
    kept = [n for n in range(len(moments)) if n % 10 and not 4_000 < n < 4_300]
    twin = fit_twin([moments[n] for n in kept], [celsius[n] for n in kept])
    whole = fit_twin(moments, celsius)
    for found, expected in zip(twin.correlations, whole.correlations, strict=True):
        assert found == pytest.approx(expected, abs=0.03)


def test_too_little_to_fit_is_refused() -> None:
    moments, celsius = year_of("JFK")
    with pytest.raises(ValueError, match="at least 7200 hours"):
        fit_twin(moments[:1_000], celsius[:1_000])
    with pytest.raises(ValueError, match="at least 7200 hours"):
        fit_twin(moments, celsius[:-1])


def test_a_twin_is_a_sensor_like_any_other() -> None:
    moments, celsius = year_of("JFK")
    twin = fit_twin(moments, celsius)
    start = datetime(2014, 7, 1, tzinfo=UTC)
    sensor = TwinSensor(("twin-JFK", "TWIN-TEMP"), twin, 1, lambda: start)
    assert sensor.read().sensor_id == "TWIN-TEMP"
    hours = (start + timedelta(hours=n) for n in range(24 * 31))
    july = [sensor.value_at(hour) for hour in islice(hours, 24 * 31)]
    assert 18.0 < statistics.fmean(july) < 30.0
