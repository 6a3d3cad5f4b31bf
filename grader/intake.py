"""What is taken from a submission: the Python files of the room's folder, and nothing else."""

import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from .archives import MOST_ENTRIES, ArchiveError, members, reader
from .downloads import label_of
from .verdicts import printable
from .walls import PROJECT

ROOM_NAME: Final = re.compile(r"room\d_[a-z0-9_]+")
LARGEST_FILE: Final = 1024 * 1024
MOST_FILES: Final = 400
LARGEST_ROOM: Final = 16 * 1024 * 1024  # bytes of all its files
_MOST_REMARKS: Final = 20
_DEEPEST: Final = 12  # folders above a module
_LONGEST_NAME: Final = 100  # bytes; file systems end at 255
_RESERVED: Final = frozenset({"conftest", "sitecustomize", "usercustomize", "pytest"})


@dataclass
class Intake:
    """One submission's room as it will be judged, and what was left out of it."""

    room: str
    folder: Path  # …/rooms/NAME
    taken: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    size: int = 0  # bytes taken so far

    def remark(self, text: str) -> None:
        """Note what was left out, in characters that any terminal can show."""
        if len(self.remarks) < _MOST_REMARKS:
            self.remarks.append(printable(text))
        elif len(self.remarks) == _MOST_REMARKS:
            self.remarks.append("and more that was left out")


class IntakeError(ValueError):
    """What was handed in can't be read: says what was expected and what came."""


Entry = tuple[str, int, Callable[[], bytes]]  # its path, its stated size, its content


class NothingOfIt(IntakeError):  # noqa: N818 - a fact, named as one
    """Readable, but nothing of this room is in it."""


def take(source: Path | tuple[Path, ...], room: str, into: Path) -> Intake:
    """Copy the room's files of `source` (folders, zips, single files) into `into`/rooms/NAME.

    What a student left out stands there as the course's starter has it.
    Raises IntakeError when `source` can't be read, NothingOfIt when it holds nothing of the room.
    """
    sources = (source,) if isinstance(source, Path) else source
    entries = [entry for one in sources for entry in _entries(one)]
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
        raise NothingOfIt(
            f"{printable(sources[0].name)}: expected Python files of {room}, found none. "
            f"Hand in the folder rooms/{room}, or the zip that ./academy submit makes."
        )
    return intake


def _take_one(intake: Intake, name: PurePosixPath, size: int, read: Callable[[], bytes]) -> None:
    reason = _reason_against(name, size)
    if reason == "":
        reason = _reason_in_this_room(intake, name)
    if reason == "":
        try:
            data = read()
        except (OSError, ArchiveError) as error:
            intake.remark(f"{name}: can't be read ({error})")
            return
        place = intake.folder / name
        if place.parent.is_file() or place.is_dir():
            intake.remark(f"{name}: a file and a folder of one name, left out")
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        intake.size += len(data)
        intake.taken.append(str(name))
    elif reason is not None:
        intake.remark(f"{name}: {reason}")


def _reason_in_this_room(intake: Intake, name: PurePosixPath) -> str:
    if len(intake.taken) >= MOST_FILES:
        return f"more than {MOST_FILES} files, left out"
    if intake.size > LARGEST_ROOM:
        return f"after more than {LARGEST_ROOM} bytes, left out"
    if str(name) in intake.taken:
        return "comes twice, the first is taken"
    if str(name).casefold() in {taken.casefold() for taken in intake.taken}:
        return "differs from another only by capital letters, the first is taken"
    return ""


def _reason_against(name: PurePosixPath, size: int) -> str | None:
    """Return "" for what is taken, a reason to tell, or None for what nobody expects taken."""
    if name.suffix != ".py" or any(p.startswith((".", "__pycache__")) for p in name.parts[:-1]):
        return None
    if unfit := _unfit(name.parts):
        return unfit
    if name.stem.startswith("test_") or name.stem in _RESERVED:
        return "a reserved name, left out"
    if name.stem in sys.stdlib_module_names and not name.stem.startswith("__"):
        return "the name of a module of Python, left out"
    if size > LARGEST_FILE:
        return f"{size} bytes, at most {LARGEST_FILE} are taken"
    return ""


def _unfit(parts: tuple[str, ...]) -> str:
    """Return what is wrong with a path as a module's, or ""."""
    if len(parts) > _DEEPEST:
        return "in too many folders, left out"
    names = [part.removesuffix(".py") for part in parts]
    longest = max(len(name.encode(errors="replace")) for name in names)
    if longest > _LONGEST_NAME or not all(name.isidentifier() for name in names):
        return "not a module's name, left out"
    return ""


def _prefix(paths: list[str], room: str) -> PurePosixPath | None:
    """Return the folder that holds the room: of its name, or the one flat folder of its files."""
    places = [PurePosixPath(path) for path in paths]
    named = set()
    for place in places:
        folders = [part.casefold() for part in place.parts[:-1]]
        if room in folders:
            named.add(PurePosixPath(*place.parts[: folders.index(room) + 1]))
    if named:
        return min(named, key=lambda p: (len(p.parts), str(p)))
    known = {path.name for path in (PROJECT / "rooms" / room).glob("*.py")} - {"__init__.py"}
    flat = {place.parent for place in places if place.name in known and not _in_a_room(place)}
    return min(flat, key=lambda p: (len(p.parts), str(p))) if flat else None


def _in_a_room(place: PurePosixPath) -> bool:
    return any(ROOM_NAME.fullmatch(part.casefold()) for part in place.parts[:-1])


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
    name = printable(source.name)
    try:
        about = source.lstat()
        if stat.S_ISLNK(about.st_mode):
            raise IntakeError(f"{name}: a link; expected a folder or a zip")
        if stat.S_ISDIR(about.st_mode):
            yield from _of_folder(source)
        elif not stat.S_ISREG(about.st_mode):
            raise IntakeError(f"{name}: expected a folder or a zip, got neither")
        elif source.suffix == ".py":
            label = label_of(source.name)
            yield label.file if label else source.name, about.st_size, source.read_bytes
        else:
            for inner, member in members(source):
                yield str(inner), member.file_size, reader(source, member, LARGEST_FILE)
    except ArchiveError as error:
        raise IntakeError(f"{name}: expected a folder or a zip, got neither ({error})") from None
    except OSError as error:
        raise IntakeError(f"{name}: can't be read ({error.strerror or error})") from None


def _of_folder(source: Path) -> Iterator[Entry]:
    waiting, seen = [source], 0
    while waiting:
        folder = waiting.pop()
        for path in sorted(folder.iterdir()):
            seen += 1
            if seen > MOST_ENTRIES:
                raise IntakeError(f"{source.name}: more than {MOST_ENTRIES} files and folders")
            about = path.lstat()
            if stat.S_ISDIR(about.st_mode):
                waiting.append(path)
            elif stat.S_ISREG(about.st_mode):
                yield path.relative_to(source.parent).as_posix(), about.st_size, path.read_bytes
