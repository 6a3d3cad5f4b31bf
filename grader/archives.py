"""Zips that strangers made: listed and unpacked within bounds, and never outside of their place."""

import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

MOST_ENTRIES: Final = 20_000  # of a folder or an archive that are looked at
_LARGEST_MEMBER: Final = 64 * 1024 * 1024  # of a class's download: one student's zip
_CHUNK: Final = 1 << 20


class ArchiveError(ValueError):
    """An archive that can't be read: says which, and why."""


Member = tuple[PurePosixPath, zipfile.ZipInfo]


def members(source: Path) -> list[Member]:
    """Return the files of a zip whose names stay within it: no links, no `..`, no absolute ones.

    Raises ArchiveError when it isn't a zip, is broken, or has more entries than are looked at.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            listed = archive.infolist()
    except Exception as error:  # noqa: BLE001 - the library raises nearly anything on crafted bytes
        raise ArchiveError(f"{source.name}: not a zip that can be read ({error})") from None
    if len(listed) > MOST_ENTRIES:
        raise ArchiveError(f"{source.name}: more than {MOST_ENTRIES} entries")
    return [(name, one) for one in listed if (name := _safe_name(one)) is not None]


def _safe_name(member: zipfile.ZipInfo) -> PurePosixPath | None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    kind = member.external_attr >> 16
    outside = name.is_absolute() or ".." in name.parts or ":" in member.filename[:2]
    if member.is_dir() or outside or stat.S_ISLNK(kind) or not name.parts:
        return None
    return name


def reader(source: Path, member: zipfile.ZipInfo, most: int) -> Callable[[], bytes]:
    """Return what reads a member, up to `most` bytes: the size that a zip states may be a lie."""

    def read() -> bytes:
        try:
            with zipfile.ZipFile(source) as archive, archive.open(member) as file:
                data = file.read(most + 1)
        except Exception as error:  # noqa: BLE001 - the library raises nearly anything on crafted bytes
            raise ArchiveError(str(error) or type(error).__name__) from None
        if len(data) > most:
            raise ArchiveError(f"more than {most} bytes")
        return data

    return read


def unpack(source: Path, into: Path) -> Iterator[str]:
    """Unpack a class's download into the folder `into`; yield a line for what was left out."""
    for name, member in members(source):
        target = into.joinpath(*name.parts)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                yield f"{name}: comes twice in {source.name}, the first is kept"
                continue
            with zipfile.ZipFile(source) as archive, archive.open(member) as file:
                _copy(file.read, target)
        except OSError as error:
            shutil.rmtree(into, ignore_errors=True)
            raise ArchiveError(f"{source.name}: can't be unpacked ({error})") from None
        except Exception as error:  # noqa: BLE001 - one broken member; the others may be well
            target.unlink(missing_ok=True)
            yield f"{name}: can't be read ({str(error) or type(error).__name__})"


def _copy(read: Callable[[int], bytes], target: Path) -> None:
    left = _LARGEST_MEMBER
    with target.open("wb") as file:
        while data := read(_CHUNK):
            left -= len(data)
            if left < 0:
                raise ArchiveError(f"more than {_LARGEST_MEMBER} bytes")
            file.write(data)
