"""Who a certificate is for: one name, one kind, one generation, written one way."""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.contracts.identifiers import is_identifier
from shared.language import _

ORGANISATION: Final = "aiot-academy"
KINDS: Final = ("device", "gateway", "operator", "broker", "api")
SERVERS: Final = ("broker", "api")


@dataclass(frozen=True, slots=True)
class Subject:
    """The distinguished name of a leaf.

    The generation tells a successor from its revoked predecessor: a broker maps the subject to a
    user, and two certificates of one subject would be one user.
    """

    name: str
    kind: str
    generation: int

    def x509_name(self) -> x509.Name:
        """Return it as X.509 has it: organisation, kind, generation, name."""
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(
                    NameOID.ORGANIZATIONAL_UNIT_NAME, f"{self.kind}-g{self.generation}"
                ),
                x509.NameAttribute(NameOID.COMMON_NAME, self.name),
            ]
        )

    def text(self) -> str:
        """Return it as RFC 4514 writes it, last part first: what both brokers call the user."""
        return self.x509_name().rfc4514_string()


def subject_of(certificate: x509.Certificate | x509.CertificateSigningRequest) -> Subject | None:
    """Return the subject that a certificate or request names, None if it isn't one of ours."""
    found = certificate.subject
    parts = {oid: found.get_attributes_for_oid(oid) for oid in _PARTS}
    if len(list(found)) != len(_PARTS) or any(len(values) != 1 for values in parts.values()):
        return None
    unit = str(parts[NameOID.ORGANIZATIONAL_UNIT_NAME][0].value)
    kind, sign, generation = unit.rpartition("-g")
    name = str(parts[NameOID.COMMON_NAME][0].value)
    fine = sign and generation.isdecimal() and kind in KINDS and is_identifier(name)
    if not fine or parts[NameOID.ORGANIZATION_NAME][0].value != ORGANISATION:
        return None
    return Subject(name, kind, int(generation))


def purpose_of(kind: str) -> x509.ObjectIdentifier:
    """Return what a leaf of that kind may be used for: serving or connecting, never both."""
    return ExtendedKeyUsageOID.SERVER_AUTH if kind in SERVERS else ExtendedKeyUsageOID.CLIENT_AUTH


def check_party(name: str, kind: str) -> None:
    """Raise ValueError unless `name` and `kind` can be enrolled."""
    if not is_identifier(name):
        raise ValueError(
            _("name: expected 1 to 64 of A-Z a-z 0-9 _ -, got {name!r}").format(name=name)
        )
    if kind not in KINDS:
        raise ValueError(
            _("kind: expected one of {kinds}, got {kind!r}").format(
                kinds=", ".join(KINDS), kind=kind
            )
        )


_PARTS: Final = (
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.COMMON_NAME,
)
