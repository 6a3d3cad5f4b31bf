"""The trusted end of the doors: the few connections that may pass through a sandbox's walls.

Unix sockets in one folder, bound into the sandbox. `inward`: the keeper in there always holds one
idle connection to it; two bytes sent on it name the port in there that it is for. `PORT`: what in
there connects to 127.0.0.1:PORT arrives here and is led to 127.0.0.1:PORT of this side.
"""

import contextlib
import queue
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_PATIENCE_S = 10.0
_MOST_IDLE = 8
_AT_ONCE = 256


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Doors:
    """The folder of one sandbox's doors, and who waits behind each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._servers: list[socket.socket] = []
        self._outward: set[int] = set()
        self._idle: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._busy = threading.BoundedSemaphore(_AT_ONCE)
        self._listen(self._unix("inward"), self._wait_there)

    def open_outward(self, port: int) -> bool:
        """Lead what connects to `port` in there to the same port here; False if it does already."""
        if port in self._outward:
            return False
        self._outward.add(port)
        self._listen(self._unix(str(port)), lambda inside: self._lead_out(inside, port))
        return True

    def open_inward(self) -> int:
        """Return a port of this side that leads to the same port in there."""
        door = socket.create_server(("127.0.0.1", 0), backlog=64)
        port: int = door.getsockname()[1]
        self._listen(door, lambda caller: self._lead_in(caller, port))
        return port

    def close(self) -> None:
        """Close all doors."""
        for server in self._servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def _unix(self, name: str) -> socket.socket:
        if sys.platform == "win32":
            raise NotImplementedError("there are no walls on Windows")
        path = self.folder / name
        path.unlink(missing_ok=True)  # of whoever had the folder before
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        path.chmod(0o600)  # for the keeper; where workers are another user they can't come here
        server.listen(64)
        return server

    def _listen(self, server: socket.socket, take: Callable[[socket.socket], None]) -> None:
        self._servers.append(server)
        threading.Thread(target=_accept, args=(server, take), daemon=True, name="door").start()

    def _wait_there(self, inside: socket.socket) -> None:
        if self._idle.qsize() < _MOST_IDLE:
            self._idle.put(inside)
        else:  # the keeper holds one; whoever opens many isn't the keeper
            inside.close()

    def _lead_out(self, inside: socket.socket, port: int) -> None:
        if not self._busy.acquire(blocking=False):
            inside.close()
            return
        try:
            outside = socket.create_connection(("127.0.0.1", port), _PATIENCE_S)
        except OSError:
            self._busy.release()
            inside.close()
            return
        _join(inside, outside, self._busy.release)

    def _lead_in(self, caller: socket.socket, port: int) -> None:
        while True:
            try:
                inside = self._idle.get(timeout=_PATIENCE_S)
            except queue.Empty:
                caller.close()
                return
            try:
                inside.sendall(struct.pack("!H", port))
            except OSError:  # the keeper let it go when the house was renewed
                inside.close()
                continue
            _join(caller, inside)
            return


def _accept(server: socket.socket, take: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):  # closed
        while True:
            connection, _address = server.accept()
            take(connection)


def _join(
    one: socket.socket, other: socket.socket, ended: Callable[[], None] = lambda: None
) -> None:
    for end in (one, other):
        end.settimeout(None)
        if end.family == socket.AF_INET:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    about = (one, other, ended)
    threading.Thread(target=_converse, args=about, daemon=True, name="door").start()


def _converse(one: socket.socket, other: socket.socket, ended: Callable[[], None]) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(ended)
        stack.enter_context(one)
        stack.enter_context(other)
        back = threading.Thread(target=_carry, args=(other, one), daemon=True, name="door")
        back.start()
        _carry(one, other)
        back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
