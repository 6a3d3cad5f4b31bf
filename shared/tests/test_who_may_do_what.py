"""The matrix of rights, line by line, at both brokers and at the API: real TLS, real messages."""

import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from shared.contracts.identifiers import iso_utc
from shared.contracts.messages import BrokerUser
from shared.contracts.ports import Security
from shared.contracts.settings import BusSettings
from shared.pipeline.assembly import Assembly
from shared.pipeline.brokers import plan_broker
from shared.pipeline.loader import Choice
from shared.pipeline.planning import Plan, Wishes, free_port, make_plan
from shared.pipeline.web import serve
from shared.pipeline.workplace import Workplace
from shared.tests.test_probe import running

PARTIES = {"dev1": "device", "dev2": "device", "gateway": "gateway", "operator": "operator"}
TOPICS = {
    "readings": "aiot-academy/{}/S-1/temperature",
    "presence": "aiot-academy-presence/{}",
    "verdicts": "aiot-academy-verdict/{}",
}
EVERYTHING = tuple(topic.partition("/")[0] + "/#" for topic in TOPICS.values())
# Who may say and hear what: party -> kind of topic -> whose. What isn't here is forbidden.
SAYS = {
    ("dev1", "readings", "dev1"),
    ("dev1", "presence", "dev1"),
    ("dev2", "readings", "dev2"),
    ("dev2", "presence", "dev2"),
    ("gateway", "verdicts", "dev1"),
    ("gateway", "verdicts", "dev2"),
}
HEARS = {
    ("dev1", "verdicts", "dev1"),
    ("dev2", "verdicts", "dev2"),
    *(("gateway", kind, whose) for kind in ("readings", "presence") for whose in ("dev1", "dev2")),
}
WITHIN_S = 20.0


class House:
    """A reference pipeline's identity, and a broker's door that a test may open."""

    def __init__(self, home: Path, flavour: str) -> None:
        self.place = Workplace(home)
        self.place.prepare()
        choices = dict.fromkeys(range(1, 8), Choice.REFERENCE)
        plan = make_plan(self.place, Wishes(broker=flavour))
        taken: set[int] = set()
        bus = BusSettings(flavour=flavour, port=free_port(27_883, taken), websocket_port=None)
        api = replace(plan.settings.api, port=free_port(27_800, taken))
        settings = replace(plan.settings, bus=bus, api=api)
        self.plan = Plan(settings, choices, free_port(27_222, taken))
        self.assembly = Assembly(self.place, settings, choices)
        self.security: Security = self.assembly.security
        parties = {"broker": "broker", "api": "api", **PARTIES, "all": "operator"}
        self.papers = {
            name: self.security.authority.enrol(name, kind) for name, kind in parties.items()
        }

    def connected(self, name: str, heard: list[str] | None = None) -> mqtt.Client:
        """Return a client of that party once the broker has greeted it."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        context = self.security.keyring.client(name)
        assert context is not None
        client.tls_set_context(context)
        if heard is not None:
            client.on_message = lambda _c, _u, message: heard.append(message.topic)
        client.connect(self.plan.settings.bus.host, self.plan.settings.bus.port)
        client.loop_start()
        wait(client.is_connected)
        return client


def wait(held: Any) -> None:  # noqa: ANN401 - any question
    deadline = time.monotonic() + WITHIN_S
    while not held():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def close(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


@pytest.fixture(params=["nats", "mosquitto"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> House:
    return House(tmp_path / "home", request.param)


def users_of(house: House) -> list[BrokerUser]:
    """Return the room's own policy, and one party beside it that may do everything."""
    return [
        replace(user, publish=EVERYTHING, subscribe=EVERYTHING) if user.name == "all" else user
        for user in house.security.authority.policy()
    ]


