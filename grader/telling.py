"""Telling lines: of a solution, hidden check, mistake or variant, and standing nowhere else.

An edition, or a hint, that holds one gives something away.
"""

import ast
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from shared.course.folders import number_of, rooms_in
from shared.course.regions import regions_of
from shared.course.starters import starter_of

from . import edition
from .walls import PROJECT

SHORTEST: Final = 25  # characters; shorter ones are idioms

Lines = dict[str, str]  # each with where it comes from


def regions(room: str) -> Lines:
    """Return the lines of a reference that its starter leaves to the student."""
    found: Lines = {}
    for path in _modules(PROJECT / "solutions" / room):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        for region in regions_of(text, ast.parse(text)):
            inside = lines[region.opened : region.closed - 1]
            found |= _long("\n".join(inside), f"{_shown(path)}:{region.opened}")
    return found


def secrets(references: Collection[int] = ()) -> Lines:
    """Return the lines that no edition may hold, which has the references of those rooms."""
    found: Lines = {}
    for room in rooms_in(PROJECT / "solutions"):
        grader = PROJECT / "grader"
        known = edition.of_the_grader()
        files = [
            path
            for path in _modules(grader / "checks" / room)
            if path.name not in {"driver.py", "__init__.py"} and _shown(path) not in known
        ]
        files += _modules(PROJECT / "solutions" / "tests" / room)
        if number_of(room) not in references:
            found |= regions(room)
            files += [grader / "mistakes" / f"{room}.toml", *_modules(grader / "variants" / room)]
        for path in files:
            if path.is_file():
                found |= _long(path.read_text(encoding="utf-8"), _shown(path))
    return found


def rendered(texts: Mapping[str, str]) -> Lines:
    """Return the lines of artefacts that a reference makes at start, by their names."""
    found: Lines = {}
    for name, text in texts.items():
        found |= _long(text, name)
    return found


def telling(lines: Mapping[str, str], references: Collection[int] = ()) -> Lines:
    """Return those of `lines` that stand nowhere in what students have anyway."""
    found = dict(lines)
    for _name, text in outside(references):
        for line in held(text, found):
            found.pop(line, None)
    return found


def outside(references: Collection[int] = ()) -> Iterator[tuple[str, str]]:
    """Yield name and text of what students have: shared/, starters, shown checks, drivers."""
    for room in rooms_in(PROJECT / "solutions"):
        for path in _modules(PROJECT / "solutions" / room):
            yield _shown(path), starter_of(path.read_text(encoding="utf-8")).text
        yield from _texts(PROJECT / "rooms" / room, ("*.md", "*.toml", "test_shown.py"))
        yield from _texts(PROJECT / "grader" / "checks" / room, ("driver.py",))
        if number_of(room) in references:
            yield from _texts(PROJECT / "solutions" / room, ("**/*.py",))
            yield from _texts(PROJECT / "grader" / "variants" / room, ("**/*.py",))
            yield from _texts(PROJECT / "grader" / "mistakes", (f"{room}.toml",))
    for path in _modules(PROJECT / "shared"):
        if "tests" not in path.parts:
            yield _shown(path), path.read_text(encoding="utf-8")
    yield from _texts(PROJECT, sorted({*edition.of_the_grader(), "grader/*.py", "grader/cli/*.py"}))
    yield from _texts(PROJECT, ("academy", "*.md", "*.toml", "conftest.py"))


def held(text: str, lines: Mapping[str, str]) -> set[str]:
    """Return those of `lines` that stand in `text`, as a line or within one."""
    starts: dict[str, list[str]] = {}
    for line in lines:
        starts.setdefault(line[:SHORTEST], []).append(line)
    return {
        line
        for place in range(len(text) - SHORTEST + 1)
        for line in starts.get(text[place : place + SHORTEST], ())
        if text.startswith(line, place)
    }


def found_in(files: Mapping[str, bytes], lines: Mapping[str, str]) -> list[str]:
    """Return a sentence for each of `lines` that stands in one of `files`."""
    return [
        f"{name}: {json.dumps(line)}, of {lines[line]}"
        for name, content in sorted(files.items())
        if not name.endswith((".whl", ".zip", ".csv"))
        for line in sorted(held(content.decode("utf-8", "replace"), lines))
    ]


def _long(text: str, source: str) -> Lines:
    lines = (line.strip() for line in text.split("\n"))
    return {line: source for line in lines if len(line) >= SHORTEST}


def _modules(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*.py")) if "__pycache__" not in p.parts]


def _texts(folder: Path, patterns: Collection[str]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            yield _shown(path), path.read_text(encoding="utf-8")


def _shown(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()
