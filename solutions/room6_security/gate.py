"""The gate of the API: a token or a certificate, or nobody."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from shared.contracts.facts import Fact
from shared.contracts.messages import Principal, Token
from shared.contracts.ports import AccessRefused, Telemetry
from shared.contracts.settings import IdentitySettings
from shared.contracts.todo import Todo

from .bearer import Tokens, open_tokens
from .given.enrolment import secret_hash
from .given.keeping import kept
from .given.names import subject_of
from .permissions import may
from .vault import same_secret

ANONYMOUS: Final = Principal("anonymous", "anonymous")
NOBODY_S_HASH: Final = secret_hash("")


class ApiGate:
    """Used by the API's process: it reads trust/ and parties/api/, and no other party's folder."""

    def __init__(self, settings: IdentitySettings, telemetry: Telemetry) -> None:
        self._trust = Path(settings.folder) / "trust"
        self._own = Path(settings.folder) / "parties" / "api"
        self._lifetime_s = settings.token_lifetime_s
        self._telemetry = telemetry
        self._opened: Tokens | None = None
        self._revoked: tuple[float, frozenset[int]] = (-1.0, frozenset())

    def issue(self, client_id: str, secret: str) -> Token:
        """Return a token for a gateway or an operator; AccessRefused if the secret isn't right.

        An unknown client costs the same time as a wrong secret, and hears the same.
        """
        # task 6.4: hash, compare in constant time, and only then ask who it was
        # <solution>
        known = self._clients().get(client_id, {})
        right = same_secret(secret_hash(secret), str(known.get("hash", NOBODY_S_HASH)))
        if not known or not right:
            raise self._refused("client-secret", client=client_id[:64])
        return self._tokens().issue(client_id, str(known["kind"]))
        # </solution>
        #: raise Todo("6.4")

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        """Return who that is; a token counts before a certificate; showing nothing is anonymous."""
        try:
            if authorization is not None:
                return self._tokens().verify(_bearer(authorization))
            if certificate is not None:
                return self._by_certificate(certificate)
        except AccessRefused as refused:
            raise self._refused(refused.reason) from None
        return ANONYMOUS

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """Return whether `principal` may do that; what it may not is told to the operator."""
        if may(principal, action, device_id):
            return True
        if principal.kind != "anonymous":
            self._refused("not-permitted", subject=principal.subject, action=action)
        return False

    def _by_certificate(self, text: bytes) -> Principal:
        """Return the device of a certificate (DER) that TLS has let through.

        Looked at again all the same: TLS knows the list of revocations as it was when it started.
        """
        # task 6.6: of our issuing authority, in time, for clients, not revoked, of a device
        # <solution>
        try:
            found = x509.load_der_x509_certificate(text)
            _check_issuer(found, self._issuer())
            purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            raise AccessRefused("certificate-authority") from None
        now = datetime.now(UTC)
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise AccessRefused("certificate-expired")
        if ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
            raise AccessRefused("certificate-purpose")
        if found.serial_number in self._revocations():
            raise AccessRefused("certificate-revoked")
        subject = subject_of(found)
        if subject is None:
            raise AccessRefused("certificate-subject")
        # A gateway or an operator shows its certificate to the broker; here it needs a token.
        return Principal(subject.name, "device") if subject.kind == "device" else ANONYMOUS
        # </solution>
        #: raise Todo("6.6")

    def _revocations(self) -> frozenset[int]:
        """Return the revoked serials; the list is read again when its file has changed."""
        path = self._trust / "revocations.pem"
        changed = path.stat().st_mtime_ns
        if changed != self._revoked[0]:
            found = x509.load_pem_x509_crl(path.read_bytes())
            self._revoked = (changed, frozenset(one.serial_number for one in found))
        return self._revoked[1]

    def _issuer(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self._trust / "issuing.pem").read_bytes())

    def _clients(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(kept(self._own / "clients.json"))
        return found

    def _tokens(self) -> Tokens:
        if self._opened is None:
            self._opened = open_tokens(str(self._own / "keys"), self._lifetime_s)
        return self._opened

    def _refused(self, reason: str, **context: object) -> AccessRefused:
        """Tell the operator why, and the other side nothing but that."""
        self._telemetry.event("warning", "access_refused", reason=reason, **context)
        self._telemetry.measure(Fact.ACCESS_REFUSED, reason=reason)
        return AccessRefused(reason)


def _bearer(authorization: str) -> str:
    scheme, _space, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise AccessRefused("token-malformed")
    return text.strip()


def _check_issuer(found: x509.Certificate, issuer: x509.Certificate) -> None:
    """Raise ValueError or InvalidSignature unless `issuer` signed `found`."""
    key = issuer.public_key()
    if found.issuer != issuer.subject or not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("another issuer")
    key.verify(found.signature, found.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
