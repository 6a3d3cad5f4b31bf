"""The checks' own ends of TLS: who knocks at a student's server, and at what a student knocks."""

import socket
import ssl
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from grader.checks.room6_security.forge import House, Papers, key_pem, subject

LIMIT_S = 8.0
MOST = 1 << 16
GREETING = b"welcome"


def context(
    side: int, papers: Papers | None, trust: bytes | None, *, newest: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """Return a context of this side. `newest` 1.1 or less is spoken as nobody should any more."""
    found = ssl.SSLContext(side)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    with tempfile.TemporaryDirectory(prefix="academy-papers-") as place:
        path = Path(place) / "papers.pem"  # a file: a list of revocations is read from nowhere else
        path.touch(mode=0o600)
        if trust is not None:
            path.write_bytes(trust)
            found.load_verify_locations(path)
        if papers is not None:
            path.write_bytes(papers.chain + key_pem(papers.key))
            found.load_cert_chain(path)
    if newest is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is deprecated is the point
            if newest < ssl.TLSVersion.TLSv1_2:
                found.set_ciphers("ALL:@SECLEVEL=0")
                found.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            found.maximum_version = newest
    return found


def knock(port: int, papers: Papers | None, newest: ssl.TLSVersion | None = None) -> bytes:
    """Return what a server says to whoever shows `papers`: empty if it lets nobody in.

    Reads to the end: in TLS 1.3 a handshake alone says nothing.
    """
    heard = b""
    with suppress(OSError):
        line = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        own = context(ssl.PROTOCOL_TLS_CLIENT, papers, None, newest=newest)
        with own.wrap_socket(line, server_hostname="localhost") as safe:
            heard = to_the_end(safe)
    return heard


def to_the_end(line: socket.socket) -> bytes:
    """Return what comes until the other side ends; no more than a little, and not for ever."""
    heard, until = b"", time.monotonic() + LIMIT_S
    with suppress(OSError):  # an end, too
        while len(heard) < MOST and time.monotonic() < until and (data := line.recv(4096)):
            heard += data
    return heard


def shout(port: int, words: bytes) -> None:
    """Say something that isn't TLS, and wait until the other side has had enough."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), LIMIT_S) as line:
        line.settimeout(LIMIT_S)
        if words:
            line.sendall(words)
            line.shutdown(socket.SHUT_WR)
            to_the_end(line)


class Server:
    """A TLS server of this side. What a client sends it, and shows it, is kept."""

    def __init__(self, own: ssl.SSLContext) -> None:
        self._context = own
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self.heard: list[tuple[bytes, bytes]] = []  # (what was said, the certificate shown)
        threading.Thread(target=self._serve, daemon=True, name="tls-end").start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _address = self._door.accept()
                line.settimeout(LIMIT_S)
                with suppress(OSError):
                    self._greet(line)
                line.close()

    def _greet(self, line: socket.socket) -> None:
        said, shown, plain = b"", b"", line.dup()
        plain.settimeout(LIMIT_S)
        try:
            with self._context.wrap_socket(line, server_side=True) as safe:
                shown = safe.getpeercert(binary_form=True) or b""
                said = safe.recv(64)
                safe.sendall(GREETING)
        finally:
            self.heard.append((said, shown))
            # What is left unread would turn the close into a reset, and take the alert along.
            with plain, suppress(OSError):
                plain.shutdown(socket.SHUT_WR)
                to_the_end(plain)


def server_of(house: House, papers: Papers, **options: Any) -> ssl.SSLContext:
    """Return the context of a server that asks for a certificate of `house`, and checks it."""
    found = context(ssl.PROTOCOL_TLS_SERVER, papers, house.root_pem, **options)
    found.verify_mode = ssl.CERT_REQUIRED
    return found


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str:
    """Shake hands within this process; return "" or why it failed, seen from either side."""
    left, right = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(left, right, server_hostname=host)
    far = server.wrap_bio(right, left, server_side=True)
    for _turn in range(8):
        for end, act in ((near, near.do_handshake), (far, far.do_handshake)):
            del end
            try:
                act()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return str(error)
    try:  # in TLS 1.3 the server's verdict on the client's certificate comes with the first read
        near.read(1)
    except ssl.SSLWantReadError:
        return ""
    except ssl.SSLError as error:
        return str(error)
    return ""


def speaks_old(house: House) -> bool:
    """Return whether this machine's library can speak TLS 1.1 at all; some were built without."""
    papers, old = house.papers(subject("old")), ssl.TLSVersion.TLSv1_1
    sides = (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    server, client = (context(side, papers, None, newest=old) for side in sides)
    return shaken(server, client, "localhost") == ""
