"""The first use of a clone: everything is made from nothing, or it is said what is missing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.tests.clones import Clone

OLD_PYTHONS = sorted(
    path
    for pattern in ("python2.*", "python3.[0-9]", "python3.10")
    for path in Path.home().glob(f".pyenv/versions/*/bin/{pattern}")
    if re.fullmatch(r"python\d\.\d+", path.name)
) + [Path(path) for path in ("/usr/bin/python2.7", "/usr/bin/python3.9") if Path(path).exists()]


def test_first_launch_makes_the_environment_and_runs_the_verb(clone: Clone) -> None:
    launch = clone.launch("up", "--speed", "2 h")
    assert launch.code == 0, launch.spoken
    told = json.loads(launch.output)
    assert told["words"] == ["up", "--speed", "2 h"]
    assert told["tiny"] == "1.0"
    assert told["cwd"] == str(clone.root.parent)
    assert told["prefix"] == str(clone.root / ".venv")
    assert "ready after" in launch.spoken
    assert "Trying pip" not in launch.spoken


def test_second_launch_is_silent(used: Clone) -> None:
    again = used.launch("up")
    assert (again.code, again.spoken) == (0, "")


def test_newer_pins_are_installed_at_the_next_launch(used: Clone) -> None:
    used.pin("tiny-2.0", "uv")
    assert json.loads(used.launch("up").output)["tiny"] == "2.0"


def test_pip_installs_where_uv_cannot(clone: Clone) -> None:
    clone.pin("tiny-1.0", "uv-broken")
    launch = clone.launch("up")
    assert launch.code == 0
    assert "this uv is broken" in launch.spoken
    assert "Trying pip" in launch.spoken


def test_folder_that_one_stands_in_shadows_nothing(used: Clone) -> None:
    for trap in ("typing.py", "tiny.py"):
        (used.root.parent / trap).write_text("raise SystemExit('shadowed')\n")
    launch = used.launch("up")
    assert launch.code == 0, launch.spoken
    assert json.loads(launch.output)["tiny"] == "1.0"


def test_foreign_python_path_is_left_outside(used: Clone, tmp_path: Path) -> None:
    (tmp_path / "tiny.py").write_text("raise SystemExit('shadowed')\n")
    used.environment["PYTHONPATH"] = str(tmp_path)
    assert json.loads(used.launch("up").output)["tiny"] == "1.0"


def test_missing_home_is_no_obstacle(clone: Clone) -> None:
    del clone.environment["HOME"]
    assert clone.launch("up").code == 0


def test_without_network_it_says_what_is_missing_and_how_to_go_on(clone: Clone) -> None:
    shutil.rmtree(clone.root / "wheelhouse")
    launch = clone.launch("up")
    assert launch.code == 1
    assert "Missing: 2 packages: tiny, uv" in launch.spoken
    assert "wheelhouse" in launch.spoken
    assert "Traceback" not in launch.spoken


def test_what_failed_without_network_goes_on_once_there_is_one(clone: Clone) -> None:
    shutil.rmtree(clone.root / "wheelhouse")
    assert clone.launch("up").code == 1
    clone.stock()
    assert clone.launch("up").code == 0


def test_incomplete_wheelhouse_is_named(used: Clone) -> None:
    used.pin("tiny-2.0", "uv")
    (used.root / "wheelhouse" / "tiny-2.0-py3-none-any.whl").unlink()
    launch = used.launch("up")
    assert launch.code == 1
    assert "wheelhouse isn't enough" in launch.spoken
    assert "Missing: 1 packages: tiny" in launch.spoken


def test_wheel_with_another_hash_is_refused(clone: Clone) -> None:
    wheel = clone.root / "wheelhouse" / "tiny-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    launch = clone.launch("up")
    assert launch.code == 1
    assert not list(clone.root.glob(".venv/lib/*/site-packages/tiny"))


def test_python_without_venv_is_told_what_to_install(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError\n")
    clone.environment["PYTHONPATH"] = str(tmp_path)
    launch = clone.launch("up")
    assert launch.code == 1
    assert "has no venv module" in launch.spoken
    assert f"python3.{sys.version_info.minor}-venv" in launch.spoken
    assert "Traceback" not in launch.spoken


@pytest.mark.parametrize("python", OLD_PYTHONS, ids=lambda path: path.name)
def test_old_python_says_that_it_is_too_old(clone: Clone, python: Path) -> None:
    launch = clone.launch("up", python=str(python))
    assert launch.code == 1
    assert "Python 3.11 or newer is needed" in launch.spoken
    assert "Traceback" not in launch.spoken
    assert not (clone.root / ".venv").exists()


def test_pretended_old_python_says_that_it_is_too_old(clone: Clone) -> None:
    pretence = "import sys, runpy; sys.version_info = (3, 10, 0); runpy.run_path(sys.argv[1])"
    launcher = str(clone.root / "academy")
    command = [sys.executable, "-c", pretence, launcher]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "this is 3.10" in run.stderr


@pytest.mark.skipif(os.name == "nt", reason="a colon is no part of a name on Windows")
def test_root_that_the_search_path_cannot_hold_is_refused(clone: Clone) -> None:
    clone.root = clone.root.rename(clone.root.with_name("cours: 1"))
    launch = clone.launch("up")
    assert launch.code == 1
    assert 'has a ":" in its name' in launch.spoken
