"""From a signing request to a leaf: who asks must hold the key, and gets no more than its due."""

import ipaddress
import secrets
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.contracts.benches.identity import RequestRefused
from shared.contracts.todo import Todo
from shared.language import _

from .given.names import Subject, purpose_of

Party = tuple[str, str, int]
"""Name, kind, generation."""
Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make_request(key: bytes, name: str, kind: str, generation: int) -> bytes:
    """Return a signing request (PKCS 10, PEM) for the private key in `key` (PEM).

    It is signed by that key: the proof that whoever asks holds it.
    """
    private = serialization.load_pem_private_key(key, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise RequestRefused(_("expected a key on an elliptic curve"))
    subject = Subject(name, kind, generation)
    builder = x509.CertificateSigningRequestBuilder(subject.x509_name())
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def leaf(
    request: bytes,
    party: Party,
    signer: Signer,
    life: tuple[datetime, datetime],
    hosts: tuple[str, ...],
) -> x509.Certificate:
    """Return the leaf for `party`, from `life[0]` to `life[1]`; RequestRefused if it asks for more.

    It is no authority, signs handshakes only, serves or connects as its kind does, and carries its
    name a second time where verifiers look for it (RFC 5280, 4.2.1.6).
    """
    public = _checked(request, party).public_key()
    certificate, key = signer
    builder = (
        x509.CertificateBuilder()
        .subject_name(Subject(*party).x509_name())
        .issuer_name(certificate.subject)
        .public_key(public)
        .serial_number(secrets.randbits(150) | 1 << 150)
        .not_valid_before(life[0])
        .not_valid_after(min(certificate.not_valid_after_utc, life[1]))
    )
    names = _alternatives(party, hosts)
    builder = builder.add_extension(x509.SubjectAlternativeName(names[::-1]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    builder = builder.add_extension(HANDSHAKES_ONLY, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose_of(party[1])]), critical=True)
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    above = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(own, critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False
    )
    return builder.sign(key, hashes.SHA256())


def _checked(request: bytes, party: Party) -> x509.CertificateSigningRequest:
    """Return the request if its signature holds, it names the party, and asks for no more."""
    try:
        asked = x509.load_pem_x509_csr(request)
        fine = (
            asked.is_signature_valid
            and asked.subject == Subject(*party).x509_name()
            and getattr(getattr(asked.public_key(), "curve", None), "name", "") == "secp256r1"
            and not any(_is_greedy(one.value) for one in asked.extensions)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise RequestRefused(str(error)) from None
    if not fine:
        raise RequestRefused(_("signature, subject, curve or wishes aren't as they should be"))
    return asked


def _is_greedy(value: x509.ExtensionType) -> bool:
    signs = isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign)
    return signs or (isinstance(value, x509.BasicConstraints) and value.ca)


def _alternatives(party: Party, hosts: tuple[str, ...]) -> list[x509.GeneralName]:
    name, kind, generation = party
    found: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(f"urn:aiot-academy:{kind}:{name}:g{generation}")
    ]
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return found


HANDSHAKES_ONLY: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
