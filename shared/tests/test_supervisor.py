"""A dead part comes back; one that never was ready stops the pipeline with its last words."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psutil
import pytest

from shared.pipeline.loader import Choice
from shared.pipeline.planning import Plan, Wishes, keep_plan, make_plan
from shared.pipeline.supervisor import PipelineFailed, Supervisor
from shared.pipeline.workplace import Workplace

STAND_INS = Wishes(stand_ins=frozenset(range(1, 8)))


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path / "home")
    place.prepare()
    return place


@pytest.fixture
def plan(place: Workplace) -> Plan:
    plan = make_plan(place, STAND_INS)
    keep_plan(place, plan)
    return plan


@pytest.fixture
def supervisor(place: Workplace, plan: Plan) -> Iterator[Supervisor]:
    assert plan.choices[1] is Choice.STAND_IN
    supervisor = Supervisor(place, lambda _text: None)
    yield supervisor
    supervisor.stop()


def test_a_killed_part_is_started_again(supervisor: Supervisor) -> None:
    stop = Event()
    supervisor.spawn("stream")
    first = supervisor.wait_ready("stream", 20, stop)["pid"]
    psutil.Process(first).kill()
    while supervisor.members["stream"].restarts == 0:
        supervisor.tick()
        stop.wait(0.01)
    assert supervisor.wait_ready("stream", 20, stop)["pid"] != first


def test_five_deaths_before_it_was_ready_end_the_pipeline_with_the_last_words(
    place: Workplace, supervisor: Supervisor
) -> None:
    (place.run / "settings.json").write_text("no settings", encoding="utf-8")
    supervisor.spawn("stream")
    with pytest.raises(PipelineFailed, match="stream") as failed:
        supervisor.wait_ready("stream", 60, Event())
    assert supervisor.members["stream"].early_deaths == 5
    assert "./academy logs stream" in str(failed.value)
    assert "Invalid JSON" in str(failed.value) or "ValidationError" in str(failed.value)


def test_a_part_stops_when_its_supervisor_lets_go_of_it(
    place: Workplace, supervisor: Supervisor
) -> None:
    supervisor.spawn("stream")
    pid = supervisor.wait_ready("stream", 20, Event())["pid"]
    supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert json.loads((place.run / "stream.json").read_bytes())["state"] == "stopped"
