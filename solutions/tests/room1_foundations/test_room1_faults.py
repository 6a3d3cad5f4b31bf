"""Faults with ground truth, told apart from the readings."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile

import pytest

from shared.contracts.messages import Reading, SensorCard, Truth
from solutions.room1_foundations import inject, make_reading, plan_faults, quantise

START = datetime(2013, 5, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
CARD = SensorCard("T", "temperature", "celsius", resolution=0.1)
WET = SensorCard("H", "humidity", "percent", resolution=0.1)


def steady(count: int, value: float = 20.0, kind: str = "temperature") -> Iterator[Reading]:
    name = "T" if kind == "temperature" else "H"
    return (make_reading("D", name, kind, value, START + n * HOUR) for n in range(count))


def fault(kind: str, first: float, last: float, size: float = 0.0) -> Truth:
    return Truth("D", "T", kind, START + first * HOUR, START + last * HOUR, size)


def values(count: int, *faults: Truth) -> list[float]:
    return [reading.value for reading in inject(steady(count), faults, CARD)]


@pytest.mark.parametrize(
    ("value", "resolution", "expected"),
    [
        (21.7234, 0.1, "21.7"),
        (-0.04, 0.1, "0.0"),
        (1013.249, 0.25, "1013.25"),
        (55.51, 0.5, "55.5"),
        (20.3, 1.0, "20.0"),
        (0.30000000000000004, 0.1, "0.3"),
    ],
)
def test_a_value_is_quantised_to_a_clean_decimal(
    value: float, resolution: float, expected: str
) -> None:
    assert repr(quantise(value, resolution)).removeprefix("-") == expected
    assert quantise(quantise(value, resolution), resolution) == quantise(value, resolution)


@pytest.mark.parametrize("resolution", [0.0, -0.1, float("nan")])
def test_a_resolution_of_nothing_is_refused(resolution: float) -> None:
    with pytest.raises((ValueError, ZeroDivisionError)):
        quantise(1.0, resolution)


def test_a_spike_is_one_reading() -> None:
    assert values(5, fault("spike", 1.5, 2.5, 9.04)) == [20.0, 20.0, 29.0, 20.0, 20.0]


def test_a_drift_grows_evenly_from_its_start() -> None:
    assert values(6, fault("drift", 0, 4, 4.0)) == [20.0, 21.0, 22.0, 23.0, 20.0, 20.0]


def test_a_dropout_is_silence_not_zero() -> None:
    assert len(values(10, fault("dropout", 1.5, 4.5))) == 7


def test_a_stuck_sensor_repeats_what_it_said_before() -> None:
    rising = (make_reading("D", "T", "temperature", 20.0 + n, START + n * HOUR) for n in range(6))
    stuck = inject(rising, [fault("stuck", 1.5, 3.5)], CARD)
    assert [reading.value for reading in stuck] == [20.0, 21.0, 21.0, 21.0, 24.0, 25.0]


def test_skew_moves_the_timestamp_and_nothing_else() -> None:
    skewed = list(inject(steady(3), [fault("skew", 0.5, 1.5, -90.25)], CARD))
    assert [reading.value for reading in skewed] == [20.0] * 3
    assert skewed[1].timestamp == START + HOUR - timedelta(seconds=90.25)
    assert [skewed[0].timestamp, skewed[2].timestamp] == [START, START + 2 * HOUR]


def test_errors_add_up_before_the_converter_rounds_once() -> None:
    faults = [fault("drift", 0, 4, 0.16), fault("spike", 1.5, 2.5, 0.06)]
    # 20 + 0.08 + 0.06; rounding in between would make 20.2
    assert values(3, *faults)[2] == 20.1


def test_a_hygrometers_spike_points_into_its_scale() -> None:
    for value, expected in ((10.0, 50.0), (90.0, 50.0)):
        spike = Truth("D", "H", "spike", START, START + HOUR, 40.0)
        readings = inject(steady(1, value, "humidity"), [spike], WET)
        assert [reading.value for reading in readings] == [expected]
        assert readings.truth()[0].size == expected - value


def test_the_truth_is_told_apart_and_grows_with_the_stream() -> None:
    faults = [fault("drift", 0, 10, 5.0), fault("stuck", 1.5, 2.5), fault("dropout", 20, 21)]
    stream = inject(steady(15), faults, CARD)
    readings = iter(stream)
    assert stream.truth() == []
    for _reading in islice(readings, 3):
        pass
    assert stream.truth() == [
        Truth("D", "T", "drift", START, None, 1.0),
        Truth("D", "T", "stuck", START + 1.5 * HOUR, None, 0.0),
    ]
    left = list(readings)
    assert stream.truth() == faults[:2]  # the dropout never came to pass
    labels = {field.name for field in fields(Reading)}
    assert labels == {"device_id", "sensor_id", "sensor_type", "value", "unit", "timestamp"}
    assert {reading.unit for reading in left} == {"celsius"}


def test_a_fault_in_a_gap_of_the_recording_never_happened() -> None:
    gappy = (reading for reading in steady(10) if reading.timestamp.hour not in {4, 5})
    stream = inject(gappy, [fault("spike", 3.5, 5.5, 9.0)], CARD)
    assert [reading.value for reading in stream] == [20.0] * 8
    assert stream.truth() == []


def test_a_drift_without_an_end_is_refused() -> None:
    endless = Truth("D", "T", "drift", START, None, 3.0)
    with pytest.raises(ValueError, match="expected an end"):
        list(inject(steady(2), [endless], CARD))


def plan(card: SensorCard, seed: int = 1, days: int = 365) -> list[Truth]:
    end = START + timedelta(days=days)
    return list(takewhile(lambda f: f.start < end, plan_faults("D", card, START, 3600.0, seed)))


def test_a_plan_is_reproducible_ordered_and_has_every_kind() -> None:
    planned = plan(CARD)
    assert planned == plan(CARD)
    assert planned != plan(CARD, seed=2)
    assert [f.start for f in planned] == sorted(f.start for f in planned)
    kinds = Counter(f.kind for f in planned)
    assert set(kinds) == {"stuck", "spike", "dropout", "skew", "drift"}
    assert min(kinds.values()) >= 5


def test_incidents_of_a_sensor_never_overlap() -> None:
    ends = START
    for planned in plan(CARD):
        if planned.kind in {"stuck", "spike", "dropout"}:
            assert planned.start >= ends
            assert planned.end is not None
            ends = planned.end


def test_a_freshly_calibrated_sensor_drifts_from_its_calibration_on() -> None:
    card = SensorCard("T", "temperature", "celsius", None, date(2013, 5, 4), 0.1)
    first = next(f for f in plan(card) if f.kind == "drift")
    assert first.start == datetime(2013, 5, 4, tzinfo=UTC)
    assert 3.0 <= abs(first.size) <= 5.0
    long_ago = SensorCard("T", "temperature", "celsius", None, date(2012, 5, 4), 0.1)
    assert next(f for f in plan(long_ago) if f.kind == "drift").start > START


def test_a_device_has_one_clock_and_it_is_never_far_ahead() -> None:
    skews = [[(f.start, f.size) for f in plan(card) if f.kind == "skew"] for card in (CARD, WET)]
    assert skews[0] == skews[1]
    assert all(-2 * 3600.0 < size <= 30.0 for _start, size in skews[0])


@pytest.mark.parametrize("interval_s", [0.05, 1.0, 17.0, 3600.0])
def test_skew_never_stamps_a_time_twice(interval_s: float) -> None:
    planned = islice(
        (f for f in plan_faults("D", CARD, START, interval_s, 1) if f.kind == "skew"), 40
    )
    for skew in planned:
        assert 0.15 < abs(skew.size) / interval_s % 1.0 < 0.85
