"""The student edition: it gives nothing away, and a student's verbs work in it."""

import ast
import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader import edition, telling
from grader.verdicts import rooms
from grader.walls import PROJECT
from grader.wheelhouse import PLATFORMS, applies
from shared.course.edition import MANIFEST, STARTERS, Edition, is_homework
from shared.launcher.pins import Pins

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOM = "room1_foundations"


@pytest.fixture(scope="module")
def files() -> edition.Files:
    """Return what an edition without references holds."""
    return edition.contents([])


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, files: edition.Files) -> Path:
    """Return an edition as a student unpacks it."""
    place = tmp_path_factory.mktemp("released")
    for folder in (place, *place.parents[:3]):
        folder.chmod(0o755)
    edition.write(files, edition.described(files, []), place / "course")
    return place / "course"


@pytest.fixture
def academy(released: Path, tmp_path: Path) -> Run:
    """Return what runs a verb there, for somebody whose HOME is empty."""
    (tmp_path / "home").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(released),
        "ACADEMY_HOME": str(tmp_path / "work"),
        "COLUMNS": "80",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-B", "-m", "shared.cli", *words],
            cwd=released,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


def artefacts(folder: Path) -> dict[str, str]:
    """Return what the references make at start: dashboards, rules, a broker's users and rights."""
    (folder / "home").mkdir()
    environment = os.environ | {"ACADEMY_HOME": str(folder / "home"), "PYTHONPATH": str(PROJECT)}
    code = """
import sys
from dataclasses import replace
from pathlib import Path
from shared.contracts.ports import SecurityParts, SensorParts, TelemetryParts
from shared.contracts.settings import BusSettings
from shared.pipeline.brokers import plan_broker
from shared.pipeline.loader import ROOMS, Choice, load
from shared.pipeline.planning import Wishes, make_plan
from shared.pipeline.workplace import Workplace
place = Workplace()
place.prepare()
settings = replace(make_plan(place, Wishes()).settings, role="identity")
telemetry = load(ROOMS[7], Choice.REFERENCE).build(settings, TelemetryParts(None, {}))
telemetry.monitor.render(sys.argv[1])
parts = SecurityParts(None, telemetry.telemetry)
authority = load(ROOMS[6], Choice.REFERENCE).build(settings, parts).authority
kinds = {"broker": "broker", "gateway": "gateway", "operator": "operator", "dev-1": "device"}
credentials = {name: authority.enrol(name, kind) for name, kind in kinds.items()}
for flavour in ("nats", "mosquitto"):
    bus = replace(settings.bus, flavour=flavour)
    users = authority.policy()
    plan_broker(bus, Path(sys.argv[1]), credentials["broker"], users, 4222)
"""
    made = folder / "made"
    run = subprocess.run(
        [sys.executable, "-c", code, str(made)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = {path.name: path.read_text("utf-8") for path in made.rglob("*") if path.is_file()}
    # Values of a rendered file stand in no source as they stand there.
    for name, text in list(found.items()):
        if name.endswith((".json", ".yml")):
            found[f"{name}, its values"] = "\n".join(_values(json.loads(text)))
    return found


def _values(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for inner in content:
            yield from _values(inner)
    elif isinstance(content, str):
        yield content


def test_nothing_in_the_edition_tells(files: edition.Files, tmp_path: Path) -> None:
    made = artefacts(tmp_path)
    assert {"overview.json", "rules.yml", "nats.conf", "mosquitto.acl"} <= set(made)
    lines = telling.secrets() | telling.rendered(made)
    told = telling.telling(lines)
    assert len(told) > 5_000, "nearly all of them stand nowhere else"
    assert telling.found_in(files, told) == []


def test_a_leak_would_be_found(files: edition.Files) -> None:
    told = telling.telling(telling.regions("room4_storage"))
    for path in (f"solutions/{ROOM}/reading.py", "grader/mistakes/room1_foundations.toml"):
        assert path not in files
    leaking = {"shared/page/panes.py": (PROJECT / "solutions/room4_storage/panes.py").read_bytes()}
    assert len(telling.found_in({**files, **leaking}, told)) > 5


def test_what_students_have_anyway_holds_no_three_lines_of_a_solution_in_a_row() -> None:
    outside = [
        (name, "\n".join(line.strip() for line in text.split("\n")))
        for name, text in telling.outside()
    ]
    copied = []
    for room in rooms():
        places: dict[str, list[str]] = {}
        for line, place in telling.regions(room).items():
            places.setdefault(place, []).append(line)
        for place, lines in places.items():
            for first in range(len(lines) - 2):
                run = "\n".join(lines[first : first + 3])
                copied += [f"{name} has {place}" for name, text in outside if run in text]
    assert copied == []


def test_only_what_is_allowed_is_in_it(files: edition.Files) -> None:
    assert not [p for p in files if p.startswith(("solutions/", "grader/variants", "grader/tests"))]
    assert not [p for p in files if "test_hidden" in p or "mistakes" in p or "/tests/" in p]
    assert not [p for p in files if p.endswith((".pem", ".key")) or p.startswith(".academy")]
    top = {path.split("/")[0] for path in files}
    assert top <= {*edition._TOP, "rooms", "shared", "grader", "requirements", "docker", ".edition"}


def test_every_module_finds_in_it_what_it_imports(files: edition.Files) -> None:
    # What takes a reference is in an edition that has one, and says so in the others.
    late = {f"grader.{name}" for name in ("lab", "mistaken", "mystery", "own")}
    assert [one for one in _missing(files) if one.split(": ")[1] not in late] == []
    assert _missing(edition.contents([1])) == []


def _missing(files: edition.Files) -> list[str]:
    missing = []
    for path, content in files.items():
        # A variant is a module out of its room, whose others it imports there.
        if not path.endswith(".py") or is_homework(path) or "/variants/" in path:
            continue
        for module in _imported(path, content.decode()):
            names = {f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__init__.py"}
            folder = f"{module.replace('.', '/')}/"
            if not names & set(files) and not any(p.startswith(folder) for p in files):
                missing.append(f"{path}: {module}")
    return missing


def _imported(path: str, text: str) -> Iterator[str]:
    package = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            up = len(package) - node.level + path.endswith("/__init__.py")
            head = package[:up] if node.level else []
            name = ".".join([*head, *(node.module or "").split(".")]).strip(".")
            if name.split(".")[0] in {"shared", "grader", "rooms"}:
                yield name
        elif isinstance(node, ast.Import):
            ours = ("shared.", "grader.", "rooms.")
            yield from (alias.name for alias in node.names if alias.name.startswith(ours))


def test_an_instructor_may_add_references_but_no_hidden_check() -> None:
    added = edition.contents([1, 4])
    assert f"solutions/{ROOM}/reading.py" in added
    assert "grader/mistakes/room4_storage.toml" in added
    assert not [p for p in added if "room7_monitoring" in p and p.startswith("solutions")]
    assert not [path for path in added if "test_hidden" in path or "/tests/" in path]
    lines = telling.telling(telling.secrets([1, 4]), [1, 4])
    assert telling.found_in(added, lines) == []


def test_the_manifest_names_every_file(released: Path, files: edition.Files) -> None:
    found = Edition.of(released)
    assert found is not None
    assert set(found.files) == set(files)
    known = json.loads((released / "rooms" / ROOM / ".generated.json").read_bytes())
    assert known == json.loads((PROJECT / "rooms" / ROOM / ".generated.json").read_bytes())


def test_release_writes_a_folder_and_a_zip_and_overwrites_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-P", "-m", "shared.cli", "release", str(tmp_path / "spring")]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(tmp_path / "spring.zip") as archive:
        names = {name.removeprefix("spring/") for name in archive.namelist()}
    assert names == {
        path.relative_to(tmp_path / "spring").as_posix()
        for path in (tmp_path / "spring").rglob("*")
        if path.is_file()
    }
    assert os.access(tmp_path / "spring" / "academy", os.X_OK)
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_check_hint_map_submit_watch_and_reset_work_in_it(released: Path, academy: Run) -> None:
    found = academy("check", "1.1")
    assert found.returncode == 1, found.stderr
    assert "not yet  1.1" in found.stdout
    assert "hint 1 of 3" in academy("hint", "1.1").stdout
    assert "1  Foundations" in academy("map").stdout
    assert "watching" in academy("watch", "1.1", "--for", "0.1").stdout
    out = released.parent / "mine.zip"
    found = academy("submit", "1", "--out", str(out))
    assert found.returncode == 0, found.stderr
    assert f"rooms/{ROOM}/reading.py" in zipfile.ZipFile(out).namelist()
    changed = released / "rooms" / ROOM / "reading.py"
    starter = changed.read_bytes()
    changed.write_text("MINE = 1\n", encoding="utf-8")
    found = academy("reset", "1", "--yes")
    assert found.returncode == 0, found.stderr
    assert changed.read_bytes() == starter


@pytest.mark.parametrize("room", rooms())
def test_shown_checks_run_in_it(room: str, released: Path, academy: Run) -> None:
    if not (released / "rooms" / room / "test_shown.py").is_file():
        pytest.skip(f"{room} has no checks yet")
    found = academy("check", room[4])
    assert found.returncode == 1, found.stderr
    assert "0 of 7 tasks pass" in found.stdout
    assert "grader fault" not in found.stdout


def test_the_pipeline_and_a_room_run_in_it_with_stand_ins(academy: Run) -> None:
    found = academy("up", "--for", "4", "--speed", "7200")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "1 sensors    stand-in" in found.stdout
    assert "stored" in found.stdout
    assert "1.1" in academy("run", "1", "--for", "1").stdout


@pytest.mark.parametrize("verb", ["verify", "grade", "test", "sync", "release"])
def test_what_needs_the_whole_course_says_so(verb: str, academy: Run) -> None:
    found = academy(verb)
    assert found.returncode == 1
    assert f"student edition: {verb} needs" in found.stderr
    assert "Traceback" not in found.stderr


def test_running_a_reference_says_that_there_is_none(academy: Run) -> None:
    found = academy("run", "1", "--reference")
    assert (found.returncode, found.stdout) == (1, "")
    assert "no reference" in found.stderr


def test_each_platform_gets_what_its_markers_ask_for() -> None:
    pins = Pins.read(PROJECT / "requirements" / "student.txt")
    names = {
        platform: {pin.name for pin in pins.entries if applies(pin, found, "3.12")}
        for platform, found in PLATFORMS.items()
    }
    assert "uvloop" in names["linux"] & names["macos"]
    assert "uvloop" not in names["windows"]
    assert "colorama" in names["windows"]
    needed = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "numpy>=2.1" in needed["dependencies"]
    assert all("numpy" in found for found in names.values())


@pytest.mark.slow
def test_a_classroom_without_a_network_installs_from_the_wheelhouse(tmp_path: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = tmp_path / "spring"
    words = ["release", str(folder), "--wheels", "linux", "--python", version]
    run = subprocess.run(
        [sys.executable, "-P", "-m", "shared.cli", *words],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (tmp_path / "home").mkdir()
    offline = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "COLUMNS": "80"}
    # No proxy and no index that answers: what isn't in the folder can't come.
    offline |= {"PIP_INDEX_URL": "http://127.0.0.1:9/", "UV_INDEX_URL": "http://127.0.0.1:9/"}
    found = subprocess.run(
        [sys._base_executable, str(folder / "academy"), "map"],  # type: ignore[attr-defined]
        cwd=tmp_path,
        env=offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "installing from wheelhouse" in found.stderr
    assert "isn't enough" not in found.stderr
    assert STARTERS.split("/")[0] in {path.name for path in folder.iterdir()}
    assert (folder / MANIFEST).is_file()


def test_it_imports_only_what_its_own_pins_bring(files: edition.Files) -> None:
    pins = {pin.name for pin in Pins.read(PROJECT / "requirements" / "student.txt").entries}
    brought = {
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if {name.lower().replace("_", "-").replace(".", "-") for name in packages} & pins
    }
    asked = {
        (name.split(".")[0], path)
        for path, content in files.items()
        if path.endswith(".py")
        for node in ast.walk(ast.parse(content.decode()))
        for name in _outside(node)
    }
    ours = {"shared", "grader", "rooms", "own_check"}
    known = brought | ours | sys.stdlib_module_names
    assert sorted(pair for pair in asked if pair[0] not in known) == []


def _outside(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or ""]
    return []
