"""Who handed in what: a folder of folders or zips, or a platform's download as it comes."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from .archives import ArchiveError, members, unpack
from .downloads import METADATA, Exported, gradescope_metadata, is_class, label_of
from .intake import ROOM_NAME
from .verdicts import printable

_ATTEMPT: Final = re.compile(r"(attempt|try|submission|version|v)[ _-]?\d+", re.IGNORECASE)


class RosterError(ValueError):
    """A path that holds no submissions: says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of one student, where it lies. `late` and `id` are what the platform says."""

    student: str  # a name that no other submission of the run has
    sources: tuple[Path, ...]
    late: bool = False
    person: str = ""
    id: str = ""
    email: str = ""
    handed_in: datetime | None = None
    members: tuple[str, ...] = ()  # of a group that handed in together

    @property
    def source(self) -> Path:
        """The first of its files and folders."""
        return self.sources[0]


@dataclass
class Roster:
    """The submissions of a run, and what an instructor should know about how they came."""

    submissions: list[Submission] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def roster(paths: Sequence[Path], unpacked: Path, apart: Path | None = None) -> Roster:
    """Return the submissions under `paths`, by student; RosterError if there are none.

    A class that comes as one zip is unpacked into `unpacked`. A student who comes twice keeps
    both, told apart by a number: nothing is merged or dropped here. `apart` is where results go:
    no student's, though it may lie among theirs.
    """
    found = Roster()
    for number, path in enumerate(paths):
        place = _opened(path, unpacked / str(number), found)
        found.submissions += [one for one in _under(place) if one.source != apart]
    if not found.submissions:
        names = ", ".join(printable(str(path)) for path in paths)
        raise RosterError(
            f"{names}: expected a folder with a folder or zip a student, found none. "
            "Try: ./academy grade FOLDER"
        )
    # Sorting is stable: a student's attempts stay in the order in which they were given.
    found.submissions.sort(key=lambda one: (one.person, one.id))
    found.submissions = list(_told_apart(found))
    return found


def _told_apart(found: Roster) -> Iterator[Submission]:
    seen: dict[str, int] = {}
    taken: set[str] = set()
    for one in found.submissions:
        count = seen.get(one.person, 0) + 1
        name = one.person if count == 1 else f"{one.person} ({count})"
        while name in taken:  # somebody may be called so
            count += 1
            name = f"{one.person} ({count})"
        seen[one.person] = count
        taken.add(name)
        if count > 1:
            found.remarks.append(printable(f"{one.person}: comes again, kept as {name}"))
        yield replace(one, student=name)


def _opened(path: Path, unpacked: Path, found: Roster) -> Path:
    """Return the path, or where the class in it was unpacked."""
    try:
        path = path.resolve(strict=True)
        if not path.is_file() or path.suffix.lower() != ".zip":
            return path
        names = [name for name, _member in members(path)]
        if is_class(names, ROOM_NAME):
            found.remarks += [printable(line) for line in unpack(path, unpacked)]
            inside = [child for child in unpacked.iterdir() if not _passed_over(child)]
            return inside[0] if len(inside) == 1 and _wraps(inside[0]) else unpacked
    except ArchiveError:
        pass  # it may be one student's: it says so when it is taken
    except OSError as error:
        reason = (
            "no such file or folder" if isinstance(error, FileNotFoundError) else error.strerror
        )
        raise RosterError(f"{printable(str(path))}: {reason}") from None
    return path


def _wraps(folder: Path) -> bool:
    return folder.is_dir() and label_of(folder.name) is None and not _is_one(folder)


def _under(path: Path) -> Iterator[Submission]:
    if path.is_file() or _is_one(path):
        yield from _attempts(path)
        return
    try:
        children = [
            child for child in sorted(path.iterdir(), key=_natural) if not _passed_over(child)
        ]
    except OSError as error:
        raise RosterError(f"{printable(str(path))}: can't be read ({error.strerror})") from None
    exported = _exported(path)
    loose: dict[tuple[str, str, bool], list[Path]] = {}
    for child in children:
        label = label_of(child.name)
        if about := exported.get(child.name):
            yield _of_export(child, about)
        elif label is not None:
            loose.setdefault((label.student, label.id, label.late), []).append(child)
        elif child.is_dir() or child.suffix.lower() == ".zip":
            yield from _attempts(child)
    for (student, number, late), places in loose.items():
        sources = tuple(inner for place in places for inner in _inner(place))
        yield Submission("", sources, late, _composed(student), number)


def _passed_over(child: Path) -> bool:
    return child.name.startswith((".", "__MACOSX")) or child.is_symlink()


def _is_one(folder: Path) -> bool:
    """Return whether a folder is one student's: rooms stand in it, or in its `rooms`."""
    try:
        places = [place for place in (folder, folder / "rooms") if place.is_dir()]
        children = [child for place in places for child in place.iterdir()]
        return any(ROOM_NAME.fullmatch(child.name) and child.is_dir() for child in children)
    except OSError:  # it will say so when it is read
        return False


def _attempts(path: Path) -> Iterator[Submission]:
    """Yield a student's submission, or each of the attempts that their folder holds."""
    person = _composed(path.parent.name if path.suffix == ".py" else _without_zip(path.name))
    try:
        inside = sorted((c for c in path.iterdir() if not _passed_over(c)), key=_natural)
    except OSError:  # a file; or a folder that says so when it is read
        inside = []
    if len(inside) > 1 and all(_ATTEMPT.fullmatch(_without_zip(child.name)) for child in inside):
        for child in inside:
            yield Submission("", _inner(child), person=person)
    else:
        yield Submission("", _inner(path), person=person)


def _exported(folder: Path) -> dict[str, Exported]:
    try:
        return gradescope_metadata(folder / METADATA)
    except OSError:
        return {}


def _of_export(folder: Path, about: Exported) -> Submission:
    names = tuple(map(_composed, about.names)) or (folder.name,)
    return Submission(
        "",
        _inner(folder),
        person=names[0],
        id=about.ids[0] if about.ids else "",
        email=about.emails[0] if about.emails else "",
        handed_in=about.handed_in,
        members=names if len(names) > 1 else (),
    )


def _inner(path: Path) -> tuple[Path, ...]:
    """Return the zips in a folder that holds nothing else, or the path as it is."""
    if not path.is_dir():
        return (path,)
    try:
        entries = [child for child in path.iterdir() if not _passed_over(child)]
    except OSError:  # it will say so when it is read
        return (path,)
    zips = sorted(child for child in entries if child.suffix.lower() == ".zip")
    return tuple(zips) if zips and len(zips) == len(entries) else (path,)


def _without_zip(name: str) -> str:
    return name[:-4] if name.lower().endswith(".zip") else name


def _composed(name: str) -> str:
    """Return a name with its accents as one character each: systems differ in how they keep it."""
    return unicodedata.normalize("NFC", name)


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Return what sorts attempt 10 after attempt 2."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts], path.name
