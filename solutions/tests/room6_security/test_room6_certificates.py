"""Certificates and handshakes: each intruder is refused, and the log tells one from another."""

import datetime as dt
import os
import ssl
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from shared.contracts.benches.identity import RequestRefused
from shared.contracts.facts import Fact
from shared.contracts.messages import Principal
from shared.contracts.ports import AccessRefused, Banned, Security, SecurityParts
from shared.contracts.settings import IdentitySettings, Settings
from shared.pipeline.clock import RunClock
from solutions.room6_security import authority as authority_module
from solutions.room6_security import (
    build,
    keep_secret,
    make_request,
    may,
    open_authority,
    read_secret,
    rights_of,
    same_secret,
)
from solutions.room6_security.authority import FileAuthority, key_text, new_key
from solutions.room6_security.given.gallery import Gallery
from solutions.room6_security.given.names import Subject

TRUST = ("issuing.pem", "revocations.pem", "root.pem")


class Audit:
    """Telemetry that remembers what the operator is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def event(self, level: str, name: str, **context: object) -> None:
        """Remember a line."""
        del level
        self.lines.append((name, context))

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Measure nothing."""

    def trace(self, traceparent: str | None = None) -> str:
        """Follow nothing."""
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""


@pytest.fixture
def authority(tmp_path: Path) -> FileAuthority:
    return open_authority(str(tmp_path / "authority"))


@pytest.fixture
def audit() -> Audit:
    return Audit()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(identity=IdentitySettings(folder=str(tmp_path / "identity")))


@pytest.fixture
def security(settings: Settings, audit: Audit) -> Security:
    return build(settings, SecurityParts(RunClock(settings.clock), audit))


def extension(found: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension:  # type: ignore[type-arg]
    return found.extensions.get_extension_for_class(kind)


def test_the_authority_signs_as_it_should_and_may_do_nothing_else(
    authority: FileAuthority,
) -> None:
    root = x509.load_pem_x509_certificate(authority.root())
    issuing = x509.load_pem_x509_certificate(authority.chain())
    for found, length in ((root, 1), (issuing, 0)):
        constraints = extension(found, x509.BasicConstraints)
        usage = extension(found, x509.KeyUsage)
        assert (constraints.critical, usage.critical) == (True, True)
        assert (constraints.value.ca, constraints.value.path_length) == (True, length)
        assert (usage.value.key_cert_sign, usage.value.digital_signature) == (True, False)
        assert found.serial_number.bit_length() > 64
        key = found.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"
    issuing.verify_directly_issued_by(root)


def test_a_leaf_says_who_it_is_for_what_and_not_for_long(authority: FileAuthority) -> None:
    request = make_request(key_text(new_key()), "dev1", "device", 1)
    found = x509.load_pem_x509_certificate(authority.sign(request, "dev1", "device", 1))
    assert found.subject.rfc4514_string() == Subject("dev1", "device", 1).text()
    assert not extension(found, x509.BasicConstraints).value.ca
    purposes = list(extension(found, x509.ExtendedKeyUsage).value)
    assert purposes == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extension(found, x509.SubjectAlternativeName).value
    life = found.not_valid_after_utc - found.not_valid_before_utc
    assert life <= dt.timedelta(days=31)
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.chain()))


def request_with(key: object, extensions: list[x509.ExtensionType], name: str = "dev1") -> bytes:
    builder = x509.CertificateSigningRequestBuilder(Subject(name, "device", 1).x509_name())
    for one in extensions:
        builder = builder.add_extension(one, critical=False)
    signed = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return signed.public_bytes(serialization.Encoding.PEM)


def stolen_request() -> bytes:
    """Return a request whose key was swapped after signing: no proof of possession."""
    mine = make_request(key_text(new_key()), "dev1", "device", 1)
    theirs = make_request(key_text(new_key()), "dev1", "device", 1)
    one, other = (x509.load_pem_x509_csr(text) for text in (mine, theirs))
    der = one.public_bytes(serialization.Encoding.DER)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    swapped = der.replace(
        one.public_key().public_bytes(serialization.Encoding.DER, spki),
        other.public_key().public_bytes(serialization.Encoding.DER, spki),
    )
    return x509.load_der_x509_csr(swapped).public_bytes(serialization.Encoding.PEM)


