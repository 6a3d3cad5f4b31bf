"""Room 2, the checks that a student doesn't see: what each task means, over a real broker."""

import json
import math
import random
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from grader.checks.room2_mqtt import certificates
from grader.checks.room2_mqtt.api import Api, Post, Reply
from grader.checks.room2_mqtt.broker import Broker
from grader.checks.room2_mqtt.peer import Peer, document
from grader.checks.room2_mqtt.stage import BOTH_ROOTS, TRACE, Stage, brokers_by_task, reading, texts
from grader.checks.room2_mqtt.wiretap import (
    CONNECT,
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBSCRIBE,
    Packet,
)
from grader.evidence import (
    expect,
    expect_between,
    expect_close,
    expect_refused,
    expect_that,
    number,
    shown,
    task,
)
from grader.sandbox import Sandbox
from shared.contracts.benches.bus import Address, Payload
from shared.contracts.identifiers import iso_utc, message_id
from shared.contracts.messages import Birth, Reading, SensorCard

NAME_LETTERS = string.ascii_letters + string.digits + "_-"
KINDS = {"temperature": "celsius", "humidity": "percent", "pressure": "hectopascal"}
START = datetime(2025, 3, 1, tzinfo=UTC)


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


def name(rng: random.Random, longest: int = 12) -> str:
    return "".join(rng.choice(NAME_LETTERS) for _ in range(rng.randint(1, longest)))


# --- 2.1


@task("2.1")
def test_a_topic_is_built_and_read_back(room: Any, rng: random.Random) -> None:
    """Any three identifiers make a topic that gives them back."""
    for length in (1, 64, 12, 12, 12):
        device, sensor = ("".join(rng.choices(NAME_LETTERS, k=length)) for _ in range(2))
        kind = rng.choice(list(KINDS))
        topic = room.build_topic(device, sensor, kind)
        did = f"Built the topic of {device}, {sensor}, {kind}."
        expect(topic, f"aiot-academy/{device}/{sensor}/{kind}", did)
        expect(room.parse_topic(topic), Address(device, sensor, kind), f"Parsed {topic}.")


@task("2.1")
def test_a_bad_name_is_refused_by_its_level(room: Any, rng: random.Random) -> None:
    """A name that isn't an identifier is a BadTopic that names the level."""
    good = name(rng)
    topic = room.build_topic(good, good, "temperature")
    expect(topic, f"aiot-academy/{good}/{good}/temperature", f"Built a topic of {good} twice.")
    evil = ("", "a/b", "+", "#", f"{good}+", "a\0b", "x" * 65, f"{good}\n", "grün", "a b", "a.b")
    for bad in (*evil, "٣", "$SYS", " a"):
        for place, level in enumerate(("device", "sensor", "type")):
            names = [good, good, "temperature"]
            names[place] = bad
            did = f"Built a topic whose {level} is {shown(bad)}."
            expect_refused(
                lambda names=names: room.build_topic(*names),  # type: ignore[misc]
                did,
                naming=level,
                kind="BadTopic",
            )


@task("2.1")
def test_only_topics_of_our_scheme_are_parsed(room: Any, rng: random.Random) -> None:
    """Four levels, the first one ours: everything else is a BadTopic."""
    box = name(rng)
    good = f"aiot-academy/{box}/T-1/temperature"
    expect(room.parse_topic(good), Address(box, "T-1", "temperature"), f"Parsed {good}.")
    for topic in (
        f"aiot-academy/{box}/T-1",
        f"aiot-academy/{box}/T-1/temperature/more",
        f"aiot-academy/{box}/T-1/temperature/",
        f"/aiot-academy/{box}/T-1/temperature",
        f"aiot-academy/{box}//temperature",
        f"aiot-academy//{box}/temperature",
        f"aiot-academy/{box}/T-1/",
        f"AIOT-academy/{box}/T-1/temperature",
        f"aiot-academy-verdict/{box}/T-1/temperature",
        f"other/{box}/T-1/temperature",
        f"aiot-academy/{box}/+/temperature",
        f"aiot-academy/{box}/T-1/#",
        f"aiot-academy/{box}/T-1/temperature\n",
        f"aiot-academy/{box}/T-1/{'x' * 65_535}",
        "",
    ):
        did = f"Parsed {shown(topic)}."
        expect_refused(lambda topic=topic: room.parse_topic(topic), did, kind="BadTopic")  # type: ignore[misc]


# --- 2.2


def standard(topic_filter: str, topic: str) -> bool:
    """Section 4.7 of MQTT 3.1.1, for legal filters and topics."""
    if topic[:1] == "$" and topic_filter[:1] in {"+", "#"}:
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    same = len(wanted) == len(levels)
    return same and all(one in {"+", level} for one, level in zip(wanted, levels, strict=True))


@task("2.2")
def test_filters_by_the_standard(room: Any, rng: random.Random) -> None:
    """Filters take topics as the standard says, whatever the levels are."""
    levels = ["a", "b", "", "ab", "$a"]
    pairs = []
    for _turn in range(600):
        wanted = [rng.choice([*levels, "+", "+"]) for _ in range(rng.randint(1, 4))]
        wanted += ["#"] * rng.randint(0, 1)
        topic = [w if w not in "+#" and rng.random() < 0.8 else rng.choice(levels) for w in wanted]
        topic = topic[: rng.randint(max(1, len(topic) - 1), len(topic))]
        topic += [rng.choice(levels) for _ in range(rng.choice((0, 0, 1)))]
        pair = ("/".join(wanted), "/".join(topic))
        if all(pair):
            pairs.append(pair)
    for pair, found in zip(pairs, room.matched(pairs), strict=True):
        expect(found, standard(*pair), f"Asked whether {pair[0]!r} takes {pair[1]!r}.")


@task("2.2")
def test_the_corners_of_the_standard(room: Any) -> None:
    """The corner cases: parents, empty levels, letters that mean something elsewhere."""
    cases = {
        ("home/#", "home"): True,
        ("home/#", "home/"): True,
        ("home/#", "homer"): False,
        ("home/+/#", "home"): False,
        ("home/+/#", "home/kitchen"): True,
        ("home/+", "home"): False,
        ("home/+", "home/"): True,
        ("+/+", "/home"): True,
        ("/+", "/home"): True,
        ("+", "/home"): False,
        ("#", "/"): True,
        ("+/#", "a"): True,
        ("home/kitchen", "home/kitchen/"): False,
        ("Home", "home"): False,
        ("a.b/+", "axb/c"): False,
        ("a*", "aaa"): False,
        ("(a|b)", "a"): False,
        ("[ab]", "[ab]"): True,
        ("home/+", "home/a\nb"): True,
        ("home/#", "home/a\n/b"): True,
        ("home", "home\n"): False,
        ("é/+", "é/ü"): True,
    }
    for (pair, wanted), found in zip(cases.items(), room.matched(list(cases)), strict=True):
        expect(found, wanted, f"Asked whether {pair[0]!r} takes {pair[1]!r}.")


@task("2.2")
def test_dollar_belongs_to_the_broker(room: Any, rng: random.Random) -> None:
    """A filter that begins with a wildcard takes no topic that begins with $."""
    word = name(rng)
    cases = {
        ("#", f"$SYS/{word}"): False,
        ("+/#", f"$SYS/{word}"): False,
        (f"+/{word}", f"$SYS/{word}"): False,
        ("+", "$SYS"): False,
        ("$SYS/#", f"$SYS/{word}"): True,
        (f"$SYS/{word}", f"$SYS/{word}"): True,
        ("$SYS/+", f"$SYS/{word}"): True,
        ("#", f"{word}/$SYS"): True,
        (f"{word}/+", f"{word}/$SYS"): True,
    }
    for (pair, wanted), found in zip(cases.items(), room.matched(list(cases)), strict=True):
        expect(found, wanted, f"Asked whether {pair[0]!r} takes {pair[1]!r}.")


@task("2.2")
def test_illegal_filters_are_refused(room: Any, rng: random.Random) -> None:
    """A wildcard fills its level, # is the last one, and no filter is empty."""
    word = name(rng)
    expect(room.matches(f"{word}/+", f"{word}/b"), True, f"Asked whether {word}/+ takes {word}/b.")
    for bad in (
        f"{word}+",
        f"+{word}",
        f"{word}/{word}+/b",
        f"#/{word}",
        f"{word}#",
        f"{word}/#/b",
        "++",
        "##",
        "+#",
        f"{word}/#{word}",
        "",
        f"{word}\0",
    ):
        did = f"Asked whether {bad!r} takes {word}/b."
        expect_refused(lambda bad=bad: room.matches(bad, f"{word}/b"), did, kind="BadTopic")  # type: ignore[misc]


@task("2.2")
def test_a_topic_has_no_wildcard(room: Any, rng: random.Random) -> None:
    """A topic that is empty, too long, or has a wildcard or NUL in it is none."""
    word = name(rng)
    long = "é" * 32_767 + "x"  # 65,535 bytes
    expect(room.matches("#", long), True, "Asked whether # takes a topic of 65,535 bytes.")
    for bad in (f"{word}/+", "#", f"{word}/a#", f"{word}+", "", f"a\0{word}", long + "x"):
        did = f"Asked whether # takes {shown(bad)} ({len(bad.encode()):,} bytes)."
        expect_refused(lambda bad=bad: room.matches("#", bad), did, kind="BadTopic")  # type: ignore[misc]


