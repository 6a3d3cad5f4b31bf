"""One submission's room behind its walls, seen from the trusted side.

A sandbox starts a worker, kills it with all that it started, starts another on the same scratch
folder, and hands out files once nobody in there is alive.
"""

import array
import contextlib
import json
import os
import secrets
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import psutil

from . import seccomp, walls
from .doors import Doors, free_port
from .line import Line, LineLost, Remote
from .places import made
from .relay import passed_on
from .walls import PROJECT, Layout
from .worker import describe, known_carriers, work

_START_S = 60.0  # libraries are loaded first, on whatever machine this is


class GraderFault(Exception):  # noqa: N818 - one of the four outcomes
    """What the grader itself couldn't do. Never counted against the student."""


class PortTaken(LineLost):
    """A port that somebody has in the sandbox already: another one will do."""


class Sandbox(Protocol):
    """A place for a submission: with walls, or without."""

    def open(self) -> Remote:
        """Return the desk of a worker: a new one if there is none alive."""

    def kill(self) -> None:
        """Kill the worker at once, as a power cut would, and all that it started."""

    def put(self, name: str, data: bytes) -> str:
        """Write a file into the scratch folder; return its path as the worker sees it."""

    def take(self, name: str) -> bytes | None:
        """Return a file's bytes once the worker is dead; None if it isn't a file."""

    def modes(self, name: str) -> dict[str, int]:
        """Return the rights (0o600) of all below a scratch folder once the worker is dead."""

    def place(self, name: str) -> str:
        """Return the path of a scratch file as the worker sees it."""

    def reach(self, port: int) -> None:
        """Let the worker reach 127.0.0.1:`port` of this side at the same address.

        PortTaken if a connection in there, or what is left of one, has that port.
        """

    def expose(self) -> int:
        """Return a port: what the worker serves there on 127.0.0.1, this side finds there too."""

    def said(self) -> str:
        """Return the end of what the worker wrote to its output."""

    def close(self) -> None:
        """End everything in there."""

    @property
    def tier(self) -> str:
        """How far it is isolated: `walled` or `not isolated`."""

    @property
    def line(self) -> Line | None:
        """The line to the worker, if there is one."""

    patience_s: float  # for one answer
    until: float  # the monotonic moment from which nobody waits for an answer any more


class _Common:
    """What both kinds share: the line, the output, the clock of the whole room."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.line: Line | None = None
        self._until = float("inf")
        self._patience_s = 10.0
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()

    @property
    def until(self) -> float:
        """The monotonic moment from which nobody waits for an answer any more."""
        return self._until

    @until.setter
    def until(self, moment: float) -> None:
        self._until = moment
        if self.line is not None:
            self.line.until = moment

    @property
    def patience_s(self) -> float:
        """How long one answer may take."""
        return self._patience_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self._patience_s = seconds
        if self.line is not None:
            self.line.patience_s = seconds

    def said(self) -> str:
        """Return the end of what the worker wrote to its output."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - 2000))
        return self._output.read(2000).decode(errors="replace")

    def _connect(self, end: socket.socket) -> Line:
        line = Line(end, known_carriers(self.layout.role), describe=_told, trusting=False)
        line.until = self._until
        line.patience_s = self._patience_s
        self.line = line
        return line

    def _hang_up(self) -> None:
        if self.line is not None:
            self.line.close("the worker was stopped")
            self.line = None


