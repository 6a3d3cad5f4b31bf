"""The device: born, cut off, restarted, and vouched for in the end."""

import json
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer
from solutions.tests.room2_mqtt.conftest import Broker, World
from solutions.tests.room2_mqtt.doubles import PuppetBroker, birth_of, readings, wait_for

VERDICT = b"aiot-academy-verdict/dev1"


class Listener:
    """A client that hears presence."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bool, Any]] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener")
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe("aiot-academy-presence/+", 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, message.retain, json.loads(message.payload)))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def late_listener(broker: Broker) -> Listener:
    """Return a listener to whom the broker told a retained message: one who came later."""
    deadline = time.monotonic() + 10
    while True:
        listener = Listener(broker.port)
        wait_for(lambda listener=listener: bool(listener.heard), "a birth is heard")  # type: ignore[misc]
        if listener.heard[0][1]:
            return listener
        listener.close()  # it came while the birth did
        assert time.monotonic() < deadline, "the birth is never retained"


def verdict(broker: PuppetBroker, said: str, *identities: str, **more: object) -> None:
    """Tell the device what became of its readings."""
    items = [{"message_id": one, "verdict": said, **more} for one in identities]
    broker.publish(VERDICT, json.dumps({"verdicts": items}).encode())


def published(broker: PuppetBroker, number: int) -> list[dict[str, Any]]:
    """Return the next readings that the device publishes."""
    found: list[dict[str, Any]] = []
    while len(found) < number:
        kind, body = broker.packet()
        if kind & 0xF0 == 0x30:
            assert kind & 0x06 == 0x02, "QoS 1"
            length = int.from_bytes(body[:2], "big")
            mid = body[2 + length : 4 + length]
            broker.line.sendall(b"\x40\x02" + mid)
            if body[2 : 2 + length].startswith(b"aiot-academy/"):
                found.append(json.loads(body[4 + length :]))
    return found


def test_a_device_is_born_retained_and_dies_retained(world: World, broker: Broker) -> None:
    link = world.device(world.bus(broker.port), birth_of())
    wait_for(lambda: world.tale.of(Fact.MQTT_CONNECTED) == [1], "connected")
    listener = late_listener(broker)
    topic, _retained, birth = listener.heard[0]
    assert topic == "aiot-academy-presence/dev1"
    assert birth["state"] == "online"
    assert birth["sensors"][0] == {
        "sensor_id": "T1", "type": "temperature", "unit": "celsius", "location": "room-101",
        "calibration_date": "2013-05-06", "resolution": 0.1,
    }  # fmt: skip
    assert link.close(0.1) is True
    wait_for(lambda: listener.heard[-1][2]["state"] == "offline", "it said goodbye")
    listener.close()


def test_connect_keeps_the_session_and_leaves_a_retained_will(world: World) -> None:
    with PuppetBroker() as broker:
        world.device(world.bus(broker.port), birth_of())
        connect = broker.accept()
    assert connect[:7] == b"\x00\x04MQTT\x04"  # 3.1.1, section 3.1.2
    flags = connect[7]
    assert not flags & 0x02, "clean session"
    assert (flags & 0x04, flags >> 3 & 3, flags & 0x20) == (0x04, 1, 0x20), "will, QoS 1, retained"
    assert b"aiot-academy-presence/dev1" in connect
    assert b'"offline"' in connect


def test_sent_in_order_and_cleared_by_the_verdict_only(world: World) -> None:
    with PuppetBroker() as broker:
        link = world.device(world.bus(broker.port, inflight=4), birth_of())
        link.offer(readings(0, 6))
        broker.accept()
        first = published(broker, 4)
        assert [one["temperature"] for one in first] == [0, 1, 2, 3]
        assert link.progress().pending == 6, "the broker's word clears nothing"
        ids = [one["message_id"] for one in first]
        verdict(broker, "stored", ids[0])
        verdict(broker, "dead", ids[1])
        verdict(broker, "stored", "msg-of-somebody-else")
        broker.publish(VERDICT, b"not a verdict")
        assert [one["temperature"] for one in published(broker, 2)] == [4, 5]
        assert link.progress().pending == 4
        assert len(world.tale.of(Fact.READING_AGE_S, "dev1")) == 2
        assert any("bad_verdict" in line for line in world.tale.events)
        assert world.tale.spans[0].startswith("device 00-")


def test_a_lost_verdict_means_again_on_a_healthy_connection(world: World) -> None:
    with PuppetBroker() as broker:
        link = world.device(world.bus(broker.port, resend_after_s=0.3), birth_of())
        broker.accept()
        link.offer(readings(0, 3))
        first = published(broker, 3)
        assert published(broker, 3) == first
        verdict(broker, "stored", *[one["message_id"] for one in first])
        wait_for(lambda: link.progress().pending == 0, "all are vouched for")


def test_later_means_not_before_the_time_said(world: World) -> None:
    with PuppetBroker() as broker:
        link = world.device(world.bus(broker.port, resend_after_s=30.0), birth_of())
        broker.accept()
        link.offer(readings(0, 1))
        (one,) = published(broker, 1)
        verdict(broker, "later", one["message_id"], retry_after_s=0.5)
        while not broker.is_silent(0.2):
            broker.packet()  # its acknowledgement of the verdict
        assert published(broker, 1) == [one]
        assert link.progress().pending == 1


def test_after_reconnecting_the_old_ones_go_first(world: World) -> None:
    with PuppetBroker() as broker:
        link = world.device(world.bus(broker.port, inflight=4), birth_of())
        broker.accept()
        link.offer(readings(0, 3))
        published(broker, 3)
        broker.line.close()
        link.offer(readings(3, 3))
        broker.accept()
        assert [one["temperature"] for one in published(broker, 4)] == [0, 1, 2, 3]


def test_who_is_thrown_out_at_once_does_not_knock_all_the_time(world: World) -> None:
    with PuppetBroker() as broker:
        world.device(world.bus(broker.port), birth_of())
        broker.listener.settimeout(3.1)  # the longest pause
        knocks, deadline = 0, time.monotonic() + 2.0
        while time.monotonic() < deadline:
            broker.line, _address = broker.listener.accept()
            broker.line.settimeout(10)
            broker.packet()
            broker.line.sendall(bytes((0x20, 2, 0, 0)))  # let in, and thrown out
            broker.line.close()
            knocks += 1
        assert 2 <= knocks < 20


def test_a_broker_that_forgets_everything_loses_nothing(world: World, broker: Broker) -> None:
    bus = world.bus(broker.port, resend_after_s=1.0, inflight=50)
    link = world.device(bus, birth_of())
    world.gateway(bus)
    for kill in range(3):
        link.offer(readings(kill * 200, 200))
        wait_for(lambda: len(world.api.batches) > 0, "on its way")
        broker.kill(forget=True)
        link.offer(readings(1_000 + kill * 200, 200))
        broker.start()
        world.api.batches.clear()
    wait_for(lambda: link.progress().pending == 0, "all are vouched for", 30)
    assert len(world.api.stored) == 1_200
    assert link.progress().made == 1_200
    assert sorted(set(world.api.order)) == [*range(600), *range(1_000, 1_600)]


def test_all_of_it_end_to_end(world: World, broker: Broker) -> None:
    world.api.status_of = {7.0: 422, 8.0: 409}
    bus = world.bus(broker.port)
    links = [world.device(bus, birth_of(name)) for name in ("dev1", "dev2")]
    world.gateway(bus)
    for link, name in zip(links, ("dev1", "dev2"), strict=True):
        assert link.offer(readings(0, 500, name)) == 500
    wait_for(lambda: all(link.progress().pending == 0 for link in links), "all vouched for")
    assert len(world.api.stored) + len(world.grave.letters) == 1_000
    assert len(world.grave.letters) == 4
    assert {letter.status for letter in world.grave.letters.values()} == {409, 422}


def test_a_flooded_api_gets_all_of_it_later(world: World, nats: Broker) -> None:
    world.api.answers = [Answer(429, retry_after_s=0.2)] * 3
    bus = world.bus(nats.port)
    link = world.device(bus, birth_of())
    world.gateway(bus)
    link.offer(readings(0, 100))
    wait_for(lambda: link.progress().pending == 0, "all vouched for")
    assert len(world.api.stored) == 100


def test_a_gateway_that_was_away_gets_what_was_sent_meanwhile(world: World, broker: Broker) -> None:
    bus = world.bus(broker.port)
    link = world.device(bus, birth_of())
    end = world.gateway(bus)
    link.offer(readings(0, 10))
    wait_for(lambda: link.progress().pending == 0, "the gateway is known to the broker")
    world.api.away = True
    link.offer(readings(10, 50))
    wait_for(lambda: len(world.api.batches) > 1, "it is held up")
    end()
    assert link.progress().pending == 50
    world.api.away = False
    world.gateway(bus)
    wait_for(lambda: link.progress().pending == 0, "all are vouched for")
    assert len(world.api.stored) == 60


def test_a_full_disk_holds_the_verdicts_until_there_is_space(world: World, nats: Broker) -> None:
    bus = world.bus(nats.port)
    link = world.device(bus, birth_of())
    world.api.gate.clear()
    world.gateway(bus)
    link.offer(readings(0, 20))
    wait_for(lambda: bool(world.api.batches), "on its way")
    file = link._outbox._file  # type: ignore[attr-defined]
    file.execute("PRAGMA query_only = ON")
    world.api.gate.set()
    wait_for(lambda: any("outbox_away" in line for line in world.tale.events), "it is told")
    assert link.progress().pending == 20
    file.execute("PRAGMA query_only = OFF")
    wait_for(lambda: link.progress().pending == 0, "cleared after all")
