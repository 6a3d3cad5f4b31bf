"""The room alone: trains, finds, draws, ends; a starter shows its task."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a room as a student does."""
    command = [sys.executable, "-m", package, *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={"PATH": "", "COLUMNS": "120", "ACADEMY_LANG": "en", "PYTHONUTF8": "1"},
    )  # fmt: skip


def test_it_draws_the_real_error(models: Path, artefact: object) -> None:
    assert artefact is not None
    done = run("solutions.room5_inference", "--models", str(models))
    assert done.returncode == 0, done.stderr
    assert "✗" in done.stdout
    assert "2013-05-09 02:00  critical spike" in done.stdout
    assert "injected faults" in done.stdout


def test_an_undone_task_is_shown_with_its_place() -> None:
    done = run("rooms.room5_inference")
    assert done.returncode == 0, done.stderr
    assert "task 5." in done.stdout
    assert "Traceback" not in done.stderr


def test_importing_the_room_loads_no_learning_library() -> None:
    code = "import sys, solutions.room5_inference; print('sklearn' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
