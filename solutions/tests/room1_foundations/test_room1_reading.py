"""A reading and its JSON."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.contracts.messages import Reading
from solutions.room1_foundations import from_json, make_reading, to_json
from solutions.room1_foundations.reading import BadReading

MOMENT = datetime(2025, 1, 15, 10, 30, 45, 123_000, UTC)


def reading(value: float = 22.3, timestamp: datetime = MOMENT) -> Reading:
    return make_reading("DEVICE-001", "TEMP-001", "temperature", value, timestamp)


def test_a_reading_is_frozen_and_in_the_canonical_unit() -> None:
    made = reading()
    assert made.unit == "celsius"
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.value = 3.0  # type: ignore[misc]


def test_its_time_is_utc_and_cut_to_milliseconds() -> None:
    summer = timezone(timedelta(hours=2))
    made = reading(timestamp=datetime(2025, 7, 1, 0, 30, 0, 999_999, summer))
    assert made.timestamp == datetime(2025, 6, 30, 22, 30, 0, 999_000, UTC)
    assert made.timestamp.tzinfo is UTC


def test_the_json_has_the_three_keys_and_a_zulu_time() -> None:
    assert json.loads(to_json(reading())) == {
        "sensor_id": "TEMP-001",
        "value": 22.3,
        "timestamp": "2025-01-15T10:30:45.123Z",
    }


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 21, 1e22])
def test_the_round_trip_is_exact(value: float) -> None:
    made = reading(value)
    back = from_json(to_json(made), "DEVICE-001", "temperature")
    assert back == made
    assert repr(back.value) == repr(made.value)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("device_id", {"device_id": "a/b"}),
        ("device_id", {"device_id": ""}),
        ("sensor_id", {"sensor_id": "x" * 65}),
        ("sensor_id", {"sensor_id": "TEMP-001\n"}),
        ("sensor_type", {"sensor_type": "wind"}),
        ("value", {"value": float("nan")}),
        ("value", {"value": float("-inf")}),
        ("value", {"value": 10**400}),
        ("value", {"value": True}),
        ("value", {"value": "22.3"}),
        ("value", {"value": None}),
        ("timestamp", {"timestamp": datetime(2025, 1, 15)}),  # noqa: DTZ001 - naive on purpose
        ("timestamp", {"timestamp": "2025-01-15T10:30:45Z"}),
    ],
)
def test_what_cant_be_a_reading_is_refused_by_name(field: str, changed: dict[str, object]) -> None:
    fields: dict[str, object] = {
        "device_id": "D",
        "sensor_id": "S",
        "sensor_type": "temperature",
        "value": 1.0,
        "timestamp": MOMENT,
        **changed,
    }
    with pytest.raises(ValueError, match=rf"^{field}: expected"):
        make_reading(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("JSON", "{"),
        ("JSON", "[]"),
        ("JSON", "[" * 100_000),
        ("JSON", '{"value": ' + "1" * 5_000 + "}"),
        ("value", '{"sensor_id": "S", "timestamp": "2025-01-15T10:30:45Z"}'),
        ("unit", '{"sensor_id": "S", "value": 1, "timestamp": "2025-01-15T10:30:45Z", "unit": 1}'),
        ("value", '{"sensor_id": "S", "value": 1, "value": 2, "timestamp": "2025-01-15T10:30Z"}'),
        ("value", '{"sensor_id": "S", "value": NaN, "timestamp": "2025-01-15T10:30:45Z"}'),
        ("value", '{"sensor_id": "S", "value": 1e400, "timestamp": "2025-01-15T10:30:45Z"}'),
        ("value", '{"sensor_id": "S", "value": "1", "timestamp": "2025-01-15T10:30:45Z"}'),
        ("timestamp", '{"sensor_id": "S", "value": 1, "timestamp": "2025-01-15T10:30:45"}'),
        ("timestamp", '{"sensor_id": "S", "value": 1, "timestamp": 1736937045}'),
        ("timestamp", '{"sensor_id": "S", "value": 1, "timestamp": "0001-01-01T00:00:00+23:00"}'),
        ("sensor_id", '{"sensor_id": 7, "value": 1, "timestamp": "2025-01-15T10:30:45Z"}'),
        ("sensor_id", '{"sensor_id": "é", "value": 1, "timestamp": "2025-01-15T10:30:45Z"}'),
    ],
)
def test_json_that_is_no_reading_is_refused_by_key(field: str, text: str) -> None:
    with pytest.raises(BadReading) as refused:
        from_json(text, "D", "temperature")
    assert refused.value.field == field
    assert len(str(refused.value)) < 300
