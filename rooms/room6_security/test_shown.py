"""Room 6, the checks that you can read. `./academy check 6` runs them."""

import base64
import contextlib
import datetime as dt
import json
import os
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from grader.evidence import expect, expect_refused, expect_that, task
from grader.sandbox import Sandbox
from shared.contracts.messages import Principal

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
PEM = serialization.Encoding.PEM


def new_key() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """Return a key on P-256, and its PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key, key.private_bytes(PEM, form, serialization.NoEncryption())


@task("6.1")
def test_the_root_signs_the_issuing_certificate(room: Any, sandbox: Sandbox) -> None:
    """A root may be followed by one more authority, an issuing certificate by none."""
    pems = room.root_and_chain(sandbox.place("shown-authority"))
    root, issuing = (x509.load_pem_x509_certificate(pem) for pem in pems)
    expect(issuing.issuer, root.subject, "Opened an authority. Who signed the issuing certificate?")
    for found, length in ((root, 1), (issuing, 0)):
        value = found.extensions.get_extension_for_class(x509.BasicConstraints).value
        did = f"Read the basic constraints of {found.subject.rfc4514_string()}."
        expect((value.ca, value.path_length), (True, length), did)


@task("6.2")
def test_a_device_gets_its_leaf(room: Any, sandbox: Sandbox) -> None:
    """From a request for box-1 comes a leaf for box-1, which is no authority."""
    request = room.make_request(new_key()[1], "box-1", "device", 1)
    pem = room.signed(sandbox.place("shown-authority"), request, ("box-1", "device", 1))
    found = x509.load_pem_x509_certificate(pem)
    did = "Made a request for the device box-1 and had it signed."
    expect(found.subject.rfc4514_string(), "CN=box-1,OU=device-g1,O=aiot-academy", did)
    value = found.extensions.get_extension_for_class(x509.BasicConstraints).value
    expect(value.ca, False, f"{did} Is the leaf an authority?")


@task("6.2")
def test_nobody_gets_anothers_leaf(room: Any, sandbox: Sandbox) -> None:
    """A request for box-2 is refused where box-1 is enrolled."""
    request = room.make_request(new_key()[1], "box-2", "device", 1)
    place = sandbox.place("shown-authority")
    did = "Asked for the leaf of box-1 by a request that names box-2."
    expect_refused(lambda: asked_for("box-1", room, place, request), did, kind="RequestRefused")
    found = asked_for("box-2", room, place, request)
    did = "Asked for the leaf of box-2 by the same request."
    expect(found, "CN=box-2,OU=device-g1,O=aiot-academy", did)


def asked_for(name: str, room: Any, place: str, request: bytes) -> str:
    """Return the subject of the leaf that `name` gets for a request."""
    pem = room.signed(place, request, (name, "device", 1))
    return x509.load_pem_x509_certificate(pem).subject.rfc4514_string()


def by_itself(folder: Path) -> None:
    """Make a root and a server's certificate in one: enough for one handshake of a check."""
    key, pem = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shown")])
    now = dt.datetime.now(dt.UTC)
    life = (now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, *life)
    authority = x509.BasicConstraints(ca=True, path_length=0)
    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    builder = builder.add_extension(authority, critical=True).add_extension(hosts, critical=False)
    (folder / "shown.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(PEM))
    (folder / "shown.key").write_bytes(pem)


@task("6.3")
def test_who_shows_a_certificate_reads(room: Any, sandbox: Sandbox) -> None:
    """Who shows a certificate of ours reads; who shows none finishes its handshake, and doesn't."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        by_itself(folder)
        papers = tuple(
            sandbox.put(f"shown/{file}", (folder / file).read_bytes())
            for file in ("shown.pem", "shown.key", "shown.pem")
        )
        port = sandbox.expose()
        room.serve(port, papers, None, require=True)
        context = ssl.create_default_context(cafile=folder / "shown.pem")
        did = "Connected to your server without a certificate, and read."
        expect(read(port, context), b"", did)
        context.load_cert_chain(folder / "shown.pem", folder / "shown.key")
        did = "Connected to your server with a certificate of its own authority, and read."
        expect(read(port, context)[:7], b"welcome", did)


def read(port: int, context: ssl.SSLContext) -> bytes:
    """Return what a server says first, empty if it says nothing."""
    with contextlib.suppress(OSError):
        line = socket.create_connection(("127.0.0.1", port), 8)
        with context.wrap_socket(line, server_hostname="localhost") as safe:
            return safe.recv(4096)
    return b""


@task("6.4")
def test_a_token_of_ours_is_good(room: Any, sandbox: Sandbox) -> None:
    """The gateway's token is good, and says what it may."""
    tokens = room.tokens(sandbox.place("shown-keys"), 900.0, lambda: NOW)
    found = tokens.verify(tokens.issue("gateway", "gateway").text)
    wanted = Principal("gateway", "gateway", frozenset({"write"}))
    expect(found, wanted, "Issued a token for the gateway, and verified it.")


@task("6.4")
def test_a_token_may_not_choose_how_it_is_verified(room: Any, sandbox: Sandbox) -> None:
    """A token may not choose how it is verified."""
    tokens = room.tokens(sandbox.place("shown-keys"), 900.0, lambda: NOW)
    parts = ({"alg": "none", "typ": "at+jwt"}, {"sub": "gateway", "kind": "gateway"})
    text = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts)
    did = 'Sent a token with "alg": "none" and no signature.'
    error = expect_refused(lambda: tokens.verify(f"{text}."), did, kind="AccessRefused")
    expect(error.text, "token-algorithm", f"{did} The code:")
    found = tokens.verify(tokens.issue("gateway", "gateway").text)
    expect(found.subject, "gateway", "Sent a token of your own afterwards. Whose is it?")


