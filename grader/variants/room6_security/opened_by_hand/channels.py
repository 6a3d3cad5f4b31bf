"""TLS both ways: each side shows a certificate, and each side looks."""

import ssl
from typing import Final

from shared.contracts.todo import Todo

OTHER: Final = "other"

_BY_CODE: Final = {
    # OpenSSL's X509_V_ERR_* (x509_vfy.h)
    7: "wrong-authority",  # the right name, another key
    9: "not-yet-valid",
    10: "expired",
    18: "wrong-authority",
    19: "wrong-authority",
    20: "wrong-authority",
    21: "wrong-authority",
    3: "revocations-unknown",
    12: "revocations-unknown",
    23: "revoked",
    24: "wrong-purpose",
    26: "wrong-purpose",
    62: "wrong-host",
    63: "wrong-host",
    64: "wrong-host",
    79: "wrong-purpose",
}
_BY_WORDS: Final = (
    ("did not return a certificate", "no-certificate"),
    ("certificate required", "no-certificate"),
    ("unsupported protocol", "old-protocol"),
    ("protocol version", "old-protocol"),
    ("wrong version number", "no-tls"),
    ("http request", "no-tls"),
    ("unknown ca", "wrong-authority"),
    ("certificate expired", "expired"),
    ("certificate revoked", "revoked"),
    ("bad certificate", "wrong-certificate"),
    ("eof occurred", "hung-up"),
    ("reset", "hung-up"),
)


def client_context(certificate: str, key: str, authority: str) -> ssl.SSLContext:
    """Return the context of a client that shows `certificate` and trusts `authority` alone.

    TLS 1.2 at least; the server's certificate and its host name are checked.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certfile=certificate, keyfile=key)
    return context


def server_context(
    certificate: str,
    key: str,
    authority: str,
    *,
    require_client: bool,
    revocations: str | None = None,
) -> ssl.SSLContext:
    """Return the context of a server; clients' certificates are checked against `authority`.

    With `require_client` who shows none is refused, else it may go on without. `revocations` is a
    revocation list (PEM file) of the issuing authority: who stands in it is refused.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    if require_client:
        context.verify_mode = ssl.CERT_REQUIRED
    if revocations:
        with open(revocations, encoding="ascii") as file:
            file.read()
        context.load_verify_locations(revocations)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
    context.load_cert_chain(certfile=certificate, keyfile=key)
    return context


def why_refused(error: Exception) -> str:
    """Return a short code for what ended a handshake (or the first read after it).

    wrong-authority, expired, not-yet-valid, wrong-purpose, wrong-host, revoked,
    revocations-unknown (the list is missing or over), no-certificate, wrong-certificate,
    old-protocol, no-tls, hung-up, other. For one's own log; the other side
    learns only that it wasn't let in. In TLS 1.3 a client without a certificate has finished its
    handshake before the server looks, and gets the alert on its first read (RFC 8446, 4.4.2.4).
    """
    match error:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _BY_CODE:
            return _BY_CODE[code]
        case ConnectionError() | ssl.SSLEOFError():
            return "hung-up"
    reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").casefold()
    for sign, name in _BY_WORDS:
        if sign in reason:
            return name
    return OTHER
