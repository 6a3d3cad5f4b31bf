"""Room 1, the checks that you can read. `./academy check 1` runs them."""

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import cos, pi
from statistics import fmean
from typing import Any

from grader.evidence import expect, expect_between, expect_close, expect_refused, task
from grader.sandbox import Sandbox
from shared.contracts.messages import Reading, SensorCard, Truth

NOON = datetime(2025, 1, 15, 10, 30, 45, 123456, UTC)
MAY = datetime(2013, 5, 6, tzinfo=UTC)


@task("1.1")
def test_a_reading_is_cut_to_milliseconds(room: Any) -> None:
    """A reading's time is UTC, cut to milliseconds, when it is made."""
    reading = room.make_reading("box-1", "TEMP-001", "temperature", 21.5, NOON)
    wanted = Reading(
        "box-1", "TEMP-001", "temperature", 21.5, "celsius", NOON.replace(microsecond=123000)
    )
    expect(reading, wanted, "Called make_reading with a time of 123456 microseconds.")


@task("1.1")
def test_a_readings_json_has_three_keys(room: Any) -> None:
    """A reading's JSON has exactly the architecture's three keys."""
    reading = room.make_reading("box-1", "TEMP-001", "temperature", 21.5, NOON)
    wanted = {"sensor_id": "TEMP-001", "value": 21.5, "timestamp": "2025-01-15T10:30:45.123Z"}
    expect(json.loads(room.to_json(reading)), wanted, "Called to_json and parsed what came.")


@task("1.1")
def test_true_is_no_measurement(room: Any) -> None:
    """A value that is no number is refused by its field's name."""
    expect_refused(
        lambda: room.make_reading("box-1", "TEMP-001", "temperature", True, NOON),
        "Called make_reading with the value True.",
        naming="value",
    )


@task("1.2")
def test_noon_by_the_sun(room: Any) -> None:
    """The solar hour follows the longitude, not the machine's zone."""
    hour = room.solar_hour(datetime(2025, 4, 15, 12, tzinfo=UTC), -75.0)
    expect_close(hour, 7.0, "Asked for 12:00 UTC on 15 April at 75° west.", within=0.05, unit="h")


@task("1.2")
def test_noise_remembers(room: Any) -> None:
    """Noise is like itself a short while later."""
    moments = [MAY + timedelta(minutes=n) for n in range(2000)]
    found = room.noise((7200.0, 1.0), 5, moments)
    steps = [abs(b - a) for a, b in pairwise(found)]
    did = "Asked noise of τ = 2 h and σ = 1 every minute, and took the mean step."
    expect_between(sum(steps) / len(steps), 0.07, 0.14, did)


@task("1.3")
def test_humidity_at_the_dew_point_is_full(room: Any) -> None:
    """Air at its dew point holds all the water that it can."""
    expect_close(
        room.relative_humidity(12.0, 12.0), 100.0, "12 °C at dew point 12 °C.", within=1e-9
    )
    did = "25 °C at dew point 12 °C."
    expect_close(room.relative_humidity(25.0, 12.0), 44.3, did, within=0.2, unit="%")


@task("1.3")
def test_pressure_falls_with_altitude(room: Any) -> None:
    """Station pressure follows the hypsometric equation."""
    found = room.station_pressure(1013.25, 1000.0, 8.5)
    expect_close(found, 898.7, "1013.25 hPa at sea level, 1000 m, 8.5 °C.", within=0.2, unit="hPa")


@task("1.4")
def test_a_recording_is_played_again(room: Any, sandbox: Sandbox) -> None:
    """A recording gives its readings in canonical units; NA is none."""
    path = sandbox.put(
        "airports.csv",
        b"station,time,temperature_fahrenheit,relative_humidity_percent,sea_level_pressure_hpa\n"
        b"JFK,2013-05-06T00:00:00Z,50,81.5,NA\n",
    )
    readings, refused = room.replayed(path)
    wanted = [
        Reading("station-JFK", "JFK-TEMP", "temperature", 10.0, "celsius", MAY),
        Reading("station-JFK", "JFK-HUM", "humidity", 81.5, "percent", MAY),
    ]
    expect(readings, wanted, "Replayed one row: 50 °F, 81.5 %, pressure NA.")
    expect(refused, [], "Replayed a row in which nothing is malformed.")


@task("1.5")
def test_a_stuck_sensor_repeats_itself(room: Any) -> None:
    """A stuck sensor repeats the last value before it stuck."""
    times = [MAY + timedelta(minutes=n) for n in range(5)]
    readings = [
        Reading("box-1", "S-1", "temperature", 20.0 + n, "celsius", t) for n, t in enumerate(times)
    ]
    fault = Truth("box-1", "S-1", "stuck", times[2], times[4], 0.0)
    card = SensorCard("S-1", "temperature", "celsius", resolution=0.1)
    found, _truth = room.injected(readings, [fault], card)
    did = "Injected `stuck` over the third and fourth of 20, 21, 22, 23, 24 °C."
    expect([reading.value for reading in found], [20.0, 21.0, 21.0, 21.0, 24.0], did)


@task("1.6")
def test_streams_are_merged_by_time(room: Any) -> None:
    """Many streams become one in the order of time."""

    def stream(sensor: str, *minutes: int) -> list[Reading]:
        at = [MAY + timedelta(minutes=n) for n in minutes]
        return [Reading("box-1", sensor, "temperature", 1.0, "celsius", t) for t in at]

    merged = room.drained(room.merge([stream("A", 0, 3, 4), stream("B", 1, 2, 5)]))
    expect(
        [reading.sensor_id for reading in merged],
        ["A", "B", "B", "A", "A", "B"],
        "Merged A at minutes 0, 3, 4 and B at minutes 1, 2, 5.",
    )


@task("1.7")
def test_a_twin_learns_its_station(room: Any) -> None:
    """A twin has its station's mean, and isn't fitted to less than 300 days."""
    hours = [MAY + timedelta(hours=n) for n in range(24 * 365)]
    noise = random.Random(7)
    celsius = [10.0 - 8.0 * cos(2 * pi * n / len(hours)) + noise.gauss(0, 1) for n in range(8760)]
    formula, _runs, _fitted = room.simulated(hours, celsius, hours[::24], [])
    did = "Fitted a twin to a year around 10 °C; the mean of its formula."
    expect_close(fmean(formula), 10.0, did, within=0.3, unit="°C")
    expect_refused(
        lambda: room.fit_twin(hours[:720], celsius[:720]), "Called fit_twin with 30 days of hours."
    )
