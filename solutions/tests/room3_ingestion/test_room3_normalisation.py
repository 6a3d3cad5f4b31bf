"""Task 3.2: one form for every reading."""

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.contracts.benches.ingestion import Refused
from shared.contracts.identifiers import message_id
from solutions.room3_ingestion import examine, modernise, normalise, to_canonical

NOON = datetime(2013, 5, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (212.0, "fahrenheit", 100.0), (-40.0, "fahrenheit", -40.0), (273.15, "kelvin", 0.0),
        (0.25, "fraction", 25.0), (101_325.0, "pascal", 1_013.25),
        (101.325, "kilopascal", 1_013.25),
        (760.0, "mmHg", 1_013.25), (29.9212524, "inHg", 1_013.25), (7.5, "celsius", 7.5),
    ],
)  # fmt: skip
def test_units_meet_at_known_points(value: float, unit: str, expected: float) -> None:
    assert math.isclose(to_canonical(value, unit), expected, rel_tol=1e-6, abs_tol=1e-9)


def test_the_event_is_canonical_and_keeps_the_original(reading: dict[str, Any]) -> None:
    sent = {**reading, "value": 72.0, "metadata": {**reading["metadata"], "unit": "°F"}}
    event = normalise(examine(sent), NOON, "the text")
    assert math.isclose(event.value, 200 / 9)
    assert (event.unit, event.original, event.schema_version) == ("celsius", "the text", 2)
    assert (event.location, event.calibration_date) == ("room-101", date(2013, 1, 1))
    assert event.received_at == NOON


def test_a_unit_of_another_type_is_refused_with_those_that_fit(reading: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        normalise(examine({**reading, "metadata": {"unit": "hPa"}}), NOON, "{}")
    [fault] = caught.value.faults
    assert (fault.field, fault.got) == ("metadata.unit", '"hPa"')
    assert "°C" in fault.expected


def test_a_reading_sent_twice_without_an_id_is_the_same_message(reading: dict[str, Any]) -> None:
    first = normalise(examine(reading), NOON, "a")
    later = {**reading, "timestamp": "2013-05-06T12:30:45.123+02:00"}
    assert normalise(examine(later), NOON, "b").message_id == first.message_id
    expected = message_id("DEVICE-001", "temperature", "temperature", first.timestamp, 22.3)
    assert first.message_id == expected


def test_two_sensors_of_a_device_stay_two(reading: dict[str, Any]) -> None:
    ids = {
        normalise(examine({**reading, "metadata": {"sensor_id": name}}), NOON, "").message_id
        for name in ("TEMP-001", "TEMP-002")
    }
    assert len(ids) == 2


def test_an_id_of_the_sender_is_kept(reading: dict[str, Any]) -> None:
    assert normalise(examine({**reading, "message_id": "own-1"}), NOON, "").message_id == "own-1"


def test_a_device_of_yesterday_is_understood() -> None:
    old = {"device_id": "OLD-1", "type": "humidity", "value": 40, "ts": 1367836245.123}
    event = normalise(examine(modernise(old)), NOON, "")
    assert (event.sensor_type, event.value) == ("humidity", 40.0)
    assert event.timestamp == datetime(2013, 5, 6, 10, 30, 45, 123_000, UTC)


@pytest.mark.parametrize("ts", ["1367836245", None, True, math.nan, math.inf, -1, 1e300, 10**400])
def test_a_ts_that_is_no_moment_is_refused_by_its_old_name(ts: object) -> None:
    with pytest.raises(Refused) as caught:
        modernise({"device_id": "OLD-1", "type": "humidity", "value": 40, "ts": ts})
    assert [fault.field for fault in caught.value.faults] == ["ts"]


def test_a_key_in_both_schemas_is_refused(reading: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        examine(modernise({**reading, "ts": 1}))
    assert [fault.field for fault in caught.value.faults] == ["ts"]
