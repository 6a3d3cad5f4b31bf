"""Process 1 within the walls: starts and kills workers, carries connections, hands out files.

It holds no secret and runs no line of a submission. Within its own process namespace no signal of
a submission reaches it, and it can't be traced (it isn't dumpable).
"""

import array
import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

assert sys.platform == "linux", "walls need Linux"  # noqa: S101 - tells the type checker too

_PR_SET_DUMPABLE: Final = 4
_LARGEST_FILE: Final = 64 * 1024 * 1024
_MOST_PAIRS: Final = 200  # connections through the doors at a time
_MOMENT_S: Final = 2.0  # nobody in here holds up the doors for longer
_LOOK_S: Final = 0.1
SCRATCH: Final = "/scratch"
WRITABLE: Final = (SCRATCH, "/tmp", "/dev/shm")  # noqa: S108 - in there, each its own tmpfs


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    room = socket.CMSG_SPACE(array.array("i").itemsize)
    head, ancillary, _flags, _from = control.recvmsg(4, room)
    if not head:
        return None
    handles: list[int] = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            handles += array.array("i", data[: len(data) - len(data) % 4]).tolist()
    head += _exactly(control, 4 - len(head))
    return json.loads(_exactly(control, struct.unpack("!I", head)[0])), handles


def _exactly(control: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = control.recv(size - len(parts))
        if not part:
            os._exit(0)
        parts += part
    return parts


def _tell(control: socket.socket, message: dict[str, Any], data: bytes = b"") -> None:
    text = json.dumps({**message, "bytes": len(data)}).encode()
    control.sendall(struct.pack("!I", len(text)) + text + data)


class Doors:
    """A dumb forwarder: ports in here that lead to sockets out there, and the other way.

    Outward: 127.0.0.1:PORT → a unix socket bound into the sandbox. Inward: one idle connection to
    `inward` is always open; its first two bytes name the port in here that it is for.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._listening: dict[int, tuple[socket.socket, str]] = {}
        self._pairs: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._idle: socket.socket | None = None

    def close(self) -> None:
        """Close every door and connection."""
        doors = [door for door, _path in self._listening.values()]
        ends = [end for pair in self._pairs.values() for end in pair]
        for one in [*doors, *ends, *([self._idle] if self._idle else [])]:
            one.close()
        self._listening, self._pairs, self._idle = {}, {}, None

    def open_outward(self, port: int) -> bool:
        """Listen on `port` in here for what out there listens at the socket of that name.

        Return False if somebody in here has that port just now.
        """
        try:
            door = socket.create_server(("127.0.0.1", port), backlog=64)
        except OSError:
            return False
        self._listening[door.fileno()] = (door, f"{self._folder}/{port}")
        return True

    def open_inward(self) -> None:
        """Hold a connection to the outside on which a caller may ask for a port in here."""
        self._idle = socket.socket(socket.AF_UNIX)
        self._idle.connect(f"{self._folder}/inward")

    def handles(self) -> list[int]:
        """Return what to watch."""
        idle = [self._idle.fileno()] if self._idle else []
        return [*self._listening, *self._pairs, *idle]

    def serve(self, handle: int) -> None:
        """Do what is due at `handle`."""
        if handle in self._listening:
            door, path = self._listening[handle]
            inside, _address = door.accept()
            if len(self._pairs) > 2 * _MOST_PAIRS:
                inside.close()
                return
            self._join(inside, path)
        elif self._idle and handle == self._idle.fileno():
            self._take_inward()
        elif handle in self._pairs:
            self._carry(handle)

    def _take_inward(self) -> None:
        caller, self._idle = self._idle, None
        if caller is None:
            return
        self.open_inward()
        try:
            port = caller.recv(2)
            address = ("127.0.0.1", struct.unpack("!H", port)[0])
            inside = socket.create_connection(address, _MOMENT_S / 2)
        except (OSError, struct.error):
            caller.close()
            return
        inside.settimeout(None)
        self._pair(inside, caller)

    def _join(self, inside: socket.socket, path: str) -> None:
        outside = socket.socket(socket.AF_UNIX)
        try:
            outside.connect(path)
        except OSError:
            inside.close()
            outside.close()
            return
        self._pair(inside, outside)

    def _pair(self, one: socket.socket, other: socket.socket) -> None:
        self._pairs[one.fileno()] = (one, other)
        self._pairs[other.fileno()] = (other, one)

    def _carry(self, handle: int) -> None:
        source, sink = self._pairs[handle]
        try:
            data = source.recv(65536)
            if data:
                sink.settimeout(_MOMENT_S)
                sink.sendall(data)
                sink.settimeout(None)
                return
            sink.shutdown(socket.SHUT_WR)
            del self._pairs[handle]
            if sink.fileno() not in self._pairs:
                source.close()
                sink.close()
        except OSError:
            for end in (source, sink):
                self._pairs.pop(end.fileno(), None)
                end.close()


class Keeper:
    """Carries out what the trusted side says over the control socket, one word at a time."""

    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._settings = settings
        self._weighed = 0.0
        self._doors = Doors(settings["doors"])

    def keep(self) -> None:
        """Serve until the trusted side hangs up; with process 1 everything in here ends."""
        own = self._control.fileno()
        while True:
            watched = [own, *self._doors.handles()]
            ready, _w, _x = select.select(watched, [], [], _LOOK_S)
            self._reap()
            if own in ready:
                if not self._obey():
                    return
                continue  # a new house may have new doors under the old numbers
            self._weigh()
            until = time.monotonic() + _MOMENT_S
            for handle in ready:
                if handle != own and time.monotonic() < until:
                    with contextlib.suppress(OSError):  # theirs, whatever it was
                        self._doors.serve(handle)

    def _weigh(self) -> None:
        """Kill everybody in here when together they take more memory than one may.

        The limits are a process's own; without this, many would have that many times as much,
        and the machine's other sandboxes would pay for it.
        """
        if time.monotonic() < self._weighed + _LOOK_S:
            return
        self._weighed = time.monotonic()
        pages = 0
        for name in os.listdir("/proc"):  # noqa: PTH208 - process 1 imports as little as it can
            if name.isdigit() and name != "1":
                with contextlib.suppress(OSError), open(f"/proc/{name}/statm", "rb") as file:  # noqa: PTH123 - the same
                    _size, resident, shared, *_rest = map(int, file.read().split())
                    pages += resident - shared
        if pages * resource.getpagesize() > self._settings["memory"]:
            self._kill()

    def _obey(self) -> bool:
        received = _receive(self._control)
        if received is None:
            return False
        order, handles = received
        match order["do"]:
            case "start":
                self._start(handles[0], handles[1])
                for handle in handles:
                    os.close(handle)
                _tell(self._control, {"ok": True})
            case "kill":
                self._kill()
                _tell(self._control, {"ok": True})
            case "renew":
                self._renew()
                _tell(self._control, {"ok": True, "word": order["word"]})
            case "door":
                _tell(self._control, {"ok": self._doors.open_outward(order["port"])})
            case "put":
                data = _exactly(self._control, order["bytes"])
                with _as(self._settings["stranger"]):
                    why = self._put(order["name"], data)
                _tell(self._control, {"ok": not why, "why": why})
            case "take":
                with _as(self._settings["stranger"]):
                    found = self._take(order["name"])
                _tell(self._control, {"ok": found is not None}, found or b"")
            case "modes":
                with _as(self._settings["stranger"]):
                    _tell(self._control, {"modes": self._modes(order["name"])})
        return True

    def _start(self, line: int, output: int) -> None:
        if os.fork():
            return
        try:
            _confine(self._settings["limits"], self._settings["stranger"])
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            kept = os.dup2(line, 3)
            os.closerange(4, 1024)
            os.chdir(SCRATCH)
            from grader import worker

            worker.work(socket.socket(fileno=kept), *self._settings["room"])
        finally:
            os._exit(0)

    def _kill(self) -> None:
        """Kill everything but this process: in here, -1 is everyone else."""
        for _again in range(50):  # a fork bomb may be faster once
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                break
            while self._reap():
                pass
            select.select([], [], [], 0.002)
        self._reap()

    def _renew(self) -> None:
        """Begin anew: nobody alive, nothing left in any place that can be written to."""
        self._kill()
        self._doors.close()
        with _as(self._settings["stranger"]):
            for place in WRITABLE:
                for entry in list(os.scandir(place)):
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        os.unlink(entry.path)  # noqa: PTH108 - process 1 imports little
        self._doors.open_inward()

    def _reap(self) -> int:
        try:
            return os.waitpid(-1, os.WNOHANG)[0]
        except ChildProcessError:
            return 0

    def _put(self, name: str, data: bytes) -> str:
        """Write a file anew; return "", or what is in the way: a submission may have put it there.

        What isn't a file is removed first: a pipe would wait, a link would lead elsewhere.
        """
        place = os.path.join(SCRATCH, name)  # noqa: PTH118 - process 1 imports as little as it can
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - the same
            if os.path.lexists(place) and not stat.S_ISREG(os.lstat(place).st_mode):
                os.unlink(place)  # noqa: PTH108 - the same
            # Over what is there: a worker may have it mapped, and would miss what is cut off.
            with os.fdopen(os.open(place, flags, 0o666), "wb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return "something else lies in its place"
                file.write(data)
                file.truncate()
        except OSError as error:
            return f"{type(error).__name__}: {error.strerror}"
        return ""

    def _take(self, name: str) -> bytes | None:
        path = os.path.join(SCRATCH, name)  # noqa: PTH118 - the same
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST_FILE:
                return None
            return file.read(_LARGEST_FILE)

    def _modes(self, name: str) -> dict[str, int]:
        """Return the rights of the files and folders below a scratch folder, links left out."""
        found: dict[str, int] = {}
        top = os.path.join(SCRATCH, name)  # noqa: PTH118 - the same
        for place, folders, files in os.walk(top):
            for path in (os.path.join(place, one) for one in (*folders, *files)):  # noqa: PTH118 - the same
                mode = os.lstat(path).st_mode
                if not stat.S_ISLNK(mode) and len(found) < 1000:  # noqa: PLR2004 - enough
                    found[os.path.relpath(path, top)] = stat.S_IMODE(mode)
        return found


@contextlib.contextmanager
def _as(stranger: int | None) -> Iterator[None]:
    """Be the workers' user for a while: their files are theirs, and read as they could."""
    if stranger is None:
        yield
        return
    os.seteuid(stranger)
    try:
        yield
    finally:
        os.seteuid(0)


def _confine(limits: dict[str, int], stranger: int | None) -> None:
    """Set the limits of this process for good: what a submission starts inherits them."""
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(number, (value, value))
    if stranger is not None:
        os.setgroups([])
        os.setresgid(stranger, stranger, stranger)
        os.setresuid(stranger, stranger, stranger)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # the worker may read its own /proc
    with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - the same
        file.write("1000")  # when memory is short, this is what the kernel ends first
    os.setsid()


def main() -> None:
    """Keep the house whose settings are the first message on the control socket."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    received = _receive(control)
    if received is None:
        return
    settings, _handles = received
    sys.path[:0] = settings["paths"]
    for name in settings["preload"]:
        __import__(name)
    keeper = Keeper(control, settings)
    _tell(control, {"ok": True})
    keeper.keep()


if __name__ == "__main__":
    main()