# --- 2.3


def payload_of(rng: random.Random, **more: Any) -> Payload:
    kind = rng.choice(list(KINDS))
    moment = START + timedelta(milliseconds=rng.randrange(10**10))
    value = round(rng.uniform(-50, 1100), rng.randint(0, 6))
    return Payload(name(rng), kind, value, moment, KINDS[kind], **more)


def written(one: Payload) -> dict[str, object]:
    """Return what the brief says that a payload writes."""
    body: dict[str, object] = {
        "sensor_id": one.sensor_id,
        one.sensor_type: one.value,
        "timestamp": iso_utc(one.timestamp),
        "unit": one.unit,
    }
    if one.message_id is not None:
        body["message_id"] = one.message_id
    if one.traceparent is not None:
        body["traceparent"] = one.traceparent
    return body


@task("2.3")
def test_exactly_the_keys_that_are_known(room: Any, rng: random.Random) -> None:
    """The payload has the architecture's keys, and the optional ones only where they are known."""
    for more in ({}, {"message_id": f"msg-{name(rng)}"}, {"traceparent": TRACE}):
        one = payload_of(rng, **more)
        found = json.loads(room.encode_payload(one))
        expect(found, written(one), f"Encoded {one}.")


@task("2.3")
def test_times_are_written_in_utc(room: Any, rng: random.Random) -> None:
    """A time of any zone is written in UTC, with milliseconds and Z."""
    for hours in (-7.0, 5.5, 0.0):
        zone = timezone(timedelta(hours=hours))
        moment = START.astimezone(zone) + timedelta(milliseconds=rng.choice((0, 7, 120)))
        one = Payload("T-1", "temperature", 20.5, moment, "celsius")
        found = document(room.encode_payload(one)).get("timestamp")
        expect(found, iso_utc(moment), f"Encoded the time {moment.isoformat()}.")


@task("2.3")
def test_what_json_cant_carry_is_refused(room: Any) -> None:
    """NaN, infinities, a type unknown to the course and a naive time are a BadPayload."""
    good = Payload("T-1", "temperature", 20.0, START, "celsius")
    expect(document(room.encode_payload(good)), written(good), f"Encoded {good}.")
    naive = START.replace(tzinfo=None)
    for kind, value, moment, naming in (
        ("temperature", math.nan, START, "temperature"),
        ("humidity", math.inf, START, "humidity"),
        ("pressure", -math.inf, START, "pressure"),
        ("loudness", 20.0, START, "type"),
        ("temperature", 20.0, naive, "timestamp"),
    ):
        one = Payload("T-1", kind, value, moment, "celsius")
        did = f"Encoded a {kind} of {value} at {moment.isoformat()}."
        expect_refused(
            lambda one=one: room.encode_payload(one),  # type: ignore[misc]
            did,
            naming=naming,
            kind="BadPayload",
        )


@task("2.3")
def test_payloads_come_back_exactly(room: Any, rng: random.Random) -> None:
    """What was encoded is decoded to the same payload, to the last bit."""
    for _turn in range(20):
        more = rng.choice([{}, {"message_id": name(rng), "traceparent": TRACE}])
        one = payload_of(rng, **more)
        found = room.decode_payload(room.encode_payload(one), one.sensor_type)
        expect(found, one, "Encoded a payload and decoded it.")


@task("2.3")
def test_others_may_write_it_differently(room: Any, rng: random.Random) -> None:
    """Order, spaces, whole numbers and other zones are fine: JSON and ISO 8601 allow them."""
    value = rng.randrange(10, 30)
    data = (
        f'\n{{ "unit":"celsius", "timestamp": "2025-03-01T02:30:00.250+02:30",\n'
        f'  "temperature": {value} , "sensor_id":"T-1" }}'
    ).encode()
    found = room.decode_payload(data, "temperature")
    wanted = Payload("T-1", "temperature", value, START + timedelta(milliseconds=250), "celsius")
    expect(found, wanted, f"Decoded {data.decode()}")


GOOD = {
    "sensor_id": '"T-1"',
    "temperature": "20.5",
    "timestamp": '"2025-03-01T00:00:00.000Z"',
    "unit": '"celsius"',
}


PAYLOAD = Payload("T-1", "temperature", 20.5, START, "celsius")


def raw(*more: tuple[str, str], without: str = "", **changed: str) -> bytes:
    pairs = [*{**GOOD, **changed}.items(), *more]
    return ("{" + ",".join(f'"{k}":{v}' for k, v in pairs if k != without) + "}").encode()


@task("2.3")
def test_nothing_is_guessed(room: Any, rng: random.Random) -> None:
    """What isn't exactly right is a BadPayload that names the key."""
    expect(room.decode_payload(raw(), "temperature"), PAYLOAD, f"Decoded {raw().decode()}")
    odd = f"x_{name(rng, 6)}"
    bad: list[tuple[str, bytes]] = [(key, raw(without=key)) for key in GOOD]
    bad += [(key, raw((key, value))) for key, value in GOOD.items()]
    bad += [(odd, raw((odd, "1"))), ("humidity", raw(("humidity", "40")))]
    numbers = ("true", "NaN", "Infinity", "1e400", '"20.5"', "null", "[20.5]", f"1{'0' * 400}")
    bad += [("temperature", raw(temperature=value)) for value in numbers]
    times = ('"2025-03-01T00:00:00"', '"yesterday"', "1740787200", '"2025-13-01T00:00:00Z"')
    bad += [("timestamp", raw(timestamp=value)) for value in times]
    bad += [("sensor_id", raw(sensor_id=value)) for value in ("7", '"a/b"', '""')]
    bad += [("message_id", raw(("message_id", value))) for value in ("7", '"a b"', "null")]
    bad += [("unit", raw(unit="null")), ("traceparent", raw(("traceparent", "5")))]
    for key, data in bad:
        expect_refused(
            lambda data=data: room.decode_payload(data, "temperature"),  # type: ignore[misc]
            f"Decoded {shown(data)}.",
            naming=key,
            kind="BadPayload",
        )


@task("2.3")
def test_what_isnt_json_is_refused(room: Any) -> None:
    """Whatever the bytes are, the answer is a payload or a BadPayload."""
    expect(room.decode_payload(raw(), "temperature"), PAYLOAD, f"Decoded {raw().decode()}")
    for data in (
        b"",
        b"\xff\xfe",
        raw(unit='"celsi\xff"').replace(b"\xc3\xbf", b"\xff"),
        b"[1]",
        b"null",
        b'"text"',
        raw()[:-1],
        raw() + b"x",
        b"[" * 200_000,
        b'{"temperature":' + b"1" * 5_000 + b"}",
    ):
        expect_refused(
            lambda data=data: room.decode_payload(data, "temperature"),  # type: ignore[misc]
            f"Decoded {len(data):,} bytes that begin with {data[:40]!r}.",
            kind="BadPayload",
        )


@task("2.3")
def test_each_byte_on_the_wire_is_counted(room: Any, rng: random.Random) -> None:
    """The budget is the size of the whole PUBLISH, its length field of one to four bytes too."""
    edges = (127, 128, 16_383, 16_384, 2_097_151, 2_097_152)
    cases = []
    for remaining in (*edges, rng.randrange(200, 16_000)):
        topic = rng.choice(("a/b", "é/ü", "aiot-academy/box/T-1/temperature"))
        cases.append((remaining - 4 - len(topic.encode()), topic))
    for (size, topic), found in zip(cases, room.budgets(cases), strict=True):
        remaining = 4 + len(topic.encode()) + size
        field = 1 + sum(remaining >= edge for edge in (128, 16_384, 2_097_152))
        did = f"Counted {size:,} bytes of payload under the topic {topic}."
        expect(found, 1 + field + remaining, did)


# --- 2.4


def birth_of(device: str, rng: random.Random) -> Birth:
    day = date(2024, rng.randint(1, 12), rng.randint(1, 28))
    where = rng.choice(("roof", "cellar", "hall"))
    return Birth(
        device,
        (
            SensorCard("T-1", "temperature", "celsius", where, day, rng.choice((0.1, 0.5))),
            SensorCard("H-1", "humidity", "percent"),
        ),
    )


def plain(device: str) -> Birth:
    return Birth(device, (SensorCard("T-1", "temperature", "celsius"),))


def box_of(rng: random.Random) -> str:
    return f"box-{rng.randrange(10**6)}"


def connected(stage: Stage, count: int = 1) -> list[dict[str, Any]]:
    """Return what the CONNECT packets said, once `count` sessions are open and subscribed."""
    did = "Opened a device at a broker."
    sessions = stage.tap.sessions
    stage.until(
        lambda: len(sessions()), lambda found: found >= count, did, f"{count} subscribed sessions"
    )
    return [one.connect() for one in stage.tap.seen(CONNECT)]


