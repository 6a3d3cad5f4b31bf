"""Tokens under attack: each is refused with its reason, and only ours gets through."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.contracts.ports import AccessRefused
from solutions.room6_security import open_keys, open_tokens
from solutions.room6_security.bearer import ALGORITHM, AUDIENCE, ISSUER, KIND, Tokens

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Desk:
    """An issuer with a clock that a test can set, and a forger who knows the public key."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.keys = open_keys(str(folder), lambda: self.now)
        self.tokens = Tokens(self.keys, 900.0, lambda: self.now)
        self.kid = self.keys.key_ids()[-1]
        self.public = self.keys.signing().private.public_key()

    def claims(self, **changes: object) -> dict[str, Any]:
        at = int(self.now.timestamp())
        found = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "gateway",
            "kind": "gateway",
            "scope": "write",
            "iat": at,
            "nbf": at,
            "exp": at + 900,
            "jti": "1",
            **changes,
        }
        return {name: value for name, value in found.items() if value is not None}

    def signed(self, claims: dict[str, Any], **headers: object) -> str:
        """Return a token signed by our own key: the forger has got hold of it."""
        shown = {"kid": self.kid, "typ": KIND, **headers}
        return jwt.encode(claims, self.keys.signing().private, ALGORITHM, headers=shown)

    def raw(self, header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"x") -> str:
        parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def why(desk: Desk, text: str) -> str:
    with pytest.raises(AccessRefused) as refused:
        desk.tokens.verify(text)
    return refused.value.reason