@task("6.5")
def test_two_keys_overlap(room: Any, sandbox: Sandbox) -> None:
    """After a rotation the old key still verifies, and the new one signs."""
    keys = room.open_keys(sandbox.place("shown-rotation"), lambda: NOW)
    (first,) = keys.key_ids()
    second = keys.rotate()
    expect(list(keys.key_ids()), [first, second], "Rotated once, and asked for the ids.")


@task("6.5")
def test_a_withdrawn_leaf_is_listed(room: Any, sandbox: Sandbox) -> None:
    """A withdrawn leaf's serial stands in the list."""
    place = sandbox.place("shown-authority")
    request = room.make_request(new_key()[1], "box-1", "device", 1)
    pem = room.signed(place, request, ("box-1", "device", 1))
    serial = x509.load_pem_x509_certificate(pem).serial_number
    found = x509.load_pem_x509_crl(room.withdrawn(place, [pem]))
    listed = serial in {one.serial_number for one in found}
    expect_that(listed, "Withdrew the leaf of box-1.", "its serial in the list", listed)


@task("6.6")
def test_a_device_writes_as_itself(room: Any) -> None:
    """A device writes its own readings, and nobody else's."""
    found = room.rights_of("box-1", "device", "CN=box-1")
    wanted = ["aiot-academy-presence/box-1", "aiot-academy/box-1/+/+"]
    expect(sorted(found.publish), wanted, "Read the filters that box-1 may publish to.")
    device = Principal("box-1", "device")
    asked = [(device, "write", "box-1"), (device, "write", "box-2"), (device, "read", None)]
    did = "May box-1 write for box-1, write for box-2, read?"
    expect(room.allowed(asked), [True, False, False], did)


@task("6.7")
def test_a_secret_is_kept_privately(room: Any, sandbox: Sandbox) -> None:
    """A secret's file has the mode 0600, and holds it whole."""
    room.kept(sandbox.place("shown-secret/word"), b"open sesame")
    if os.name == "posix":
        mode = f"{sandbox.modes('shown-secret').get('word', 0):04o}"
        expect(mode, "0600", "Kept a secret. The mode of its file:")
    expect(sandbox.take("shown-secret/word"), b"open sesame", "Kept a secret, and read its file.")


@task("6.7")
def test_what_all_can_read_is_no_secret(room: Any, sandbox: Sandbox) -> None:
    """A secret in a file of mode 0644 is refused."""
    room.written(sandbox.place("shown-open/word"), b"open sesame", 0o644)
    if os.name == "posix":
        did = "Read a secret whose file all can read."
        path = sandbox.place("shown-open/word")
        expect_refused(lambda: room.read_secret(path), did, kind="PermissionError")
        room.written(path, b"open sesame", 0o600)
        expect(room.read_secret(path), b"open sesame", "Read it once its mode is 0600.")
    else:
        expect(room.read_secret(sandbox.place("shown-open/word")), b"open sesame", "Read it.")
