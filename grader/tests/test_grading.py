"""A class of a few, graded: the same grades whatever the order, the jobs and the neighbours."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import psutil
import pytest

from grader.grading import Grading, RoomGrade, results
from grader.mistaken import catalogue
from grader.reports import platforms, tables
from grader.roster import RosterError, roster
from grader.walls import PROJECT, bubblewrap

ROOM = "room1_foundations"
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


def graded(school: Path, cache: Path, jobs: int, *, backwards: bool = False) -> dict[str, object]:
    submissions = roster([school])
    if backwards:
        submissions.reverse()
    run = Grading([ROOM], 7, cache, jobs=jobs)
    found = run.run(submissions)
    return results(run, sorted(submissions, key=lambda one: one.student), found)


@isolated
def test_a_class_gets_the_same_grades_however_it_is_graded(school: Path, tmp_path: Path) -> None:
    one = graded(school, tmp_path / "one", 1)
    two = graded(school, tmp_path / "two", 2, backwards=True)
    assert json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    points = {student["student"]: student["points"] for student in one["students"]}  # type: ignore[attr-defined]
    assert points.pop("ada") == 90
    assert 85 < points.pop("cy") < 90
    assert set(points.values()) == {0.0}
    assert set(points) == {"bo", "=eve", "mallory", "elevezoe"}
    again = graded(school, tmp_path / "one", 2)  # all from the cache
    assert again == one
    _readable(one)


def _readable(found: dict[str, object]) -> None:
    """Parse each report as its consumer would."""
    rows = list(csv.DictReader(io.StringIO(tables.own(found))))
    assert rows[0]["student"] == "'=eve", "no formula in a spreadsheet"
    canvas = list(csv.reader(io.StringIO(tables.canvas(found))))
    assert canvas[0][:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert canvas[1][0].strip() == "Points Possible"
    assert len({len(row) for row in canvas}) == 1
    suites = ET.fromstring(platforms.junit(found))  # noqa: S314 - our own
    ada = next(suite for suite in suites if suite.get("name", "").startswith("ada"))
    assert ada.get("failures") == "0"
    assert int(ada.get("tests", "0")) > 50
    ada_of = next(one for one in found["students"] if one["student"] == "ada")  # type: ignore[attr-defined]
    scope = platforms.gradescope(found, ada_of)
    assert sum(test["score"] for test in scope["tests"]) == pytest.approx(90)
    assert all(test["score"] <= test["max_score"] for test in scope["tests"])


def test_platforms_downloads_are_read_as_they_come(tmp_path: Path) -> None:
    moodle = tmp_path / "Zoé Élève_123_assignsubmission_file_"
    moodle.mkdir(parents=True)
    with zipfile.ZipFile(moodle / "work.zip", "w") as archive:
        archive.writestr("reading.py", "")
    (tmp_path / "bobob_77_88_submission.zip").write_bytes(b"PK")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".hidden").mkdir()
    assert [(one.student, one.source.name) for one in roster([tmp_path])] == [
        ("Zoé Élève", "work.zip"),
        ("bobob", "bobob_77_88_submission.zip"),
    ]


def test_the_same_student_twice_keeps_both(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder / "zoe").mkdir(parents=True)
    names = [one.student for one in roster([tmp_path / "a", tmp_path / "b"])]
    assert names == ["zoe", "zoe (2)"]


def test_no_submissions_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="expected a folder with a folder or zip a student"):
        roster([tmp_path])
    with pytest.raises(RosterError, match="no such file"):
        roster([tmp_path / "nowhere"])


def test_a_half_written_cache_is_graded_anew(tmp_path: Path) -> None:
    run = Grading([ROOM], 7, tmp_path)
    (tmp_path / "key.json").write_text('{"room": "roo')
    assert run._kept("key.json") is None
    grade = RoomGrade(ROOM, 1.0, {}, [], "walled")
    (tmp_path / "key.json").write_text(json.dumps(grade.written()))
    assert run._kept("key.json") == grade


@isolated
def test_a_killed_grader_leaves_nothing_and_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "school"
    for name in ("ada", "bo", "cy", "di"):
        hand_in(place / name)
        (place / name / "rooms" / ROOM / "lines.py").write_text(
            (PROJECT / "solutions" / ROOM / "lines.py").read_text() + f"# {name}\n"
        )
    command = [sys.executable, "-m", "shared.cli", "grade", str(place)]
    command += ["--out", str(tmp_path / "out"), "--seed", "5"]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as grader:
        assert grader.stderr is not None
        grader.stderr.readline()  # one is graded, the next is under way
        family = psutil.Process(grader.pid).children(recursive=True)
        assert family
        grader.kill()
    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    kept = list((tmp_path / "out" / "cache").glob("*.json"))
    assert kept
    assert subprocess.run(command, cwd=PROJECT, check=False, capture_output=True).returncode == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [one["points"] for one in found["students"]] == [90.0] * 4
    root = Path(tempfile.gettempdir()) / f"academy-{os.getuid()}"
    left = [p.name for p in root.iterdir() if not psutil.pid_exists(int(p.name.split("-")[0]))]
    assert left == []
