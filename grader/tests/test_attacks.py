"""Every attack, handed in as a submission: no point, no harm, the next student judged as ever."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.intake import take
from grader.judging import Jury, Result
from grader.mistaken import copied, reference
from grader.verdicts import Outcome
from grader.walls import PROJECT, bubblewrap

sys.path.insert(0, str(Path(__file__).parent))
from attacks import FILES, SOURCES, plant

ROOM = "room1_foundations"
pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")
#: A few checks are enough where each call waits for its time to run out.
FEW = ("1.1",)


@pytest.fixture(scope="module")
def jury() -> Iterator[Jury]:
    with Jury(ROOM, hidden=True) as found:
        yield found


def judged(jury: Jury, place: Path, source: str, *, seed: int = 3) -> Result:
    """Hand in the starter with an attack in it; return what the grader says."""
    handed_in = place / "in"
    folder = copied(PROJECT / "rooms" / ROOM, ROOM, handed_in)
    plant(folder, source, PROJECT, place / "result.json")
    for above in (place, *place.parents[:2]):
        above.chmod(0o755)
    intake = take(handed_in, ROOM, place / "taken")
    return jury.judge(intake.folder, seed=seed, tasks=FEW, patience_s=2.0)


@pytest.mark.parametrize("attack", SOURCES)
def test_an_attack_gains_nothing(jury: Jury, tmp_path: Path, attack: str) -> None:
    found = judged(jury, tmp_path, SOURCES[attack])
    assert found.points == 0
    assert not found.faulty, [v.got for v in found.verdicts if v.outcome is Outcome.FAULT]
    assert len(found.verdicts) == len([t for t in jury.expected.values() if t in FEW])
    for verdict in found.verdicts:
        assert "\x1b" not in f"{verdict.did}{verdict.expected}{verdict.got}"
        assert "solutions/" not in verdict.got
    assert not (tmp_path / "result.json").exists()


def test_after_all_attacks_a_right_room_has_all_points(jury: Jury, tmp_path: Path) -> None:
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    folder = reference(ROOM, tmp_path)
    found = jury.judge(folder, seed=3, tasks=FEW)
    assert {v.outcome for v in found.verdicts} == {Outcome.PASSED}


@pytest.mark.parametrize("attack", ["patches_what_compares", "imports_the_grader"])
def test_a_right_room_loses_only_its_own(jury: Jury, tmp_path: Path, attack: str) -> None:
    """Whoever breaks the worker that serves them gets what they answer: nothing."""
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    folder = reference(ROOM, tmp_path)
    plant(folder, SOURCES[attack], PROJECT, tmp_path / "result.json")
    found = jury.judge(folder, seed=3, tasks=FEW)
    assert not found.faulty


def test_files_that_steer_pytest_or_python_arent_taken(jury: Jury, tmp_path: Path) -> None:
    folder = copied(PROJECT / "rooms" / ROOM, ROOM, tmp_path / "in")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    intake = take(tmp_path / "in", ROOM, tmp_path / "taken")
    taken = {path.name for path in intake.folder.glob("*")}
    assert not taken & {"conftest.py", "sitecustomize.py", "pytest.py", "json.py", "evil.pth"}
    assert not taken & {"pytest.ini", "pyproject.toml", "test_shown.py"}
    assert jury.judge(intake.folder, seed=3, tasks=FEW).points == 0


def test_a_result_doesnt_say_what_a_check_wanted_to_hide(jury: Jury, tmp_path: Path) -> None:
    found = judged(jury, tmp_path, "def make_reading(*a): raise ValueError(__file__)")
    for verdict in found.verdicts:
        assert "test_hidden" not in verdict.did + verdict.expected + verdict.got