class Walled(_Common):
    """A sandbox of bubblewrap: own users, processes, network, mounts."""

    tier = "walled"

    def __init__(self, layout: Layout, preload: Iterable[str] = (), *, later: bool = False) -> None:
        super().__init__(layout)
        self._folder = made("doors")
        self._doors: Doors | None = None  # with `later`, until somebody begins here
        own, theirs = socket.socketpair()
        with theirs, _filter() as calls:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                walls.command(layout, self._folder, theirs.fileno(), calls),
                pass_fds=[theirs.fileno(), *([] if calls is None else [calls])],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                env={},
            )
        own.settimeout(_START_S)
        self._control = own
        try:
            self._furnish(preload)
            if not later:
                self.begin()
        except GraderFault:
            self.close()
            raise

    def _furnish(self, preload: Iterable[str]) -> None:
        self._tell(
            {
                "paths": walls.paths_inside(),
                "preload": [
                    "grader.worker",
                    f"shared.contracts.benches.{self.layout.role}",
                    "shared.contracts.messages",
                    *preload,
                ],
                "limits": dict(walls.LIMITS),
                "memory": walls.MEMORY,
                "stranger": walls.stranger(),
                "room": [self.layout.role, self.layout.package, self.layout.driver],
                "doors": walls.DOORS,
            }
        )
        self._hear()

    def begin(self) -> None:
        """Open the doors of an empty house: whatever was in it before is dead and gone."""
        word = secrets.token_hex(8)
        self._doors = Doors(self._folder)
        self._tell({"do": "renew", "word": word})
        answer, _data = self._hear()
        if answer.get("word") != word:
            raise GraderFault("The sandbox answers what it was asked before.")
        self._output.seek(0)
        self._output.truncate()

    def leave(self) -> None:
        """End what runs in there and keep the house: the next one begins in it."""
        self.kill()
        if self._doors is not None:
            self._doors.close()

    def open(self) -> Remote:
        """Return the desk of a worker: a new one if there is none alive."""
        if self.line is None or self.line.lost:
            self.kill()
            own, theirs = socket.socketpair()
            with theirs:
                self._tell({"do": "start"}, handles=[theirs.fileno(), self._output.fileno()])
                self._hear()
            self._connect(own)
        assert self.line is not None  # noqa: S101 - just connected
        return self.line.first()

    def kill(self) -> None:
        """Kill the worker at once, as a power cut would, and all that it started."""
        self._hang_up()
        self._tell({"do": "kill"})
        self._hear()

    def put(self, name: str, data: bytes) -> str:
        """Write a file into the scratch folder; return its path as the worker sees it."""
        self._tell({"do": "put", "name": name, "bytes": len(data)}, data)
        answer, _data = self._hear()
        if not answer["ok"]:
            raise LineLost(f"no file can be put beside the room any more ({answer['why']})")
        return f"/scratch/{name}"

    def take(self, name: str) -> bytes | None:
        """Return a file's bytes once the worker is dead; None if it isn't a file."""
        self.kill()
        return self.peek(name)

    def peek(self, name: str) -> bytes | None:
        """Return a file's bytes while the worker lives: no evidence, for it may change them."""
        self._tell({"do": "take", "name": name})
        answer, data = self._hear()
        return data if answer["ok"] else None

    def modes(self, name: str) -> dict[str, int]:
        """Return the rights (0o600) of all below a scratch folder once the worker is dead."""
        self.kill()
        self._tell({"do": "modes", "name": name})
        return {str(path): int(mode) for path, mode in self._hear()[0]["modes"].items()}

    def place(self, name: str) -> str:
        """Return the path of a scratch file as the worker sees it."""
        return f"/scratch/{name}"

    def close(self) -> None:
        """End everything in there."""
        self._hang_up()
        self._control.close()
        self._process.kill()
        self._process.wait()
        if self._doors is not None:
            self._doors.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._output.close()

    def reach(self, port: int) -> None:
        """Let the worker reach 127.0.0.1:`port` of this side at the same address."""
        if not self._begun().open_outward(port):
            return
        self._tell({"do": "door", "port": port})
        if not self._hear()[0]["ok"]:
            raise PortTaken(f"Port {port} is taken in the sandbox.")

    def expose(self) -> int:
        """Return a port: what the worker serves there on 127.0.0.1, this side finds there too."""
        return self._begun().open_inward()

    def _begun(self) -> Doors:
        if self._doors is None:
            raise GraderFault("Nobody began in this sandbox.")
        return self._doors

    def _tell(self, message: Mapping[str, Any], data: bytes = b"", handles: Any = ()) -> None:  # noqa: ANN401
        if sys.platform == "win32":
            raise NotImplementedError("there are no walls on Windows")
        text = json.dumps(message).encode()
        frame = struct.pack("!I", len(text)) + text
        try:
            if handles:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", handles))
                self._control.sendmsg([frame], [rights])
            else:
                self._control.sendall(frame + data)
        except OSError as error:
            raise GraderFault(f"The sandbox is gone: {error}. {self.said()}") from None

    def _hear(self) -> tuple[dict[str, Any], bytes]:
        try:
            (length,) = struct.unpack("!I", self._exactly(4))
            answer = json.loads(self._exactly(length))
            return answer, self._exactly(answer["bytes"])
        except (OSError, ValueError) as error:
            raise GraderFault(f"The sandbox didn't start: {self.said().strip() or error}") from None

    def _exactly(self, size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            part = self._control.recv(size - len(parts))
            if not part:
                raise OSError("it ended")
            parts += part
        return parts


@contextlib.contextmanager
def _filter() -> Iterator[int | None]:
    """Yield a handle to read the filter of system calls from; None where there is none."""
    program = seccomp.program()
    if program is None:
        yield None
        return
    reading, writing = os.pipe()
    os.write(writing, program)  # shorter than what a pipe holds
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)


