"""The exam: a wrong room runs in the live pipeline, and nothing names its habit."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import edition
from grader.mistaken import catalogue
from grader.mystery import CHOICES, case, cases, lay_out
from grader.verdicts import rooms
from grader.walls import PROJECT

Run = Callable[..., subprocess.CompletedProcess[str]]
PLAYED = [room for room in rooms() if cases(room)]


@pytest.fixture
def academy(tmp_path: Path) -> Run:
    """Return what runs a verb of the whole course, its memory in a folder of its own."""
    home = {"ACADEMY_HOME": str(tmp_path / "home"), "PYTHONPATH": str(PROJECT), "COLUMNS": "80"}

    def run(*words: str, course: Path = PROJECT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "shared.cli", *words],
            cwd=course,
            env=os.environ | home | {"PYTHONPATH": str(course)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def remembered(tmp_path: Path) -> str:
    return (tmp_path / "home" / "progress.json").read_text("utf-8")


@pytest.mark.parametrize("room", PLAYED)
def test_each_case_says_how_it_shows_and_has_others_to_choose_from(room: str) -> None:
    assert len(cases(room)) >= 3
    for seed in range(20):
        found = case(room, seed, [])
        assert found is not None
        assert found.mistake.name in found.choices
        assert len(set(found.choices)) == CHOICES
        assert set(found.choices) <= {one.name for one in catalogue(room)}
        assert found == case(room, seed, [])


def test_what_is_solved_isnt_drawn_again() -> None:
    names = [one.name for one in cases("room4_storage")]
    last = case("room4_storage", 1, names[1:])
    assert last is not None
    assert last.mistake.name == names[0]
    assert case("room4_storage", 1, names) is None


def test_nothing_in_the_wrong_rooms_folder_names_it(tmp_path: Path) -> None:
    found = case("room7_monitoring", 3, [])
    assert found is not None
    lay_out(found.mistake, tmp_path / "home" / "mystery")
    paths = list((tmp_path / "home" / "mystery").rglob("*"))
    assert paths
    assert not [path for path in paths if found.mistake.name in str(path)]
    assert len({path.stat().st_mtime_ns for path in paths if path.is_file()}) == 1
    names = [one.name for one in catalogue("room7_monitoring")]
    texts = [path.read_text("utf-8") for path in paths if path.suffix == ".py"]
    assert not [name for name in names if any(name in text for text in texts)]
    same = {
        path.relative_to(tmp_path / "home" / "mystery" / "room7_monitoring").as_posix()
        for path in paths
        if path.suffix == ".py"
        and path.read_bytes()
        == (PROJECT / "solutions" / path.relative_to(tmp_path / "home" / "mystery")).read_bytes()
    }
    assert len(same) == len(texts) - 1


def test_it_runs_live_and_is_answered(academy: Run, tmp_path: Path) -> None:
    run = academy("mystery", "7", "--for", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "7 telemetry  mystery" in run.stdout
    assert "Answer  ./academy mystery 7 --answer HABIT" in run.stdout
    plan = json.loads((tmp_path / "home" / "run" / "plan.json").read_bytes())
    assert plan["choices"]["7"] == "mystery"
    names = [one.name for one in catalogue("room7_monitoring")]
    assert not [name for name in names if name in remembered(tmp_path)]
    choices = [line.strip() for line in run.stdout.splitlines() if line.strip() in names]
    found = json.loads(remembered(tmp_path))["mystery"]["room7_monitoring"]
    right = case("room7_monitoring", found["seed"], [])
    assert right is not None
    assert set(choices) == set(right.choices)
    wrong = next(name for name in right.choices if name != right.mistake.name)
    run = academy("mystery", "7", "--answer", wrong)
    assert (run.returncode, f"It isn't {wrong}" in run.stdout) == (1, True)
    assert right.mistake.name not in run.stdout
    run = academy("mystery", "7", "--answer", "something_else")
    assert (run.returncode, "expected one of the habits" in run.stderr) == (1, True)
    run = academy("mystery", "7", "--answer", right.mistake.name)
    assert run.returncode == 0, run.stderr
    assert f"Yes: {right.mistake.name}, found at try 2." in run.stdout
    assert right.mistake.live in " ".join(run.stdout.split())
    found = json.loads(remembered(tmp_path))["mystery"]["room7_monitoring"]
    assert found == {"seed": None, "solved": [right.mistake.name], "tries": 0}


def test_where_there_is_no_reference_it_says_so(tmp_path: Path, academy: Run) -> None:
    course = tmp_path / "course"
    files = edition.contents([])
    edition.write(files, edition.described(files, []), course)
    run = academy("mystery", "4", course=course)
    assert (run.returncode, run.stdout) == (1, "")
    assert "this edition has no reference" in run.stderr
    assert "Traceback" not in run.stderr
    assert academy("mystery", "9", course=course).returncode == 1
