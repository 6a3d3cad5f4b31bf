"""One launch at a time prepares the environment; the kernel frees the lock of a killed one."""

import contextlib
import errno
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextlib.contextmanager
def held(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`; call `on_wait` once if another process has it.

    A file system that knows no locks (some network shares) is used without one.
    """
    with path.open("a", encoding="utf-8") as file:
        try:
            _take(file.fileno(), wait=False)
        except OSError as error:
            if error.errno in _TAKEN:
                on_wait()
                _take(file.fileno(), wait=True)
        yield


if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int, *, wait: bool) -> None:
        while True:
            try:
                # LK_LOCK gives up by itself after ten seconds.
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait or error.errno not in _TAKEN:
                    raise
            else:
                return

else:
    import fcntl

    def _take(descriptor: int, *, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