@task("2.4")
def test_the_session_is_kept(stage: Stage, rng: random.Random) -> None:
    """A device connects by MQTT 3.1.1 under its own name and keeps its session."""
    box, seconds = box_of(rng), rng.randrange(20, 90)
    stage.device(plain(box), keepalive_s=seconds)
    told = connected(stage)[0]
    did = f"Opened the device {box}, keepalive_s {seconds}, and read its CONNECT;"
    expect(told["protocol"], b"MQTT\x04", f"{did} protocol and level:")
    expect(told["client_id"], box, f"{did} client id:")
    expect(told["clean"], False, f"{did} clean session:")
    expect(told["keepalive"], seconds, f"{did} keep alive, seconds:")


@task("2.4")
def test_two_devices_live_side_by_side(stage: Stage, rng: random.Random) -> None:
    """Two devices don't throw each other out."""
    one, other = f"{box_of(rng)}-a", f"{box_of(rng)}-b"
    stage.device(plain(one))
    stage.device(plain(other))
    connected(stage, 2)
    stage.rest(0.05)
    told = [packet.connect()["client_id"] for packet in stage.tap.seen(CONNECT)]
    expect(sorted(told), sorted([one, other]), "Opened two devices; who connected:")


@task("2.4")
def test_the_certificate_is_shown(stage: Stage, sandbox: Sandbox, rng: random.Random) -> None:
    """Where the keyring has a context for the device, it connects by TLS and shows who it is."""
    box = box_of(rng)
    path = sandbox.put("keys.pem", certificates.credentials(box))
    did = f"Opened {box} at a broker that speaks TLS, with a keyring that has its certificate;"
    tap = stage.tap_with(certificates.door())
    stage.device(plain(box), {box: path}, port=tap.port)
    stage.until(tap.sessions, bool, did, "a session")
    subject = tap.certificates[0]["subject"]
    expect(subject, ((("commonName", box),),), f"{did} the certificate that it showed:")


@task("2.4")
def test_a_will_that_stays(stage: Stage, rng: random.Random) -> None:
    """Who loses its power is told offline by the broker, to those who come later too."""
    box = box_of(rng)
    stage.device(plain(box))
    will = connected(stage)[0]["will"]
    did = f"Opened {box} and read the will in its CONNECT;"
    got = None if will is None else (will[0], will[2], will[3])
    wanted = (f"aiot-academy-presence/{box}", 1, True)
    expect(got, wanted, f"{did} topic, QoS, retained:")
    state = None if will is None else document(will[1]).get("state")
    expect(state, "offline", f"{did} its state:")


@task("2.4")
def test_a_birth_that_stays(stage: Stage, rng: random.Random) -> None:
    """The birth is retained, with a card for each sensor; what isn't known is null."""
    box = box_of(rng)
    birth = birth_of(box, rng)
    stage.device(birth)
    connected(stage)
    published(stage, box, 1)
    heard = stage.until(
        partial(told_to_who_comes_later, stage, box),
        bool,
        f"Opened {box}, then listened to its presence.",
        "a birth",
    )
    cards = [
        {
            "sensor_id": card.sensor_id,
            "type": card.sensor_type,
            "unit": card.unit,
            "location": card.location,
            "calibration_date": card.calibration_date and card.calibration_date.isoformat(),
            "resolution": card.resolution,
        }
        for card in birth.sensors
    ]
    wanted = {"device_id": box, "state": "online", "sensors": cards, "retained": True}
    expect(heard[0], wanted, f"Opened {box}, and listened to its presence afterwards.")


def told_to_who_comes_later(stage: Stage, box: str) -> list[dict[str, Any]]:
    """Return what a newcomer hears of the device's presence within a moment."""
    # nats-server acknowledges a retained message a little before newcomers get it.
    newcomer = stage.peer(f"peer-{time.monotonic_ns()}")
    for _turn in range(40):
        if told := newcomer.presence(box):
            return told
        stage.rest(0.01)
    return []


def published(stage: Stage, box: str, count: int) -> list[Packet]:
    """Return what was published under the device's presence, once the broker has `count`."""
    topic = f"aiot-academy-presence/{box}"

    def births() -> list[Packet]:
        return [one for one in stage.tap.seen(PUBLISH) if one.topic == topic]

    def taken() -> int:
        mids = {(one.connection, one.mid) for one in births()}
        acks = stage.tap.seen(PUBACK, by_room=False)
        return len(mids & {(one.connection, one.mid) for one in acks})

    did = f"Opened {box} and watched its presence; how many were acknowledged:"
    stage.until(taken, lambda found: found >= count, did, f"{count} births with QoS 1")
    return births()


@task("2.4")
def test_born_again_at_a_broker_that_forgot(stage: Stage, rng: random.Random) -> None:
    """Subscribed and born at every connect: the broker may have forgotten everything."""
    box = box_of(rng)
    stage.device(plain(box))
    first = connected(stage)
    published(stage, box, 1)
    stage.tap.target = stage.another_broker().port
    stage.tap.cut()
    connected(stage, 2)
    births = published(stage, box, 2)
    did = "Led the device to a broker that knows nothing;"
    one, other = stage.tap.sessions()[:2]
    again = stage.tap.seen(SUBSCRIBE, connection=other)
    filters = [pair for packet in again for pair in packet.filters()]
    expect(filters, [(f"aiot-academy-verdict/{box}", 1)], f"{did} what it subscribed to, QoS:")
    expect(len(first), 1, "Counted its connections before.")
    told = [(birth.connection, birth.retained) for birth in births]
    expect(told, [(one, True), (other, True)], f"{did} births by connection, retained:")


@task("2.4")
def test_who_is_thrown_out_knocks_ever_less(stage: Stage, rng: random.Random) -> None:
    """Who is thrown out at once waits longer and longer, by chance."""
    stage.tap.refusing = True
    stage.device(plain(box_of(rng)))
    deadline = time.monotonic() + 1.2
    stage.until(
        lambda: len(stage.tap.knocks), lambda count: count > 0, "Opened a device.", "it connects"
    )
    while time.monotonic() < deadline and len(stage.tap.knocks) < 10:
        stage.rest(0.02)
    did = "Threw a device out at each connection; how often it came in 1.2 s:"
    expect_between(len(stage.tap.knocks), 1, 9, did)


@task("2.4")
def test_a_pause_is_drawn_from_the_whole_interval(room: Any, rng: random.Random) -> None:
    """Full jitter draws from 0 to min(cap, base × 2^attempt), with the generator that is given."""
    for attempt in (0, 1, rng.randrange(2, 9), 40, 5_000):
        base, cap, chance = rng.uniform(0.05, 0.2), rng.uniform(3, 9), rng.random()
        found = room.full_jitter(attempt, base, cap, lambda low, high: low + chance * (high - low))  # noqa: B023 - called at once
        bound = cap if attempt > 30 else min(cap, base * 2**attempt)
        did = f"Asked for the pause after attempt {attempt}: base {base:.3g} s, cap {cap:.3g} s, chance {chance:.3g}."  # noqa: E501 - one sentence
        expect_close(found, chance * bound, did, within=1e-9, unit="s")


@task("2.4")
def test_a_crowd_doesnt_come_back_together(room: Any) -> None:
    """Pauses spread over the whole interval, down to zero."""
    found = [number(one, "Read a pause.") for one in room.pauses(3, 0.1, 3.0, 400)]
    did = "Drew 400 pauses from 0 to 0.8 s;"
    expect_between(min(found), 0.0, 0.05, f"{did} the shortest:", unit="s")
    expect_between(max(found), 0.75, 0.8, f"{did} the longest:", unit="s")
    expect_close(sum(found) / 400, 0.4, f"{did} the mean:", within=0.07, unit="s")
    expect_that(len(set(found)) > 300, f"{did} how many differ:", "nearly all", len(set(found)))


# --- 2.5


def letters_of(rng: random.Random, first: int, count: int) -> list[tuple[str, str, bytes]]:
    return [
        (
            f"msg-{first + n}",
            f"aiot-academy/box/T-{rng.randrange(9)}/temperature",
            rng.randbytes(20),
        )
        for n in range(count)
    ]


def kept(outbox: Any, after: int = 0, limit: int = 1_000) -> list[tuple[str, str, bytes]]:
    """Return what an outbox holds, without the places."""
    found = outbox.after(after, limit)
    return [(one.message_id, one.topic, bytes(one.payload)) for one in found]


def counts(told: Any) -> tuple[Any, Any, Any, Any]:
    return told.offered, told.made, told.refused, told.pending


COUNTS = "offered, made, refused, pending:"


