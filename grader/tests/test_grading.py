"""A class of a few, graded: the same grades whatever the order, the jobs and the neighbours."""

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.grades import changes, regraded, results, statistics
from grader.grading import Grading, RoomGrade
from grader.mistaken import catalogue
from grader.policy import Policy
from grader.probe import probe
from grader.roster import roster
from grader.walls import PROJECT, bubblewrap

ROOM = "room1_foundations"
FEW = ("1.1", "1.5")  # tasks: a class is judged in seconds by them
isolated = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")


def hand_in(place: Path, room: Path = PROJECT / "solutions" / ROOM) -> Path:
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(room, place / "rooms" / ROOM, ignore=leave_out)
    return place / "rooms" / ROOM


@pytest.fixture
def school(tmp_path: Path) -> Path:
    """Return a class: a right room, the starter, a wrong student, an attacker, a broken zip."""
    place = tmp_path / "school"
    hand_in(place / "ada")
    hand_in(place / "bo", PROJECT / "rooms" / ROOM)
    wrong = next(m for m in catalogue(ROOM) if m.name == "quantises_in_floats")
    wrong.make(place / "cy")
    attacked = hand_in(place / "=eve", PROJECT / "rooms" / ROOM)
    (attacked / "__init__.py").write_text("import os, signal\nos.kill(-1, signal.SIGKILL)\n")
    (place / "mallory.zip").write_bytes(b"PK\x03\x04 not really")
    with zipfile.ZipFile(place / "elevezoe_LATE_12_34_submission.zip", "w") as archive:
        archive.writestr("Élève/reading.py", "def make_reading(:\n")
    return place


def graded(
    school: Path, cache: Path, jobs: int, *, backwards: bool = False, rules: Policy | None = None
) -> dict[str, Any]:
    submissions = roster([school], cache).submissions
    run = Grading([ROOM], 7, cache, jobs=jobs, tasks=FEW)
    found = run.run(submissions[::-1] if backwards else submissions)
    about = {"seed": 7, "isolation": "walled", "rooms": [ROOM]}
    return results(about, submissions, found, rules or Policy())


@isolated
def test_a_class_gets_the_same_grades_however_it_is_graded(school: Path, tmp_path: Path) -> None:
    one = graded(school, tmp_path / "one", 1)
    two = graded(school, tmp_path / "two", 2, backwards=True)
    assert json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    points = {student["student"]: student["points"] for student in one["students"]}
    assert points.pop("ada") == 20
    assert 10 < points.pop("cy") < 20
    assert set(points.values()) == {0.0}
    assert set(points) == {"bo", "=eve", "mallory", "elevezoe"}
    again = graded(school, tmp_path / "one", 2)  # all from the cache
    assert again == one
    assert list(changes(one, again)) == []
    _told_by_task(one)


def _told_by_task(found: dict[str, Any]) -> None:
    tasks = {one["task"]: one for one in statistics(found)[ROOM]}
    assert tasks["1.1"]["judged"] == 5, "what can't be read is no try"
    assert tasks["1.1"]["reached"] == 2
    assert tasks["1.1"]["tried"] == tasks["1.1"]["tries"] == 4, "the starter is no try"
    failing = next(one for one in tasks.values() if one["failing"])["failing"]
    assert failing[0]["students"] >= failing[-1]["students"] >= 1


@isolated
def test_one_task_is_judged_again_and_the_rest_stays(school: Path, tmp_path: Path) -> None:
    before = graded(school, tmp_path / "one", 1)
    # As if the check of 1.1 had been wrong, and was mended.
    for student in before["students"]:
        for room in student["rooms"].values():
            room["tasks"].pop("1.1", None)
            room["verdicts"] = [v for v in room["verdicts"] if v["task"] != "1.1"]
            if room["points"] is not None:
                room["points"] = room["counted"] = sum(room["tasks"].values())
    submissions = roster([school], tmp_path).submissions
    run = Grading([ROOM], 7, tmp_path / "one", tasks=("1.1",))
    after = regraded(before, "1.1", run.run(submissions), Policy())
    points = {one["student"]: one["points"] for one in after["students"]}
    assert points["ada"] == 20
    assert points["bo"] == 0
    differ = {(who, where) for who, where, _was, _now in changes(before, after)}
    assert {("ada", ROOM), ("ada", "1.1"), ("cy", "1.1")} <= differ
    assert not [who for who, _where in differ if who == "mallory"]
    assert after["regraded"] == ["1.1"]


def test_a_half_written_cache_is_graded_anew(tmp_path: Path) -> None:
    run = Grading([ROOM], 7, tmp_path)
    (tmp_path / "key.json").write_text('{"room": "roo')
    (tmp_path / ".key.json.x1").write_text('{"room": "roo')
    assert run._kept("key.json") is None
    grade = RoomGrade(ROOM, 1.0, {}, [], "walled")
    run._keep("key.json", grade)
    assert run._kept("key.json") == grade
    run.run([])
    assert [path.name for path in tmp_path.glob(".*")] == []


def command(school: Path, out: Path, *words: str) -> list[str]:
    start = [sys.executable, "-m", "shared.cli", "grade", str(school), "--only", "1"]
    return [*start, "--out", str(out), "--seed", "5", *words]


def class_of(place: Path, *names: str) -> Path:
    """Hand in right rooms that differ by a comment, so that each is judged for itself."""
    for name in names:
        path = hand_in(place / name) / "reading.py"
        path.write_text(f"{path.read_text()}# {name}\n")
    return place


def spare(place: Path) -> dict[str, str]:
    """Return an environment whose temporary files lie below `place`, apart from everybody's."""
    place.mkdir(exist_ok=True)
    return os.environ | {"TMPDIR": str(place)}


def nothing_left(place: Path) -> list[str]:
    """Return the temporary folders that are left below `place`."""
    return [path.name for path in (place / f"academy-{os.getuid()}").iterdir()]


@isolated
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_an_ended_grader_leaves_nothing_and_goes_on(tmp_path: Path, end: signal.Signals) -> None:
    school = class_of(tmp_path / "school", "ada", "bo", "cy", "di")
    words = command(school, tmp_path / "out")
    own = spare(tmp_path / "spare")
    with subprocess.Popen(words, cwd=PROJECT, env=own, stderr=subprocess.PIPE, text=True) as grader:
        assert grader.stderr is not None
        assert "100.0" in grader.stderr.readline()  # one is graded, the next is under way
        family = psutil.Process(grader.pid).children(recursive=True)
        assert family
        grader.send_signal(end)
        grader.wait(60)
    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert list((tmp_path / "out" / "cache").glob("*.json"))
    assert not (tmp_path / "out" / "results.json").exists()
    again = subprocess.run(words, cwd=PROJECT, env=own, check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [one["points"] for one in found["students"]] == [100.0] * 4
    assert nothing_left(tmp_path / "spare") == []


@isolated
def test_isolation_is_probed_by_attempting() -> None:
    found = probe()
    assert found.tier == "walled", found
    assert found.granted == ()
