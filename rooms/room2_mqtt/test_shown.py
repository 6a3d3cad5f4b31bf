"""Room 2, the checks that you can read. `./academy check 2` runs them.

From 2.4 on they play on a stage: a real broker, and a tap on the wire that sees each packet.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from grader.checks.room2_mqtt.broker import Broker
from grader.checks.room2_mqtt.stage import Stage, brokers_by_task, reading
from grader.checks.room2_mqtt.wiretap import CONNECT, PUBACK, PUBLISH, SUBSCRIBE
from grader.evidence import expect, expect_refused, expect_that, task
from grader.sandbox import Sandbox
from shared.contracts.benches.bus import Address, Payload
from shared.contracts.messages import Birth, SensorCard

MOMENT = datetime(2025, 1, 15, 10, 30, 45, 123_000, tzinfo=UTC)
BIRTH = Birth("box-1", (SensorCard("T-1", "temperature", "celsius", "room-101"),))
TOPIC = "aiot-academy/box-1/T-1/temperature"


@pytest.fixture(scope="session")
def brokers() -> Iterator[Mapping[str, Broker]]:
    with brokers_by_task() as made:
        yield made


@pytest.fixture
def stage(
    sandbox: Sandbox, brokers: Mapping[str, Broker], request: pytest.FixtureRequest
) -> Iterator[Stage]:
    with Stage(sandbox, brokers, request.node.get_closest_marker("task").args[0]) as made:
        yield made


@task("2.1")
def test_a_topic_and_back(room: Any) -> None:
    """A topic is built of three names, and gives them back."""
    topic = room.build_topic("box-1", "T-1", "temperature")
    expect(topic, TOPIC, "Built the topic of box-1, T-1, temperature.")
    expect(room.parse_topic(TOPIC), Address("box-1", "T-1", "temperature"), f"Parsed {TOPIC}.")
    did = "Built a topic whose sensor is `T/1`."
    bad = lambda: room.build_topic("box-1", "T/1", "temperature")  # noqa: E731 - one call
    expect_refused(bad, did, naming="sensor", kind="BadTopic")


@task("2.2")
def test_filters_take_what_they_should(room: Any) -> None:
    """A + is one whole level, a # is all the rest and the parent."""
    for wanted, topic, taken in (
        ("sport/+", "sport/tennis", True),
        ("sport/+", "sport/tennis/player", False),
        ("sport/#", "sport/tennis/player", True),
        ("sport/#", "sport", True),
        ("#", "$SYS/load", False),
    ):
        expect(room.matches(wanted, topic), taken, f"Asked whether {wanted} takes {topic}.")
    expect_refused(
        lambda: room.matches("sport+", "sport"), "Asked with the filter sport+.", kind="BadTopic"
    )


@task("2.3")
def test_a_payload_and_back(room: Any) -> None:
    """A payload is the architecture's JSON, and is read back."""
    one = Payload("T-1", "temperature", 22.3, MOMENT, "celsius")
    data = room.encode_payload(one)
    wanted = {"sensor_id": "T-1", "temperature": 22.3, "timestamp": "2025-01-15T10:30:45.123Z"}
    expect(json.loads(data), {**wanted, "unit": "celsius"}, "Encoded 22.3 celsius of T-1.")
    expect(room.decode_payload(data, "temperature"), one, "Decoded it again.")
    odd = data.replace(b'"unit"', b'"colour"')
    did = f"Decoded {odd.decode()}"
    decode = lambda: room.decode_payload(odd, "temperature")  # noqa: E731 - one call
    expect_refused(decode, did, naming="colour", kind="BadPayload")
    # 1 byte, 1 byte of length, 2 + 3 of topic, 2 of packet identifier, 4 of payload
    expect(room.payload_budget(b"1234", "a/b"), 13, "Counted a payload of 4 bytes under a/b.")


@task("2.4")
def test_a_device_connects_and_is_born(stage: Stage) -> None:
    """A device connects, keeps its session, listens to its verdicts and is born."""
    stage.device(BIRTH)
    did = "Opened box-1 at a broker;"
    stage.until(stage.tap.sessions, bool, did, "a session that is subscribed")
    (connect,) = stage.tap.seen(CONNECT)
    expect(connect.connect()["clean"], False, f"{did} clean session:")
    (subscribe,) = stage.tap.seen(SUBSCRIBE)
    expect(subscribe.filters(), [("aiot-academy-verdict/box-1", 1)], f"{did} filters, with QoS:")
    births = stage.until(
        lambda: [p for p in stage.tap.seen(PUBLISH) if p.topic == "aiot-academy-presence/box-1"],
        bool,
        did,
        "a birth",
    )
    expect((births[0].qos, births[0].retained), (1, True), f"{did} the birth's QoS, retained:")


@task("2.5")
def test_a_reading_waits_for_its_verdict(stage: Stage) -> None:
    """A reading goes out with QoS 1 and waits in the outbox until its verdict comes."""
    peer, link = stage.peer(), stage.device(BIRTH)
    did = "Offered a reading to box-1;"
    expect(link.offer([reading("box-1", 0, 21.5)]), 1, f"{did} made:")
    sent = stage.until(lambda: stage.tap.readings("box-1"), bool, did, "a reading on the wire")
    expect((sent[0].topic, sent[0].qos), (TOPIC, 1), f"{did} topic, QoS:")
    expect(link.progress().pending, 1, f"{did} what waits before its verdict:")
    peer.tell("box-1", "stored", json.loads(sent[0].payload)["message_id"])
    stage.until(lambda: link.progress().pending, lambda left: left == 0, did, "none left waiting")


@task("2.6")
def test_a_message_reaches_the_api(stage: Stage) -> None:
    """A message reaches the API; then the device is told, and the broker gets its PUBACK."""
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    body = {"sensor_id": "T-1", "temperature": 21.5, "timestamp": "2025-01-15T10:30:45.123Z"}
    peer.publish(TOPIC, json.dumps({**body, "unit": "celsius", "message_id": "msg-1"}).encode())
    did = "Published a reading of box-1;"
    (found,) = stage.until(api.items, bool, did, "a reading at the API")
    wanted = {
        "device_id": "box-1",
        "sensor_type": "temperature",
        "value": 21.5,
        "timestamp": "2025-01-15T10:30:45.123Z",
        "metadata": {"sensor_id": "T-1", "unit": "celsius"},
        "message_id": "msg-1",
    }
    expect(found, wanted, f"{did} what the API got:")
    told = stage.until(lambda: peer.verdicts("box-1"), bool, did, "a verdict")
    expect(told, [{"message_id": "msg-1", "verdict": "stored"}], f"{did} what box-1 was told:")
    stage.until(lambda: stage.tap.seen(PUBACK), bool, did, "a PUBACK to the broker")


@task("2.7")
def test_answers_halves_and_the_breaker(room: Any) -> None:
    """An answer has its fate, a batch its halves, and a breaker opens."""
    answers = {201: "stored", 422: "dead", 429: "later", 503: "retry"}
    expect({status: room.fate_of(status) for status in answers}, answers, "Asked for the fates.")
    halves = [list(half) for half in room.split([{"n": 1}, {"n": 2}, {"n": 3}])]
    expect_that(
        sorted(map(len, halves)) == [1, 2], "Split a batch of three.", "one and two", halves
    )
    steps = [("failed", 0.0), ("failed", 0.0), ("state", 0.0), ("allows", 0.0), ("state", 2.0)]
    did = "Told a breaker (2 failures, 1 s) of two failures, and asked again 2 s later."
    expect(room.breaker(2, 1.0, steps), ["open", False, "half open"], did)
