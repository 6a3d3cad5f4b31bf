"""The same over TLS 1.3 with certificates on both sides, as the pipeline runs it."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from solutions.tests.room2_mqtt.conftest import Broker, World
from solutions.tests.room2_mqtt.doubles import birth_of, readings, wait_for

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def issue(folder: Path, name: str, by: Pair | None = None) -> Pair:
    """Write name.crt and name.key, signed by `by` or by itself, good for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(by[1] if by else key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, form, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(secret)
    return certificate, key


def context(folder: Path, name: str | None) -> ssl.SSLContext:
    """Return the context of a client that shows the certificate `name`, or none."""
    found = ssl.create_default_context(cafile=folder / "root.crt")
    if name is not None:
        found.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return found


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """Start nats-server that lets nobody in without a certificate."""
    root = issue(tmp_path, "root")
    for name in ("server", "party"):
        issue(tmp_path, name, root)
    files = {"cert_file": "server.crt", "key_file": "server.key", "ca_file": "root.crt"}
    lines = "\n".join(f'{kind}: "{(tmp_path / name).as_posix()}"' for kind, name in files.items())
    found = Broker("nats", tmp_path / "broker", f"tls {{\n{lines}\nverify: true }}")
    found.start()
    yield found
    found.kill()


def test_readings_flow_over_tls(world: World, guarded: Broker, tmp_path: Path) -> None:
    world.ring.context = context(tmp_path, "party")
    bus = world.bus(guarded.port)
    link = world.device(bus, birth_of())
    world.gateway(bus)
    link.offer(readings(0, 2_000))
    wait_for(lambda: link.progress().pending == 0, "all are vouched for")
    assert len(world.api.stored) == 2_000


def test_who_is_not_let_in_says_so_and_keeps_its_readings(
    world: World, guarded: Broker, tmp_path: Path
) -> None:
    world.ring.context = context(tmp_path, None)
    link = world.device(world.bus(guarded.port), birth_of())
    link.offer(readings(0, 10))
    # In TLS 1.3 the handshake succeeds; the alert comes with the first read.
    wait_for(lambda: any("connect" in line for line in world.tale.events), "it is told")
    assert link.progress().pending == 10
