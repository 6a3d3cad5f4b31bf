"""Temporary folders that name their owner: what a killed grader left is swept by the next one."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

_SWEPT: set[Path] = set()
_ENOUGH: Final = 16 * 1024 * 1024  # bytes


@contextlib.contextmanager
def temporary(purpose: str) -> Iterator[Path]:
    """Yield a new folder, readable by the users that workers become; it goes at the end."""
    place = made(purpose)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def made(purpose: str) -> Path:
    """Return a new folder under this process's name; the caller removes it."""
    user = 0
    if sys.platform != "win32":
        user = os.getuid()
    root = Path(tempfile.gettempdir()) / f"academy-{user}"
    root.mkdir(mode=0o755, exist_ok=True)
    if sys.platform != "win32" and root.stat().st_uid != user:
        # Somebody else made it first, so that they could see or swap what is in it.
        raise PermissionError(f"{root} belongs to another user; remove it, or set TMPDIR")
    if root not in _SWEPT:
        _SWEPT.add(root)
        sweep()
    place = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{purpose}-", dir=root))
    place.chmod(0o755)
    return place


def sweep() -> None:
    """Remove the folders of processes that are no more."""
    for root in _SWEPT:
        for place in root.iterdir():
            owner = place.name.partition("-")[0]
            if owner.isdecimal() and not psutil.pid_exists(int(owner)):
                shutil.rmtree(place, ignore_errors=True)


def cramped() -> str:
    """Return "" where temporary files have room, or what is in their way."""
    try:
        with temporary("space") as place:
            (place / "probe").write_bytes(bytes(_ENOUGH))
    except OSError as error:
        folder = tempfile.gettempdir()
        least = _ENOUGH // 1024 // 1024
        return (
            f"temporary files can't be written to {folder} ({error.strerror}): {least} MiB are "
            "needed. Free some, or set TMPDIR to a folder that has room."
        )
    return ""
