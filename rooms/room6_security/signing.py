"""From a signing request to a leaf: who asks must hold the key, and gets no more than its due."""

import ipaddress
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.contracts.benches.identity import RequestRefused
from shared.contracts.todo import Todo
from shared.language import _

from .given.names import Subject, purpose_of, subject_of

Party = tuple[str, str, int]
"""Name, kind, generation."""
Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]

ALLOWED: Final = (x509.SubjectAlternativeName, x509.ExtendedKeyUsage, x509.KeyUsage)
"""Extensions that a request may carry; what the leaf gets is decided here all the same."""


def make_request(key: bytes, name: str, kind: str, generation: int) -> bytes:
    """Return a signing request (PKCS 10, PEM) for the private key in `key` (PEM).

    It is signed by that key: the proof that whoever asks holds it.
    """
    # task 6.2: the subject, signed by its own key
    raise Todo("6.2")


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
    # task 6.2: nothing is copied from the request but its key
    raise Todo("6.2")


def _checked(request: bytes, party: Party) -> x509.CertificateSigningRequest:
    """Return the request if its signature holds, it names the party, and asks for no more."""
    # task 6.2: possession, name, rights
    raise Todo("6.2")


def _check_extensions(asked: x509.CertificateSigningRequest) -> None:
    for extension in asked.extensions:
        value = extension.value
        wants_to_sign = isinstance(value, x509.KeyUsage) and value.key_cert_sign
        if not isinstance(value, ALLOWED) or wants_to_sign:
            raise RequestRefused(
                _("a leaf can't have {name}").format(name=extension.oid._name)  # noqa: SLF001
            )


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
