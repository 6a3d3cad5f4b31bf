"""The checks' own authority: certificates and tokens, true ones and forged ones, on this side."""

import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey
PEM: Final = serialization.Encoding.PEM
DER: Final = serialization.Encoding.DER
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
OURS: Final = "aiot-academy"
ISSUER: Final = "https://aiot-academy.invalid/identity"
AUDIENCE: Final = "aiot-academy-api"


def key_on(curve: ec.EllipticCurve | None = None) -> Key:
    """Return a new key, on P-256 unless told otherwise."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def key_pem(key: Key | rsa.RSAPrivateKey) -> bytes:
    """Return a private key as PEM."""
    plain = serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain)


def public_pem(key: Key) -> bytes:
    """Return a key's public half as PEM."""
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def subject(name: str, kind: str = "device", generation: int = 1) -> x509.Name:
    """Return a subject as the course writes it."""
    return named((OURS, f"{kind}-g{generation}", name))


def named(parts: tuple[str, str, str]) -> x509.Name:
    """Return a subject of organisation, unit and common name."""
    oids = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
    pairs = zip(oids, parts, strict=True)
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in pairs])


@dataclass(frozen=True, slots=True)
class Papers:
    """A certificate, its key, and the chain to show: all PEM."""

    certificate: x509.Certificate
    key: Key
    chain: bytes

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(DER)


class House:
    """A root and an issuing authority of the checks' own, made anew for each check."""

    def __init__(self, label: str = "checks") -> None:
        self.root_key, self.issuing_key = key_on(), key_on()
        root, issuing = (named((OURS, label, f"{label} {what}")) for what in ("root", "issuing"))
        self.root = self._authority(root, self.root_key, root, 1)
        self.issuing = self._authority(issuing, self.issuing_key, root, 0)

    def _authority(self, name: x509.Name, key: Key, issuer: x509.Name, length: int) -> Any:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer, name, key.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(now - timedelta(days=90))
        builder = builder.not_valid_after(now + timedelta(days=90))
        for extension, critical in (
            (x509.BasicConstraints(ca=True, path_length=length), True),
            (usage(signs=True), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.root_key, hashes.SHA256())

    def papers(
        self,
        name: x509.Name,
        *,
        purpose: x509.ObjectIdentifier = CLIENT,
        hosts: Sequence[str] = (),
        life: tuple[timedelta, timedelta] = (timedelta(days=-1), timedelta(days=1)),
        by: Key | None = None,
    ) -> Papers:
        """Return a leaf; `life` is from now, `by` signs in the issuing authority's name."""
        key, now = key_on(), datetime.now(UTC)
        builder = x509.CertificateBuilder(
            self.issuing.subject, name, key.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(now + life[0]).not_valid_after(now + life[1])
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage(signs=False), True),
            (x509.ExtendedKeyUsage([purpose]), False),
            (
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuing_key.public_key()),
                False,
            ),
        ]
        if hosts:
            extensions.append((x509.SubjectAlternativeName([*map(host_name, hosts)]), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        found = builder.sign(by or self.issuing_key, hashes.SHA256())
        return Papers(found, key, found.public_bytes(PEM) + self.issuing.public_bytes(PEM))

    def revocations(
        self, serials: Sequence[int], life: timedelta = timedelta(days=1), by: Key | None = None
    ) -> bytes:
        """Return a list of revoked serials as PEM; it began a day ago, and ends after `life`."""
        now = datetime.now(UTC)
        begin = min(now, now + life) - timedelta(days=1)
        builder = x509.CertificateRevocationListBuilder(self.issuing.subject, begin, now + life)
        for serial in serials:
            one = x509.RevokedCertificateBuilder(serial, begin).build()
            builder = builder.add_revoked_certificate(one)
        return builder.sign(by or self.issuing_key, hashes.SHA256()).public_bytes(PEM)

    @property
    def root_pem(self) -> bytes:
        """The root, which everybody trusts."""
        found: bytes = self.root.public_bytes(PEM)
        return found

    @property
    def issuing_pem(self) -> bytes:
        """The issuing certificate."""
        found: bytes = self.issuing.public_bytes(PEM)
        return found


def usage(*, signs: bool) -> x509.KeyUsage:
    """Return the usage of an authority, or of a leaf."""
    names = "content_commitment key_encipherment data_encipherment key_agreement encipher_only"
    others = dict.fromkeys([*names.split(), "decipher_only"], False)
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **others)


def host_name(host: str) -> x509.GeneralName:
    """Return a host as an alternative name: an address or a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def request(
    name: x509.Name, key: Key | rsa.RSAPrivateKey, *extensions: x509.ExtensionType
) -> bytes:
    """Return a signing request (PEM)."""
    builder = x509.CertificateSigningRequestBuilder(name)
    for one in extensions:
        builder = builder.add_extension(one, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def stolen_request(name: x509.Name) -> bytes:
    """Return a request with somebody else's key in it: the signature is by another one."""
    mine, theirs = key_on(), key_on()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    own, other = (key.public_key().public_bytes(DER, spki) for key in (mine, theirs))
    der = x509.load_pem_x509_csr(request(name, mine)).public_bytes(DER)
    text = base64.encodebytes(der.replace(own, other)).decode()
    head = "CERTIFICATE REQUEST-----\n"
    return f"-----BEGIN {head}{text}-----END {head}".encode()


# --- tokens


def part(content: object) -> str:
    """Return JSON (or bytes as they are) in the letters of a token."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpart(text: str) -> Any:
    """Return what a part of a token says; ValueError if that can't be read."""
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def token(header: object, claims: object, key: Key) -> str:
    """Return a token signed by `key` with ES256, whatever its header says (RFC 7518, 3.4)."""
    body = f"{part(header)}.{part(claims)}"
    numbers = decode_dss_signature(key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{body}.{part(b''.join(one.to_bytes(32, 'big') for one in numbers))}"


def hmac_token(header: object, claims: object, secret: bytes) -> str:
    """Return a token "signed" by HMAC with a public key's text as its secret."""
    body = f"{part(header)}.{part(claims)}"
    return f"{body}.{part(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def claims_at(moment: datetime, **changes: object) -> dict[str, object]:
    """Return a gateway's claims; a change to None leaves one out."""
    begin = int(moment.timestamp())
    found: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "gateway",
        "kind": "gateway",
        "scope": "write",
        "iat": begin,
        "nbf": begin,
        "exp": begin + 900,
        "jti": "0123456789abcdef",
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def key_file(keys: Mapping[str, Key], retired: Mapping[str, datetime] | None = None) -> bytes:
    """Return `keys.json` with those keys; the last one signs."""
    entries = [
        {
            "kid": kid,
            "private": key_pem(key).decode(),
            "retired_at": (retired or {})[kid].isoformat() if kid in (retired or {}) else None,
        }
        for kid, key in keys.items()
    ]
    return json.dumps(entries).encode()


def jwk(key: Key) -> dict[str, str]:
    """Return a public key as a JSON web key (RFC 7517)."""
    numbers = key.public_key().public_numbers()
    x, y = (part(one.to_bytes(32, "big")) for one in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
