"""Intruders, one after another, at a real TLS endpoint on loopback, and what its log says."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography import x509

from shared.contracts.ports import AccessRefused
from shared.contracts.todo import Todo
from shared.language import _

from ..authority import FileAuthority, key_text, new_key, open_authority
from ..bearer import ALGORITHM, AUDIENCE, ISSUER, open_tokens
from ..channels import client_context, server_context, why_refused
from ..signing import make_request
from .keeping import keep

HOSTS: Final = ("localhost", "127.0.0.1")
LIMIT_S: Final = 3.0


class Endpoint:
    """A server that greets who is let in, and notes why the others weren't."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.log: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _address = self._socket.accept()
            except OSError:
                return
            line.settimeout(LIMIT_S)
            try:
                with self._context.wrap_socket(line, server_side=True) as safe:
                    safe.sendall(b"welcome")
                    self.log.append("let in")
            except (OSError, ssl.SSLError) as error:
                self.log.append(why_refused(error))
                line.close()


class Gallery:
    """Keys, certificates and an endpoint in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ours = open_authority(str(folder / "ours"))
        self._theirs = open_authority(str(folder / "theirs"))
        self._root = folder / "root.pem"
        self._root.write_bytes(self._ours.root())

    def authorities(self) -> Iterator[str]:
        """Yield what can be read in our authority's two certificates."""
        for text in (self._ours.root(), self._ours.chain()):
            found = x509.load_pem_x509_certificate(text)
            days = (found.not_valid_after_utc - found.not_valid_before_utc).days
            told = _("{name}: {days} days, serial {serial:x}")
            name = found.subject.rfc4514_string()
            yield told.format(name=name, days=days, serial=found.serial_number)

    def open(self) -> None:
        """Open the endpoint, with its own papers and, once 6.5 is written, with a list."""
        folder = self._folder
        self.papers(self._ours, "api", "api", hosts=HOSTS)
        self._stolen = self.papers(self._ours, "stolen", "device")
        revocations = None
        with suppress(Todo):
            self._ours.revoke((folder / "stolen.leaf").read_bytes())
            (folder / "revoked.pem").write_bytes(self._ours.revocations())
            revocations = str(folder / "revoked.pem")
        context = server_context(
            str(folder / "api.pem"),
            str(folder / "api.key"),
            str(self._root),
            require_client=True,
            revocations=revocations,
        )
        self.endpoint = Endpoint(context)
        self._tokens = open_tokens(str(folder / "keys"), 900.0)

    def visitors(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield who comes, and what calls at the door; the answer is what the door's log says."""
        # A certificate begins five minutes ago: one of a minute has been over for four.
        over = timedelta(minutes=1)
        yield _("a device of ours"), lambda: self._call(self.papers(self._ours, "dev1", "device"))
        yield _("nobody's certificate"), lambda: self._call(None)
        yield (
            _("one of a foreign authority"),
            lambda: self._call(self.papers(self._theirs, "dev2", "device")),
        )
        yield (
            _("one of last month"),
            lambda: self._call(self.papers(self._ours, "dev3", "device", life=over)),
        )
        yield (
            _("a server's, used to connect"),
            lambda: self._call(self.papers(self._ours, "srv", "broker", hosts=HOSTS)),
        )
        yield _("a revoked one"), lambda: self._call(self._stolen)
        yield _("plain text"), self._plain
        yield _("TLS 1.1"), self._old
        yield (
            _("a token of ours"),
            lambda: self._token(self._tokens.issue("gateway", "gateway").text),
        )
        yield _("a token that says alg none"), lambda: self._token(self._unsigned())
        yield _("a token signed by another key"), lambda: self._token(self._foreign())

    def papers(
        self,
        authority: FileAuthority,
        name: str,
        kind: str,
        life: timedelta = timedelta(days=1),
        hosts: tuple[str, ...] = (),
    ) -> tuple[str, str]:
        """Return the paths of a party's chain and key."""
        key = key_text(new_key())
        request = make_request(key, name, kind, 1)
        leaf = authority.sign(request, name, kind, 1, life, hosts)
        (self._folder / f"{name}.leaf").write_bytes(leaf)
        (self._folder / f"{name}.pem").write_bytes(leaf + authority.chain())
        keep(self._folder / f"{name}.key", key)
        return str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key")

    def _call(self, papers: tuple[str, str] | None) -> str:
        if papers is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(str(self._root))
        else:
            context = client_context(*papers, str(self._root))
        return self._knock(context)

    def _old(self) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(str(self._root))
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is deprecated is the point
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return self._knock(context)

    def _knock(self, context: ssl.SSLContext) -> str:
        before = len(self.endpoint.log)
        try:
            with (
                socket.create_connection(("127.0.0.1", self.endpoint.port), LIMIT_S) as line,
                context.wrap_socket(line, server_hostname="127.0.0.1") as safe,
            ):
                safe.recv(16)  # in TLS 1.3 the answer comes with the first read
        except OSError:
            pass  # the door's own log says why
        return self._logged(before)

    def _plain(self) -> str:
        before = len(self.endpoint.log)
        with socket.create_connection(("127.0.0.1", self.endpoint.port), LIMIT_S) as line:
            line.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(ConnectionError):
                line.recv(16)
        return self._logged(before)

    def _logged(self, before: int) -> str:
        pause = threading.Event()
        deadline = datetime.now(UTC) + timedelta(seconds=LIMIT_S)
        while len(self.endpoint.log) == before and datetime.now(UTC) < deadline:
            pause.wait(0.005)
        return self.endpoint.log[-1] if len(self.endpoint.log) > before else "?"

    def _token(self, text: str) -> str:
        try:
            self._tokens.verify(text)
        except AccessRefused as refused:
            return refused.reason
        return "let in"

    def _unsigned(self) -> str:
        return jwt.encode({"sub": "gateway"}, "", "none", headers={"typ": "at+jwt"})

    def _foreign(self) -> str:
        own = jwt.get_unverified_header(self._tokens.issue("gateway", "gateway").text)
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "gateway", "kind": "gateway"}
        claims |= {"scope": "write", "jti": "1"}
        times = {"iat": now, "nbf": now, "exp": now + 900}
        headers = {"kid": own["kid"], "typ": own["typ"]}
        return jwt.encode({**claims, **times}, new_key(), ALGORITHM, headers=headers)
