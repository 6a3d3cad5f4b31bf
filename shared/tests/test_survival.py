"""The promise under kill -9: made = stored + dead-lettered, id by id, once each."""

import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event

import psutil
import pytest

from shared.pipeline.assembly import Assembly
from shared.pipeline.planning import Wishes, keep_plan, make_plan
from shared.pipeline.supervisor import Supervisor
from shared.pipeline.workplace import PROJECT, Workplace
from shared.tests.drill import Drill, make_recording, rounds_of

BROKERS = [
    "nats",
    pytest.param(
        "mosquitto",
        marks=pytest.mark.skipif(
            shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin") is None,
            reason="mosquitto isn't installed",
        ),
    ),
]


def storm(tmp_path: Path, broker: str, seed: int, rounds: int, count: int) -> None:
    """Kill a random part at a random moment, `rounds` times, while `count` readings flow."""
    drill = Drill(tmp_path / "home", make_recording(tmp_path, count, seed), 300.0, broker)
    with drill.running():
        drill.wait_until_ready()
        for role, pause in rounds_of(seed, rounds):
            Event().wait(pause)
            drill.kill(role)
        drill.wait_until_settled()
    drill.check_promise()


@pytest.mark.parametrize("broker", BROKERS)
def test_nothing_is_lost_and_nothing_twice_when_parts_are_killed(
    tmp_path: Path, broker: str
) -> None:
    storm(tmp_path, broker, seed=1, rounds=6, count=4_000)


@pytest.mark.survival
@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("seed", [11, 12])
def test_ten_kills_over_all_parts(tmp_path: Path, broker: str, seed: int) -> None:
    storm(tmp_path, broker, seed=seed, rounds=10, count=8_000)


def fill_outbox(drill: Drill) -> None:
    """Run the devices alone until each reading is in the outbox: broker, API, all else is down."""
    place = Workplace(drill.home)
    place.prepare()
    wishes = Wishes(data=drill.recording.path, devices=0, speed=float(drill.options[5]))
    keep_plan(place, make_plan(place, wishes))
    notices: list[str] = []
    supervisor = Supervisor(place, notices.append)
    supervisor.run_once("identity", 30)
    supervisor.spawn("devices")
    try:
        stop = Event()
        for _round in range(1_200):
            supervisor.tick()
            if place.read("devices").get("made") == drill.recording.size:
                return
            stop.wait(0.1)
        raise AssertionError(f"the outbox holds {place.read('devices')}, {notices}")
    finally:
        supervisor.stop()


def backlog(tmp_path: Path, count: int, kills: int, seed: int) -> None:
    """Fill the outbox while everything else is down; then drain it with kills on the way."""
    drill = Drill(tmp_path / "home", make_recording(tmp_path, count, seed), 1e6, "nats")
    fill_outbox(drill)
    with drill.running():
        drill.wait_until_ready()
        for role, pause in rounds_of(seed, kills):
            Event().wait(pause)
            drill.kill(role)
        drill.wait_until_settled()
    drill.check_promise()


def test_an_outbox_filled_while_all_else_is_down_is_drained(tmp_path: Path) -> None:
    backlog(tmp_path, count=5_000, kills=2, seed=3)


@pytest.mark.survival
def test_a_backlog_of_fifty_thousand_is_drained_with_kills_on_the_way(tmp_path: Path) -> None:
    backlog(tmp_path, count=50_000, kills=6, seed=4)


def test_a_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    drill = Drill(tmp_path / "home", make_recording(tmp_path, 2_000, 5), 100.0, "nats")
    with drill.running():
        drill.wait_until_ready()
        pids = drill.pids()
        drill.kill_supervisor()
        gone, alive = psutil.wait_procs(
            [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=8
        )
    assert not alive, alive
    assert len(gone) <= len(pids)


def test_stopped_and_started_again_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    drill = Drill(tmp_path / "home", make_recording(tmp_path, 2_000, 6), 400.0, "nats")
    with drill.running():
        drill.wait_until_ready()
        drill.wait(lambda: len(drill.stored()) > 300, "some readings stored")
    before = len(drill.stored())
    assert before < drill.recording.size
    with drill.running():
        drill.wait_until_settled()
    drill.check_promise()


def test_ctrl_c_ends_within_five_seconds_with_a_summary(tmp_path: Path) -> None:
    drill = Drill(tmp_path / "home", make_recording(tmp_path, 2_000, 7), 400.0, "nats")
    with drill.running():
        drill.wait_until_ready()
        drill.wait(lambda: len(drill.stored()) > 100, "some readings stored")
    words = drill.words()
    seconds = float(words.rpartition("Stopped in ")[2].split(" ")[0])
    assert seconds < 5, words
    assert f"{len(drill.stored()):,}" in words


def test_a_second_start_beside_the_first_is_refused_with_the_way_out(tmp_path: Path) -> None:
    drill = Drill(tmp_path / "home", make_recording(tmp_path, 500, 8), 50.0, "nats")
    with drill.running():
        drill.wait_until_ready()
        second = subprocess.run(
            [sys.executable, "-m", "shared.cli", "up"],
            cwd=PROJECT,
            env={"ACADEMY_HOME": str(drill.home), "PYTHONPATH": str(PROJECT), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    assert "./academy down" in second.stderr


def test_each_part_is_built_with_the_rooms_that_were_chosen(tmp_path: Path) -> None:
    place = Workplace(tmp_path / "home")
    place.prepare()
    plan = make_plan(place, Wishes(stand_ins=frozenset(range(1, 8))))
    assembly = Assembly(place, plan.settings, plan.choices)
    assert [birth.device_id for birth in assembly.sensors.births()] == [
        "station-EWR",
        "station-JFK",
        "station-LGA",
    ]
