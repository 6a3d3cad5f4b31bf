"""Temporary folders that name their owner: what a killed grader left is swept by the next one."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

_SWEPT: set[Path] = set()


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
    user = 0 if sys.platform == "win32" else os.getuid()
    root = Path(tempfile.gettempdir()) / f"academy-{user}"
    root.mkdir(mode=0o755, exist_ok=True)
    if sys.platform != "win32" and root.stat().st_uid != user:
        # Somebody else made it first, so that they could see or swap what is in it.
        raise PermissionError(f"{root} belongs to another user; remove it, or set TMPDIR")
    _sweep(root)
    place = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{purpose}-", dir=root))
    place.chmod(0o755)
    return place


def _sweep(root: Path) -> None:
    """Remove, once a process, the folders of processes that are no more."""
    if root in _SWEPT:
        return
    _SWEPT.add(root)
    for place in root.iterdir():
        owner = place.name.partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(place, ignore_errors=True)