def public_text(desk: Desk) -> bytes:
    return desk.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def hmac_with_public_key(desk: Desk) -> str:
    import hashlib
    import hmac

    unsigned = desk.raw({"alg": "HS256", "typ": KIND, "kid": desk.kid}, desk.claims())
    body = unsigned.rpartition(".")[0]
    digest = hmac.new(public_text(desk), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def by_another_key(desk: Desk, **headers: object) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    shown = {"kid": desk.kid, "typ": KIND, **headers}
    return jwt.encode(desk.claims(), key, ALGORITHM, headers=shown)


def with_own_jwk(desk: Desk) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    headers = {"kid": desk.kid, "typ": KIND, "jwk": jwk}
    return jwt.encode(desk.claims(), key, ALGORITHM, headers=headers)


def by_rsa(desk: Desk) -> str:
    key = rsa.generate_private_key(65_537, 2_048)
    return jwt.encode(desk.claims(), key, "RS256", headers={"kid": desk.kid, "typ": KIND})


def changed_after_signing(desk: Desk) -> str:
    head, _body, signature = desk.tokens.issue("gateway", "gateway").text.split(".")
    body = desk.raw({}, desk.claims(sub="operator")).split(".")[1]
    return f"{head}.{body}.{signature}"


LATER = int((NOW + timedelta(hours=9)).timestamp())
PAST = int((NOW - timedelta(hours=9)).timestamp())

ATTACKS: list[tuple[str, Callable[[Desk], str], str]] = [
    ("alg none", lambda d: d.raw({"alg": "none", "typ": KIND}, d.claims(), b""), "token-algorithm"),
    ("alg None", lambda d: d.raw({"alg": "NoNe", "typ": KIND}, d.claims(), b""), "token-algorithm"),
    ("no alg", lambda d: d.raw({"typ": KIND, "kid": d.kid}, d.claims()), "token-algorithm"),
    ("HMAC with the public key", hmac_with_public_key, "token-algorithm"),
    ("RSA", by_rsa, "token-algorithm"),
    ("another key, our kid", by_another_key, "token-signature"),
    ("unknown kid", lambda d: by_another_key(d, kid="other"), "token-key"),
    ("kid is a path", lambda d: by_another_key(d, kid="../../etc/passwd"), "token-key"),
    ("kid is SQL", lambda d: by_another_key(d, kid="' OR 1=1 --"), "token-key"),
    ("no kid", lambda d: d.raw({"alg": ALGORITHM, "typ": KIND}, d.claims()), "token-key"),
    ("key in the header", with_own_jwk, "token-signature"),
    ("jku", lambda d: by_another_key(d, jku="https://evil.example/keys"), "token-signature"),
    ("x5u", lambda d: by_another_key(d, x5u="https://evil.example/x"), "token-signature"),
    ("changed after signing", changed_after_signing, "token-signature"),
    (
        "signature cut off",
        lambda d: d.signed(d.claims()).rpartition(".")[0] + ".",
        "token-signature",
    ),
    ("another kind of token", lambda d: d.signed(d.claims(), typ="JWT"), "token-malformed"),
    ("expired", lambda d: d.signed(d.claims(exp=PAST)), "token-expired"),
    ("from tomorrow", lambda d: d.signed(d.claims(nbf=LATER)), "token-not-yet-valid"),
    ("issued tomorrow", lambda d: d.signed(d.claims(iat=LATER)), "token-not-yet-valid"),
    ("no expiry", lambda d: d.signed(d.claims(exp=None)), "token-incomplete"),
    ("no id", lambda d: d.signed(d.claims(jti=None)), "token-incomplete"),
    ("no subject", lambda d: d.signed(d.claims(sub=None)), "token-incomplete"),
    ("another audience", lambda d: d.signed(d.claims(aud="bank")), "token-audience"),
    ("no audience", lambda d: d.signed(d.claims(aud=None)), "token-incomplete"),
    ("another issuer", lambda d: d.signed(d.claims(iss="https://evil.example")), "token-issuer"),
    ("more scope than its kind", lambda d: d.signed(d.claims(scope="write read")), "token-scope"),
    ("a kind that gets none", lambda d: d.signed(d.claims(kind="device")), "token-scope"),
    ("a made-up kind", lambda d: d.signed(d.claims(kind="admin")), "token-scope"),
    ("expiry is true", lambda d: d.signed(d.claims(exp=True)), "token-malformed"),
    ("expiry is a text", lambda d: d.signed(d.claims(exp="never")), "token-malformed"),
    ("huge", lambda d: d.signed(d.claims(jti="x" * 9_000)), "token-malformed"),
    ("empty", lambda _d: "", "token-malformed"),
    ("dots", lambda _d: "..", "token-malformed"),
    ("not base64", lambda _d: "%%%.%%%.%%%", "token-malformed"),
]


@pytest.mark.parametrize(
    ("attack", "reason"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS]
)
def test_a_forged_token_is_refused_with_its_reason(
    desk: Desk, attack: Callable[[Desk], str], reason: str
) -> None:
    assert why(desk, attack(desk)) == reason


def test_ours_gets_through_with_its_scopes(desk: Desk) -> None:
    found = desk.tokens.verify(desk.tokens.issue("olga", "operator").text)
    assert (found.subject, found.kind) == ("olga", "operator")
    assert sorted(found.scopes) == ["read", "replay"]


def test_a_device_gets_no_token(desk: Desk) -> None:
    with pytest.raises(AccessRefused, match="no-tokens"):
        desk.tokens.issue("d1", "device")


def test_the_leeway_is_small(desk: Desk) -> None:
    text = desk.tokens.issue("gateway", "gateway").text
    desk.now = NOW + timedelta(seconds=909)
    assert desk.tokens.verify(text).subject == "gateway"
    desk.now = NOW + timedelta(seconds=911)
    assert why(desk, text) == "token-expired"


def test_two_tokens_never_have_one_id(desk: Desk) -> None:
    texts = [desk.tokens.issue("gateway", "gateway").text for _n in range(20)]
    ids = {jwt.decode(t, options={"verify_signature": False})["jti"] for t in texts}
    assert len(ids) == 20


def test_a_rotation_logs_nobody_out_early_and_lets_nobody_in_late(desk: Desk) -> None:
    old = desk.tokens.issue("gateway", "gateway").text
    desk.keys.rotate()
    assert desk.tokens.verify(old).subject == "gateway"
    new = desk.tokens.issue("gateway", "gateway").text
    assert jwt.get_unverified_header(new)["kid"] != desk.kid
    long = desk.signed(desk.claims(exp=LATER), kid=desk.kid)
    desk.now = NOW + timedelta(minutes=61)
    assert why(desk, long) in {"token-key", "token-signature"}
    desk.keys.rotate()
    assert desk.kid not in desk.keys.key_ids()


def test_a_key_that_another_process_made_is_found_once_asked_for(tmp_path: Path) -> None:
    mine = open_tokens(str(tmp_path), 900.0)
    other = open_keys(str(tmp_path))
    other.rotate()
    theirs = open_tokens(str(tmp_path), 900.0).issue("gateway", "gateway").text
    keys = mine._keys
    keys._read_at -= timedelta(seconds=6)
    assert mine.verify(theirs).subject == "gateway"


def test_two_who_rotate_at_once_lose_no_key(tmp_path: Path) -> None:
    open_keys(str(tmp_path))
    made: list[str] = []
    crowd = [
        threading.Thread(target=lambda: made.append(open_keys(str(tmp_path)).rotate()))
        for _n in range(6)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(set(made)) == 6
    assert set(made) <= set(open_keys(str(tmp_path)).key_ids())


def test_a_thousand_unknown_keys_make_nobody_read_a_thousand_files(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr(type(desk.keys), "_reread", lambda _self: read.append(1))
    for number in range(1_000):
        assert desk.keys.find(f"made-up-{number}") is None
    assert len(read) <= 1
