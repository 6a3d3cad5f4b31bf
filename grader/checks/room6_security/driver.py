"""Drives Room 6 inside the worker: opens what a check names, and passes on what came."""

import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.contracts.messages import Principal
from shared.contracts.ports import SecurityParts
from shared.contracts.settings import IdentitySettings, Settings

LIMIT_S = 8.0


def root_and_chain(room: Any, folder: str) -> tuple[bytes, bytes]:
    """Return root and issuing certificate of the authority in `folder`."""
    authority = room.open_authority(folder)
    return authority.root(), authority.chain()


def signed(
    room: Any,
    folder: str,
    request: bytes,
    party: tuple[str, str, int],
    life: timedelta | None = None,
    hosts: tuple[str, ...] = (),
) -> bytes:
    """Return the leaf for a request."""
    authority = room.open_authority(folder)
    if life is None:
        return bytes(authority.sign(request, *party, hosts=hosts))
    return bytes(authority.sign(request, *party, life, hosts))


def withdrawn(room: Any, folder: str, leaves: list[bytes]) -> bytes:
    """Revoke leaves one by one; return the list."""
    authority = room.open_authority(folder)
    for leaf in leaves:
        authority.revoke(leaf)
    return bytes(authority.revocations())


class Endpoint:
    """A server with the room's context: greets who is let in, notes why the others weren't."""

    def __init__(self, room: Any, context: ssl.SSLContext, port: int) -> None:
        self.noted: list[str] = []
        self._room = room
        self._context = context
        self._door = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def log(self) -> list[str]:
        """Return what was noted so far."""
        return list(self.noted)

    def _serve(self) -> None:
        while True:
            line, _address = self._door.accept()
            line.settimeout(LIMIT_S)
            try:
                with self._context.wrap_socket(line, server_side=True) as safe:
                    shown = safe.getpeercert(binary_form=True) or b"nobody"
                    safe.sendall(b"welcome " + shown)
                self.noted.append("let in")
            except OSError as error:
                self.noted.append(self._room.why_refused(error))
                line.close()


def serve(
    room: Any, port: int, papers: tuple[str, str, str], revocations: str | None, *, require: bool
) -> Endpoint:
    """Serve on `port` with the room's server context."""
    context = room.server_context(*papers, require_client=require, revocations=revocations)
    return Endpoint(room, context, port)


def knock(
    room: Any, port: int, host: str, papers: tuple[str, str, str], secret: bytes
) -> tuple[str, bytes]:
    """Connect with the room's client context, say `secret`; return what came of it."""
    return _knocked(room, room.client_context(*papers), (port, host), secret)


def knock_with_system_roots(
    room: Any, port: int, host: str, papers: tuple[str, str, str], secret: bytes, system: str
) -> tuple[str, bytes]:
    """Do the same on a machine whose own list of authorities is the file `system`."""
    os.environ["SSL_CERT_FILE"] = system
    try:
        context = room.client_context(*papers)
    finally:
        del os.environ["SSL_CERT_FILE"]
    return _knocked(room, context, (port, host), secret)


def knock_bare(room: Any, port: int, authority: str) -> tuple[str, bytes]:
    """Connect without a certificate, which isn't the room's doing; its `why_refused` is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=authority)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), LIMIT_S) as line,
            context.wrap_socket(line, server_hostname="localhost") as safe,
        ):
            return "let in", safe.recv(64)
    except OSError as error:
        return room.why_refused(error), b""


def _knocked(
    room: Any, context: ssl.SSLContext, door: tuple[int, str], secret: bytes
) -> tuple[str, bytes]:
    try:
        with (
            socket.create_connection(("127.0.0.1", door[0]), LIMIT_S) as line,
            context.wrap_socket(line, server_hostname=door[1]) as safe,
        ):
            safe.sendall(secret)
            return "let in", safe.recv(64)
    except OSError as error:
        return room.why_refused(error), b""


def why(room: Any, texts: list[str]) -> list[str]:
    """Return what `why_refused` says of errors that come from elsewhere."""
    return [room.why_refused(OSError(text)) for text in texts]


def tokens(room: Any, folder: str, lifetime_s: float, now: Callable[[], datetime]) -> Any:
    """Return issuer and verifier over a key set."""
    return room.open_tokens(folder, lifetime_s, now)


def gate(room: Any, folder: str, telemetry: Any) -> Any:
    """Return the gate over an identity folder."""
    settings = Settings(identity=IdentitySettings(folder=folder))
    return room.build(settings, SecurityParts(None, telemetry)).gate  # type: ignore[arg-type]


def allowed(room: Any, asked: list[tuple[Principal, str, str | None]]) -> list[bool]:
    """Return the answer to each question."""
    return [room.may(*one) for one in asked]


def written(_room: Any, path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file with the rights that a check names."""
    place = Path(path)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = place.with_name(".written")
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(place)


def kept(room: Any, path: str, content: bytes, umask: int = 0o022) -> None:
    """Keep a secret by a process of that umask."""
    before = os.umask(umask)
    try:
        room.keep_secret(path, content)
    finally:
        os.umask(before)


def kept_on_a_full_disk(room: Any, path: str, content: bytes, room_for: int) -> str:
    """Keep a secret where files can't be longer than `room_for` bytes; return what was raised."""
    if sys.platform == "win32":
        raise NotImplementedError("Windows limits no process's files")
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_for, hard))
    try:
        room.keep_secret(path, content)
    except OSError as error:
        return type(error).__name__
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    return "nothing"


def flushed(_room: Any) -> None:
    """Let go of what was printed: a killed process would take it along."""
    sys.stdout.flush()
    sys.stderr.flush()


class Watched(str):
    """A text that counts how often it, or its bytes, were compared by `==`."""

    times: list[int]
    __slots__ = ("times",)

    def __eq__(self, other: object) -> bool:
        self.times.append(1)
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        self.times.append(1)
        return str.__ne__(self, other)

    __hash__ = str.__hash__

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return its bytes, watched too."""
        found = WatchedBytes(str.encode(self, encoding, errors))
        found.times = self.times
        return found


class WatchedBytes(bytes):
    """Bytes that count how often they were compared by `==`."""

    times: list[int]

    def __eq__(self, other: object) -> bool:
        self.times.append(1)
        return bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        self.times.append(1)
        return bytes.__ne__(self, other)

    __hash__ = bytes.__hash__


def compared(room: Any, shown: str, kept_: str) -> tuple[bool, int]:
    """Return the answer, and how often the two were compared by `==`."""
    times: list[int] = []
    left, right = Watched(shown), Watched(kept_)
    left.times = right.times = times
    return bool(room.same_secret(left, right)), len(times)
