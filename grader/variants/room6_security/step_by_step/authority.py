"""Our own certificate authority: a root that signs once, and an issuing one that works."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.contracts.todo import Todo

from .given.keeping import keep, kept
from .given.names import ORGANISATION
from .signing import leaf

ROOT_LIFE: Final = timedelta(days=730)
ISSUING_LIFE: Final = timedelta(days=365)
LIST_LIFE: Final = timedelta(days=7)
"""Of the list of revocations; each enrolment renews it once a third of that is left."""
LEAF_LIFE: Final = timedelta(days=30)
BACKDATED: Final = timedelta(minutes=5)
"""Clocks differ: a certificate that begins now would be refused by one that is slow."""


def open_authority(folder: str) -> "FileAuthority":
    """Return the authority in `folder`, made if it is new (folder 0700, keys 0600)."""
    return FileAuthority(Path(folder))


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key on NIST P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM (PKCS 8), not encrypted: its file's rights guard it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(text: bytes) -> ec.EllipticCurvePrivateKey:
    """Return a private key from PEM; ValueError unless it is on P-256."""
    key = serialization.load_pem_private_key(text, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("expected a key on P-256")
    return key


class FileAuthority:
    """Keys and certificates in files. Only the process that enrols ever opens it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not (folder / "issuing.pem").exists():
            self._found()
        self._issuing_key = load_key(kept(folder / "issuing.key"))
        self._issuing = x509.load_pem_x509_certificate((folder / "issuing.pem").read_bytes())

    def chain(self) -> bytes:
        """Return the issuing certificate as PEM."""
        return (self._folder / "issuing.pem").read_bytes()

    def root(self) -> bytes:
        """Return the root certificate as PEM."""
        return (self._folder / "root.pem").read_bytes()

    def sign(
        self,
        request: bytes,
        name: str,
        kind: str,
        generation: int,
        life: timedelta = LEAF_LIFE,
        hosts: tuple[str, ...] = (),
    ) -> bytes:
        """Return the leaf (PEM) for a signing request (PEM).

        Raises RequestRefused for a bad signature (no proof of possession), a name, kind or
        generation other than asked for here, or rights that a leaf can't have. `hosts` are the
        names and addresses of a server.
        """
        begin = datetime.now(UTC) - BACKDATED
        signer = (self._issuing, self._issuing_key)
        found = leaf(request, (name, kind, generation), signer, (begin, begin + life), hosts)
        return found.public_bytes(serialization.Encoding.PEM)

    def revoke(self, certificate: bytes) -> None:
        """Withdraw a leaf: its serial stands in the list from now on."""
        serial = x509.load_pem_x509_certificate(certificate).serial_number
        serials = sorted({*self._revoked(), serial})
        keep(self._folder / "revoked.json", json.dumps(list(map(str, serials))).encode())

    def revocations(self) -> bytes:
        """Return the revocation list as PEM, signed by the issuing authority (RFC 5280, 5)."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(
            self._issuing.subject, now - BACKDATED, now + LIST_LIFE
        )
        for serial in self._revoked():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder(serial, now - BACKDATED).build()
            )
        found = builder.sign(self._issuing_key, hashes.SHA256())
        return found.public_bytes(serialization.Encoding.PEM)

    def _revoked(self) -> list[int]:
        path = self._folder / "revoked.json"
        return [int(text) for text in json.loads(path.read_bytes())] if path.exists() else []

    def _found(self) -> None:
        """Make the root, which signs the issuing authority and nothing else, and that one."""
        root_key, issuing_key = new_key(), new_key()
        root_name, issuing_name = _authority_name("root"), _authority_name("issuing")
        root = _authority(root_name, root_key, root_name, root_key, 1, ROOT_LIFE)
        issuing = _authority(issuing_name, issuing_key, root_name, root_key, 0, ISSUING_LIFE)
        pem = serialization.Encoding.PEM
        keep(self._folder / "root.key", key_text(root_key))
        keep(self._folder / "issuing.key", key_text(issuing_key))
        keep(self._folder / "root.pem", root.public_bytes(pem))
        # Last: its presence says that all the others are there.
        keep(self._folder / "issuing.pem", issuing.public_bytes(pem))


def _authority_name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{ORGANISATION} {name}"),
        ]
    )


def _authority(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    path_length: int,
    life: timedelta,
) -> x509.Certificate:
    """Return an authority's certificate: critical basic constraints, key usage for signing only."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(name)
    builder = builder.public_key(key.public_key()).serial_number(secrets.randbits(128) | 1 << 128)
    builder = builder.not_valid_before(begin).not_valid_after(begin + life)
    mine = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    theirs = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(theirs, critical=False).add_extension(mine, critical=False)
    builder = builder.add_extension(SIGNING_ONLY, critical=True)
    builder = builder.add_extension(x509.BasicConstraints(True, path_length), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


SIGNING_ONLY: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
