"""What is taken from a submission: the Python files of the room's folder, and nothing else."""

import shutil
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from .walls import PROJECT

LARGEST_FILE: Final = 1024 * 1024
MOST_FILES: Final = 400
_LISTED: Final = 20_000  # entries of a folder or an archive that are looked at
_RESERVED: Final = frozenset({"conftest", "sitecustomize", "usercustomize", "pytest"})


@dataclass
class Intake:
    """One submission's room as it will be judged, and what was left out of it."""

    room: str
    folder: Path  # …/rooms/NAME
    taken: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class IntakeError(ValueError):
    """What was handed in can't be read: says what was expected and what came."""


Entry = tuple[str, int, Callable[[], bytes]]  # its path, its stated size, its content


def take(source: Path, room: str, into: Path) -> Intake:
    """Copy the room's files of `source` (a folder or a zip) into `into`/rooms/NAME.

    What a student left out stands there as the course's starter has it.
    Raises IntakeError when `source` can't be read, or holds nothing of the room.
    """
    entries = list(_entries(source))
    prefix = _prefix([path for path, _size, _read in entries], room)
    folder = into / "rooms" / room
    intake = Intake(room, folder)
    _starter(room, folder)
    for path, size, read in entries:
        name = PurePosixPath(path)
        if prefix is None or not name.is_relative_to(prefix):
            continue
        _take_one(intake, name.relative_to(prefix), size, read)
    if not intake.taken:
        raise IntakeError(
            f"{source.name}: expected Python files of {room}, found none. "
            f"Hand in the folder rooms/{room}, or the zip that ./academy submit makes."
        )
    return intake


def _take_one(intake: Intake, name: PurePosixPath, size: int, read: Callable[[], bytes]) -> None:
    reason = _reason_against(name, size)
    if reason == "":
        if len(intake.taken) >= MOST_FILES:
            intake.remarks.append(f"{name}: more than {MOST_FILES} files")
            return
        try:
            data = read()
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            intake.remarks.append(f"{name}: can't be read ({error})")
            return
        place = intake.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        intake.taken.append(str(name))
    elif reason is not None:
        intake.remarks.append(f"{name}: {reason}")


def _reason_against(name: PurePosixPath, size: int) -> str | None:
    """Return "" for what is taken, a reason to tell, or None for what nobody expects taken."""
    if name.suffix != ".py" or any(p.startswith((".", "__pycache__")) for p in name.parts[:-1]):
        return None
    if any(not part.removesuffix(".py").isidentifier() for part in name.parts):
        return "not a module's name, left out"
    if name.stem.startswith("test_") or name.stem in _RESERVED:
        return "a reserved name, left out"
    if name.stem in sys.stdlib_module_names and not name.stem.startswith("__"):
        return "the name of a module of Python, left out"
    if size > LARGEST_FILE:
        return f"{size} bytes, at most {LARGEST_FILE} are taken"
    return ""


def _prefix(paths: list[str], room: str) -> PurePosixPath | None:
    """Return the folder that holds the room: of its name, or the one flat folder of its files."""
    places = [PurePosixPath(path) for path in paths]
    named = {
        PurePosixPath(*place.parts[: place.parts.index(room) + 1])
        for place in places
        if room in place.parts[:-1]
    }
    if named:
        return min(named, key=lambda p: (len(p.parts), str(p)))
    known = {path.name for path in (PROJECT / "rooms" / room).glob("*.py")} - {"__init__.py"}
    flat = {place.parent for place in places if place.name in known and "room" not in str(place)}
    return min(flat, key=lambda p: (len(p.parts), str(p))) if flat else None


def _starter(room: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "__init__.py").write_text("", encoding="utf-8")
    origin = PROJECT / "rooms" / room
    for path in origin.rglob("*.py"):
        name = path.relative_to(origin)
        if not name.stem.startswith("test_"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)


def _entries(source: Path) -> Iterator[Entry]:
    try:
        if source.is_symlink():
            raise IntakeError(f"{source.name}: a link; expected a folder or a zip")
        if source.is_dir():
            yield from _of_folder(source)
        elif zipfile.is_zipfile(source):
            yield from _of_zip(source)
        else:
            raise IntakeError(f"{source.name}: expected a folder or a zip, got neither")
    except (OSError, zipfile.BadZipFile) as error:
        raise IntakeError(f"{source.name}: can't be read ({error})") from None


def _of_folder(source: Path) -> Iterator[Entry]:
    waiting, seen = [source], 0
    while waiting:
        folder = waiting.pop()
        for path in sorted(folder.iterdir()):
            seen += 1
            if seen > _LISTED:
                raise IntakeError(f"{source.name}: more than {_LISTED} files and folders")
            about = path.lstat()
            if stat.S_ISDIR(about.st_mode):
                waiting.append(path)
            elif stat.S_ISREG(about.st_mode):
                name = path.relative_to(source.parent).as_posix()
                yield name, about.st_size, lambda path=path: path.read_bytes()  # type: ignore[misc]


def _of_zip(source: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
    if len(members) > _LISTED:
        raise IntakeError(f"{source.name}: more than {_LISTED} entries")
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        kind = member.external_attr >> 16
        if member.is_dir() or name.is_absolute() or ".." in name.parts or stat.S_ISLNK(kind):
            continue
        yield str(name), member.file_size, lambda member=member: _unzip(source, member)  # type: ignore[misc]


def _unzip(source: Path, member: zipfile.ZipInfo) -> bytes:
    # The stated size may lie; reading stops at the bound all the same.
    with zipfile.ZipFile(source) as archive, archive.open(member) as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise RuntimeError(f"more than {LARGEST_FILE} bytes")
    return data
