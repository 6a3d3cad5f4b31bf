"""Secrets in files that only their owner reads: never an argument, a log line, an error or git."""

import os
import stat
import sys
import threading
from pathlib import Path
from typing import Final

from shared.contracts.todo import Todo
from shared.language import _

OTHERS: Final = 0o077
"""The rights of everybody else. Windows has no such bits: there a file inherits the access list of
its folder, and the folder of the user's own profile keeps other users out."""


def keep_secret(path: str, content: bytes) -> None:
    """Write `content` with mode 0600, at once or not at all: never readable by others in between.

    Folders that are missing are made with mode 0700.
    """
    place = Path(path)
    _make_private(place.parent)
    beside = place.parent / f".{place.name}.{os.getpid()}.{threading.get_ident()}.part"
    beside.unlink(missing_ok=True)
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(beside, place)
    finally:
        beside.unlink(missing_ok=True)


def read_secret(path: str) -> bytes:
    """Return the secret in `path`, read anew each time, so that it can be changed under way.

    Raises PermissionError, naming the file and the mend but no content, if others could read it.
    """
    with open(path, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if sys.platform != "win32" and mode & 0o077:
            raise PermissionError(_("chmod 600 {path}: others can read it").format(path=path))
        return file.read()


def _make_private(folder: Path) -> None:
    """Make a folder and those above it; mkdir's own `parents` would open them to everybody."""
    if not folder.exists():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def same_secret(shown: str, kept: str) -> bool:
    """Return whether both are the same, in a time that doesn't tell where they differ.

    `==` stops at the first difference: measured often enough, it tells the secret letter by letter.
    """
    one, other = (text.encode(errors="surrogatepass") for text in (shown, kept))
    differences = len(one) ^ len(other)
    for left, right in zip(one, other, strict=False):
        differences |= left ^ right
    return not differences
