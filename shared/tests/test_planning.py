"""From wishes to a plan: bad wishes are told, ports are found, a source goes on."""

import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.pipeline.clock import RunClock
from shared.pipeline.loader import Choice
from shared.pipeline.planning import (
    BadWish,
    Wishes,
    first_moment,
    free_port,
    keep_clock,
    keep_plan,
    make_plan,
)
from shared.pipeline.workplace import AlreadyRunning, Workplace


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path / "home with spaces and é")
    place.prepare()
    return place


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        (Wishes(speed=0), "--speed"),
        (Wishes(devices=-1), "--devices"),
        (Wishes(sensors=0), "--sensors"),
        (Wishes(rate=-3), "--rate"),
        (Wishes(broker="rabbit"), "--broker"),
        (Wishes(yours=frozenset({8})), "--yours"),
        (Wishes(yours=frozenset({1}), stand_ins=frozenset({1})), "--yours"),
    ],
)
def test_a_wish_that_cannot_be_met_is_named_with_what_was_expected(
    place: Workplace, wishes: Wishes, named: str
) -> None:
    with pytest.raises(BadWish, match=named):
        make_plan(place, wishes)


def test_settings_come_back_as_they_were_written(place: Workplace) -> None:
    plan = make_plan(place, Wishes())
    keep_plan(place, plan)
    assert place.read_settings() == plan.settings


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        assert free_port(taken, set()) != taken


def test_the_same_source_goes_on_where_its_clock_stopped(place: Workplace) -> None:
    plan = make_plan(place, Wishes())
    assert plan.settings.clock.start == datetime(2013, 5, 6, tzinfo=UTC)
    an_hour_ago = replace(plan.settings.clock, wall_start=plan.settings.clock.wall_start - 3600)
    keep_clock(place, replace(plan, settings=replace(plan.settings, clock=an_hour_ago)))
    assert make_plan(place, Wishes()).settings.clock.start > plan.settings.clock.start
    assert make_plan(place, Wishes(seed=2)).settings.clock.start == plan.settings.clock.start


def test_stand_in_and_yours_are_taken_by_their_numbers(place: Workplace) -> None:
    plan = make_plan(place, Wishes(yours=frozenset({1}), stand_ins=frozenset({6})))
    assert plan.choices[1] is Choice.YOURS
    assert plan.choices[6] is Choice.STAND_IN
    assert plan.settings.api.url.startswith("http://")
    assert plan.settings.bus.port != 8883


def test_a_recording_begins_with_its_first_rows_and_not_with_a_wild_clock(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rows = [f"2025-01-01T00:00:{second:02d}Z,a,temperature,1" for second in range(20)]
    path.write_text("\n".join(["timestamp,sensor_id,type,value", *rows]) + "\n", encoding="utf-8")
    assert first_moment(path) == datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "timestamp,value\n2025-01-01,3\n"])
def test_a_file_without_times_is_told_what_was_expected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadWish, match="timestamp,sensor_id,type,value"):
        first_moment(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadWish, match=r"nowhere\.csv"):
        first_moment(tmp_path / "nowhere.csv")


def test_only_one_pipeline_holds_a_workplace(place: Workplace) -> None:
    with place.lock(), pytest.raises(AlreadyRunning):
        place.lock()
    assert not place.is_running()


def test_fresh_deletes_state_but_no_key_and_no_model(place: Workplace) -> None:
    for folder in (place.state, place.identity, place.models):
        (folder / "kept.txt").write_text("x", encoding="utf-8")
    with place.lock():
        gone = place.clear()
    assert [Path(path).name for path in gone] == ["state"]
    assert (place.identity / "kept.txt").exists()
    assert (place.models / "kept.txt").exists()


def test_the_event_clock_runs_at_its_speed(place: Workplace) -> None:
    plan = make_plan(place, Wishes(speed=3600.0))
    clock = RunClock(plan.settings.clock)
    ahead = clock.now()
    assert clock.seconds_until(ahead) <= 0
    assert clock.tolerance(2.0) == 7200.0
