"""What each broker is told, and that the real one takes it."""

import subprocess
from pathlib import Path

import pytest

from shared.contracts.messages import BrokerUser, Credentials
from shared.contracts.settings import BusSettings
from shared.pipeline.brokers import nats_subjects, plan_broker

SERVER = Credentials("broker", "CN=broker", "/k/chain.pem", "/k/key.pem", "/k/ca.pem")
DEVICE = BrokerUser(
    "station-JFK",
    "CN=station-JFK,O=academy",
    ("aiot-academy/station-JFK/+/+",),
    ("aiot-academy-verdict/station-JFK",),
)


@pytest.mark.parametrize(
    ("topic_filter", "subjects"),
    [
        ("a/b", ["a.b"]),
        ("a/+/c", ["a.*.c"]),
        ("a/#", ["a", "a.>"]),
        ("#", [">"]),
        ("+", ["*"]),
    ],
)
def test_an_mqtt_filter_becomes_subjects_that_take_the_same_topics(
    topic_filter: str, subjects: list[str]
) -> None:
    assert nats_subjects(topic_filter) == subjects


@pytest.mark.parametrize("name", ["plain", "with spaces, a comma", "année d'été"])
def test_nats_takes_its_configuration(tmp_path: Path, name: str) -> None:
    settings = BusSettings(port=18_883, websocket_port=19_001)
    plan = plan_broker(settings, tmp_path / name, None, [], 14_222)
    checked = subprocess.run([*plan.command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert plan.ports == (18_883, 19_001, 14_222)


def test_with_an_identity_every_door_of_nats_asks_for_a_certificate(tmp_path: Path) -> None:
    plan_broker(BusSettings(), tmp_path, SERVER, [DEVICE], 14_222)
    text = (tmp_path / "nats.conf").read_text(encoding="utf-8")
    assert text.count("verify_and_map: true") == 2
    assert 'user: "CN=station-JFK,O=academy"' in text
    assert "aiot-academy.station-JFK.*.*" in text
    assert "no_tls" not in text


def test_every_listener_is_on_loopback(tmp_path: Path) -> None:
    for flavour in ("nats", "mosquitto"):
        settings = BusSettings(flavour=flavour)
        try:
            plan_broker(settings, tmp_path, SERVER, [DEVICE], 14_222)
        except Exception as missing:  # noqa: BLE001 - mosquitto may not be installed
            pytest.skip(str(missing))
    nats = (tmp_path / "nats.conf").read_text(encoding="utf-8")
    assert nats.count("127.0.0.1:") == 3
    mosquitto = (tmp_path / "mosquitto.conf").read_text(encoding="utf-8")
    listeners = [line for line in mosquitto.splitlines() if line.startswith("listener")]
    assert listeners == ["listener 8883 127.0.0.1", "listener 9001 127.0.0.1"]
    assert mosquitto.count("require_certificate true") == 2
    assert mosquitto.count("use_username_as_clientid true") == 2
    # Above the first listener the option would open 1883 on every interface.
    head, _sign, _rest = mosquitto.partition("listener")
    assert "clientid" not in head
