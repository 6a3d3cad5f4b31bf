"""Certificates of a check's own, made when they are needed: an authority, a broker, a device."""

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HOST = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])


@cache
def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return the authority of this process: its key and its own certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _signed("check-ca", key, key, "check-ca", x509.BasicConstraints(True, None))


def credentials(name: str) -> bytes:
    """Return a PEM text: the key of `name`, its certificate, the authority's."""
    issuer, root = authority()
    key = ec.generate_private_key(ec.SECP256R1())
    own = _signed(name, key, issuer, "check-ca", _HOST)
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    texts = [one.public_bytes(serialization.Encoding.PEM) for one in (own, root)]
    return b"".join([key.private_bytes(*form, plain), *texts])


def door() -> ssl.SSLContext:
    """Return the context of a server that demands a certificate of that authority."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "door.pem"
        path.write_bytes(credentials("broker"))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(path))
        context.load_cert_chain(path)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    issued_by: str,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issued_by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(issuer, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
