"""Lateness, groups and attempts, as an instructor's table states them."""

from datetime import datetime
from pathlib import Path

import pytest

from grader.grades import results
from grader.grading import RoomGrade
from grader.policy import Policy, PolicyError, policy
from grader.roster import Submission

ROOM = "room1_foundations"
TABLE = """
attempts = "best"
[late]
due = 2026-12-01T23:59:00+01:00
grace_minutes = 15
lost_a_day = 10
most_days = 3
rooms = { 2 = 2026-12-15T23:59:00+01:00 }
extra_days = { "Zoé Élève" = 2 }
[handed_in]
ada = 2026-12-02T08:00:00+01:00
[groups]
red = ["ada", "bo"]
[students.ada]
id = "77"
login = "ada7"
"""


def stated(tmp_path: Path, text: str = TABLE) -> Policy:
    path = tmp_path / "class.toml"
    path.write_text(text, encoding="utf-8")
    return policy(path)


def submission(person: str, moment: str = "", *, late: bool = False, name: str = "") -> Submission:
    handed_in = datetime.fromisoformat(moment) if moment else None
    return Submission(name or person, (Path(person),), late, person, handed_in=handed_in)


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("2026-12-01T22:00:00+00:00", 0),
        ("2026-12-01T23:14:00+00:00", 0),  # within the grace
        ("2026-12-01T23:15:00+00:00", 1),
        ("2026-12-02T23:15:00+00:00", 2),
    ],
)
def test_a_day_begun_is_a_day(tmp_path: Path, moment: str, days: int) -> None:
    rules = stated(tmp_path)
    assert rules.days_late(submission("di", moment), ROOM) == days
    assert rules.days_late(submission("Zoé Élève", moment), ROOM) == 0
    assert rules.days_late(submission("di", moment), "room2_mqtt") == 0


def test_what_is_lost_stays_within_what_was_earned(tmp_path: Path) -> None:
    rules = stated(tmp_path)
    assert [rules.lost(90, days) for days in (0, 1, 3, 4)] == [0, 10, 30, 90]
    assert rules.lost(5, 2) == 5
    assert Policy().lost(90, 9) == 0


def test_a_platform_that_only_says_late_says_one_day(tmp_path: Path) -> None:
    assert stated(tmp_path).days_late(submission("di", late=True), ROOM) == 1


def graded(
    rules: Policy, *attempts: tuple[Submission, float | None]
) -> dict[str, dict[str, object]]:
    found = {
        one.student: {ROOM: RoomGrade(ROOM, points, {"1.1": points or 0.0}, [], "walled")}
        for one, points in attempts
    }
    about = {"seed": 1, "isolation": "walled", "rooms": [ROOM]}
    told = results(about, [one for one, _points in attempts], found, rules)
    return {one["student"]: one for one in told["students"]}


def test_the_best_or_the_last_attempt_counts() -> None:
    attempts = [(submission("zoe"), 80.0), (submission("zoe", name="zoe (2)"), 60.0)]
    assert graded(Policy("best"), *attempts)["zoe"]["points"] == 80
    assert graded(Policy("last"), *attempts)["zoe"]["points"] == 60
    assert set(graded(Policy(), *attempts)) == {"zoe", "zoe (2)"}
    broken = (submission("zoe", name="zoe (3)"), None)
    assert graded(Policy("best"), *attempts, broken)["zoe"]["points"] == 80


def test_a_late_better_attempt_may_be_worth_less(tmp_path: Path) -> None:
    late = submission("di", "2026-12-03T22:00:00+00:00", name="di (2)")
    found = graded(stated(tmp_path), (submission("di"), 70.0), (late, 85.0))["di"]
    assert found["points"] == 70


def test_a_groups_submission_counts_for_each_member(tmp_path: Path) -> None:
    found = graded(stated(tmp_path), (submission("ada"), 50.0))
    assert {name: one["points"] for name, one in found.items()} == {"ada": 40, "bo": 40}
    assert found["bo"]["group"] == "red"
    assert (found["ada"]["id"], found["ada"]["login"]) == ("77", "ada7")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("atempts = 1", "there are: attempts"),
        ('attempts = "first"', "expected"),
        ("[late]\ndue = 2026-12-01T23:59:00", "with its zone"),
        ("[late]\nlost_a_day = -1", "a number from 0 on"),
        ("[groups]\na = ['x']\nb = ['x']", "in two of them"),
        ("late = 3", "class.toml"),
        ("=", "class.toml"),
    ],
)
def test_a_table_that_cant_be_followed_says_why(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        stated(tmp_path, text)
