"""The start-up probe against a real broker: it finds the open doors, and only those."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import create_connection
from threading import Event

import pytest

from shared.contracts.messages import TOPIC_ROOT, BrokerUser, Credentials
from shared.contracts.ports import SecurityParts
from shared.contracts.settings import BusSettings
from shared.pipeline.assembly import Assembly
from shared.pipeline.brokers import BrokerMissing, plan_broker
from shared.pipeline.identity_part import PROBES
from shared.pipeline.loader import ROOMS, Choice, load
from shared.pipeline.planning import Plan, Wishes, free_port, make_plan
from shared.pipeline.probe import probe_broker
from shared.pipeline.workplace import Workplace

Enrolled = tuple[Plan, dict[str, Credentials], list[BrokerUser]]


@pytest.fixture(params=["nats", "mosquitto"])
def enrolled(tmp_path: Path, request: pytest.FixtureRequest) -> Enrolled:
    place = Workplace(tmp_path / "home")
    place.prepare()
    plan = make_plan(place, Wishes(broker=request.param))
    taken: set[int] = set()
    bus = BusSettings(
        flavour=request.param,
        port=free_port(28_883, taken),
        websocket_port=free_port(29_001, taken),
    )
    plan = Plan(replace(plan.settings, bus=bus), plan.choices, free_port(24_222, taken))
    assembly = Assembly(place, plan.settings, plan.choices)
    room = load(ROOMS[6], Choice.REFERENCE)
    authority = room.build(plan.settings, SecurityParts(assembly.clock, assembly.tally)).authority
    parties = {"broker": "broker", "gateway": "gateway", **dict.fromkeys(PROBES, "device")}
    found = {name: authority.enrol(name, kind) for name, kind in parties.items()}
    users = [
        replace(user, subscribe=(*user.subscribe, f"{TOPIC_ROOT}/{user.name}/#"))
        if user.name in PROBES
        else user
        for user in authority.policy()
    ]
    return plan, found, users


@contextmanager
def running(
    plan: Plan, folder: Path, server: Credentials | None, users: list[BrokerUser]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the broker as configured (and as spoilt by the test) while the block lasts."""
    try:
        started = plan_broker(plan.settings.bus, folder, server, users, plan.inner_port)
    except BrokerMissing as missing:
        pytest.skip(str(missing))
    config = Path(started.command[-1])
    spoil(config)
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(started.command, stdout=log, stderr=log)
    deadline = time.monotonic() + 10
    for port in started.ports:
        while True:
            try:
                create_connection(("127.0.0.1", port), timeout=0.5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "broker.log").read_text()
                Event().wait(0.01)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(5)


SPOILT: list[tuple[str, str]] = []


def spoil(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    for old, new in SPOILT:
        assert old in text
        text = text.replace(old, new)
    config.write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def nothing_spoilt() -> Iterator[None]:
    SPOILT.clear()
    yield
    SPOILT.clear()


def test_a_broker_that_is_shut_lets_nobody_in_and_that_is_soon_known(
    enrolled: Enrolled, tmp_path: Path
) -> None:
    plan, found, users = enrolled
    with running(plan, tmp_path / "broker", found["broker"], users):
        began = time.perf_counter()
        findings = probe_broker(plan, found)
        print(f"probed in {time.perf_counter() - began:.2f} s")  # noqa: T201 - a figure to see
    assert [one for one in findings if one.let_in] == []
    assert len(findings) == (5 if plan.settings.bus.flavour == "nats" else 4)
    assert {one.task for one in findings} == {"6.3", "6.6"}


def test_a_broker_that_asks_for_no_certificate_is_found(enrolled: Enrolled, tmp_path: Path) -> None:
    plan, found, users = enrolled
    if plan.settings.bus.flavour == "nats":
        SPOILT.append(("verify: true, verify_and_map: true", "verify: false"))
        SPOILT.append(
            (
                "authorization { users: [",
                "no_auth_user: anyone\nauthorization { users: [ { user: anyone },",
            )
        )
    else:
        SPOILT.append(("require_certificate true", "require_certificate false"))
        SPOILT.append(("use_subject_as_username true", ""))
        SPOILT.append(("use_username_as_clientid true", ""))
        SPOILT.append(("allow_anonymous false", "allow_anonymous true"))
    with running(plan, tmp_path / "broker", found["broker"], users):
        findings = probe_broker(plan, found)
    let_in = {one.tried for one in findings if one.let_in}
    assert any("without a certificate" in tried for tried in let_in), let_in


def test_a_device_that_may_speak_for_another_is_found(enrolled: Enrolled, tmp_path: Path) -> None:
    plan, found, users = enrolled
    loose = [
        replace(user, publish=(f"{TOPIC_ROOT}/#",)) if user.name in PROBES else user
        for user in users
    ]
    with running(plan, tmp_path / "broker", found["broker"], loose):
        findings = probe_broker(plan, found)
    assert [one.task for one in findings if one.let_in] == ["6.6"]
