"""Every attack, handed in as a submission: no point, no harm, the next student judged as ever."""

import contextlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from grader.intake import take
from grader.judging import Jury, Result
from grader.mistaken import copied, reference
from grader.verdicts import Outcome
from grader.walls import PROJECT, bubblewrap

sys.path.insert(0, str(Path(__file__).parent))
import attacks
import more_attacks
from attacks import FILES, plant

SOURCES = {**attacks.SOURCES, **more_attacks.SOURCES}

ROOM = "room1_foundations"
pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")
#: A few checks are enough where each call waits for its time to run out.
FEW = ("1.1",)
AT_ONCE = 3


@pytest.fixture(scope="module")
def jury() -> Iterator[Jury]:
    with Jury(ROOM, hidden=True) as found:
        yield found


@pytest.fixture(scope="module")
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Result]:
    """Return what came of each attack that was asked for: three at a time, for most only wait."""
    base = tmp_path_factory.mktemp("attacks")
    asked = {
        item.callspec.params["attack"]
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }
    with contextlib.ExitStack() as stack:
        juries: SimpleQueue[Jury] = SimpleQueue()
        for _one in range(AT_ONCE):
            juries.put(stack.enter_context(Jury(ROOM, hidden=True)))

        def attacked(name: str) -> Result:
            taken = juries.get()
            try:
                return judged(taken, base / name, SOURCES[name])
            finally:
                juries.put(taken)

        names = sorted(asked & set(SOURCES))
        results = stack.enter_context(ThreadPoolExecutor(AT_ONCE)).map(attacked, names)
        return dict(zip(names, results, strict=True))


def judged(jury: Jury, place: Path, source: str, *, seed: int = 3) -> Result:
    """Hand in the starter with an attack in it; return what the grader says."""
    handed_in = place / "in"
    folder = copied(PROJECT / "rooms" / ROOM, ROOM, handed_in)
    plant(folder, source, PROJECT, place / "result.json")
    for above in (place, *place.parents[:3]):
        above.chmod(0o755)
    intake = take(handed_in, ROOM, place / "taken")
    result = jury.judge(intake.folder, seed=seed, tasks=FEW, patience_s=1.0)
    assert not (place / "result.json").exists()
    return result


@pytest.mark.parametrize("attack", SOURCES)
def test_an_attack_gains_nothing(found: dict[str, Result], jury: Jury, attack: str) -> None:
    result = found[attack]
    assert result.points == 0, [v.check for v in result.verdicts if v.outcome is Outcome.PASSED]
    assert not result.faulty, [v.got for v in result.verdicts if v.outcome is Outcome.FAULT]
    assert len(result.verdicts) == len([t for t in jury.expected.values() if t in FEW])
    for verdict in result.verdicts:
        text = f"{verdict.did}{verdict.expected}{verdict.got}{verdict.where}"
        assert all(c.isprintable() or c == "\n" for c in text)
        assert len(text) < 5000
        assert "solutions/" not in verdict.got


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
