"""Secrets in files that only their owner reads: never an argument, a log line, an error or git."""

import hmac
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from shared.contracts.todo import Todo
from shared.language import _

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""The rights of everybody else. Windows has no such bits: there a file inherits the access list of
its folder, and the folder of the user's own profile keeps other users out."""


def keep_secret(path: str, content: bytes) -> None:
    """Write `content` with mode 0600, at once or not at all: never readable by others in between.

    Folders that are missing are made with mode 0700.
    """
    # task 6.7: the rights come before the content
    # <solution>
    place = Path(path)
    _make_private(place.parent)
    # mkstemp opens with 0600; chmod after writing would leave a moment in which all may read.
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    # </solution>
    #: raise Todo("6.7")


def read_secret(path: str) -> bytes:
    """Return the secret in `path`, read anew each time, so that it can be changed under way.

    Raises PermissionError, naming the file and the mend but no content, if others could read it.
    """
    # task 6.7: a secret that others could read is none
    # <solution>
    place = Path(path)
    if os.name == "posix" and place.stat().st_mode & OTHERS:
        raise PermissionError(
            _("{path} can be read by others; expected mode 0600. Mend it: chmod 600 {path}").format(
                path=path
            )
        )
    return place.read_bytes()
    # </solution>
    #: raise Todo("6.7")


def _make_private(folder: Path) -> None:
    """Make a folder and those above it; mkdir's own `parents` would open them to everybody."""
    if not folder.exists():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def same_secret(shown: str, kept: str) -> bool:
    """Return whether both are the same, in a time that doesn't tell where they differ.

    `==` stops at the first difference: measured often enough, it tells the secret letter by letter.
    """
    # task 6.7: constant time
    # <solution>
    return hmac.compare_digest(shown.encode(errors="surrogatepass"), kept.encode())
    # </solution>
    #: raise Todo("6.7")
