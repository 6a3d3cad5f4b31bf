"""Temperature, humidity and pressure as physics has them."""

import math
import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from shared.contracts.benches.sensors import Site
from solutions.room1_foundations import (
    HumiditySensor,
    PressureSensor,
    TemperatureSensor,
    make_noise,
    relative_humidity,
    saturation_pressure,
    solar_hour,
    station_pressure,
)
from solutions.room1_foundations.atmosphere import dew_point, pressure_wave
from solutions.room1_foundations.weather import daily_cycle, sunrise

START = datetime(2013, 5, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def clock() -> datetime:
    return START


def moments(step: timedelta) -> Iterator[datetime]:
    moment = START
    while True:
        yield moment
        moment += step


def lag_one(values: list[float]) -> float:
    mean = statistics.fmean(values)
    pairs = pairwise(values)
    return statistics.fmean((a - mean) * (b - mean) for a, b in pairs) / statistics.pvariance(
        values
    )


@pytest.mark.parametrize("step_s", [600.0, 3600.0, 10_800.0])
def test_noise_remembers_by_the_time_between_not_by_the_count(step_s: float) -> None:
    noise = make_noise(tau_s=7200.0, deviation=2.0, seed=7)
    values = [noise.at(moment) for moment in islice(moments(timedelta(seconds=step_s)), 20_000)]
    assert lag_one(values) == pytest.approx(math.exp(-step_s / 7200.0), abs=0.02)
    assert statistics.pstdev(values) == pytest.approx(2.0, rel=0.08)


def test_noise_is_stationary_from_its_first_value_on() -> None:
    firsts = [make_noise(tau_s=3600.0, deviation=2.0, seed=seed).at(START) for seed in range(2000)]
    assert statistics.pstdev(firsts) == pytest.approx(2.0, rel=0.06)


def test_noise_of_no_elapsed_time_is_the_same() -> None:
    noise = make_noise(tau_s=3600.0, deviation=2.0, seed=1)
    assert noise.at(START) == noise.at(START)


@pytest.mark.parametrize(
    ("moment", "longitude", "hour"),
    [
        # Equation of time from almanacs: −14 min 12 s, +3 min 38 s, +16 min 25 s.
        (datetime(2013, 2, 11, 12, tzinfo=UTC), 0.0, 12 - 14.2 / 60),
        (datetime(2013, 5, 14, 12, tzinfo=UTC), 0.0, 12 + 3.65 / 60),
        (datetime(2013, 11, 3, 12, tzinfo=UTC), 0.0, 12 + 16.4 / 60),
        (datetime(2013, 5, 14, 12, tzinfo=UTC), -73.78, 12 + 3.65 / 60 - 73.78 / 15),
        (datetime(2013, 5, 14, 23, tzinfo=UTC), 150.0, 9 + 3.65 / 60),
    ],
)
def test_solar_time_is_the_places_own(moment: datetime, longitude: float, hour: float) -> None:
    assert solar_hour(moment, longitude) == pytest.approx(hour, abs=0.5 / 60)


def test_the_sun_rises_late_in_winter_and_somehow_at_the_poles() -> None:
    assert sunrise(datetime(2013, 6, 21, tzinfo=UTC), 40.64) == pytest.approx(4.55, abs=0.1)
    assert sunrise(datetime(2013, 12, 21, tzinfo=UTC), 40.64) == pytest.approx(7.45, abs=0.1)
    assert 0.0 < sunrise(datetime(2013, 12, 21, tzinfo=UTC), 89.0) < 12.0


def test_the_day_is_coldest_at_sunrise_and_warmest_in_mid_afternoon() -> None:
    hours = [step / 10 for step in range(240)]
    swing = [daily_cycle(hour, 5.0) for hour in hours]
    assert hours[swing.index(min(swing))] == 5.0
    assert hours[swing.index(max(swing))] == 15.0
    assert statistics.fmean(swing) == pytest.approx(0.0, abs=0.001)
    assert max(abs(a - b) for a, b in pairwise(swing)) < 0.05


def test_a_thermometer_follows_the_sun_wherever_it_hangs() -> None:
    for longitude in (-73.78, 0.0, 139.7):
        site = Site(longitude=longitude)
        by_hour: dict[int, list[float]] = {hour: [] for hour in range(24)}
        sensor = TemperatureSensor("D", "T", site, 3, clock)
        for moment in islice(moments(HOUR), 24 * 300):
            by_hour[int(solar_hour(moment, longitude))].append(sensor.value_at(moment))
        means = {hour: statistics.fmean(values) for hour, values in by_hour.items()}
        assert max(means, key=means.__getitem__) in {14, 15}
        assert min(means, key=means.__getitem__) in {4, 5, 6, 7}


def test_the_year_has_a_summer() -> None:
    sensor = TemperatureSensor("D", "T", Site(), 3, clock)
    months: dict[int, list[float]] = {month: [] for month in range(1, 13)}
    for moment in islice(moments(HOUR), 24 * 365):
        months[moment.month].append(sensor.value_at(moment))
    assert statistics.fmean(months[7]) - statistics.fmean(months[1]) > 15


def test_same_seed_same_stream_whatever_others_do() -> None:
    alone = TemperatureSensor("D", "T", Site(), 3, clock)
    expected = [alone.value_at(moment) for moment in islice(moments(HOUR), 200)]
    crowd = [
        TemperatureSensor("D", "T", Site(), 3, clock),
        TemperatureSensor("D", "T2", Site(), 3, clock),
        HumiditySensor("D", "T", Site(), 3, clock),
    ]
    found = []
    for moment in islice(moments(HOUR), 200):
        found.append(crowd[0].value_at(moment))
        for other in crowd[1:]:
            other.value_at(moment)
    assert found == expected
    assert TemperatureSensor("D", "T", Site(), 4, clock).value_at(START) != expected[0]


def test_two_thermometers_of_a_device_hang_in_one_air() -> None:
    first, second = (TemperatureSensor("D", name, Site(), 3, clock) for name in ("T1", "T2"))
    apart = [first.value_at(m) - second.value_at(m) for m in islice(moments(HOUR), 500)]
    assert 0.05 < statistics.pstdev(apart) < 0.5


def test_the_clock_is_handed_in() -> None:
    for kind, sensor_type in (
        (TemperatureSensor, "temperature"),
        (HumiditySensor, "humidity"),
        (PressureSensor, "pressure"),
    ):
        sensor = kind("D", "S", Site(), 3, clock)
        reading = sensor.read()
        assert (reading.timestamp, reading.sensor_type) == (START, sensor_type)
        assert sensor.card.unit == reading.unit


def test_saturation_pressure_is_that_of_the_tables() -> None:
    # World Meteorological Organization, Guide to Instruments: e_w at 0, 20 and 40 °C.
    for celsius, hectopascal in ((0.0, 6.11), (20.0, 23.37), (40.0, 73.84)):
        assert saturation_pressure(celsius) == pytest.approx(hectopascal, rel=0.004)
    assert relative_humidity(20.0, 9.3) == pytest.approx(50.1, abs=0.3)


@pytest.mark.parametrize("moisture", [-60.0, 0.0, 19.9, 20.0, 20.1, 60.0, 1e6])
def test_the_dew_point_never_exceeds_the_temperature(moisture: float) -> None:
    dew = dew_point(20.0, moisture)
    assert dew <= 20.0
    assert 0.0 < relative_humidity(20.0, dew) <= 100.0


def test_humidity_stays_under_100_for_a_year_and_varies_with_the_day() -> None:
    values: list[float] = []
    for seed in range(2):
        sensor = HumiditySensor("D", "H", Site(), seed, clock)
        values += [sensor.value_at(moment) for moment in islice(moments(HOUR), 24 * 365)]
    assert 0.0 < min(values) < 45.0
    assert 90.0 < max(values) <= 100.0
    # No pile at the end of the scale, which clamping would leave.
    assert sum(value > 99.9 for value in values) / len(values) < 0.01
    assert statistics.fmean(values) == pytest.approx(65.0, abs=10.0)


def test_the_air_is_dampest_at_sunrise_and_driest_in_the_afternoon() -> None:
    site = Site()
    hygrometer = HumiditySensor("D", "H", site, 3, clock)
    by_hour: dict[int, list[float]] = {hour: [] for hour in range(24)}
    for moment in islice(moments(HOUR), 24 * 60):
        by_hour[int(solar_hour(moment, site.longitude))].append(hygrometer.value_at(moment))
    assert statistics.fmean(by_hour[5]) - statistics.fmean(by_hour[15]) > 15.0


@pytest.mark.parametrize(
    ("altitude_m", "celsius", "hectopascal"),
    # U.S. Standard Atmosphere 1976; the tables' temperature at that altitude.
    [(0.0, 15.0, 1013.25), (500.0, 11.75, 954.61), (1000.0, 8.5, 898.75), (3000.0, -4.5, 701.09)],
)
def test_pressure_falls_with_altitude_as_in_the_standard_atmosphere(
    altitude_m: float, celsius: float, hectopascal: float
) -> None:
    assert station_pressure(1013.25, altitude_m, celsius) == pytest.approx(hectopascal, rel=3e-4)


def test_the_pressure_wave_has_its_two_highs() -> None:
    wave = [pressure_wave(step / 10, 40.64) for step in range(240)]
    assert 1.0 < max(wave) - min(wave) < 1.6
    assert wave.index(max(wave)) / 10 == pytest.approx(9.5, abs=1.0)  # the forenoon's
    equator = [pressure_wave(step / 10, 0.0) for step in range(240)]
    assert max(equator) - min(equator) > 2 * (max(wave) - min(wave))


@pytest.mark.parametrize("make", [TemperatureSensor, HumiditySensor, PressureSensor])
def test_ten_days_change_slowly_and_never_repeat(
    make: Callable[[str, str, Site, int, Callable[[], datetime]], TemperatureSensor],
) -> None:
    sensor = make("D", "S", Site(altitude_m=120.0), 9, clock)
    values = [sensor.value_at(moment) for moment in islice(moments(HOUR), 240)]
    assert len(set(values)) == 240
    assert lag_one(values) > 0.85