@task("2.5")
def test_letters_survive_a_kill(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """What add returned for is on disk, in order; what was cleared is gone."""
    path, letters = sandbox.place("kill/outbox.db"), letters_of(rng, 0, rng.randrange(20, 60))
    outbox = room.open_outbox(path, 1_000, "one")
    expect(outbox.add(letters[:9], 0.0), 9, "Added 9 letters to a new outbox.")
    expect(outbox.add(letters[9:], 0.0), len(letters) - 9, f"Added {len(letters) - 9} more.")
    gone = rng.sample(range(len(letters)), 5)
    places = [one.seq for one in outbox.after(0, 1_000)]
    outbox.clear([places[n] for n in gone if n < len(places)])
    sandbox.kill()
    outbox = sandbox.open().open().open_outbox(path, 1_000, "one")
    left = [one for n, one in enumerate(letters) if n not in gone]
    did = f"Added {len(letters)} letters, cleared 5, killed the process and opened the file again;"
    expect(kept(outbox), left, f"{did} what waits:")
    wanted = (len(letters), len(letters), 0, len(left))
    expect(counts(outbox.progress()), wanted, f"{did} {COUNTS}")
    middle = outbox.after(0, 1_000)[6].seq
    expect(kept(outbox, middle, 4), left[7:11], f"{did} up to 4 letters after the seventh:")


@task("2.5")
def test_a_full_outbox_refuses_and_counts(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """What is over the bound is refused and counted; what is cleared makes room again."""
    limit, first, second = rng.randrange(20, 30), rng.randrange(5, 15), rng.randrange(40, 50)
    outbox = room.open_outbox(sandbox.place("full/outbox.db"), limit, "one")
    letters = letters_of(rng, 0, first + second)
    did = f"Added {first}, then {second} letters to an outbox for {limit};"
    expect(outbox.add(letters[:first], 0.0), first, f"{did} the first time:")
    expect(outbox.add(letters[first:], 0.0), limit - first, f"{did} the second time:")
    expect(kept(outbox), letters[:limit], f"{did} what waits:")
    wanted = (first + second, limit, first + second - limit, limit)
    expect(counts(outbox.progress()), wanted, f"{did} {COUNTS}")
    outbox.clear([one.seq for one in outbox.after(0, 3)])
    did = f"{did[:-1]}, cleared 3 and added 5 more, beside 2 turned away before;"
    expect(outbox.add(letters_of(rng, 500, 5), 0.0, 2), 3, f"{did} made:")
    wanted = (first + second + 7, limit + 3, first + second - limit + 4, limit)
    expect(counts(outbox.progress()), wanted, f"{did} {COUNTS}")


@task("2.5")
def test_counts_belong_to_a_source(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Counts are kept for each source; what waits is of all of them."""
    path, first, second = (
        sandbox.place("source/outbox.db"),
        rng.randrange(3, 9),
        rng.randrange(3, 9),
    )
    for source, count in (("one", first), ("two", second)):
        outbox = room.open_outbox(path, 100, source)
        outbox.add(letters_of(rng, 0, count), 0.0, 1)
        outbox.close()
    outbox = room.open_outbox(path, 100, "one")
    did = f"Made {first} letters for one source and {second} for another, one refused each, and opened the first again;"  # noqa: E501 - one sentence
    expect(counts(outbox.progress()), (first + 1, first, 1, first + second), f"{did} {COUNTS}")


@task("2.5")
def test_a_batch_is_on_disk_whole_or_not_at_all(room: Any, sandbox: Sandbox) -> None:
    """When the disk is full in the middle of a batch, nothing of it was made or counted."""
    path = sandbox.place("crowd/outbox.db")
    did = "Added 600 letters of 1 kB to an outbox with 100 kB of disk left."
    expect_refused(
        lambda: room.crowded(path, 600, 1_000, 100_000), did, naming="outbox.db", kind=AWAY
    )
    outbox = room.open_outbox(path, 6_000, "crowd")
    expect(counts(outbox.progress()), (0, 0, 0, 0), f"{did} Opened again; {COUNTS}")
    expect(kept(outbox), [], f"{did} What waits:")
    letters = [(f"msg-{n}", "topic", bytes(1_000)) for n in range(600)]
    expect(outbox.add(letters, 0.0), 600, "Added the same 600, with space again. Made:")
    expect(counts(outbox.progress()), (600, 600, 0, 600), f"Added the same 600; {COUNTS}")


AWAY = "StoreUnavailable"


@task("2.5")
def test_a_file_that_cant_be_opened_is_named(room: Any, sandbox: Sandbox) -> None:
    """An outbox that can't be opened says so, and which file."""
    outbox = room.open_outbox(sandbox.place("fine.db"), 10, "one")
    expect(outbox.add([("msg-1", "a/b", b"1")], 0.0), 1, "Added a letter where it can be. Made:")
    sandbox.put("taken.db/here.txt", b"a folder stands where the file should be")
    did = "Opened an outbox whose file is a folder."
    path = sandbox.place("taken.db")
    expect_refused(lambda: room.open_outbox(path, 10, "one"), did, naming="taken.db", kind=AWAY)


def readings_of(box: str, rng: random.Random, count: int, first: int = 0) -> list[Reading]:
    """Return readings whose values all differ."""
    values = rng.sample(range(-2_000, 4_000), count)
    return [reading(box, first + n, value / 100) for n, value in enumerate(values)]


def on_the_wire(stage: Stage, box: str, count: int, did: str) -> list[Packet]:
    """Return what a device published, once that are `count`."""
    return stage.until(  # type: ignore[no-any-return] # what the first argument returns
        partial(stage.tap.readings, box),
        lambda found: len(found) >= count,
        did,
        f"{count} readings on the wire",
    )


def values(packets: Sequence[Packet]) -> list[object]:
    return [document(one.payload).get("temperature") for one in packets]


def ids(packets: Sequence[Packet]) -> list[str]:
    return [str(document(one.payload).get("message_id")) for one in packets]


@task("2.5")
def test_a_reading_has_its_own_identity(stage: Stage, rng: random.Random) -> None:
    """A reading goes out with QoS 1 under its own id and with its trace."""
    box = box_of(rng)
    offered = readings_of(box, rng, 4)
    link = stage.device(plain(box))
    did = f"Offered 4 readings to {box}."
    expect(link.offer(offered), 4, f"{did} Made:")
    sent = on_the_wire(stage, box, 4, did)
    for packet, one in zip(sent, offered, strict=False):
        identity = message_id(box, "T-1", "temperature", one.timestamp, one.value)
        wish = Payload("T-1", "temperature", one.value, one.timestamp, "celsius", identity, TRACE)
        expect(packet.topic, f"aiot-academy/{box}/T-1/temperature", f"{did} A topic:")
        expect(document(packet.payload), written(wish), f"{did} A payload:")
        expect((packet.qos, packet.retained), (1, False), f"{did} QoS, retained:")


@task("2.5")
def test_no_more_on_the_wire_than_may_wait(stage: Stage, rng: random.Random) -> None:
    """At most `inflight` letters wait for a verdict, in order; each verdict makes room for one."""
    box, most = box_of(rng), rng.randrange(4, 8)
    peer, link = stage.peer(), stage.device(plain(box), inflight=most)
    offered = readings_of(box, rng, most + 6)
    link.offer(offered)
    did = f"Offered {most + 6} readings with inflight {most};"
    sent = on_the_wire(stage, box, most, did)
    stage.rest(0.15)
    wanted = [one.value for one in offered]
    expect(values(stage.tap.readings(box)), wanted[:most], f"{did} on the wire:")
    peer.tell(box, "stored", *ids(sent[:3]))
    on_the_wire(stage, box, most + 3, f"{did} then told that three are stored.")
    stage.rest(0.1)
    got = values(stage.tap.readings(box))
    expect(got, wanted[: most + 3], f"{did} then told that three are stored; on the wire:")


@task("2.5")
def test_the_brokers_word_clears_nothing(stage: Stage, rng: random.Random) -> None:
    """The broker acknowledged, the device was killed: all of it goes out again, the same bytes."""
    box = box_of(rng)
    link = stage.device(plain(box))
    offered = readings_of(box, rng, 6)
    did = "Offered 6 readings, which the broker acknowledged;"
    link.offer(offered)
    sent = on_the_wire(stage, box, 6, did)
    acknowledged(stage, sent, did)
    expect(link.progress().pending, 6, f"{did} what waits for its verdict:")
    stage.kill()
    stage.device(plain(box))
    again = on_the_wire(stage, box, 12, f"{did} then killed the device and opened it again.")[6:]
    expect(texts(again), texts(sent), f"{did} killed and opened again; what it sent:")


def acknowledged(stage: Stage, sent: Sequence[Packet], did: str) -> None:
    """Wait until the broker has acknowledged what the device sent."""
    wanted = {(one.connection, one.mid) for one in sent}
    acks = partial(stage.tap.seen, PUBACK, by_room=False)
    stage.until(
        lambda: len(wanted - {(one.connection, one.mid) for one in acks()}),
        lambda left: left == 0,
        did,
        "all acknowledged by the broker",
    )


@task("2.5")
def test_a_verdict_clears_a_letter(stage: Stage, rng: random.Random) -> None:
    """Stored and dead clear a letter for good; what isn't a verdict of ours changes nothing."""
    box = box_of(rng)
    peer, link = stage.peer(), stage.device(plain(box))
    link.offer(readings_of(box, rng, 5))
    did = "Offered 5 readings, told one stored, one dead;"
    names = ids(on_the_wire(stage, box, 5, did))
    peer.publish(f"aiot-academy-verdict/{box}", b"\xff no verdict")
    peer.tell(box, "stored", "msg-of-somebody-else", names[0])
    peer.tell(box, "dead", names[3])
    stage.until(lambda: link.progress().pending, lambda left: left == 3, did, "3 wait")
    peer.tell(box, "stored", names[1], names[2], names[4], names[0])
    stage.until(lambda: link.progress().pending, lambda left: left == 0, did, "none waits")
    more = readings_of(box, rng, 2, 100)
    link.offer(more)
    sent = on_the_wire(stage, box, 7, f"{did} then the others stored, and offered 2 more.")
    expect(values(sent[5:]), [one.value for one in more], "All had their verdict; offered 2 more.")
    stage.kill()
    stage.device(plain(box))
    again = on_the_wire(stage, box, 9, "Killed the device and opened it again.")[7:]
    expect(values(again), [one.value for one in more], "Killed and opened again; what it sent:")


@task("2.5")
def test_later_is_not_before_its_time(stage: Stage, rng: random.Random) -> None:
    """Later puts a letter off by what was said: not cleared, not sent before, and then sent."""
    box, pause_s = box_of(rng), rng.choice((0.3, 0.4, 0.5))
    peer, link = stage.peer(), stage.device(plain(box))
    link.offer(readings_of(box, rng, 1))
    did = f"Offered a reading and told it `later`, retry_after_s {pause_s}."
    (first,) = on_the_wire(stage, box, 1, did)
    told_s = time.monotonic()
    peer.tell(box, "later", *ids([first]), retry_after_s=pause_s)
    again = on_the_wire(stage, box, 2, did)[1]
    expect(texts([again]), texts([first]), f"{did} What it sent again:")
    expect_between(again.at_s - told_s, pause_s, 60.0, f"{did} After how long:", unit="s")
    expect(link.progress().pending, 1, f"{did} What waits:")


@task("2.5")
def test_silence_means_again(stage: Stage, rng: random.Random) -> None:
    """Without a verdict a letter goes out again, on a connection that is healthy."""
    box = box_of(rng)
    link = stage.device(plain(box), resend_after_s=0.3)
    began_s = time.monotonic()
    link.offer(readings_of(box, rng, 3))
    did = "Offered 3 readings with resend_after_s 0.3 to a broker that stays;"
    sent = on_the_wire(stage, box, 6, did)
    expect(texts(sent[3:6]), texts(sent[:3]), f"{did} what went out the second time:")
    waited = sent[3].at_s - began_s
    expect_between(waited, 0.3, 60.0, f"{did} after how long:", unit="s")
    expect(len(stage.tap.seen(CONNECT)), 1, f"{did} connections:")


@task("2.5")
def test_a_new_connection_means_again(stage: Stage, rng: random.Random) -> None:
    """On a new connection all that waits goes out again, the oldest first."""
    box = box_of(rng)
    link = stage.device(plain(box))
    offered = readings_of(box, rng, 7)
    link.offer(offered[:4])
    did = "Offered 4 readings, cut the connection, offered 3 more;"
    on_the_wire(stage, box, 4, did)
    stage.tap.refusing = True
    stage.tap.cut()
    link.offer(offered[4:])
    stage.tap.refusing = False
    sent = on_the_wire(stage, box, 11, did)
    later = [one for one in sent if one.connection > 1]
    wanted = [one.value for one in offered]
    expect(values(later), wanted, f"{did} what went out on the new connection:")


@task("2.5")
def test_what_cant_be_sent_is_refused_and_counted(stage: Stage, rng: random.Random) -> None:
    """What can't be sent is refused and counted, and takes nobody else with it."""
    box = box_of(rng)
    link = stage.device(plain(box), outbox_limit=6)
    good = readings_of(box, rng, 8)
    bad = [
        reading(box, 90, math.nan),
        reading(box, 91, math.inf),
        reading("another-box", 92, 20.0),
        reading(box, 93, 20.0, "T 1"),
        Reading(box, "T-1", "temperature", 20.0, "celsius", START.replace(tzinfo=None)),
        Reading(box, "T-1", "temperature", 20.0, "c" * 500, START),
    ]
    mixed = [good[0], *bad[:3], good[1], *bad[3:], good[2]]
    did = "Offered 3 good readings among 6 that can't be sent;"
    expect(link.offer(mixed), 3, f"{did} made:")
    expect(counts(link.progress()), (9, 3, 6, 3), f"{did} {COUNTS}")
    sent = on_the_wire(stage, box, 3, did)
    expect(values(sent), [one.value for one in good[:3]], f"{did} on the wire:")
    did = f"{did[:-1]}, then 5 more to an outbox for 6;"
    expect(link.offer(good[3:]), 3, f"{did} made:")
    expect(counts(link.progress()), (14, 6, 8, 6), f"{did} {COUNTS}")


# --- 2.6


def said(value: object, number_: int = 0, **more: object) -> bytes:
    """Return what sensor T-1 publishes."""
    moment = iso_utc(START + timedelta(seconds=number_))
    body = {"sensor_id": "T-1", "temperature": value, "timestamp": moment, "unit": "celsius"}
    return json.dumps({**body, **more}).encode()


def topic_of(box: str, sensor: str = "T-1") -> str:
    return f"aiot-academy/{box}/{sensor}/temperature"


def arrived(stage: Stage, *, connection: int = 0) -> list[Packet]:
    """Return the QoS 1 messages that reached the gateway, as it must acknowledge them."""
    came = stage.tap.seen(PUBLISH, by_room=False, connection=connection)
    return [one for one in came if one.qos]


def acks(stage: Stage, count: int, did: str) -> list[Packet]:
    """Return the gateway's acknowledgements, once they are `count`."""
    return stage.until(  # type: ignore[no-any-return] # what the first argument returns
        partial(stage.tap.seen, PUBACK),
        lambda found: len(found) >= count,
        did,
        f"{count} acknowledgements to the broker",
    )


def posted(stage: Stage, api: Api, count: int, did: str) -> list[dict[str, Any]]:
    """Return what reached the API, once that are `count`."""
    return stage.until(  # type: ignore[no-any-return] # what the first argument returns
        api.items, lambda found: len(found) >= count, did, f"{count} readings at the API"
    )


def verdicts(stage: Stage, peer: Peer, box: str, count: int, did: str) -> list[dict[str, Any]]:
    """Return what a device was told, once that are `count` verdicts."""
    return stage.until(  # type: ignore[no-any-return] # what the first argument returns
        partial(peer.verdicts, box), lambda found: len(found) >= count, did, f"{count} verdicts"
    )


@task("2.6")
def test_the_request_is_the_architectures(stage: Stage, rng: random.Random) -> None:
    """A message becomes the API's request; what that has no place for goes into its metadata."""
    box, value, identity = box_of(rng), rng.randrange(-500, 500) / 8, f"msg-{name(rng)}"
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    peer.publish(topic_of(box), said(value, message_id=identity, traceparent=TRACE))
    peer.publish(topic_of(box), said(value, 1))
    did = f"Published {value} celsius of {box}, with and without its optional keys."
    full, bare = posted(stage, api, 2, did)[:2]
    wanted: dict[str, object] = {
        "device_id": box,
        "sensor_type": "temperature",
        "value": value,
        "timestamp": "2025-03-01T00:00:00.000Z",
        "message_id": identity,
        "metadata": {"sensor_id": "T-1", "unit": "celsius", "traceparent": TRACE},
    }
    expect(full, wanted, did)
    wanted["timestamp"] = "2025-03-01T00:00:01.000Z"
    wanted["metadata"] = {"sensor_id": "T-1", "unit": "celsius"}
    del wanted["message_id"]
    expect(bare, wanted, did)


@task("2.6")
def test_acknowledged_once_the_api_has_it(stage: Stage, rng: random.Random) -> None:
    """Nothing is acknowledged before the API has it; then all is, in the order of arrival."""
    box, count = box_of(rng), rng.randrange(5, 12)
    api, peer = stage.api(), stage.peer()
    api.open.clear()
    stage.gateway(api)
    names = [f"msg-{n}" for n in rng.sample(range(1000), count)]
    peer.publish_all([(topic_of(box), said(20, n, message_id=one)) for n, one in enumerate(names)])
    did = f"Published {count} readings while the API thinks;"
    posted(stage, api, 1, did)
    stage.rest(0.15)
    expect(len(stage.tap.seen(PUBACK)), 0, f"{did} acknowledgements:")
    expect(len(peer.verdicts(box)), 0, f"{did} verdicts:")
    api.open.set()
    did = f"{did[:-1]}, then it answered;"
    order = [one.mid for one in acks(stage, count, did)]
    expect(order, [one.mid for one in arrived(stage)], f"{did} acknowledged, by packet:")
    expect([one.get("message_id") for one in api.items()], names, f"{did} posted:")
    expect_answered_first(stage, api, f"{did} acknowledged before its answer:")


def expect_answered_first(stage: Stage, api: Api, did: str) -> None:
    """Go on if each message was acknowledged after the API's last answer about it."""
    answers = {
        item.get("message_id"): post.answered_s or math.inf
        for post in list(api.posts)
        for item in post.items
    }
    sent = {(one.connection, one.mid): one for one in arrived(stage)}
    early = []
    for ack in stage.tap.seen(PUBACK):
        if (one := sent.get((ack.connection, ack.mid))) is not None:
            identity = document(one.payload).get("message_id")
            if ack.at_s < answers.get(identity, math.inf):
                early.append(identity)
    expect(early, [], did)


@task("2.6")
def test_each_device_is_told_its_own(stage: Stage, rng: random.Random) -> None:
    """Each device is told its verdicts, after the commit, under its own verdict topic."""
    one, other = f"{box_of(rng)}-a", f"{box_of(rng)}-b"
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    told = [(rng.choice((one, other)), f"msg-{n}") for n in range(12)]
    messages = [(topic_of(b), said(20, n, message_id=m)) for n, (b, m) in enumerate(told)]
    peer.publish_all([*messages, (topic_of(one), said(20, 99))])
    did = "Published 12 readings of two devices, and one that names no message id;"
    for box in (one, other):
        wanted = [{"message_id": m, "verdict": "stored"} for b, m in told if b == box]
        found = verdicts(stage, peer, box, len(wanted), did)
        expect(found, wanted, f"{did} what {box} was told:")
    acks(stage, 13, did)
    sent = [p for p in stage.tap.seen(PUBLISH) if not p.topic.startswith("aiot-academy-presence")]
    expect({packet.qos for packet in sent}, {1}, f"{did} the QoS of the verdicts:")
    first = min(post.answered_s or math.inf for post in api.posts)
    expect_that(all(p.at_s >= first for p in sent), did, "verdicts after the answer", "before")


POISON = (
    b"",
    b"\xff\xfe\x00",
    b"[1]",
    b"[" * 60_000,
    said(20, colour="red"),
    said(math.nan),
    said(True),
    said(20, unit=None),
    said(20, sensor_id="T-2"),
    said(20, timestamp="2025-03-01T00:00:00"),
)


@task("2.6")
def test_poison_blocks_nobody(stage: Stage, rng: random.Random) -> None:
    """What can never be accepted goes to the dead letters, whole and with its reason."""
    box, poison = box_of(rng), rng.sample(POISON, len(POISON))
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    good = [said(n, n) for n in range(len(poison) + 1)]
    messages = [(topic_of(box), data) for pair in zip(good, poison, strict=False) for data in pair]
    peer.publish_all([*messages, (topic_of(box), good[-1])])
    did = f"Published {len(poison)} messages that are no readings among good ones;"
    order = [one.mid for one in acks(stage, len(messages) + 1, did)]
    expect(order, [one.mid for one in arrived(stage)], f"{did} acknowledged, by packet:")
    posted_ = [item.get("value") for item in api.items()]
    expect(posted_, [float(n) for n in range(len(good))], f"{did} what reached the API:")
    letters = stage.grave.letters
    found = sorted(bytes(one.payload) for one in letters)
    expect(found, sorted(poison), f"{did} the dead letters:")
    about = {(one.topic, one.device_id, one.status) for one in letters}
    expect(about, {(topic_of(box), box, 0)}, f"{did} topic, device and status of the letters:")
    silent = [one.letter_id for one in letters if not one.reason]
    expect(silent, [], f"{did} letters without a reason:")


@task("2.6")
def test_a_letter_keeps_its_id(stage: Stage, rng: random.Random) -> None:
    """The same poison has the same letter id, its own if it names one; its device is told dead."""
    box, identity = box_of(rng), f"msg-{name(rng)}"
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    named, nameless = said(20, message_id=identity, colour="red"), b"not JSON"
    here, other = topic_of(box), topic_of(box, "T-2")
    for topic, data in ((here, named), (here, nameless), (here, nameless), (other, nameless)):
        peer.publish(topic, data)
    did = "Published an unknown key under a message id, then the same nonsense thrice;"
    acks(stage, 4, did)
    letters = stage.grave.letters
    expect(len(letters), 4, f"{did} dead letters:")
    own = [one.letter_id for one in letters if bytes(one.payload) == named]
    expect(own, [identity], f"{did} the id of the letter that names one:")
    one, again = (one.letter_id for one in letters if (one.topic, one.payload) == (here, nameless))
    (there,) = (one.letter_id for one in letters if one.topic != here)
    same = (again == one, there == one, str(one)[:5])
    wish = "one id, dead-…, for the same topic and payload, another for another topic"
    expect_that(same == (True, False, "dead-"), did, wish, [one, again, there])
    told = verdicts(stage, peer, box, 1, did)
    expect(told, [{"message_id": identity, "verdict": "dead"}], f"{did} what the device was told:")


@task("2.6")
def test_dead_letters_are_kept_first(stage: Stage, rng: random.Random) -> None:
    """A dead letter is on disk before anybody is told; a disk that is full is asked again."""
    box = box_of(rng)
    api, peer = stage.api(), stage.peer()
    stage.grave.away = 3
    stage.gateway(api)
    peer.publish(topic_of(box), said(math.nan, message_id="msg-1"))
    did = "Published poison while the dead letters' disk is full three times;"
    (ack,) = acks(stage, 1, did)[:1]
    verdicts(stage, peer, box, 1, did)
    expect(len(stage.grave.letters), 1, f"{did} letters kept:")
    expect(stage.grave.asked, 4, f"{did} how often the disk was asked:")
    sent = [p for p in stage.tap.seen(PUBLISH) if p.topic.endswith(box)]
    early = [what for what in [ack, *sent] if what.at_s < stage.grave.kept_s[0]]
    expect(len(early), 0, f"{did} told to device or broker before it was kept:")


@task("2.6")
def test_the_birth_is_joined_in(stage: Stage, rng: random.Random) -> None:
    """Place and calibration come from the device's birth; others' and broken births change nothing."""  # noqa: E501 - one sentence
    box, place, day = box_of(rng), name(rng), date(2024, rng.randint(1, 12), 9).isoformat()
    api, peer = stage.api(), stage.peer()
    card = {"sensor_id": "T-1", "type": "temperature", "unit": "celsius", "location": place}
    card["calibration_date"] = day
    cards = [card, {**card, "sensor_id": "T-2", "location": None, "calibration_date": None}]
    birth = {"device_id": box, "state": "online", "sensors": cards}
    stage.gateway(api)
    peer.publish(f"aiot-academy-presence/{box}", json.dumps(birth).encode())
    lie = json.dumps({**birth, "sensors": [{**card, "location": "elsewhere"}]}).encode()
    peer.publish("aiot-academy-presence/another-box", lie)
    peer.publish(f"aiot-academy-presence/{box}", b"[no birth")
    peer.publish(f"aiot-academy-presence/{box}", b'{"device_id": 5, "sensors": 7}')
    peer.publish(topic_of(box), said(20))
    peer.publish(topic_of(box, "T-2"), said(20, sensor_id="T-2"))
    peer.publish(topic_of("third-box"), said(20))
    did = "Told a birth, then broken ones and one under another's topic, then three readings;"
    found = [item.get("metadata") for item in posted(stage, api, 3, did)]
    wanted = [{"sensor_id": one, "unit": "celsius"} for one in ("T-1", "T-2", "T-1")]
    wanted[0].update(location=place, calibration_date=day)
    expect(found, wanted, f"{did} their metadata:")
    acks(stage, 7, did)


@task("2.6")
def test_the_network_never_waits_for_the_api(stage: Stage, rng: random.Random) -> None:
    """While the API thinks, the connection lives: HTTP isn't the network thread's."""
    api, peer = stage.api(), stage.peer()
    api.open.clear()
    stage.gateway(api, keepalive_s=1, call_timeout_s=20.0)
    peer.publish(topic_of(box_of(rng)), said(20))
    did = "Held a batch at the API, with keepalive_s 1; what the gateway sent meanwhile:"
    posted(stage, api, 1, did)
    before = len(stage.tap.seen(PINGREQ))
    stage.until(
        lambda: len(stage.tap.seen(PINGREQ)), lambda n: n > before, did, "a PINGREQ to the broker"
    )
    expect(len(api.answered()), 0, "Held a batch at the API; answers until the PINGREQ came:")


@task("2.6")
def test_what_is_repeated_is_one_message(stage: Stage, rng: random.Random) -> None:
    """What the broker repeats while it is in the gateway's hands is one message."""
    box = box_of(rng)
    api, peer = stage.api(), stage.peer()
    api.open.clear()
    stage.gateway(api)
    peer.publish(topic_of(box), said(20, message_id="msg-1"))
    did = "The broker repeated a message while the API thinks, then sent another;"
    posted(stage, api, 1, did)
    stage.tap.repeat(arrived(stage)[0])
    peer.publish(topic_of(box), said(21, 1, message_id="msg-2"))
    stage.rest(0.3)  # it must have read both before the first has its place
    api.open.set()
    wanted = [one.mid for one in arrived(stage)]
    verdicts(stage, peer, box, 2, did)
    order = [one.mid for one in acks(stage, 2, did)]
    expect(order, wanted, f"{did} acknowledged, by packet:")
    found = [item.get("message_id") for item in api.items()]
    expect(found, ["msg-1", "msg-2"], f"{did} posted:")


@task("2.6")
def test_qos_0_is_carried_too(stage: Stage, rng: random.Random) -> None:
    """What came with QoS 0 is carried, and nothing is acknowledged for it."""
    box = box_of(rng)
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    for n in range(3):
        peer.publish(topic_of(box), said(n, n), qos=0)
    peer.publish(topic_of(box), said(3, 3))
    did = "Published three readings with QoS 0, then one with QoS 1;"
    found = posted(stage, api, 4, did)
    got = sorted(number(item.get("value"), did) for item in found)
    expect(got, [0.0, 1.0, 2.0, 3.0], f"{did} posted:")
    (ack,) = acks(stage, 1, did)
    expect(ack.mid, arrived(stage)[0].mid, f"{did} acknowledged, by packet:")


@task("2.6")
def test_a_gone_connection_isnt_acknowledged(stage: Stage, rng: random.Random) -> None:
    """What came by a connection that is gone isn't acknowledged on the next one."""
    box = box_of(rng)
    api, peer = stage.api(), stage.peer()
    api.open.clear()
    stage.gateway(api)
    peer.publish_all([(topic_of(box), said(n, n, message_id=f"msg-{n}")) for n in range(3)])
    did = "Cut the gateway off while the API thinks, then let both go on;"
    posted(stage, api, 1, did)
    stage.tap.target = stage.another_broker().port
    stage.tap.cut()
    sessions = partial(stage.tap.sessions, BOTH_ROOTS)
    stage.until(lambda: len(sessions()), lambda n: n > 1, did, "it comes back")
    api.open.set()
    stage.until(lambda: len(api.answered()), lambda n: n > 0, did, "an answer")
    stage.rest(0.2)
    second = stage.peer("second", stage.tap.target)
    second.publish(topic_of(box), said(9, 9, message_id="msg-9"))
    verdicts(stage, second, box, 1, did)
    last = sessions()[-1]
    stage.until(
        lambda: [one.mid for one in stage.tap.seen(PUBACK, connection=last)],
        lambda found: len(found) > 0,
        did,
        "the new message acknowledged",
    )
    found = [one.mid for one in stage.tap.seen(PUBACK, connection=last)]
    wanted = [one.mid for one in arrived(stage, connection=last)]
    expect(found, wanted, f"{did} acknowledged on the new connection, by packet:")


@task("2.6")
def test_what_was_sent_meanwhile_comes(stage: Stage, rng: random.Random) -> None:
    """What was sent while the gateway was dead comes to the next one."""
    box, count = box_of(rng), rng.randrange(3, 9)
    api, peer = stage.api(), stage.peer()
    stage.gateway(api)
    did = f"Killed the gateway, published {count} readings, started it again;"
    stage.kill()
    stage.until(lambda: stage.tap.alive, lambda left: left == 0, did, "a connection that is gone")
    stage.rest(0.1)
    peer.publish_all([(topic_of(box), said(n, n)) for n in range(count)])
    stage.gateway(api)
    # What the broker had sent before it noticed comes again after its ack_wait of 5 s.
    stage.patience_s *= 3
    found = [item.get("value") for item in posted(stage, api, count, did)]
    expect(found, [float(n) for n in range(count)], f"{did} posted:")


# --- 2.7


@task("2.7")
def test_the_table_of_answers(room: Any) -> None:
    """Each status of one reading has its fate, by the brief's table."""
    dead = {400, 403, 409, 413, 422}
    statuses = [0, *range(100, 600)]
    for status, found in zip(statuses, room.fates(statuses), strict=True):
        wanted = "stored" if 200 <= status < 300 else "retry"
        wanted = "dead" if status in dead else "later" if status == 429 else wanted
        expect(found, wanted, f"Asked for the fate of a {status}.")


@task("2.7")
def test_halves_hold_all(room: Any, rng: random.Random) -> None:
    """The halves of a batch hold all of it, in order, and none is empty."""
    for size in (1, 2, 3, rng.randrange(4, 40)):
        items = [{"value": n} for n in range(size)]
        halves = [list(half) for half in room.split(items)]
        did = f"Split a batch of {size};"
        expect([one for half in halves for one in half], items, f"{did} the halves together:")
        sizes = sorted(map(len, halves))
        wanted = [size // 2, size - size // 2] if size > 1 else [1]
        expect(sizes, wanted, f"{did} their sizes:")


def life_of_a_breaker(
    rng: random.Random, enough: int, pause_s: int
) -> tuple[list[tuple[str, float]], list[object]]:
    """Return steps and what a breaker must say at each, by the brief."""
    steps: list[tuple[str, float]] = []
    answers: list[object] = []
    failures, opened, now = 0, -1.0, 0.0
    for _turn in range(60):
        wait = rng.choice((0.0, 0.0, 0.0, pause_s - 1.0, pause_s + 1.0))
        now += wait
        is_open = opened >= 0
        half = is_open and now - opened > pause_s
        steps += [("state", wait), ("allows", 0.0)]
        answers += ["half open" if half else "open" if is_open else "closed", half or not is_open]
        if half:
            steps += [("allows", 0.0), ("allows", 0.0)]
            answers += [False, False]
        if answers[-1] is False and not half:
            continue
        if rng.random() < 0.6:
            steps.append(("failed", 0.0))
            failures += 1
            if half or failures >= enough:
                opened = now
        else:
            steps.append(("succeeded", 0.0))
            failures, opened = 0, -1.0
    return steps, answers


@task("2.7")
def test_a_breaker_opens_half_opens_and_closes(room: Any, rng: random.Random) -> None:
    """The breaker is closed, open or half open as the brief says, whatever happens."""
    for _turn in range(4):
        enough, pause_s = rng.randrange(2, 5), rng.randrange(3, 9)
        steps, wanted = life_of_a_breaker(rng, enough, pause_s)
        found = room.breaker(enough, float(pause_s), steps)
        words = [word for word, _wait in steps if word in {"state", "allows"}]
        did = f"Led a breaker ({enough} failures, {pause_s} s) through failures and successes."
        got = list(zip(words, found, strict=False))
        expect(got, list(zip(words, wanted, strict=True)), did)


@task("2.7")
def test_a_full_batch_goes_at_once(stage: Stage, rng: random.Random) -> None:
    """A batch goes when it is full, whatever its age, and holds no more."""
    size = rng.randrange(5, 12)
    api, peer = stage.api(), stage.peer()
    stage.gateway(api, batch_size=size, batch_age_s=4.0)
    began = time.monotonic()
    peer.publish_all([(topic_of("box"), said(n, n)) for n in range(2 * size)])
    did = f"Published {2 * size} readings to a gateway with batch_size {size}, batch_age_s 4;"
    posted(stage, api, 2 * size, did)
    expect([len(post.items) for post in api.posts], [size, size], f"{did} batches:")
    took = api.posts[-1].at_s - began
    expect_between(took, 0.0, 3.9, f"{did} when the last was there:", unit="s")


@task("2.7")
def test_an_old_batch_goes_as_it_is(stage: Stage, rng: random.Random) -> None:
    """A batch that isn't full goes when its first reading is old enough, and not before."""
    age_s = rng.choice((0.2, 0.3, 0.4))
    api, peer = stage.api(), stage.peer()
    stage.gateway(api, batch_size=500, batch_age_s=age_s)
    began = time.monotonic()
    peer.publish_all([(topic_of("box"), said(n, n)) for n in range(3)])
    did = f"Published 3 readings to a gateway with batch_size 500, batch_age_s {age_s};"
    posted(stage, api, 3, did)
    waited = api.posts[0].at_s - began
    expect_between(waited, age_s, 60.0, f"{did} when the first batch came:", unit="s")


def answering(api: Api, *replies: Reply) -> None:
    """Let the API give `replies` first, one a batch, and take everything afterwards."""
    left = list(replies)
    usual = api.answer

    def answer(items: list[dict[str, Any]]) -> Reply:
        return left.pop(0) if left else usual(items)

    api.answer = answer


def tell(peer: Peer, box: str, names: Sequence[str]) -> None:
    """Publish a reading for each message id."""
    peer.publish_all([(topic_of(box), said(20, n, message_id=m)) for n, m in enumerate(names)])


def batches(posts: Sequence[Post]) -> list[list[object]]:
    return [[item.get("message_id") for item in post.items] for post in posts]


def numbered(count: int) -> list[str]:
    return [f"msg-{n}" for n in range(count)]


def whole(count: int) -> dict[str, Any]:
    """Return manners by which `count` readings that are published at once are one batch."""
    return {"batch_size": count, "batch_age_s": 3.0}


def settled(stage: Stage, peer: Peer, box: str, count: int, did: str) -> dict[str, object]:
    """Return the verdicts by message id, once all is told and acknowledged."""
    found = verdicts(stage, peer, box, count, did)
    acks(stage, count, did)
    return {str(one.get("message_id")): one.get("verdict") for one in found}


@task("2.7")
def test_a_token_that_ran_out_is_renewed(stage: Stage, rng: random.Random) -> None:
    """A 401 means a new token and the same batch again; no reading dies of it."""
    box = box_of(rng)
    api, peer = stage.api(), stage.peer()
    api.token = f"token-{name(rng)}"
    stage.gateway(api, **whole(4))
    tell(peer, box, numbered(4))
    did = "Published 4 readings to an API whose token has run out;"
    found = settled(stage, peer, box, 4, did)
    expect(found, dict.fromkeys(numbered(4), "stored"), f"{did} verdicts:")
    expect(len(stage.grave.letters), 0, f"{did} dead letters:")
    got = [(post.status, post.token == api.token) for post in api.posts[:2]]
    expect(got, [(401, False), (200, True)], f"{did} status and whether the token is the new one:")
    expect(api.tokens, 1, f"{did} tokens asked for:")


@task("2.7")
def test_each_reading_has_its_own_fate(stage: Stage, rng: random.Random) -> None:
    """A reading that is refused is dead at once, with the API's reason, and asked never again."""
    box, statuses = box_of(rng), [201, 422, 200, 409, 403, 400, 201]
    rng.shuffle(statuses)
    api, peer = stage.api(), stage.peer()
    by_id = dict(zip(numbered(7), statuses, strict=True))
    api.answer = lambda items: Reply(
        200, [(by_id[i["message_id"]], f"why {i['message_id']}") for i in items]
    )
    stage.gateway(api, **whole(7))
    tell(peer, box, numbered(7))
    did = f"The API said {', '.join(map(str, statuses))} to seven readings;"
    found = settled(stage, peer, box, 7, did)
    wanted = {m: "stored" if s < 300 else "dead" for m, s in by_id.items()}
    expect(found, wanted, f"{did} verdicts:")
    letters = sorted((one.letter_id, one.status, one.reason) for one in stage.grave.letters)
    refused = sorted((m, s, f"why {m}") for m, s in by_id.items() if s > 300)
    expect(letters, refused, f"{did} dead letters, status, reason:")
    expect(len(api.items()), 7, f"{did} readings posted:")


@task("2.7")
def test_a_batch_that_is_too_large_is_split(stage: Stage, rng: random.Random) -> None:
    """A 413 splits the batch until it fits; alone and still too large, a reading is dead."""
    box, count, most = box_of(rng), rng.randrange(9, 14), rng.randrange(2, 5)
    api, peer = stage.api(), stage.peer()
    huge = f"msg-{rng.randrange(count)}"

    def answer(items: list[dict[str, Any]]) -> Reply:
        large = len(items) > most or any(one.get("message_id") == huge for one in items)
        return Reply(413, detail="too large") if large else Reply(200, [(201, "")] * len(items))

    api.answer = answer
    stage.gateway(api, **whole(count))
    tell(peer, box, numbered(count))
    did = f"Published {count} readings to an API that takes {most} at once, and never {huge};"
    found = settled(stage, peer, box, count, did)
    wanted = {m: "dead" if m == huge else "stored" for m in numbered(count)}
    expect(found, wanted, f"{did} verdicts:")
    letters = [(one.letter_id, one.status) for one in stage.grave.letters]
    expect(letters, [(huge, 413)], f"{did} dead letters:")
    taken = [m for post in api.posts if post.status == 200 for m in batches([post])[0]]
    expect(sorted(map(str, taken)), sorted({*numbered(count)} - {huge}), f"{did} what it took:")


@task("2.7")
def test_one_spoilt_reading_takes_nobody_with_it(stage: Stage, rng: random.Random) -> None:
    """A batch that is refused as a whole is split until the one that spoils it is alone."""
    box, spoilt, status = box_of(rng), f"msg-{rng.randrange(8)}", rng.choice((400, 422))
    api, peer = stage.api(), stage.peer()

    def answer(items: list[dict[str, Any]]) -> Reply:
        bad = any(one.get("message_id") == spoilt for one in items)
        return Reply(status, detail="spoilt") if bad else Reply(200, [(201, "")] * len(items))

    api.answer = answer
    stage.gateway(api, **whole(8))
    tell(peer, box, numbered(8))
    did = f"Published 8 readings to an API that says {status} to a batch with {spoilt} in it;"
    found = settled(stage, peer, box, 8, did)
    wanted = {m: "dead" if m == spoilt else "stored" for m in numbered(8)}
    expect(found, wanted, f"{did} verdicts:")
    letters = [(one.letter_id, one.status, one.reason) for one in stage.grave.letters]
    expect(letters, [(spoilt, status, "spoilt")], f"{did} dead letters, status, reason:")


@task("2.7")
def test_a_flooder_is_told_later(stage: Stage, rng: random.Random) -> None:
    """A 429 is acknowledged to the broker and told `later` to the device; the line moves on."""
    box, wait_s = box_of(rng), rng.randrange(3, 50)
    api, peer = stage.api(), stage.peer()
    answering(api, Reply(429, retry_after=wait_s))
    stage.gateway(api, **whole(4))
    tell(peer, box, numbered(3))
    peer.publish(topic_of(box), said(1, 90))
    did = f"The API said 429, Retry-After {wait_s}, to a batch;"
    found = verdicts(stage, peer, box, 3, did)
    told = {"verdict": "later", "retry_after_s": float(wait_s)}
    got = [{**one, "retry_after_s": float_of(one.get("retry_after_s"))} for one in found]
    expect(got, [{"message_id": m, **told} for m in numbered(3)], f"{did} verdicts:")
    acks(stage, 4, did)
    expect(len(stage.grave.letters), 0, f"{did} dead letters:")
    tell(peer, box, [f"next-{n}" for n in range(4)])
    found = verdicts(stage, peer, box, 7, did)
    wanted = [{"message_id": f"next-{n}", "verdict": "stored"} for n in range(4)]
    expect(found[3:], wanted, f"{did} the next readings:")
    sizes = [len(post.items) for post in api.posts]
    expect(sizes, [4, 4], f"{did} and took the next; sizes of the batches that it saw:")


def float_of(value: object) -> object:
    return float(value) if isinstance(value, int | float) else value


@task("2.7")
def test_the_apis_own_trouble_kills_no_reading(stage: Stage, rng: random.Random) -> None:
    """While the API is away nothing is acknowledged and nothing dies; then all is stored."""
    box = box_of(rng)
    # a fifth would open the breaker
    chosen = [403, 409, rng.choice((0, 503)), rng.choice((500, 404, 502))]
    rng.shuffle(chosen)
    api, peer = stage.api(), stage.peer()
    answering(api, *(Reply(status, detail="away") for status in chosen))
    stage.gateway(api, **whole(3))
    tell(peer, box, numbered(3))
    did = f"The API said {', '.join(map(str, chosen))} (0: nothing) to a batch, then took it;"
    found = settled(stage, peer, box, 3, did)
    expect(found, dict.fromkeys(numbered(3), "stored"), f"{did} verdicts:")
    expect(len(stage.grave.letters), 0, f"{did} dead letters:")
    expect(batches(api.posts), [numbered(3)] * 5, f"{did} batches:")
    expect_answered_first(stage, api, f"{did} acknowledged before:")


@task("2.7")
def test_only_what_isnt_settled_is_asked_again(stage: Stage, rng: random.Random) -> None:
    """Of a batch in which some readings met trouble, only these go again."""
    box = box_of(rng)
    api, peer = stage.api(), stage.peer()
    statuses = [rng.choice((503, 500, 201, 422)) for _ in range(8)]
    statuses[rng.randrange(8)] = 503
    statuses[0] = 201
    answering(api, Reply(200, [(status, "why") for status in statuses]))
    stage.gateway(api, **whole(8))
    tell(peer, box, numbered(8))
    did = f"The API said {', '.join(map(str, statuses))} to eight readings, then took what came;"
    found = settled(stage, peer, box, 8, did)
    by_id = dict(zip(numbered(8), statuses, strict=True))
    wanted = {m: "dead" if s == 422 else "stored" for m, s in by_id.items()}
    expect(found, wanted, f"{did} verdicts:")
    again = [m for m, status in by_id.items() if status >= 500]
    expect(batches(api.posts), [numbered(8), again], f"{did} batches:")


@task("2.7")
def test_who_doesnt_answer_is_left_alone(stage: Stage, rng: random.Random) -> None:
    """After five failures in a row the API is left alone for a second, then asked once."""
    api, peer = stage.api(), stage.peer()
    answering(api, *[Reply(503)] * 5)
    stage.gateway(api)
    stage.patience_s *= 2  # jitter may wait longer than the breaker
    peer.publish(topic_of(box_of(rng)), said(20))
    did = "The API said 503 five times;"
    stage.until(lambda: len(api.answered()), lambda n: n >= 6, did, "a sixth question")
    fifth = api.posts[4].answered_s or math.inf
    waited = api.posts[5].at_s - fifth
    expect_between(waited, 0.95, 60.0, f"{did} the pause before the sixth question:", unit="s")
    pauses = [b.at_s - a.at_s for a, b in zip(api.posts[:4], api.posts[1:5], strict=True)]
    expect_between(sum(pauses), 0.0, 4.0, f"{did} how long the five took:", unit="s")
