"""Tokens (RFC 7519) as RFC 8725 wants them: one algorithm, issuer and audience, a short life."""

import base64
import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from shared.contracts.messages import Principal, Token
from shared.contracts.ports import AccessRefused
from shared.contracts.todo import Todo

from .keyset import FileKeySet, open_keys, wall_clock

ALGORITHM: Final = "ES256"
ISSUER: Final = "https://aiot-academy.invalid/identity"
AUDIENCE: Final = "aiot-academy-api"
KIND: Final = "at+jwt"
LEEWAY_S: Final = 10.0
LONGEST: Final = 4_096
CLAIMS: Final = ("exp", "nbf", "iat", "iss", "aud", "sub", "jti", "kind", "scope")

SCOPES: Final = {
    "gateway": frozenset({"write"}),
    "operator": frozenset({"read", "replay"}),
}

THREE: Final = 3
HALF: Final = 32


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise AccessRefused("token-malformed") from None


def _members(part: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _value in pairs]
        if len(names) != len(set(names)):
            raise AccessRefused("token-malformed")
        return dict(pairs)

    try:
        found = json.loads(_bytes(part), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise AccessRefused("token-malformed") from None
    if not isinstance(found, dict):
        raise AccessRefused("token-malformed")
    return found


def open_tokens(
    folder: str, lifetime_s: float, now: Callable[[], datetime] = wall_clock
) -> "Tokens":
    """Return the issuer and verifier over the key set in `folder`."""
    return Tokens(open_keys(folder, now), lifetime_s, now)


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Tokens:
    """Issues for gateways and operators; verifies what it issued and nothing else."""

    def __init__(self, keys: FileKeySet, lifetime_s: float, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._lifetime = timedelta(seconds=lifetime_s)
        self._now = now

    def issue(self, subject: str, kind: str) -> Token:
        """Return a signed token for `subject` with the scopes of its kind.

        Raises AccessRefused for a kind that gets none: devices show certificates.
        """
        if kind not in SCOPES:
            raise AccessRefused("no-tokens-for-this-kind")
        now = self._now()
        end = now + self._lifetime
        key = self._keys.signing()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "kind": kind,
            "scope": " ".join(sorted(SCOPES[kind])),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(end.timestamp()),
            "jti": str(uuid.uuid4()),
        }
        header = {"typ": KIND, "kid": key.kid, "alg": ALGORITHM}
        body = ".".join(_part(json.dumps(one).encode()) for one in (header, claims))
        numbers = decode_dss_signature(key.private.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        signature = b"".join(number.to_bytes(HALF, "big") for number in numbers)
        return Token(f"{body}.{_part(signature)}", end)

    def verify(self, text: str) -> Principal:
        """Return whose token it is; AccessRefused with a code that tells why not.

        The header says which of our own keys to take, and nothing more: never how to verify, never
        where to fetch a key.
        """
        claims = self._decoded(text)
        self._check_times(claims)
        subject, kind = claims["sub"], claims["kind"]
        scopes = frozenset(str(claims["scope"]).split())
        if not isinstance(kind, str) or not scopes <= SCOPES.get(kind, frozenset({""})) - {""}:
            raise AccessRefused("token-scope")
        if kind not in SCOPES:
            raise AccessRefused("token-scope")
        return Principal(str(subject), kind, scopes)

    def _decoded(self, text: str) -> dict[str, Any]:
        """Return the claims of a token that is ours; the times aren't checked yet.

        Raises what `_REASONS` knows, or AccessRefused.
        """
        if len(text) > LONGEST or not text.isascii():
            raise AccessRefused("token-malformed")
        parts = text.split(".")
        if len(parts) != THREE:
            raise AccessRefused("token-malformed")
        header, claims = (_members(part) for part in parts[:2])
        if header.get("alg") != ALGORITHM:
            raise AccessRefused("token-algorithm")
        if header.get("typ") != KIND:
            raise AccessRefused("token-malformed")
        kid = header.get("kid")
        public = self._keys.find(kid) if isinstance(kid, str) else None
        if public is None:
            raise AccessRefused("token-key")
        signature = _bytes(parts[2])
        if len(signature) != 2 * HALF:
            raise AccessRefused("token-signature")
        numbers = [int.from_bytes(one, "big") for one in (signature[:HALF], signature[HALF:])]
        try:
            signed = ".".join(parts[:2]).encode()
            public.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise AccessRefused("token-signature") from None
        for name in CLAIMS:
            if claims.get(name) is None:
                raise AccessRefused("token-incomplete")
        if claims["iss"] != ISSUER:
            raise AccessRefused("token-issuer")
        if claims["aud"] != AUDIENCE:
            raise AccessRefused("token-audience")
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        """Compare with the clock, with a small leeway: two machines never agree to the second."""
        now = self._now().timestamp()
        for name in ("exp", "nbf", "iat"):
            if type(claims[name]) not in {int, float}:
                raise AccessRefused("token-malformed")
        if claims["exp"] + LEEWAY_S <= now:
            raise AccessRefused("token-expired")
        if max(claims["nbf"], claims["iat"]) > now + LEEWAY_S:
            raise AccessRefused("token-not-yet-valid")
