"""The gateway at a puppet's wire: order, poison, pressure, verdicts."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer, Verdict
from shared.contracts.ports import BusParts
from shared.contracts.settings import Settings
from solutions.room2_mqtt import build
from solutions.room2_mqtt.intake import Arrival, Intake
from solutions.room2_mqtt.presence import birth_text, read_presence
from solutions.room2_mqtt.reception import letter_id, receive
from solutions.room2_mqtt.verdicts import read_verdicts
from solutions.tests.room2_mqtt.conftest import World
from solutions.tests.room2_mqtt.doubles import (
    PuppetBroker,
    Ring,
    Tale,
    WallClock,
    birth_of,
    wait_for,
)

TOPIC = b"aiot-academy/dev1/T1/temperature"


def payload(value: float, **more: object) -> bytes:
    """Return a payload of sensor T1."""
    body = {"sensor_id": "T1", "temperature": value, "timestamp": "2013-05-06T00:00:00Z"}
    return json.dumps({**body, "unit": "celsius", **more}).encode()


@pytest.fixture
def puppet(world: World) -> Iterator[tuple[PuppetBroker, Callable[[], None]]]:
    """Return a puppet broker with a gateway at it, and what stops the gateway."""
    with PuppetBroker() as broker:
        end = world.gateway(world.bus(broker.port, batch_age_s=0.05))
        broker.accept()
        yield broker, end
        world.api.gate.set()
        end()


Puppet = tuple[PuppetBroker, Callable[[], None]]


def test_acknowledged_by_hand_in_the_order_of_arrival_once_stored(
    world: World, puppet: Puppet
) -> None:
    broker, _end = puppet
    world.api.gate.clear()
    mids = [broker.publish(TOPIC, payload(value)) for value in (1, 2, 3)]
    mids.insert(1, broker.publish(TOPIC, b"poison"))
    wait_for(lambda: bool(world.api.batches), "the batch is at the API")
    assert broker.is_silent(0.2)
    world.api.gate.set()
    assert [broker.acknowledged() for _mid in mids] == sorted(mids)
    assert world.api.order == [1, 2, 3]
    assert len(world.grave.letters) == 1


def test_what_comes_again_while_it_is_in_our_hands_is_one_message(
    world: World, puppet: Puppet
) -> None:
    broker, _end = puppet
    world.api.gate.clear()
    mid = broker.publish(TOPIC, payload(1, message_id="msg-1"))
    wait_for(lambda: bool(world.api.batches), "the batch is at the API")
    broker.publish(TOPIC, payload(1, message_id="msg-1"), mid=mid, dup=True)
    world.api.gate.set()
    assert broker.acknowledged() == mid
    again = broker.publish(TOPIC, payload(1, message_id="msg-1"), mid=mid, dup=True)
    assert broker.acknowledged() == again
    assert world.api.stored == {"msg-1": 2}


def test_qos_0_is_carried_and_not_acknowledged(world: World, puppet: Puppet) -> None:
    broker, _end = puppet
    broker.publish(TOPIC, payload(1), qos=0)
    mid = broker.publish(TOPIC, payload(2))
    assert broker.acknowledged() == mid
    assert world.api.order == [1, 2]


def test_a_gateway_stopped_in_the_middle_acknowledges_nothing_of_it(
    world: World, puppet: Puppet
) -> None:
    broker, end = puppet
    world.api.away = True
    broker.publish(TOPIC, payload(1))
    wait_for(lambda: bool(world.api.batches), "it has tried")
    end()
    assert broker.packet()[0] == 0xE0  # DISCONNECT, and no PUBACK before it


def test_a_broker_whose_topic_is_no_utf8_stops_nobody(world: World, puppet: Puppet) -> None:
    broker, _end = puppet
    first = broker.publish(b"aiot-academy/\xff\xfe/T1/temperature", payload(1))
    second = broker.publish(TOPIC, payload(2))
    assert [broker.acknowledged(), broker.acknowledged()] == [first, second]
    assert len(world.grave.letters) == 1


def test_a_dead_letter_is_on_disk_before_it_is_acknowledged(world: World, puppet: Puppet) -> None:
    broker, _end = puppet
    world.grave.away = 3
    mid = broker.publish(TOPIC, b"\xff not JSON")
    assert broker.acknowledged() == mid
    assert world.grave.away == 0
    (letter,) = world.grave.letters.values()
    assert (letter.status, letter.topic, letter.payload) == (0, TOPIC.decode(), b"\xff not JSON")
    assert letter.letter_id == letter_id(letter.topic, letter.payload)
    assert "UTF-8" in letter.reason


def test_verdicts_go_to_the_device_and_under_no_root_that_the_gateway_hears(
    world: World, puppet: Puppet
) -> None:
    broker, _end = puppet
    world.api.status_of = {2.0: 422, 3.0: 429}
    for value in (1, 2, 3):
        broker.publish(TOPIC, payload(value, message_id=f"msg-{value}"))
    broker.publish(TOPIC, payload(4, message_id="msg-4", colour="red"))
    broker.publish(TOPIC, payload(5))
    told: list[tuple[str, Verdict, float]] = []
    while len(told) < 4:
        kind, body = broker.packet()
        if kind & 0xF0 == 0x30:
            length = int.from_bytes(body[:2], "big")
            assert body[2 : 2 + length] == b"aiot-academy-verdict/dev1"
            verdicts = read_verdicts(body[4 + length :])
            told += [(one.message_id, one.verdict, one.retry_after_s) for one in verdicts]
    assert told == [
        ("msg-1", Verdict.STORED, 1.0),
        ("msg-2", Verdict.DEAD, 1.0),
        ("msg-3", Verdict.LATER, 0.2),
        ("msg-4", Verdict.DEAD, 1.0),
    ]
    assert set(world.grave.letters) == {("dev1", "msg-2"), ("dev1", "msg-4")}
    assert world.grave.letters["dev1", "msg-2"].status == 422


def test_a_flooder_without_an_outbox_loses_and_is_counted(world: World, puppet: Puppet) -> None:
    broker, _end = puppet
    world.api.answers = [Answer(429, retry_after_s=1.0)]
    mid = broker.publish(TOPIC, payload(1))
    assert broker.acknowledged() == mid
    assert any("readings_lost {'count': 1" in line for line in world.tale.events)


def test_a_full_queue_leaves_the_rest_with_the_broker(world: World) -> None:
    world.api.gate.clear()
    with PuppetBroker() as broker:
        end = world.gateway(world.bus(broker.port, queue_limit=10, batch_size=5, batch_age_s=0.01))
        broker.accept()
        big = "x" * 60_000
        sent = 0
        broker.line.settimeout(0.5)
        try:
            while sent < 1_000:
                broker.publish(TOPIC, payload(sent, unit=big))
                sent += 1
        except TimeoutError:
            pass  # nobody reads any more
        assert 15 < sent < 1_000
        assert max(world.tale.of(Fact.BATCH_READINGS)) == 5
        assert [len(batch) for batch in world.api.batches] == [5]
        world.api.gate.set()
        end()


def test_the_card_of_a_birth_is_joined_into_what_follows(world: World, puppet: Puppet) -> None:
    broker, _end = puppet
    broker.publish(TOPIC, payload(1))
    broker.publish(b"aiot-academy-presence/dev1", birth_text(birth_of()))
    broker.publish(b"aiot-academy-presence/dev1", b"no birth at all")
    broker.publish(b"aiot-academy-presence/dev2", birth_text(birth_of()))
    mid = broker.publish(TOPIC, payload(2, traceparent="00-x", message_id="msg-2"))
    while broker.acknowledged() != mid:
        pass
    bodies = [item for batch in world.api.batches for item in batch]
    assert bodies[0] == {
        "device_id": "dev1",
        "sensor_type": "temperature",
        "value": 1.0,
        "timestamp": "2013-05-06T00:00:00.000Z",
        "metadata": {"sensor_id": "T1", "unit": "celsius"},
    }
    assert bodies[1]["message_id"] == "msg-2"
    assert bodies[1]["metadata"] == {
        "sensor_id": "T1",
        "unit": "celsius",
        "location": "room-101",
        "calibration_date": "2013-05-06",
        "traceparent": "00-x",
    }
    assert world.tale.of(Fact.DEVICE_PRESENCE, "dev1") == [1.0]
    assert world.tale.of(Fact.DEVICE_PRESENCE, "dev2") == []


@given(st.text(max_size=40), st.binary(max_size=120))
def test_no_message_at_all_stops_the_line(topic: str, data: bytes) -> None:
    for name in (topic, f"aiot-academy/dev1/T1/{topic}", TOPIC.decode()):
        found = receive(name, data, {})
        assert found.body is None
        assert found.reason
    assert read_presence(topic, data) is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
            for key in ("sensor_id", "temperature", "timestamp", "unit", "message_id", "x")
        },
    )
)
def test_any_json_is_a_body_or_has_a_reason(body: dict[str, object]) -> None:
    found = receive(TOPIC.decode(), json.dumps({**json.loads(payload(1)), **body}).encode(), {})
    assert (found.body is None) == bool(found.reason)


def test_a_sensor_that_is_not_its_topics_is_refused() -> None:
    found = receive("aiot-academy/dev1/T2/temperature", payload(1, message_id="msg-1"), {})
    assert found.reason == "sensor_id: expected T2, as in the topic, got T1"
    assert (found.device_id, found.message_id) == ("dev1", "msg-1")


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"verdicts":5}', b'{"verdicts":[5]}', b'{"verdicts":[{}]}',
     b'{"verdicts":[{"message_id":"m","verdict":"perhaps"}]}', b"\xff"],
)  # fmt: skip
def test_what_is_no_verdict_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="expected verdicts"):
        read_verdicts(data)


@pytest.mark.parametrize(
    ("said", "kept"), [("NaN", 1), ("1e400", 1), ("-5", 0), ("1e9", 60), ('"x"', 1), ("2.5", 2.5)]
)
def test_a_device_waits_no_longer_than_a_minute_whatever_is_said(said: str, kept: float) -> None:
    data = f'{{"verdicts":[{{"message_id":"m","verdict":"later","retry_after_s":{said}}}]}}'
    assert read_verdicts(data.encode())[0].retry_after_s == kept


def test_a_batch_is_full_or_old_whichever_comes_first() -> None:
    intake, now = Intake(100, 3, 0.05), time.monotonic
    for number in range(4):
        intake.put(Arrival(1, number, "t", b"", now()))
    assert [one.mid for one in intake.gather(lambda: False)] == [0, 1, 2]
    began = now()
    assert [one.mid for one in intake.gather(lambda: False)] == [3]
    assert now() - began < 1.0
    assert intake.gather(lambda: True) == []


def test_a_gateway_needs_a_door() -> None:
    parts = BusParts(WallClock(), Tale(), Ring())
    with pytest.raises(ValueError, match="door"):
        build(Settings(), parts).gateway()
