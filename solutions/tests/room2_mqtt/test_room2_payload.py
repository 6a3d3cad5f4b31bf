"""The payload: nothing guessed, nothing passed over, every byte counted."""

import json
import math
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from shared.contracts.benches.bus import BadPayload, Payload
from solutions.room2_mqtt import build_topic, decode_payload, encode_payload, payload_budget
from solutions.room2_mqtt.payload import BUDGET_BYTES
from solutions.tests.room2_mqtt.doubles import PuppetBroker

MOMENT = datetime(2025, 1, 15, 10, 30, 45, 123_000, tzinfo=UTC)
GOOD = {
    "sensor_id": "TEMP-001",
    "temperature": 22.3,
    "timestamp": "2025-01-15T10:30:45.123Z",
    "unit": "celsius",
}


def text(**changes: object) -> bytes:
    """Return the architecture's payload with some keys changed; None leaves one out."""
    return json.dumps({k: v for k, v in (GOOD | changes).items() if v is not None}).encode()


def test_the_json_is_the_architectures() -> None:
    data = encode_payload(Payload("TEMP-001", "temperature", 22.3, MOMENT, "celsius"))
    assert json.loads(data) == GOOD
    assert list(json.loads(data)) == ["sensor_id", "temperature", "timestamp", "unit"]


def test_two_optional_keys_come_last_and_only_when_they_are_there() -> None:
    payload = Payload("P1", "pressure", 1013.25, MOMENT, "hectopascal", "msg-1", "00-x")
    assert list(json.loads(encode_payload(payload)))[-2:] == ["message_id", "traceparent"]
    assert decode_payload(encode_payload(payload), "pressure") == payload


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
)
def test_what_is_encoded_is_decoded(value: float, moment: datetime) -> None:
    payload = Payload("T1", "temperature", value, moment, "celsius")
    found = decode_payload(encode_payload(payload), "temperature")
    assert found.value == value
    assert abs(found.timestamp - moment) < timedelta(milliseconds=1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_json_cannot_carry_is_refused(value: float) -> None:
    with pytest.raises(BadPayload, match="temperature"):
        encode_payload(Payload("T1", "temperature", value, MOMENT, "celsius"))


def test_an_unknown_type_and_a_naive_time_are_refused() -> None:
    with pytest.raises(BadPayload, match="sensor_type"):
        encode_payload(Payload("T1", "sensor_id", 1.0, MOMENT, "celsius"))
    with pytest.raises(BadPayload, match="timestamp"):
        encode_payload(Payload("T1", "humidity", 1.0, datetime(2025, 1, 1), "percent"))  # noqa: DTZ001 - naive is the test


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"\xc0\x80", "UTF-8"),
        (b"[]", "object"),
        (b"null", "object"),
        (b"[" * 100_000, "payload"),
        (b'{"a":1,"a":2}', "a: expected each key once"),
        (text()[:-1] + b',"temperature":23.0}', "temperature"),
        (text(colour="red"), "colour"),
        (text(device_id="dev2"), "device_id"),
        (text(sensor_id=None), "sensor_id"),
        (text(temperature=None), "temperature"),
        (text(timestamp=None), "timestamp"),
        (text(unit=None), "unit"),
        (text(sensor_id=5), "sensor_id"),
        (text(sensor_id="a/b"), "sensor_id"),
        (text(sensor_id=""), "sensor_id"),
        (text(temperature="22.3"), "temperature"),
        (text(temperature=True), "temperature"),
        (text(temperature=[22.3]), "temperature"),
        (text(temperature=math.nan), "temperature"),
        (text(temperature=math.inf), "temperature"),
        (text().replace(b"22.3", b"1e400"), "temperature"),
        (text().replace(b"22.3", b"1" + b"0" * 400), "temperature"),
        (text().replace(b"22.3", b"1" + b"0" * 5_000), "payload"),
        (text(timestamp="2025-01-15T10:30:45.123"), "timestamp"),
        (text(timestamp="yesterday"), "timestamp"),
        (text(timestamp=1_736_937_045), "timestamp"),
        (text(timestamp="0001-01-01T00:00:00+23:59"), "timestamp"),
        (text(timestamp="9999-12-31T23:59:59-23:59"), "timestamp"),
        (text(unit=5), "unit"),
        (text(message_id=""), "message_id"),
        (text(message_id="a b"), "message_id"),
        (text(message_id=7), "message_id"),
        (text(traceparent=7), "traceparent"),
    ],
)
def test_what_is_no_reading_is_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(BadPayload, match=named):
        decode_payload(data, "temperature")


def test_another_measure_under_the_topic_of_this_one_is_refused() -> None:
    with pytest.raises(BadPayload, match="temperature"):
        decode_payload(text(), "humidity")


def test_times_come_out_in_utc() -> None:
    found = decode_payload(text(timestamp="2025-01-15T11:30:45.123+01:00"), "temperature")
    assert found.timestamp == MOMENT
    assert found.timestamp.utcoffset() == timedelta(0)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reading_or_are_refused(data: bytes) -> None:
    with pytest.raises(BadPayload):
        decode_payload(data, "temperature")


@pytest.mark.parametrize("size", [0, 86, 87, 88, 16_341, 16_342, 16_343, 100_000])
def test_the_budget_counts_what_is_on_the_wire(size: int) -> None:
    topic, data = build_topic("dev1", "T1", "temperature"), b"x" * size
    with PuppetBroker() as broker:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="dev1")
        client.connect("127.0.0.1", broker.port)
        client.subscribe("x")
        client.loop_start()
        broker.accept()
        client.publish(topic, data, 1)
        _kind, body = broker.packet()
        client.disconnect()
        client.loop_stop()
    length_bytes = 1 if len(body) < 128 else 2 if len(body) < 16_384 else 3
    assert payload_budget(data, topic) == 1 + length_bytes + len(body)


def test_a_reading_with_the_longest_names_is_within_the_budget() -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    payload = Payload("s" * 64, "temperature", -1.2345678901234567e-300, MOMENT, "hectopascal",
                      "msg-" + "0" * 24, trace)  # fmt: skip
    topic = build_topic("d" * 64, "s" * 64, "temperature")
    assert payload_budget(encode_payload(payload), topic) <= BUDGET_BYTES