REQUESTS: dict[str, Callable[[], bytes]] = {
    "another's name": lambda: make_request(key_text(new_key()), "dev2", "device", 1),
    "another kind": lambda: make_request(key_text(new_key()), "dev1", "gateway", 1),
    "another generation": lambda: make_request(key_text(new_key()), "dev1", "device", 2),
    "no possession": stolen_request,
    "an RSA key": lambda: request_with(rsa.generate_private_key(65_537, 2_048), []),
    "another curve": lambda: request_with(ec.generate_private_key(ec.SECP384R1()), []),
    "rights to sign": lambda: request_with(
        new_key(), [x509.BasicConstraints(ca=True, path_length=None)]
    ),
    "no request at all": lambda: b"-----BEGIN NOTHING-----",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_for_more_than_its_due_is_refused(authority: FileAuthority, name: str) -> None:
    with pytest.raises(RequestRefused):
        authority.sign(REQUESTS[name](), "dev1", "device", 1)


def test_each_intruder_is_refused_and_told_apart(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    gallery.open()
    try:
        found = [call() for _visitor, call in gallery.visitors()]
    finally:
        gallery.endpoint.close()
    assert found == [
        "let in",
        "no-certificate",
        "wrong-authority",
        "expired",
        "wrong-purpose",
        "revoked",
        "no-tls",
        "old-protocol",
        "let in",
        "token-algorithm",
        "token-signature",
    ]


def der(security: Security, name: str, kind: str = "device") -> bytes:
    papers = security.authority.enrol(name, kind)
    found = x509.load_pem_x509_certificate(Path(papers.certificate).read_bytes())
    return found.public_bytes(serialization.Encoding.DER)


def test_the_gate_knows_a_device_by_its_certificate(security: Security) -> None:
    assert security.gate.verify(None, der(security, "dev1")) == Principal("dev1", "device")
    assert security.gate.verify(None, None).kind == "anonymous"


def test_a_foreign_certificate_with_a_right_name_is_refused(
    security: Security, tmp_path: Path, audit: Audit
) -> None:
    security.authority.enrol("dev1", "device")
    foreign = open_authority(str(tmp_path / "foreign"))
    request = make_request(key_text(new_key()), "dev1", "device", 1)
    found = x509.load_pem_x509_certificate(foreign.sign(request, "dev1", "device", 1))
    with pytest.raises(AccessRefused, match="certificate-authority"):
        security.gate.verify(None, found.public_bytes(serialization.Encoding.DER))
    assert audit.lines[-1] == ("access_refused", {"reason": "certificate-authority"})


def test_a_revoked_certificate_is_out_at_once_and_its_successor_is_in(security: Security) -> None:
    old = der(security, "dev1")
    before = security.authority.enrol("dev1", "device").subject
    security.authority.revoke("dev1", ban=False)
    assert "dev1" not in {user.name for user in security.authority.policy()}
    with pytest.raises(AccessRefused, match="certificate-revoked"):
        security.gate.verify(None, old)
    after = security.authority.enrol("dev1", "device").subject
    assert after != before
    assert security.gate.verify(None, der(security, "dev1")).subject == "dev1"
    assert {user.subject for user in security.authority.policy()} == {after}


def test_who_was_revoked_for_cause_gets_nothing_until_the_ban_is_lifted(
    security: Security,
) -> None:
    before = security.authority.enrol("dev1", "device").subject
    security.authority.revoke("dev1")
    with pytest.raises(Banned, match="lift"):
        security.authority.enrol("dev1", "device")
    assert "dev1" not in {user.name for user in security.authority.policy()}
    security.authority.lift("dev1")
    assert security.authority.enrol("dev1", "device").subject != before
    with pytest.raises(LookupError):
        security.authority.lift("nobody")


def test_authority_and_list_are_renewed_and_old_leaves_stay_good(
    security: Security, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(settings.identity.folder)
    monkeypatch.setattr(authority_module, "ROOT_LIFE", dt.timedelta(hours=2))
    monkeypatch.setattr(authority_module, "ISSUING_LIFE", dt.timedelta(minutes=7))
    monkeypatch.setattr(authority_module, "LIST_LIFE", dt.timedelta(minutes=1))
    papers = security.authority.enrol("dev1", "device")
    old = {file: (place / "trust" / file).read_bytes() for file in TRUST}
    leaf = x509.load_pem_x509_certificate(Path(papers.certificate).read_bytes())
    monkeypatch.undo()
    security.authority.enrol("dev2", "device")
    new = {file: (place / "trust" / file).read_bytes() for file in TRUST}
    assert [file for file in TRUST if old[file] != new[file]] == ["issuing.pem", "revocations.pem"]
    issuing = x509.load_pem_x509_certificate(new["issuing.pem"])
    root = x509.load_pem_x509_certificate(new["root.pem"])
    issuing.verify_directly_issued_by(root)
    leaf.verify_directly_issued_by(issuing)
    before = x509.load_pem_x509_certificate(old["issuing.pem"])
    assert before.not_valid_after_utc < issuing.not_valid_after_utc <= root.not_valid_after_utc
    assert issuing.serial_number != before.serial_number
    found = x509.load_pem_x509_crl(new["revocations.pem"])
    assert found.next_update_utc is not None
    assert found.next_update_utc - dt.datetime.now(dt.UTC) > dt.timedelta(days=30)


def test_enrolled_again_one_keeps_ones_papers(security: Security) -> None:
    first, again = (security.authority.enrol("dev1", "device") for _n in range(2))
    assert first == again
    assert Path(first.key).read_bytes() == Path(again.key).read_bytes()


def test_papers_near_their_end_are_renewed_under_the_same_subject(
    settings: Settings, audit: Audit
) -> None:
    short = replace(settings, identity=replace(settings.identity, leaf_lifetime_s=1.0))
    parts = SecurityParts(RunClock(settings.clock), audit)
    first = build(short, parts).authority.enrol("dev1", "device")
    old = Path(first.certificate).read_bytes()
    second = build(settings, parts).authority.enrol("dev1", "device")
    assert second.subject == first.subject
    assert Path(second.certificate).read_bytes() != old


def test_two_enrolments_at_once_give_one_certificate(settings: Settings, audit: Audit) -> None:
    found: list[str] = []

    def enrol() -> None:
        security = build(settings, SecurityParts(RunClock(settings.clock), audit))
        papers = security.authority.enrol("dev1", "device")
        found.append(Path(papers.certificate).read_text(encoding="utf-8"))

    crowd = [threading.Thread(target=enrol) for _n in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.parametrize(("name", "kind"), [("a/b", "device"), ("", "device"), ("dev1", "king")])
def test_who_cannot_be_enrolled_is_told_why(security: Security, name: str, kind: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        security.authority.enrol(name, kind)


def test_a_gateway_gets_a_token_for_its_secret_and_nothing_for_another(
    security: Security, audit: Audit
) -> None:
    security.authority.enrol("api", "api")
    papers = security.authority.enrol("gateway", "gateway")
    assert papers.secret is not None
    secret = Path(papers.secret).read_text(encoding="utf-8")
    token = security.gate.issue("gateway", secret)
    assert security.gate.verify(f"Bearer {token.text}", None).kind == "gateway"
    for client, shown in (("gateway", "wrong"), ("nobody", secret), ("gateway", "")):
        with pytest.raises(AccessRefused, match="client-secret"):
            security.gate.issue(client, shown)
    assert secret not in str(audit.lines)


@pytest.mark.parametrize(
    ("principal", "action", "device", "allowed"),
    [
        (Principal("d1", "device"), "write", "d1", True),
        (Principal("d1", "device"), "write", "d2", False),
        (Principal("d1", "device"), "write", None, False),
        (Principal("d1", "device"), "read", "d1", False),
        (Principal("g", "gateway", frozenset({"write"})), "write", "d2", True),
        (Principal("g", "gateway"), "write", "d2", False),
        (Principal("g", "gateway", frozenset({"write", "read"})), "read", None, False),
        (Principal("o", "operator", frozenset({"read"})), "read", None, True),
        (Principal("o", "operator", frozenset({"read"})), "replay", None, False),
        (Principal("o", "operator", frozenset({"read", "write"})), "write", "d1", False),
        (Principal("x", "anonymous"), "read", None, False),
        (Principal("x", "admin", frozenset({"read", "write"})), "write", "d1", False),
    ],
)
def test_nobody_may_anything_unless_it_is_named(
    principal: Principal, action: str, device: str | None, *, allowed: bool
) -> None:
    assert may(principal, action, device) is allowed


def test_rights_name_nobody_elses_topics() -> None:
    rights = rights_of("d1", "device", "CN=d1")
    assert all("d1" in topic.split("/") for topic in (*rights.publish, *rights.subscribe))
    assert rights_of("x", "operator", "CN=x").publish == ()
    assert not any("#" in topic for topic in rights_of("g", "gateway", "CN=g").subscribe)


def test_a_secret_is_its_owners_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    keep_secret(str(path), b"s3cret")
    assert read_secret(str(path)) == b"s3cret"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o640)
        with pytest.raises(PermissionError, match="chmod 600") as refused:
            read_secret(str(path))
        assert "s3cret" not in str(refused.value)


def test_secrets_are_compared_whole() -> None:
    assert same_secret("é\ud800", "é") is False
    assert same_secret("abc", "abc") is True


def test_every_key_in_the_folder_is_its_owners_alone(
    security: Security, settings: Settings
) -> None:
    for name, kind in (("api", "api"), ("gateway", "gateway"), ("dev1", "device")):
        security.authority.enrol(name, kind)
    if os.name == "posix":
        for path in Path(settings.identity.folder).rglob("*"):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_contexts_check_hosts_and_refuse_old_protocols(security: Security) -> None:
    security.authority.enrol("dev1", "device")
    context = security.keyring.client("dev1")
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
