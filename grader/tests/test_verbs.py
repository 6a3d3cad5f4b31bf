"""The student's verbs, as a student types them, in a copy of the course."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.walls import PROJECT

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOM = "room1_foundations"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Return a copy of the course that a student may change."""
    for name in ("shared", "grader", "rooms", "solutions"):
        leave_out = shutil.ignore_patterns("__pycache__", "tests", "data")
        shutil.copytree(PROJECT / name, tmp_path / "course" / name, ignore=leave_out)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path / "course"


@pytest.fixture
def academy(course: Path) -> Run:
    """Return what runs a verb there."""
    home = {"ACADEMY_HOME": str(course / ".academy"), "PYTHONPATH": str(course), "COLUMNS": "80"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "shared.cli", *words],
            cwd=course,
            env=os.environ | home,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def academy_started(course: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a verb there; it ends with the test."""
    home = {"ACADEMY_HOME": str(course / ".academy"), "PYTHONPATH": str(course), "COLUMNS": "80"}
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.cli", *words],
            cwd=course,
            env=os.environ | home,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def finish(course: Path) -> None:
    """Do all tasks of Room 1: as the reference does them."""
    for path in (course / "solutions" / ROOM).rglob("*.py"):
        target = course / "rooms" / ROOM / path.relative_to(course / "solutions" / ROOM)
        target.write_bytes(path.read_bytes())


def test_a_starter_is_told_what_to_do_first(academy: Run) -> None:
    found = academy("check", "1.1")
    assert found.returncode == 1
    assert "not yet  1.1" in found.stdout
    assert "Task 1.1 isn't written yet" in found.stdout
    assert f"Look at   rooms/{ROOM}/reading.py:" in found.stdout
    assert "Traceback" not in found.stdout + found.stderr


def test_a_finished_room_passes_and_joins_the_pipeline(course: Path, academy: Run) -> None:
    finish(course)
    found = academy("check", "1")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "8 of 8 tasks pass" in found.stdout
    checked = (course / ".academy" / "checked.json").read_text()
    assert "reading.py" in checked
    told = academy("map").stdout
    assert "1  Foundations: sensors that could be real. 100 points; done 1.1, " in told
    assert "open" not in told.split("Foundations")[1].splitlines()[0]
    changed = course / "rooms" / ROOM / "reading.py"
    changed.write_text(changed.read_text() + "\nraise RuntimeError('broken')\n")
    found = academy("check", "1")
    assert found.returncode == 1
    assert "RuntimeError: broken" in found.stdout
    assert "reading.py" not in (course / ".academy" / "checked.json").read_text()


def test_a_syntax_error_is_shown_at_its_line(course: Path, academy: Run) -> None:
    (course / "rooms" / ROOM / "reading.py").write_text("def broken(:\n    pass\n")
    found = academy("check", "1.1")
    assert found.returncode == 1
    assert "SyntaxError" in found.stdout
    assert f"rooms/{ROOM}/reading.py:1" in found.stdout


def test_an_unknown_task_lists_those_there_are(academy: Run) -> None:
    found = academy("check", "1.9")
    assert found.returncode == 1
    assert "there are: 1.1, 1.2" in found.stderr


def test_submit_says_what_is_in_the_zip(course: Path, academy: Run) -> None:
    (course / "rooms" / ROOM / "conftest.py").write_text("raise SystemExit")
    (course / "rooms" / ROOM / "notes.txt").write_text("mine")
    found = academy("submit", "1", "--out", str(course / "out.zip"))
    assert found.returncode == 0, found.stderr
    names = zipfile.ZipFile(course / "out.zip").namelist()
    assert f"rooms/{ROOM}/reading.py" in names
    assert not [name for name in names if "conftest" in name or "notes" in name]
    assert "not in it: conftest.py: a reserved name" in found.stdout
    assert "changed by you: nothing" in found.stdout
    (course / "rooms" / ROOM / "reading.py").write_text("MINE = 1\n")
    found = academy("submit", "1", "1", "--out", str(course / "out.zip"))
    assert "changed by you: reading.py\n" in found.stdout
    assert len(zipfile.ZipFile(course / "out.zip").namelist()) == len(names)


def test_a_zip_that_cant_be_written_is_told(course: Path, academy: Run) -> None:
    found = academy("submit", "1", "--out", str(course / "no" / "such" / "out.zip"))
    assert (found.returncode, "can't be written" in found.stderr) == (1, True)
    assert "Traceback" not in found.stderr


def test_reset_keeps_what_was_there(course: Path, academy: Run) -> None:
    changed = course / "rooms" / ROOM / "reading.py"
    starter = changed.read_text()
    changed.write_text("MINE = 1\n")
    assert academy("reset", "1", "--yes").returncode == 0
    assert changed.read_text() == starter
    (kept,) = (course / "rooms").glob(f".kept-{ROOM}-*")
    assert (kept / "reading.py").read_text() == "MINE = 1\n"


def test_watch_checks_at_once(academy: Run) -> None:
    found = academy("watch", "1.1", "--for", "0.1")
    assert "watching rooms/" in found.stdout


def test_watch_checks_again_after_a_save_and_says_what_was_saved(
    course: Path, academy_started: Callable[..., subprocess.Popen[str]]
) -> None:
    watch = academy_started("watch", "1.1")
    assert watch.stdout is not None
    for line in watch.stdout:
        if "watching" in line:
            break
    changed = course / "rooms" / ROOM / "reading.py"
    changed.write_text(changed.read_text() + "\nraise RuntimeError('saved')\n")
    told = []
    for line in watch.stdout:
        told.append(line)
        if "watching" in line:
            break
    watch.terminate()
    assert any("saved: reading.py" in line for line in told)
    assert any("RuntimeError: saved" in line for line in told)


def test_a_task_that_is_checked_again_leaves_its_room_in_the_pipeline(
    course: Path, academy: Run
) -> None:
    finish(course)
    assert academy("check", "1").returncode == 0
    assert academy("check", "1.1").returncode == 0
    assert "reading.py" in (course / ".academy" / "checked.json").read_text()
    changed = course / "rooms" / ROOM / "fleet.py"
    changed.write_text(changed.read_text() + "\n")
    assert academy("check", "1.1").returncode == 0
    assert "reading.py" not in (course / ".academy" / "checked.json").read_text()


def test_in_a_pipe_and_without_colour_there_are_words_only(academy: Run) -> None:
    for words in (("check", "1.1"), ("map",), ("hint", "1.1")):
        assert "\x1b" not in academy(*words).stdout


def test_a_debugger_may_run_the_room_in_pytests_own_process(course: Path) -> None:
    finish(course)
    command = [sys.executable, "-m", "pytest", "-p", "grader.plugin", "-q", "--in-process"]
    command += ["-p", "no:cacheprovider", f"rooms/{ROOM}"]
    environment = os.environ | {"PYTHONPATH": str(course)}
    (course / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    found = subprocess.run(
        command, cwd=course, env=environment, capture_output=True, text=True, check=False
    )
    assert "11 passed" in found.stdout, found.stdout + found.stderr