class Bare(_Common):
    """A worker without walls, for self-check where there are none: any system."""

    tier = "not isolated"

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._folder = made("scratch")
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> Remote:
        """Return the desk of a worker: a new one if there is none alive."""
        if self.line is None or self.line.lost:
            self.kill()
            self._connect(self._start())
        assert self.line is not None  # noqa: S101 - just connected
        return self.line.first()

    def _start(self) -> socket.socket:
        word = secrets.token_hex(16)
        root = self.layout.submission.parent.parent
        with socket.create_server(("127.0.0.1", 0)) as door:
            door.settimeout(_START_S)
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-I", "-B", "-c", _STARTER, str(root), str(PROJECT)],
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                cwd=self._folder,
                env={**_kept_environment(), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            about = (self.layout.role, self.layout.package, self.layout.driver)
            words = [str(door.getsockname()[1]), word, *about]
            self._process.stdin.write(("\t".join(words) + "\n").encode())
            self._process.stdin.close()
            deadline = time.monotonic() + _START_S
            while time.monotonic() < deadline:
                try:
                    end, _address = door.accept()
                except TimeoutError:
                    break
                end.settimeout(2)
                with contextlib.suppress(OSError):
                    if end.recv(len(word), socket.MSG_WAITALL) == word.encode():
                        end.settimeout(None)
                        return end
                end.close()
        raise GraderFault(f"The worker didn't start: {self.said()}")

    def kill(self) -> None:
        """Kill the worker at once, as a power cut would, and all that it started."""
        self._hang_up()
        if self._process is None:
            return
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self._process.pid)
            for member in [*family.children(recursive=True), family]:
                with contextlib.suppress(psutil.Error):
                    member.kill()
        self._process.wait()
        self._process = None

    def reach(self, port: int) -> None:
        """Let the worker reach 127.0.0.1:`port` of this side: without walls it does."""

    def expose(self) -> int:
        """Return a free port for what the worker serves on 127.0.0.1."""
        return free_port()

    def put(self, name: str, data: bytes) -> str:
        """Write a file into the scratch folder; return its path as the worker sees it."""
        return _put(Path(self.place(name)), data)

    def take(self, name: str) -> bytes | None:
        """Return a file's bytes once the worker is dead; None if it isn't a file."""
        self.kill()
        return _taken(Path(self.place(name)))

    def modes(self, name: str) -> dict[str, int]:
        """Return the rights (0o600) of all below a scratch folder once the worker is dead."""
        self.kill()
        return _modes(Path(self.place(name)))

    def place(self, name: str) -> str:
        """Return the path of a scratch file as the worker sees it."""
        return str(self._folder / name)

    def close(self) -> None:
        """End everything in there."""
        self.kill()
        self._output.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class InProcess(_Common):
    """The room in a thread of this very process: for a debugger, and for measuring the others.

    Values cross the same line, so a check can't tell the difference. A kill only hangs up.
    """

    tier = "in process"

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._folder = made("scratch")
        import rooms

        rooms.__path__ = [str(layout.submission.parent)]

    def open(self) -> Remote:
        """Return the desk of the room: a new line if there is none alive."""
        if self.line is None or self.line.lost:
            own, theirs = socket.socketpair()
            layout = self.layout
            about = (theirs, layout.role, layout.package, layout.driver)
            threading.Thread(target=work, args=about, daemon=True, name="room").start()
            self._connect(own)
        assert self.line is not None  # noqa: S101 - just connected
        return self.line.first()

    def kill(self) -> None:
        """Hang up: what the room has open stays open."""
        self._hang_up()

    def reach(self, port: int) -> None:
        """Let the room reach 127.0.0.1:`port`: it does."""

    def expose(self) -> int:
        """Return a free port for what the room serves on 127.0.0.1."""
        return free_port()

    def put(self, name: str, data: bytes) -> str:
        """Write a file into the scratch folder; return its path."""
        return _put(Path(self.place(name)), data)

    def take(self, name: str) -> bytes | None:
        """Return a file's bytes; None if it isn't a file."""
        return _taken(Path(self.place(name)))

    def modes(self, name: str) -> dict[str, int]:
        """Return the rights (0o600) of all below a scratch folder."""
        return _modes(Path(self.place(name)))

    def place(self, name: str) -> str:
        """Return the path of a scratch file."""
        return str(self._folder / name)

    def close(self) -> None:
        """Hang up and remove the scratch folder."""
        self._hang_up()
        self._output.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _told(error: BaseException) -> Mapping[str, Any]:
    return passed_on(error) or describe(error)


def _put(path: Path, data: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def _modes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in folder.rglob("*")
        if not path.is_symlink()
    }


def _taken(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


# -I drops the folder of the script and PYTHONPATH: the two roots come as arguments.
_STARTER = """\
import sys
submission, project = sys.argv[1:]
sys.path.insert(0, project)
import rooms
rooms.__path__ = [submission + "/rooms"]
from grader import worker
worker.main()
"""


def _kept_environment() -> dict[str, str]:
    # Windows needs some of its own to open a socket or a temporary file.
    names = ("SYSTEMROOT", "TEMP", "TMP", "PATH", "LANG")
    return {name: os.environ[name] for name in names if name in os.environ}
