"""The command line: every verb is found, only the one asked for is loaded, errors are lines."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli.app import verbs
from shared.tests.sources import ROOMS, ROOT, rooms_of


def academy(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a verb as the launcher does."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "shared.cli", *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_lists_every_verb_of_this_edition() -> None:
    run = academy("--help")
    assert run.returncode == 0
    assert re.findall(r"^│ ([a-z]+) ", run.stdout, re.MULTILINE) == list(verbs())


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_explains_itself(verb: str) -> None:
    run = academy(verb, "--help")
    assert run.returncode == 0, run.stderr
    assert f"Usage: ./academy {verb} " in run.stdout


def test_no_words_at_all_show_the_help() -> None:
    assert "Seven rooms" in academy().stdout


def test_unknown_verb_is_refused_and_named() -> None:
    run = academy("dance")
    assert run.returncode == 2
    assert "dance" in run.stderr
    assert "Traceback" not in run.stderr


def test_help_loads_no_heavy_library() -> None:
    heavy = {"numpy", "sklearn", "sqlalchemy", "fastapi", "pydantic", "pytest", "cryptography"}
    code = (
        "import sys\nfrom shared.cli.app import assembled\nassembled([])\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_one_verb_loads_no_other() -> None:
    code = (
        "import sys\nfrom shared.cli.app import assembled\nassembled(['run', '3'])\n"
        "print([name for name in ('shared.cli.up', 'shared.cli.sync') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_run_names_the_rooms_when_asked_for_another() -> None:
    run = academy("run", "99")
    assert run.returncode == 1
    assert run.stderr.startswith("academy: no room 99; there are: ")


@pytest.mark.parametrize("room", rooms_of("solutions"), ids=lambda path: path.name)
def test_every_reference_runs_alone_and_ends_by_itself(room: Path, tmp_path: Path) -> None:
    run = academy("run", room.name, "--reference", "--for", "2", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip()
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("room", rooms_of("rooms"), ids=lambda path: path.name)
def test_every_starter_runs_and_shows_its_task(room: Path, tmp_path: Path) -> None:
    run = academy("run", room.name, "--for", "2", cwd=tmp_path)
    said = run.stdout + run.stderr
    assert "Traceback" not in said
    number = room.name.removeprefix("room").split("_")[0]
    assert re.search(rf"\b{number}\.\d\b", said), said


def test_every_room_stands_in_both_trees() -> None:
    if not (ROOT / "solutions").is_dir():
        pytest.skip("this edition has no solutions")
    names = {
        tree: {r.name for r in ROOMS if r.parent.name == tree} for tree in ("rooms", "solutions")
    }
    assert names["rooms"] == names["solutions"]


def test_library_that_went_missing_is_brought_back_by_the_next_launch(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=shutil.ignore_patterns("data"))
    (tmp_path / ".venv").mkdir()
    code = "import runpy, sys; sys.modules['typer'] = None; runpy.run_module('shared.cli')"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == (
        "academy: typer is missing from .venv; the same command again brings it back.\n"
    )
    assert "damaged" in (tmp_path / ".venv" / "academy.json").read_text()
