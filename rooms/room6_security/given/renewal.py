"""Renewing in time: the authority's own certificates, and the list of revocations.

A certificate is renewed with the key and the name that it had, so that all it signed stays good:
a leaf's chain leads to the new one as it led to the old.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .keeping import keep, kept

RENEWED_BELOW: Final = 1 / 3
"""Share of its life at which a certificate is renewed."""


def read_certificate(path: Path) -> x509.Certificate:
    """Return the certificate (PEM) in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def is_old(found: x509.Certificate) -> bool:
    """Return whether a certificate is in the last third of its life, or over."""
    return _near_end(found.not_valid_before_utc, found.not_valid_after_utc)


def is_list_old(path: Path) -> bool:
    """Return whether a list of revocations (PEM file) is missing or near its end.

    A server that holds a list which is over refuses everybody.
    """
    if not path.exists():
        return True
    found = x509.load_pem_x509_crl(path.read_bytes())
    end = found.next_update_utc
    return end is None or _near_end(found.last_update_utc, end)


def renew_authority(folder: Path) -> None:
    """Renew the root and the issuing certificate in `folder`, each if it is old; keys stay.

    The issuing one is asked after the root: it never outlives it.
    """
    if not (folder / "issuing.pem").exists():
        return  # nothing to renew yet
    root = read_certificate(folder / "root.pem")
    issuing = read_certificate(folder / "issuing.pem")
    if is_old(root):
        root = _again(folder, "root.pem", root, root)
    if is_old(issuing):
        _again(folder, "issuing.pem", issuing, root)


def _again(
    folder: Path, file: str, old: x509.Certificate, issuer: x509.Certificate
) -> x509.Certificate:
    """Sign the same name, key and extensions again with the root's key, for as long a life."""
    begin = datetime.now(UTC)
    end = begin + (old.not_valid_after_utc - old.not_valid_before_utc)
    if issuer is not old:
        end = min(end, issuer.not_valid_after_utc)
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), serial, begin, end)
    for one in old.extensions:
        builder = builder.add_extension(one.value, critical=one.critical)
    key = serialization.load_pem_private_key(kept(folder / "root.key"), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("expected a key on an elliptic curve")
    found = builder.sign(key, hashes.SHA256())
    keep(folder / file, found.public_bytes(serialization.Encoding.PEM))
    return found


def _near_end(begin: datetime, end: datetime) -> bool:
    return end - datetime.now(UTC) < (end - begin) * RENEWED_BELOW
