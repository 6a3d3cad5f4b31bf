"""./academy test: what it runs, what it says it left out, and when it is red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.tests.sources import ROOT

TESTS = """
import pytest

def test_quick() -> None: ...

@pytest.mark.slow
def test_slow() -> None: ...

@pytest.mark.survival
def test_survival() -> None: ...

@pytest.mark.skip(reason="no such machine here")
def test_elsewhere() -> None: ...
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a small tree that has the verb and four tests, and is clean."""
    for name in ("pyproject.toml", "shared/__init__.py", "shared/language.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    for name in ("cli", "course", "launcher"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "shared" / name, tmp_path / "shared" / name, ignore=ignore)
    project = tmp_path / "pyproject.toml"  # type-checking all that it stands on takes a while
    project.write_text(
        project.read_text().replace('files = ["academy", "."]', 'files = ["shared/__init__.py"]')
    )
    (tmp_path / "shared" / "tests").mkdir()
    (tmp_path / "shared" / "tests" / "test_tiers.py").write_text(TESTS.lstrip())
    return tmp_path


def academy_test(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the verb in `tree`, on its tests alone: the linters are tried on their own below."""
    environment = os.environ | {"PYTHONPATH": str(tree), "NO_COLOR": "1"}
    command = [sys.executable, "-P", "-m", "shared.cli", "test", *words]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


def test_ordinary_run_says_what_it_left_out(tree: Path) -> None:
    run = academy_test(tree, "shared/tests")
    assert run.returncode == 0, run.stdout
    assert "left out: 1 slow tests; ./academy test --all runs them" in run.stdout
    assert "left out: 1 survival tests; ./academy test --survival runs them" in run.stdout
    assert "no such machine here" in run.stdout
    assert "slowest 10 durations" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("1 passed, 1 skipped, 2 deselected")


@pytest.mark.parametrize(("words", "passed"), [(["--all"], 2), (["--all", "--survival"], 3)])
def test_tiers_are_added_by_name(tree: Path, words: list[str], passed: int) -> None:
    run = academy_test(tree, *words, "shared/tests")
    assert run.stdout.splitlines()[-1].startswith(f"{passed} passed")


def test_failing_test_is_red(tree: Path) -> None:
    (tree / "shared" / "tests" / "test_red.py").write_text("def test_red() -> None: assert 0\n")
    run = academy_test(tree, "shared/tests")
    assert run.returncode == 1
    assert "1 failed" in run.stdout.splitlines()[-1]


def test_warning_is_red(tree: Path) -> None:
    text = "import warnings\n\n\ndef test_it() -> None:\n    warnings.warn('old', stacklevel=1)\n"
    (tree / "shared" / "tests" / "test_warning.py").write_text(text)
    assert academy_test(tree, "shared/tests").returncode == 1


def test_selection_that_finds_nothing_is_red(tree: Path) -> None:
    assert academy_test(tree, "-k", "nothing_of_this_name").returncode == 1


def test_red_linter_is_red_though_every_test_passes(tree: Path) -> None:
    (tree / "shared" / "untidy.py").write_text("import os\n")
    run = academy_test(tree, "--no-header")
    assert run.returncode == 1
    assert "ruff check: RED" in run.stdout
    assert "untidy.py:1" in run.stdout
    assert "1 passed" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("red besides pytest: ruff check")
