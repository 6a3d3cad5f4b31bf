"""Task 3.1: what is a reading, and what no sensor can have said."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.benches.ingestion import Refused
from solutions.room3_ingestion import examine, moment_from, normalise, number_from, refuse_absurd

NOON = datetime(2013, 5, 6, 12, tzinfo=UTC)


def faults(document: object) -> dict[str, tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        examine(document)
    assert caught.value.status == 422
    return {fault.field: (fault.got, fault.expected) for fault in caught.value.faults}


def test_the_architectures_request_is_taken_as_written(reading: dict[str, Any]) -> None:
    found = examine(reading)
    assert (found.device_id, found.sensor_type, found.value) == ("DEVICE-001", "temperature", 22.3)
    assert found.timestamp == datetime(2013, 5, 6, 10, 30, 45, 123_000, UTC)
    assert found.metadata is not None
    assert found.metadata.location == "room-101"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-05-06T10:30:45Z", datetime(2013, 5, 6, 10, 30, 45, 0, UTC)),
        ("2013-05-06t12:30:45.1239999+02:00", datetime(2013, 5, 6, 10, 30, 45, 123_000, UTC)),
        ("2013-05-06T10:30:45.1z", datetime(2013, 5, 6, 10, 30, 45, 100_000, UTC)),
    ],
)
def test_every_zone_becomes_utc_to_the_millisecond(text: str, expected: datetime) -> None:
    found = moment_from(text)
    assert found == expected
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "2013-05-06T10:30:45", "2013-05-06", "1367836245", 1367836245, None, "", "now",
        "2013-13-01T00:00:00Z", "2013-02-30T00:00:00Z", "2013-05-06 10:30:45Z",
        "2013-05-06T10:30:45+24:00", "0001-01-01T00:00:00+23:00", "٢٠١٣-05-06T10:30:45Z",
    ],
)  # fmt: skip
def test_what_names_no_moment_is_refused(text: object, reading: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        moment_from(text)
    got, expected = faults({**reading, "timestamp": text})["timestamp"]
    assert got == json.dumps(text, ensure_ascii=False)
    assert "zone" in expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "22.3", None, [], 10**400])
def test_only_a_finite_number_is_a_value(value: object, reading: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        number_from(value)
    got, expected = faults({**reading, "value": value})["value"]
    assert len(got) < 120
    assert expected == "a finite number"


def test_every_fault_is_named_at_once_with_what_came(reading: dict[str, Any]) -> None:
    del reading["sensor_type"]
    found = faults(
        {**reading, "device_id": "a/b", "colour": "red", "metadata": {"locatoin": 1, "unit": 5}}
    )
    assert found["sensor_type"] == ("nothing", "temperature, humidity, pressure")
    assert found["device_id"][0] == '"a/b"'
    assert found["colour"] == (
        '"red"',
        "no such field; there are device_id, sensor_type, value, timestamp, metadata, message_id",
    )
    assert found["metadata.locatoin"][0] == "1"
    assert "metadata.location" in found["metadata.locatoin"][1]
    assert found["metadata.unit"] == ("5", "the name of a unit")


@pytest.mark.parametrize("name", ["", "a" * 65, "é", "a b", "a\x00", "+", "\ud800"])
def test_names_that_fit_nowhere_are_refused(name: str, reading: dict[str, Any]) -> None:
    for field in ("device_id", "message_id"):
        assert field in faults({**reading, field: name})
    assert "metadata.sensor_id" in faults({**reading, "metadata": {"sensor_id": name}})


def test_blanks_around_a_name_go_and_its_case_stays(reading: dict[str, Any]) -> None:
    assert examine({**reading, "device_id": " Device-1\n"}).device_id == "Device-1"


def test_giant_metadata_is_refused(reading: dict[str, Any]) -> None:
    found = faults({**reading, "metadata": {"location": "x" * 100_000}})
    assert found["metadata.location"][0].endswith("(100000 characters)")
    assert len(found["metadata.location"][0]) < 120
    many = faults({**reading, **{f"key{n}": n for n in range(10_000)}})
    assert len(many) == 20


@pytest.mark.parametrize("document", [None, [], "text", 5, [{}], {}])
def test_what_is_no_object_is_no_reading(document: object) -> None:
    assert faults(document)


@pytest.mark.parametrize(
    ("kind", "value", "unit"),
    [
        ("temperature", 1e9, None), ("temperature", -101.0, None), ("humidity", 151.0, None),
        ("pressure", 101_325.0, None), ("pressure", 1_013.0, "Pa"), ("temperature", 5.0, "K"),
    ],
)  # fmt: skip
def test_absurd_values_are_refused_in_the_types_own_unit(
    kind: str, value: float, unit: str | None, reading: dict[str, Any]
) -> None:
    sent = {**reading, "sensor_type": kind, "value": value, "metadata": {"unit": unit}}
    event = normalise(examine(sent), NOON, "{}")
    with pytest.raises(Refused) as caught:
        refuse_absurd(event, NOON)
    assert [fault.field for fault in caught.value.faults] == ["value"]


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2106-02-07T06:28:15Z"])
def test_a_clock_that_was_never_set_or_overflowed_is_refused(
    moment: str, reading: dict[str, Any]
) -> None:
    event = normalise(examine({**reading, "timestamp": moment}), NOON, "{}")
    with pytest.raises(Refused, match="No sensor") as caught:
        refuse_absurd(event, NOON)
    [fault] = caught.value.faults
    assert fault.field == "timestamp"
    assert "2013-05-06T12:00:00.000Z" in fault.expected
