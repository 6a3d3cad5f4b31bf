"""The student edition: an allow-list. What isn't named here doesn't leave the course."""

import ast
import io
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from shared.course.edition import MANIFEST, STARTERS, Edition
from shared.course.folders import number_of, rooms_in
from shared.course.manifest import NAME as GENERATED
from shared.course.manifest import Manifest, digest
from shared.course.starters import starter_of
from shared.launcher.incoming import digest_of

from .walls import PROJECT

_TOP: Final = (
    "academy",
    "conftest.py",
    "LICENSE",
    "pyproject.toml",
    "README.md",
    "README.fr.md",
    "requirements/student.txt",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
)
_BESIDE: Final = (  # what stands in a room beside its generated modules
    "README.md",
    "README.fr.md",
    "room.toml",
    "hints.toml",
    "test_shown.py",
    "own_check.py",
)
_SHARED: Final = (
    "__init__.py",
    "language.py",
    "exposition.py",
    "cli",
    "contracts",
    "course",
    "data",
    "database",
    "launcher",
    "locale",
    "page",
    "pipeline",
    "standins",
)
_SHARED_SUFFIXES: Final = frozenset(
    {".py", ".md", ".csv", ".html", ".css", ".js", ".svg", ".po", ".mo"}
)
_BUILDERS: Final = frozenset(  # of those who make the course
    {"account", "pins", "sync", "testing"}
)
_GRADER: Final = (  # and what these import at their top; what a verb imports late may be absent
    "grader",
    "grader.judging",
    "grader.keeper",
    "grader.plugin",
    "grader.session",
    "grader.worker",
    "grader.cli",
    "grader.cli.atlas",
    "grader.cli.checking",
    "grader.cli.handing",
    "grader.cli.hinting",
    "grader.cli.mystery",
)
_NEVER: Final = frozenset(  # of an edition without references
    {
        "grader.mistaken",
        "grader.mystery",
        "grader.own",
        "grader.lab",
        "grader.verify",
        "grader.telling",
        "grader.edition",
    }
)
_WITH_REFERENCE: Final = ("grader.mistaken", "grader.mystery", "grader.own", "grader.lab")
_FULL_STACK: Final = frozenset({"", ".yaml", ".yml", ".md", ".conf", ".sh", ".py", ".toml", ".sql"})

Files = dict[str, bytes]


def contents(references: Collection[int]) -> Files:
    """Return every file of the edition by its path, with the references of those rooms."""
    files = {name: _read(name) for name in _TOP if (PROJECT / name).is_file()}
    files |= _shared()
    files |= {path: _read(path) for path in of_the_grader()}
    files |= _tree(PROJECT / "docker", _FULL_STACK)
    starters: Files = {}
    for room in rooms_in(PROJECT / "solutions"):
        modules = _starters(room)
        starters |= modules
        files |= modules | _beside(room, modules) | _driver(room)
        if number_of(room) in references:
            files |= _reference(room)
    if references:
        late = _needed(_WITH_REFERENCE, never=_NEVER.difference(_WITH_REFERENCE))
        files |= {path: _read(path) for path in late}
    return files | {STARTERS: packed(starters)}


def described(files: Mapping[str, bytes], references: Collection[int]) -> Edition:
    """Return the edition that `files` are, made now."""
    digests = {path: digest_of(content) for path, content in files.items()}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Edition(made, tuple(sorted(references)), digests)


def write(files: Mapping[str, bytes], edition: Edition, folder: Path) -> None:
    """Write the edition into `folder`."""
    for path, content in {**files, MANIFEST: edition.written()}.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (folder / "academy").chmod(0o755)


def packed(files: Mapping[str, bytes], top: str = "") -> bytes:
    """Return a zip of `files` below the folder `top`: the same files, the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{top}/{path}" if top else path)
            entry.external_attr = (0o100755 if path == "academy" else 0o100644) << 16
            # A wheel is a zip already.
            packs = zipfile.ZIP_STORED if path.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, packs)
    return held.getvalue()


def _read(name: str) -> bytes:
    return (PROJECT / name).read_bytes()


def of_the_grader() -> set[str]:
    """Return the paths of the grader's modules in every edition, besides drivers."""
    return _needed([*_GRADER, *_asked_by_checks()])