@contextmanager
def guarded(house: House, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the broker by the room's own policy."""
    users = users_of(house)
    with running(house.plan, tmp_path / "broker", house.papers["broker"], users) as process:
        yield process


CELLS = [(party, kind, who) for party in PARTIES for kind in TOPICS for who in ("dev1", "dev2")]


def test_a_party_says_what_it_may_and_nothing_else(house: House, tmp_path: Path) -> None:
    with guarded(house, tmp_path):
        heard: list[str] = []
        ear = house.connected("all")
        ear.on_message = lambda _c, _u, message: heard.append(message.payload.decode())
        got: list[object] = []
        ear.on_subscribe = lambda *_: got.append(1)
        ear.subscribe([(topic, 1) for topic in EVERYTHING])
        wait(lambda: got)
        found = set()
        for party, kind, who in CELLS:
            # A connection each: a broker may drop the line on a forbidden word.
            mouth = house.connected(party)
            word = f"{party} {kind} {who}"
            said = mouth.publish(TOPICS[kind].format(who), word, 1)
            wait(lambda mouth=mouth, said=said: said.is_published() or not mouth.is_connected())
            close(mouth)
            # What the broker took before comes before.
            ear.publish("aiot-academy/x/y/z", f"after {word}", 1)
            wait(lambda word=word: f"after {word}" in heard)
            if word in heard:
                found.add((party, kind, who))
        close(ear)
    assert found == SAYS


def test_a_party_hears_what_it_may_and_nothing_else(house: House, tmp_path: Path) -> None:
    with guarded(house, tmp_path):
        mouth = house.connected("all")
        heard: dict[str, list[str]] = {party: [] for party in PARTIES}
        ears = {party: house.connected(party, heard[party]) for party in PARTIES}
        for party, client in ears.items():
            got: list[object] = []
            client.on_subscribe = lambda *_, got=got: got.append(1)
            topics = [TOPICS[kind].format(who) for _p, kind, who in CELLS if _p == party]
            for topic in [*topics, *EVERYTHING]:
                client.subscribe(topic, 1)
            wait(lambda got=got, topics=topics: len(got) == len(topics) + len(EVERYTHING))
        for kind, topic in TOPICS.items():
            for who in ("dev1", "dev2"):
                mouth.publish(topic.format(who), kind.encode(), 1).wait_for_publish(WITHIN_S)
        wait(lambda: sum(len(set(topics)) for topics in heard.values()) >= len(HEARS))
        for party, client in ears.items():
            client.unsubscribe(TOPICS["verdicts"].format(party))
        threading.Event().wait(0.3)  # nothing tells that nothing comes
        for client in (*ears.values(), mouth):
            close(client)
    named = {topic.format(who): (kind, who) for kind, topic in TOPICS.items() for who in PARTIES}
    assert {(party, *named[t]) for party, topics in heard.items() for t in topics} == HEARS


def test_a_banned_device_is_out_of_the_broker(house: House, tmp_path: Path) -> None:
    house.security.authority.revoke("dev1")
    with guarded(house, tmp_path):
        heard: list[str] = []
        ear = house.connected("all", heard)
        got: list[object] = []
        ear.on_subscribe = lambda *_: got.append(1)
        ear.subscribe([(topic, 1) for topic in EVERYTHING])
        wait(lambda: got)
        assert not speaks(house, "dev1", ear, heard)
        assert speaks(house, "dev2", ear, heard)
        close(ear)


@pytest.mark.skipif(sys.platform == "win32", reason="the broker is started again there")
def test_a_device_banned_while_the_broker_runs_is_out_once_it_has_read_that(
    house: House, tmp_path: Path
) -> None:
    with guarded(house, tmp_path) as process:
        heard: list[str] = []
        ear = house.connected("all", heard)
        got: list[object] = []
        ear.on_subscribe = lambda *_: got.append(1)
        ear.subscribe([(topic, 1) for topic in EVERYTHING])
        wait(lambda: got)
        assert speaks(house, "dev1", ear, heard)
        house.security.authority.revoke("dev1")
        bus, folder = house.plan.settings.bus, tmp_path / "broker"
        about = (bus, folder, house.papers["broker"], users_of(house), house.plan.inner_port)
        plan_broker(*about)
        process.send_signal(signal.SIGHUP)
        wait(lambda: not speaks(house, "dev1", ear, heard))
        assert speaks(house, "dev2", ear, heard)
        close(ear)


def speaks(house: House, name: str, ear: mqtt.Client, heard: list[str]) -> bool:
    """Return whether a reading of that device arrives, sent by a new connection."""
    mouth = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    context = house.security.keyring.client(name)
    assert context is not None
    mouth.tls_set_context(context)
    topic, last = TOPICS["readings"].format(name), f"aiot-academy/x/{uuid.uuid4().hex}/z"
    ended: list[object] = []
    mouth.on_connect = lambda client, *_: client.publish(topic, b"{}", 1)
    mouth.on_publish = mouth.on_disconnect = lambda *_: ended.append(1)
    heard.clear()
    mouth.connect(house.plan.settings.bus.host, house.plan.settings.bus.port)
    mouth.loop_start()
    wait(lambda: ended)
    close(mouth)
    ear.publish(last, b"{}", 1)
    wait(lambda: last in heard)
    return topic in heard


@pytest.fixture
def api(tmp_path: Path) -> Iterator[House]:
    """Serve the reference's API over TLS, as the pipeline does."""
    house = House(tmp_path / "home", "nats")
    stop, ready = threading.Event(), threading.Event()
    settings = house.plan.settings.api
    context = house.security.keyring.server("api", require_client=False)
    app = house.assembly.ingestion.app()
    about = (app, settings.host, settings.port, context, stop, ready.set)
    thread = threading.Thread(target=serve, args=about)
    thread.start()
    assert ready.wait(WITHIN_S)
    yield house
    stop.set()
    thread.join(WITHIN_S)


def reading(house: House, device: str, offset_s: int) -> dict[str, object]:
    moment = house.assembly.clock.now() - timedelta(seconds=offset_s)
    return {
        "device_id": device,
        "sensor_type": "temperature",
        "value": 20.0,
        "timestamp": iso_utc(moment),
        "metadata": {"sensor_id": "S-1", "unit": "celsius"},
    }


def test_the_api_lets_each_do_its_own_and_nobody_by_default(api: House) -> None:
    found: dict[str, list[int]] = {}
    url = f"https://127.0.0.1:{api.plan.settings.api.port}"
    for party in (*PARTIES, "nobody"):
        context = api.security.keyring.client(party) if party in PARTIES else None
        headers = {}
        if party in {"gateway", "operator"}:
            secret = Path(str(api.papers[party].secret)).read_text(encoding="utf-8")
            headers = {"Authorization": f"Bearer {api.security.gate.issue(party, secret).text}"}
        if context is None:
            context = ssl.create_default_context(cafile=api.papers["api"].authority)
        with httpx.Client(verify=context, headers=headers, trust_env=False) as client:
            asked = [
                client.post(f"{url}/api/v1/sensors/data", json=reading(api, who, number))
                for number, who in enumerate(("dev1", "dev2"), len(found) * 10)
            ]
            asked.append(client.get(f"{url}/api/v1/sensors/last"))
            found[party] = [answer.status_code for answer in asked]
    assert found == {
        "dev1": [201, 403, 403],
        "dev2": [403, 201, 403],
        "gateway": [201, 201, 403],
        "operator": [403, 403, 200],
        "nobody": [401, 401, 401],
    }
