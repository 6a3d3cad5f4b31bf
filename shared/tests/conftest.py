"""What the tests of the shared library stand on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.tests.clones import Clone, lonely_environment, wheels_in

FOLDER = "cours d'été, année 1"  # spaces, an accent, an apostrophe, a comma


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the wheels that clones ask for."""
    return wheels_in(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def clone(tmp_path: Path, wheels: dict[str, Path]) -> Iterator[Clone]:
    """Return a clone that was never started, its wheels beside it, and a home that is empty."""
    home = tmp_path / "home"
    home.mkdir()
    fresh = Clone.new(tmp_path / FOLDER, wheels)
    fresh.environment = lonely_environment(home)
    fresh.stock()
    yield fresh
    assert not list(home.iterdir()), "a launch writes nothing into the home"


@pytest.fixture(scope="session")
def first_use(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Path:
    """Return the folder of a clone that was started once, to be copied."""
    folder = tmp_path_factory.mktemp("first")
    once = Clone.new(folder / FOLDER, wheels)
    once.environment = lonely_environment(folder)
    once.stock()
    launch = once.launch("up")
    assert launch.code == 0, launch.spoken
    return once.root


@pytest.fixture
def used(clone: Clone, first_use: Path) -> Clone:
    """Return a clone that was started once."""
    shutil.copytree(first_use / ".venv", clone.root / ".venv", symlinks=True)
    return clone
