"""A lock on a file that no crash leaves behind."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import IO, Final

from shared.language import _

WAIT_S: Final = 20.0

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: IO[bytes]) -> bool:
        """Take the lock on an open file until it is closed; return whether it could be had."""
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def try_lock(file: IO[bytes]) -> bool:
        """Take the lock on an open file until it is closed; return whether it could be had."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock on the file `path` (made if need be) while the block lasts.

    The system lets go of it when its holder dies, however it dies. TimeoutError after `WAIT_S`.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path, "a+b", opener=_privately) as lock:
        deadline = time.monotonic() + WAIT_S
        while not try_lock(lock):
            if time.monotonic() > deadline:
                told = _("{path} is held by another process; end it and start again")
                raise TimeoutError(told.format(path=path))
            Event().wait(0.02)
        yield


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
