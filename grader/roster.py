"""Who handed in what: a folder of folders or zips, or a platform's download as it comes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Moodle: "Zoé Élève_12345_assignsubmission_file_[name]".
# Canvas: "elevezoe_[LATE_]123_456_name.zip".
_MOODLE: Final = re.compile(r"(?P<who>.+?)_(?P<id>\d+)_assignsubmission_file_?.*")
_CANVAS: Final = re.compile(r"(?P<who>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+\.zip")
_ROOM: Final = re.compile(r"room\d_[a-z0-9_]+")


class RosterError(ValueError):
    """A path that holds no submissions: says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's work, where it lies. `late` is what the platform says."""

    student: str
    source: Path
    late: bool = False


def roster(paths: Sequence[Path]) -> list[Submission]:
    """Return the submissions under `paths`, by student; RosterError if there are none.

    A student who comes twice keeps both, told apart by a number: nothing is merged or dropped.
    """
    found = sorted(
        (one for path in paths for one in _under(path)), key=lambda one: (one.student, one.source)
    )
    if not found:
        names = ", ".join(map(str, paths))
        raise RosterError(
            f"{names}: expected a folder with a folder or zip a student, found none. "
            "Try: ./academy grade FOLDER"
        )
    seen: dict[str, int] = {}
    named = []
    for one in found:
        seen[one.student] = count = seen.get(one.student, 0) + 1
        name = one.student if count == 1 else f"{one.student} ({count})"
        named.append(Submission(name, one.source, one.late))
    return named


def _under(path: Path) -> Iterator[Submission]:
    if not path.exists():
        raise RosterError(f"{path}: no such file or folder")
    if path.is_file() or _is_one(path):
        yield _named(path)
        return
    for child in sorted(path.iterdir()):
        if child.name.startswith((".", "__MACOSX")) or child.is_symlink():
            continue
        if child.is_dir() or child.suffix.lower() == ".zip":
            yield _named(child)


def _is_one(folder: Path) -> bool:
    """Return whether a folder is one student's: rooms stand in it, or in its `rooms`."""
    places = [folder, folder / "rooms"]
    return any(
        _ROOM.fullmatch(child.name)
        for place in places
        if place.is_dir()
        for child in place.iterdir()
        if child.is_dir()
    )


def _named(path: Path) -> Submission:
    late = False
    student = path.name.removesuffix(".zip")
    for pattern in (_MOODLE, _CANVAS):
        if match := pattern.fullmatch(path.name):
            student, late = match["who"], bool(match.groupdict().get("late"))
            break
    return Submission(student, _inner(path), late)


def _inner(path: Path) -> Path:
    """Return the one zip in a folder that holds nothing else, or the path as it is."""
    if not path.is_dir():
        return path
    try:
        entries = [child for child in path.iterdir() if not child.name.startswith(".")]
    except OSError:  # it will say so when it is read
        return path
    zips = [child for child in entries if child.suffix.lower() == ".zip"]
    return zips[0] if len(zips) == 1 and len(entries) == 1 else path
