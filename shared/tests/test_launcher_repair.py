"""What a launch finds half done, by itself or by others: it mends it and deletes nobody's work."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from shared.launcher.environment import Environment
from shared.tests.clones import Clone

PYTHON = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Return once `condition` holds; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came about"


def test_launch_killed_while_installing_is_mended_by_the_next(clone: Clone) -> None:
    with clone.start("up") as killed:
        until((clone.root / ".venv" / PYTHON).exists)
        os.killpg(killed.pid, signal.SIGKILL)
    launch = clone.launch("up")
    assert launch.code == 0, launch.spoken
    assert json.loads(launch.output)["tiny"] == "1.0"


def test_half_of_our_own_environment_is_made_anew(used: Clone) -> None:
    (used.root / ".venv" / PYTHON).unlink()
    launch = used.launch("up")
    assert launch.code == 0, launch.spoken
    assert not list(used.root.glob(".venv.aside*"))


def test_environment_of_a_python_that_went_away_is_made_anew(used: Clone) -> None:
    python = used.root / ".venv" / PYTHON
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert used.launch("up").code == 0


def test_working_environment_of_somebody_else_is_kept_and_completed(clone: Clone) -> None:
    venv = clone.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (venv / "mine.txt").write_text("kept")
    assert clone.launch("up").code == 0
    assert (venv / "mine.txt").read_text() == "kept"


def test_broken_environment_of_somebody_else_is_put_aside(clone: Clone) -> None:
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "mine.txt").write_text("kept")
    launch = clone.launch("up")
    assert launch.code == 0
    assert "put aside as .venv.aside-1" in launch.spoken
    assert (clone.root / ".venv.aside-1" / "mine.txt").read_text() == "kept"


def test_file_in_the_environments_place_is_put_aside(clone: Clone) -> None:
    (clone.root / ".venv").write_text("a note")
    assert clone.launch("up").code == 0
    assert (clone.root / ".venv.aside-1").read_text() == "a note"


def test_damaged_stamp_means_installing_again(used: Clone) -> None:
    (used.root / ".venv" / "academy.json").write_text("[1, 2")
    launch = used.launch("up")
    assert launch.code == 0
    assert "ready after" in launch.spoken


def test_library_that_was_marked_as_missing_is_brought_back(used: Clone) -> None:
    (library,) = used.root.glob(".venv/lib/*/site-packages/tiny")
    shutil.rmtree(library)
    Environment(used.root / ".venv").mark_damaged()
    launch = used.launch("up")
    assert launch.code == 0, launch.spoken
    assert json.loads(launch.output)["tiny"] == "1.0"


def test_moved_clone_still_works(used: Clone) -> None:
    used.root = Path(shutil.move(used.root, used.root.with_name("moved")))
    launch = used.launch("up")
    assert launch.code == 0, launch.spoken
    assert json.loads(launch.output)["prefix"] == str(used.root / ".venv")


def test_two_launches_at_once_prepare_once(clone: Clone) -> None:
    with clone.start("up") as one, clone.start("up") as two:
        ends = [one.communicate(timeout=120), two.communicate(timeout=120)]
    assert (one.returncode, two.returncode) == (0, 0)
    spoken = sorted(text for _output, text in ends)
    assert "waiting for it" in spoken[0]
    assert "ready after" not in spoken[0]
    assert "ready after" in spoken[1]


def test_interrupt_ends_it_with_one_line(clone: Clone) -> None:
    with clone.start("up") as launch:
        until((clone.root / ".venv" / PYTHON).exists)
        os.killpg(launch.pid, signal.SIGINT)
        _output, spoken = launch.communicate(timeout=60)
    assert launch.returncode == 130
    assert "the same command goes on from here" in spoken
    assert "Traceback" not in spoken
    assert clone.launch("up").code == 0


def test_root_that_cannot_be_written_is_named(clone: Clone) -> None:
    (clone.root / ".venv.lock").mkdir()  # as good as a read-only folder, and true for root too
    launch = clone.launch("up")
    assert launch.code == 1
    assert "can't prepare" in launch.spoken
    assert "Traceback" not in launch.spoken
