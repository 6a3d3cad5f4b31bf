"""A large class with every attack in it: the same grades however judged, and after any end."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.grades import results
from grader.grading import Grading
from grader.mistaken import CatalogueError, catalogue
from grader.policy import Policy
from grader.roster import roster
from grader.walls import PROJECT, bubblewrap

sys.path.insert(0, str(Path(__file__).parent))
import attacks
import more_attacks
from test_grading import nothing_left, spare

ROOM = "room1_foundations"
SOURCES = {**attacks.SOURCES, **more_attacks.SOURCES}
FEW = ("1.1",)
pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")


def right(place: Path, name: str) -> Path:
    """Hand in a right room that differs from every other by a comment."""
    room = place / name / "rooms" / ROOM
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "solutions" / ROOM, room, ignore=leave_out)
    with (room / "reading.py").open("a", encoding="utf-8") as file:
        file.write(f"# {name}\n")
    return room


def large_class(place: Path, attacked: list[str], count: int) -> Path:
    """Hand in `count` submissions: the attacks, each mistake, and right rooms for the rest."""
    for name in attacked:
        room = place / f"attack {name}" / "rooms" / ROOM
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / "rooms" / ROOM, room, ignore=leave_out)
        attacks.plant(room, SOURCES[name], PROJECT, place / "result.json")
    mistakes = [one for one in catalogue(ROOM) if one.trips == ("1.1",)]
    for one in mistakes[: max(0, (count - len(attacked)) // 3)]:
        try:
            one.make(place / f"mistake {one.name}")
        except CatalogueError:  # its own test says so
            continue
    for number in range(count - sum(1 for _one in place.iterdir())):
        right(place, f"right {number}")
    for folder in (place, *place.parents[:3]):
        folder.chmod(0o755)
    return place


def graded(place: Path, cache: Path, jobs: int, order: int) -> tuple[dict[str, Any], list[int]]:
    """Return the results, and how much memory this process held after each tenth of the class."""
    submissions = roster([place], cache / "unpacked").submissions
    mixed = list(submissions)
    random.Random(order).shuffle(mixed)
    held: list[int] = []

    def told(*_about: object) -> None:
        held.append(psutil.Process().memory_info().rss)

    run = Grading([ROOM], 11, cache, jobs=jobs, tasks=FEW, patience_s=2.0, told=told)
    found = run.run(mixed)
    about = {"seed": 11, "isolation": "walled", "rooms": [ROOM]}
    return results(about, submissions, found, Policy()), held


def points(found: dict[str, Any], kind: str) -> set[float | None]:
    return {
        one["rooms"][ROOM]["points"] for one in found["students"] if one["student"].startswith(kind)
    }


def without_words(found: dict[str, Any]) -> list[tuple[str, float | None, dict[str, float]]]:
    """Return who got how many points for what: an attack's last words may differ."""
    return [
        (one["student"], one["rooms"][ROOM]["points"], one["rooms"][ROOM]["tasks"])
        for one in found["students"]
    ]


FIRST = ["spins_in_many_processes", "stops_itself", "kills_its_parent", "leaves_a_daemon"]


def _all_as_it_should_be(found: dict[str, Any]) -> None:
    assert points(found, "right") == {10.0}
    assert points(found, "attack") == {0.0}
    assert all(value is not None and value < 10 for value in points(found, "mistake"))


def test_attackers_cost_their_neighbours_nothing(tmp_path: Path) -> None:
    place = large_class(tmp_path / "class", FIRST, 12)
    one, _held = graded(place, tmp_path / "one", 1, 1)
    two, _held = graded(place, tmp_path / "two", 2, 2)
    assert without_words(one) == without_words(two)
    _all_as_it_should_be(one)


@pytest.fixture(scope="module")
def three_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a class of 300, each attack among them."""
    base = tmp_path_factory.mktemp("many")
    return large_class(base / "class", sorted(SOURCES), 300)


@pytest.fixture(scope="module")
def alone(three_hundred: Path) -> tuple[dict[str, Any], list[int]]:
    """Return what one job made of them, and the memory that it held."""
    return graded(three_hundred, three_hundred.parent / "one", 1, 1)


@pytest.mark.slow
def test_three_hundred_get_what_they_earned_in_flat_memory(
    alone: tuple[dict[str, Any], list[int]],
) -> None:
    found, held = alone
    _all_as_it_should_be(found)
    assert held[-1] < held[len(held) // 10] * 1.3 + 20_000_000


@pytest.mark.slow
def test_three_hundred_get_the_same_from_two_jobs_in_another_order(
    three_hundred: Path, alone: tuple[dict[str, Any], list[int]]
) -> None:
    found, _held = graded(three_hundred, three_hundred.parent / "two", 2, 2)
    assert without_words(found) == without_words(alone[0])


@pytest.mark.slow
def test_a_grader_killed_ten_times_gives_the_same_grades(tmp_path: Path) -> None:
    attacked = ["forks_without_end", "leaves_a_daemon", "takes_memory_in_many_processes"]
    place = large_class(tmp_path / "class", attacked, 30)
    words = [sys.executable, "-m", "shared.cli", "grade", str(place), "--only", "1"]
    words += ["--seed", "5", "--out"]
    whole = subprocess.run([*words, str(tmp_path / "whole")], cwd=PROJECT, check=False)
    assert whole.returncode == 0
    chance, own = random.Random(3), spare(tmp_path / "spare")
    for _kill in range(10):
        _killed_after([*words, str(tmp_path / "killed")], own, chance.uniform(0.5, 15))
    again = subprocess.run([*words, str(tmp_path / "killed")], cwd=PROJECT, env=own, check=False)
    assert again.returncode == 0
    first, second = (
        json.loads((tmp_path / name / "results.json").read_bytes()) for name in ("whole", "killed")
    )
    assert without_words(first) == without_words(second)
    assert not list((tmp_path / "killed").rglob(".*.json.*"))
    for path in (tmp_path / "killed" / "cache").glob("*.json"):
        json.loads(path.read_bytes())
    assert _ours() == [], "no process is left"
    assert nothing_left(tmp_path / "spare") == [], "no folder is left"


def _killed_after(words: list[str], own: dict[str, str], seconds: float) -> None:
    with subprocess.Popen(words, cwd=PROJECT, env=own, stderr=subprocess.DEVNULL) as grader:
        try:
            grader.wait(seconds)
        except subprocess.TimeoutExpired:
            family = psutil.Process(grader.pid).children(recursive=True)
            grader.kill()
            _gone, alive = psutil.wait_procs(family, timeout=60)
            assert alive == []


def _ours() -> list[int]:
    """Return the processes below this one: none, once the graders have ended."""
    return [one.pid for one in psutil.Process().children(recursive=True)]