def _asked_by_checks() -> list[str]:
    """Return the grader's modules that shown checks and drivers import."""
    found = []
    for room in rooms_in(PROJECT / "solutions"):
        name = f"grader.checks.{room}.driver"
        places = {name: PROJECT / "grader" / "checks" / room / "driver.py"}
        places[f"rooms.{room}.test_shown"] = PROJECT / "rooms" / room / "test_shown.py"
        for module, path in places.items():
            if path.is_file():
                found += imported(module, path.read_text(encoding="utf-8"), package=False)
    return found


def _needed(modules: Collection[str], never: Collection[str] = _NEVER) -> set[str]:
    """Return the paths of the grader's `modules` and of those that they import at their top.

    Raises ImportError where one of them would lead to what no edition may hold.
    """
    waiting, found = list(modules), {}
    while waiting:
        module = waiting.pop()
        place = PROJECT / module.replace(".", "/")
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if module in found or not path.is_file():
            continue
        if module in never or module.endswith(".test_hidden"):
            raise ImportError(f"{module} is imported by a module of the student edition")
        found[module] = path.relative_to(PROJECT).as_posix()
        waiting += imported(module, path.read_text(encoding="utf-8"), package=place.is_dir())
    return set(found.values())


def imported(module: str, text: str, *, package: bool) -> list[str]:
    """Return the grader's modules that `text`, the source of `module`, imports at its top."""
    parents = module.split(".") if package else module.split(".")[:-1]
    found = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            above = parents[: len(parents) - node.level + 1] if node.level else []
            name = ".".join([*above, *([node.module] if node.module else [])])
            # `from . import walls` names modules, `from .walls import PROJECT` doesn't.
            found += [name, *(f"{name}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if name.split(".")[0] == "grader"]


def _shared() -> Files:
    files: Files = {}
    for name in _SHARED:
        place = PROJECT / "shared" / name
        if place.is_file():
            files[f"shared/{name}"] = place.read_bytes()
        else:
            files |= _tree(place, _SHARED_SUFFIXES)
    for name in _BUILDERS:
        files.pop(f"shared/cli/{name}.py", None)
    return files


def _tree(folder: Path, suffixes: Collection[str]) -> Files:
    return {
        path.relative_to(PROJECT).as_posix(): path.read_bytes()
        for path in _walked(folder)
        if path.suffix in suffixes
    }


def _walked(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink():
            if any(part.startswith((".", "__pycache__")) for part in inside):
                continue
            if "tests" not in inside:
                yield path


def _starters(room: str) -> Files:
    """Return a room's modules as their source says now, whatever stands in rooms/ here."""
    source = PROJECT / "solutions" / room
    return {
        f"rooms/{room}/{path.relative_to(source).as_posix()}": starter_of(
            path.read_text(encoding="utf-8")
        ).text.encode()
        for path in _walked(source)
        if path.suffix == ".py"
    }


def _beside(room: str, modules: Mapping[str, bytes]) -> Files:
    place = f"rooms/{room}"
    files = {
        f"{place}/{name}": _read(f"{place}/{name}")
        for name in _BESIDE
        if f"{place}/{name}" not in modules and (PROJECT / place / name).is_file()
    }
    known = {
        path.removeprefix(f"{place}/"): digest(text.decode()) for path, text in modules.items()
    }
    files[f"{place}/{GENERATED}"] = Manifest(PROJECT / place / GENERATED, known).written()
    return files


def _driver(room: str) -> Files:
    """Return what `check` needs of a room's checks: the driver, which holds no expected value.

    What else the shown checks and the driver stand on comes by their imports.
    """
    checks = "grader/checks"
    names = (f"{checks}/__init__.py", f"{checks}/{room}/__init__.py", f"{checks}/{room}/driver.py")
    return {name: _read(name) for name in names if (PROJECT / name).is_file()}


def _reference(room: str) -> Files:
    """Return a room's reference, and what `mystery` and one's own check are judged by."""
    files = _tree(PROJECT / "solutions" / room, {".py"})
    files |= _tree(PROJECT / "grader" / "variants" / room, {".py"})
    mistakes = f"grader/mistakes/{room}.toml"
    if (PROJECT / mistakes).is_file():
        files[mistakes] = _read(mistakes)
    return files
