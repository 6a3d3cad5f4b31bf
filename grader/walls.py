"""The walls around a worker: bubblewrap's namespaces, with nothing in them that isn't needed.

Flags and their meaning: bwrap(1). Every place that a submission may write to is a tmpfs of a
stated size; everything else is read-only or isn't there.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
_INSIDE: Final = "/academy"
DOORS: Final = "/doors"
_MODULES: Final = ("__init__.py", "wire.py", "line.py", "worker.py", "keeper.py")
MEBIBYTE: Final = 1024 * 1024

#: What a worker and all that it starts may use. Processes count threads too.
LIMITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "AS": 2048 * MEBIBYTE,  # a fit in scikit-learn needs about 1 GiB of addresses
        "NPROC": 128,
        "NOFILE": 256,
        "FSIZE": 32 * MEBIBYTE,
        "CORE": 0,
        "CPU": 120,
    }
)


MEMORY: Final = 2560 * MEBIBYTE  # of all processes in one sandbox together

_ANYBODY: Final = ("--perms", "1777")
_FIRST_STRANGER: Final = 2_000_000  # above the users and the ranges that systems give away
_STRANGERS: Final = 1_000_000
_strangers = itertools.count(os.getpid() * 97)


@dataclass(frozen=True, slots=True)
class Layout:
    """What one sandbox holds: a room's name and role, and its filtered copy (`…/rooms/NAME`)."""

    room: str
    role: str
    submission: Path

    @property
    def package(self) -> str:
        """The name under which the worker imports the room."""
        return f"rooms.{self.room}"

    @property
    def driver(self) -> str:
        """The name of the room's driver."""
        return f"grader.checks.{self.room}.driver"


def bubblewrap() -> str | None:
    """Return the path of bubblewrap: the system's, or the wheel's."""
    if sys.platform != "linux":
        return None
    found = shutil.which("bwrap") or shutil.which("bwrap", path=str(Path(sys.executable).parent))
    return found or None


def command(layout: Layout, doors: Path, control: int, calls: int | None) -> list[str]:
    """Return the command that starts the keeper of `layout` as process 1 of its own namespaces.

    `control` and `calls` are handles: its line to here, and the filter of system calls.
    """
    program = bubblewrap()
    if program is None:
        raise FileNotFoundError("bwrap")
    return [
        program,
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1"),
        *(() if calls is None else ("--seccomp", str(calls))),
        *("--cap-drop", "ALL", *_identity(), "--hostname", "academy", "--clearenv"),
        *_environment(),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *(*_ANYBODY, "--size", str(16 * MEBIBYTE), "--tmpfs", "/dev/shm"),  # noqa: S108 - in there
        *("--remount-ro", "/dev"),
        *(*_ANYBODY, "--size", str(16 * MEBIBYTE), "--tmpfs", "/tmp"),  # noqa: S108 - in there
        *(*_ANYBODY, "--size", str(96 * MEBIBYTE), "--tmpfs", "/scratch"),
        *_python_itself(),  # after /tmp, for it may lie there
        *_course(layout, doors),
        *("--remount-ro", "/", "--chdir", "/scratch", "--"),
        # -S: the keeper needs no site-packages to start; its settings name the paths.
        *(_python(), "-I", "-B", f"{_INSIDE}/grader/keeper.py", str(control)),
    ]


def _python() -> str:
    """Return the path of this Python, its folder without links: that is what is bound in there."""
    own = Path(sys.executable)
    return str(own.parent.resolve() / own.name)


def paths_inside() -> list[str]:
    """Return what the keeper puts before the other places to import from."""
    return [_INSIDE]


def _environment() -> list[str]:
    values = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/scratch",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return [word for name, value in values.items() for word in ("--setenv", name, value)]


def _system() -> list[str]:
    words: list[str] = []
    for folder in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"):
        place = Path(folder)
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), folder]
        elif place.exists():
            words += ["--ro-bind", folder, folder]
    return words


def _python_itself() -> list[str]:
    prefixes = {
        sys.base_prefix,
        str(Path(sys.prefix).resolve()),
        str(Path(sys.executable).resolve().parent.parent),
    }
    own = sorted(prefix for prefix in prefixes if not Path(prefix).is_relative_to("/usr"))
    binds = [word for prefix in own for word in ("--ro-bind", prefix, prefix)]
    return [*_folders(own), *binds]


def _course(layout: Layout, doors: Path) -> list[str]:
    checks = PROJECT / "grader" / "checks" / layout.room / "driver.py"
    pairs = [
        (PROJECT / "shared", f"{_INSIDE}/shared"),
        *((PROJECT / "grader" / name, f"{_INSIDE}/grader/{name}") for name in _MODULES),
        (checks, f"{_INSIDE}/grader/checks/{layout.room}/driver.py"),
        (layout.submission, f"{_INSIDE}/rooms/{layout.room}"),
        (doors, DOORS),
    ]
    binds = [word for outside, inside in pairs for word in ("--ro-bind", str(outside), inside)]
    return [*_folders(inside for _outside, inside in pairs), *binds]


def _folders(places: Iterable[str]) -> list[str]:
    """Return the flags that make the folders above `places` readable: bwrap's default is 0700."""
    above = {str(folder) for place in places for folder in PurePosixPath(place).parents}
    return [word for name in sorted(above - {"/"}) for word in ("--perms", "0755", "--dir", name)]


def _identity() -> list[str]:
    """Return the flags of who the keeper is: root keeps just what it needs to become another."""
    if sys.platform == "win32":
        raise NotImplementedError("there are no walls on Windows")
    if os.getuid():
        return ["--unshare-user"]
    needed = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL")
    return [word for name in needed for word in ("--cap-add", name)]


def stranger() -> int | None:
    """Return a user id for one sandbox's workers; None where they must be who we are.

    Limits on processes don't bind root, and are counted a user: each sandbox gets its own.
    """
    if sys.platform == "win32":
        raise NotImplementedError("there are no walls on Windows")
    return None if os.getuid() else _FIRST_STRANGER + next(_strangers) % _STRANGERS
