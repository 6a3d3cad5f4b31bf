"""Room 6, the checks that a student doesn't see: what each task means, on the run's own inputs."""

import base64
import hashlib
import itertools
import json
import os
import random
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from grader.checks.room6_security import endpoints, forge
from grader.checks.room6_security.forge import CLIENT, SERVER, House, Papers
from grader.evidence import (
    NotYet,
    Said,
    expect,
    expect_between,
    expect_refused,
    expect_soon,
    expect_that,
    shown,
    task,
)
from grader.line import RemoteError, Served
from grader.sandbox import Sandbox
from shared.contracts.messages import Principal, Token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
POSIX = os.name == "posix"


def pem(data: object, did: str, what: str) -> bytes:
    """Return bytes of the room's; NotYet if it gave something else."""
    if not isinstance(data, bytes):
        raise NotYet(did, f"{what} (PEM, bytes)", shown(data))
    return data


def certificate(data: object, did: str) -> x509.Certificate:
    """Return a certificate of the room's; NotYet if it isn't one."""
    try:
        return x509.load_pem_x509_certificate(pem(data, did, "a certificate"))
    except ValueError:
        raise NotYet(did, "a certificate (PEM)", shown(data)) from None


def plainly(value: object) -> object:
    """Return what the room gave, in words that don't differ from run to run."""
    match value:
        case bytes():
            return Said("a certificate" if b"BEGIN CERTIFICATE--" in value else "bytes")
        case Token():
            return Said("a token")
        case Principal():
            scopes = " ".join(sorted(map(str, value.scopes))) or "none"
            return Said(f"{value.subject}, of the kind {value.kind!r}, scopes: {scopes}")
    return value


def turned_away(call: Callable[[], object], did: str, *, kind: str) -> RemoteError:
    """Go on if `call` raises an error of class `kind`; return it."""
    return expect_refused(lambda: plainly(call()), did, kind=kind)


def expect_who(ask: Callable[[], object], wanted: Principal, did: str) -> None:
    """Go on if the room says that it is `wanted`; a refusal is an answer, too."""
    try:
        got = ask()
    except RemoteError as error:
        if error.task is not None:
            raise
        got = Said(f"{error.kinds[0]}: {error.text}")
    if got != wanted or type(got) is not Principal:
        raise NotYet(did, str(plainly(wanted)), shown(plainly(got)))


def extension(found: x509.Certificate, kind: type[Any], did: str) -> Any:
    """Return (value, critical) of an extension; NotYet if there is none."""
    try:
        one = found.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        raise NotYet(f"{did.rstrip(';.')}.", f"the extension {kind.__name__}", "none") from None
    return one.value, one.critical


def usages(value: x509.KeyUsage) -> list[str]:
    """Return the usages that a certificate allows."""
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    return [name for name in [*names.split(), "key_cert_sign", "crl_sign"] if getattr(value, name)]


def curve_of(found: x509.Certificate) -> str:
    key = found.public_key()
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__


def issued(found: x509.Certificate, issuer: x509.Certificate, did: str) -> None:
    """Go on if `issuer` signed `found`, by name and by key."""
    try:
        found.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise NotYet(did, f"signed by {issuer.subject.rfc4514_string()}", shown(error)) from None


def authority(room: Any, sandbox: Sandbox, name: str) -> tuple[x509.Certificate, x509.Certificate]:
    """Return root and issuing certificate of the authority in a folder."""
    root, issuing = room.root_and_chain(sandbox.place(name))
    did = "Opened an authority in a new folder; its"
    return certificate(root, f"{did} root:"), certificate(issuing, f"{did} chain:")


# --- 6.1


@task("6.1")
def test_what_an_authority_may(room: Any, sandbox: Sandbox) -> None:
    """An authority may sign certificates and lists, and nothing else; both extensions critical."""
    pair = authority(room, sandbox, "may")
    for what, found, length in (("root", pair[0], 1), ("issuing", pair[1], 0)):
        did = f"Read the basic constraints of the {what} certificate (authority, path, critical)."
        value, critical = extension(found, x509.BasicConstraints, did)
        expect((value.ca, value.path_length, critical), (True, length, True), did)
        did = f"Read the key usage of the {what} certificate."
        value, critical = extension(found, x509.KeyUsage, did)
        expect(usages(value), ["key_cert_sign", "crl_sign"], did)
        expect(critical, True, f"{did} Is it critical?")


@task("6.1")
def test_the_root_signs_itself_and_the_issuing_one(room: Any, sandbox: Sandbox) -> None:
    """The root signs itself and the issuing certificate, each with a key of its own on P-256."""
    root, issuing = authority(room, sandbox, "signs")
    issued(root, root, "Verified the root's signature.")
    issued(issuing, root, "Verified the issuing certificate's signature.")
    curves = [curve_of(root), curve_of(issuing)]
    expect(curves, ["secp256r1", "secp256r1"], "Read the curves of the two keys.")
    expect_that(
        root.public_key() != issuing.public_key() and root.subject != issuing.subject,
        "Compared the root with the issuing certificate.",
        "another key and another name",
        issuing.subject.rfc4514_string(),
    )


@task("6.1")
def test_serial_numbers_are_random(room: Any, sandbox: Sandbox) -> None:
    """Serial numbers are random, of 64 bits at least."""
    serials = [one.serial_number for n in range(4) for one in authority(room, sandbox, f"s{n}")]
    did = "Read the serial numbers of four authorities;"
    expect(len(set(serials)), 8, f"{did} how many differ:")
    shortest = min(serial.bit_length() for serial in serials)
    # Of eight random numbers of 64 bits or more hardly one in 2^29 falls below 32 bits.
    expect_between(shortest, 32, 160, f"{did} the shortest:", unit="bits")
    steps = [abs(a - b) for a, b in itertools.combinations(serials, 2)]
    expect_between(min(steps), 2**24, 2**160, f"{did} the smallest distance between two:")


@task("6.1")
def test_how_long_an_authority_lives(room: Any, sandbox: Sandbox) -> None:
    """The root lives for two years, the issuing certificate for one, both from now."""
    now = datetime.now(UTC)
    for days, found in zip((730, 365), authority(room, sandbox, "lives"), strict=True):
        life = (found.not_valid_after_utc - found.not_valid_before_utc) / DAY
        did = f"Read the life of {found.subject.rfc4514_string()}."
        expect_between(life, days - 2, days + 2, did, unit="days")
        late = (now - found.not_valid_before_utc) / HOUR
        did = f"Read when {found.subject.rfc4514_string()} began."
        expect_between(late, -0.02, 25, did, unit="hours ago")


@task("6.1")
def test_an_authority_stays_the_same(room: Any, sandbox: Sandbox) -> None:
    """Opened again, after a power cut too, a folder holds the same authority."""
    first = [one.public_bytes(forge.PEM) for one in authority(room, sandbox, "same")]
    again = [one.public_bytes(forge.PEM) for one in authority(room, sandbox, "same")]
    did = "Opened an authority's folder a second time."
    expect_that(again == first, did, "the same two certificates", Said("others"))
    sandbox.kill()
    again = [
        one.public_bytes(forge.PEM) for one in authority(sandbox.open().open(), sandbox, "same")
    ]
    did = "Killed the process, and opened the folder again."
    expect_that(again == first, did, "the same two certificates", Said("others"))
    for file, pem in zip(("root", "issuing"), first, strict=True):
        key = sandbox.take(f"same/{file}.key")
        did = f"Opened {file}.key once the process was dead; its public half"
        try:
            held = serialization.load_pem_private_key(key or b"", None).public_key()
        except (ValueError, TypeError):
            raise NotYet(f"Opened {file}.key.", "a private key (PEM, PKCS 8)", shown(key)) from None
        same = held == x509.load_pem_x509_certificate(pem).public_key()
        expect_that(same, did, f"the key of {file}.pem", Said("another key"))


# --- 6.2


def party(rng: random.Random, kind: str = "device") -> tuple[str, str, int]:
    """Return a name, a kind and a generation."""
    letters = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(6))
    return f"box-{letters}", kind, rng.randrange(1, 40)


def signed(
    room: Any, sandbox: Sandbox, who: tuple[str, str, int], **more: Any
) -> tuple[Papers, x509.Certificate, x509.Certificate]:
    """Return a leaf for `who` with its key, and root and issuing certificate above it."""
    key = forge.key_on()
    root, issuing = authority(room, sandbox, "house")
    request = forge.request(forge.subject(*who), key)
    found = room.signed(sandbox.place("house"), request, who, **more)
    leaf = certificate(found, f"Asked for the leaf of {who}.")
    chain = leaf.public_bytes(forge.PEM) + issuing.public_bytes(forge.PEM)
    return Papers(leaf, key, chain), root, issuing


def opened(room: Any, sandbox: Sandbox, rng: random.Random) -> str:
    """Return the folder of an authority that signs what it should: who refuses all is no use."""
    who = party(rng)
    papers, _root, issuing = signed(room, sandbox, who)
    issued(
        papers.certificate, issuing, f"Asked for the leaf of {who} by a request as it should be."
    )
    return sandbox.place("house")


@task("6.2")
def test_a_request_is_signed_by_its_key(room: Any, rng: random.Random) -> None:
    """A request names its party, and is signed by the key that was given."""
    for kind in ("device", "gateway", "api"):
        who, key = party(rng, kind), forge.key_on()
        found = room.make_request(forge.key_pem(key), *who)
        did = f"Made a request for {who}."
        try:
            asked = x509.load_pem_x509_csr(pem(found, did, "a signing request"))
        except ValueError:
            raise NotYet(did, "a signing request (PEM)", shown(found)) from None
        expect(asked.subject.rfc4514_string(), forge.subject(*who).rfc4514_string(), did)
        proven = asked.is_signature_valid and asked.public_key() == key.public_key()
        expect_that(proven, f"{did} Its signature:", "by the given key", Said("another"))


@task("6.2")
def test_what_a_leaf_may(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A leaf is no authority, signs handshakes only, and serves or connects as its kind does."""
    for kind, purpose in (
        ("device", CLIENT),
        ("gateway", CLIENT),
        ("operator", CLIENT),
        ("broker", SERVER),
        ("api", SERVER),
    ):
        papers, _root, _issuing = signed(room, sandbox, party(rng, kind))
        found, did = papers.certificate, f"Read the leaf of a party of the kind {kind};"
        value, critical = extension(found, x509.BasicConstraints, did)
        expect((value.ca, critical), (False, True), f"{did} authority? critical?")
        value, critical = extension(found, x509.KeyUsage, did)
        expect((usages(value), critical), (["digital_signature"], True), f"{did} its usage:")
        value, _critical = extension(found, x509.ExtendedKeyUsage, did)
        purposes = [one.dotted_string for one in value]
        expect(purposes, [purpose.dotted_string], f"{did} its purpose:")


@task("6.2")
def test_who_a_leaf_is_for(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A leaf carries the requested key and the party's subject, and the issuing one signs it."""
    who = party(rng)
    papers, _root, issuing = signed(room, sandbox, who)
    found = papers.certificate
    did = f"Asked for the leaf of {who}."
    expect(found.subject.rfc4514_string(), forge.subject(*who).rfc4514_string(), did)
    issued(found, issuing, did)
    same = found.public_key() == papers.key.public_key()
    expect_that(same, did, "the key of its request", Said("another"))


@task("6.2")
def test_a_leaf_carries_its_name_again(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A leaf's name stands among the alternative names too; a server's hosts beside it."""
    hosts = ("localhost", "127.0.0.1", f"host-{rng.randrange(1000)}.example", "::1")
    for kind, asked in (("device", ()), ("broker", hosts)):
        who = party(rng, kind)
        papers, _root, _issuing = signed(room, sandbox, who, hosts=asked)
        did = f"Asked for the leaf of {who} with the hosts {', '.join(asked) or '–'};"
        value, _critical = extension(papers.certificate, x509.SubjectAlternativeName, did)
        names = value.get_values_for_type(x509.UniformResourceIdentifier)
        expect(names, [f"urn:aiot-academy:{kind}:{who[0]}:g{who[2]}"], f"{did} its URI:")
        found = [*value.get_values_for_type(x509.DNSName)]
        found += [str(one) for one in value.get_values_for_type(x509.IPAddress)]
        expect(sorted(found), sorted(asked), f"{did} its hosts:")


@task("6.2")
def test_a_leaf_lives_as_long_as_was_said(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A leaf lives as long as was said, 30 days by itself, and never beyond its issuer."""
    days = rng.randrange(2, 20)
    for life, low, high in ((None, 29.5, 31.0), (days * DAY, days - 0.5, days + 1.0)):
        papers, _root, _issuing = signed(room, sandbox, party(rng), life=life)
        found = papers.certificate
        spent = (found.not_valid_after_utc - found.not_valid_before_utc) / DAY
        did = f"Asked for a leaf of {'no stated life' if life is None else f'{days} days'}."
        expect_between(spent, low, high, did, unit="days")
    papers, _root, issuing = signed(room, sandbox, party(rng), life=3650 * DAY)
    past = (papers.certificate.not_valid_after_utc - issuing.not_valid_after_utc) / DAY
    did = "Asked for a leaf of ten years; by how long it outlives its issuer:"
    expect_between(past, -400, 0, did, unit="days")


@task("6.2")
def test_leaves_have_random_serials(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Two leaves never have one serial number, and none can be guessed from another."""
    serials = [signed(room, sandbox, party(rng))[0].certificate.serial_number for _one in range(6)]
    did = "Read the serial numbers of six leaves;"
    expect(len(set(serials)), 6, f"{did} how many differ:")
    steps = [abs(a - b) for a, b in itertools.combinations(serials, 2)]
    expect_between(min(steps), 2**24, 2**160, f"{did} the smallest distance between two:")


@task("6.2")
def test_a_request_for_somebody_else(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A request that names anybody but the party is refused."""
    name, kind, generation = party(rng)
    place = opened(room, sandbox, rng)
    twice = x509.Name([*forge.subject(name, kind, generation), *forge.subject("x", "device", 1)])
    for what, asked in (
        ("another name", forge.subject(f"{name}x", kind, generation)),
        ("another kind", forge.subject(name, "gateway", generation)),
        ("another generation", forge.subject(name, kind, generation + 1)),
        ("another organisation", forge.named(("theirs", f"{kind}-g{generation}", name))),
        ("a second name beside the first", twice),
        ("no name", x509.Name([])),
    ):
        request = forge.request(asked, forge.key_on())
        did = f"Asked for a leaf of {(name, kind, generation)} by a request with {what}."
        turned_away(
            lambda r=request: room.signed(place, r, (name, kind, generation)),  # type: ignore[misc]
            did,
            kind="RequestRefused",
        )


@task("6.2")
def test_possession_is_proved(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A request that isn't signed by its own key is refused."""
    who, place = party(rng), opened(room, sandbox, rng)
    request = forge.stolen_request(forge.subject(*who))
    did = "Asked by a request with somebody else's key in it, signed by another one."
    turned_away(lambda: room.signed(place, request, who), did, kind="RequestRefused")
    for nothing in (b"", b"-----BEGIN NOTHING-----", rng.randbytes(200)):
        did = "Asked by something that is no request."
        turned_away(
            lambda n=nothing: room.signed(place, n, who),  # type: ignore[misc]
            did,
            kind="RequestRefused",
        )


@task("6.2")
def test_a_key_on_another_curve(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A request whose key isn't on P-256 is refused."""
    who, place = party(rng), opened(room, sandbox, rng)
    for what, key in (
        ("RSA", rsa.generate_private_key(65537, 1024)),  # noqa: S505 - refused for its kind
        ("P-384", forge.key_on(ec.SECP384R1())),
    ):
        request = forge.request(forge.subject(*who), key)
        turned_away(
            lambda r=request: room.signed(place, r, who),  # type: ignore[misc]
            f"Asked for a leaf by a request with a key of {what}.",
            kind="RequestRefused",
        )


@task("6.2")
def test_no_request_gets_the_rights_of_an_authority(
    room: Any, sandbox: Sandbox, rng: random.Random
) -> None:
    """A request for the rights of an authority is refused."""
    who, place = party(rng), opened(room, sandbox, rng)
    for what, wish in (
        ("to be an authority", x509.BasicConstraints(ca=True, path_length=None)),
        ("to sign certificates", forge.usage(signs=True)),
    ):
        request = forge.request(forge.subject(*who), forge.key_on(), wish)
        turned_away(
            lambda r=request: room.signed(place, r, who),  # type: ignore[misc]
            f"Asked by a request that wishes {what}.",
            kind="RequestRefused",
        )


@task("6.2")
def test_nothing_is_copied_from_a_request(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """What a request wishes beside its key isn't in the leaf."""
    who = party(rng)
    wish = (x509.SubjectAlternativeName([x509.DNSName("bank.example")]),)
    request = forge.request(
        forge.subject(*who), forge.key_on(), *wish, x509.ExtendedKeyUsage([SERVER, CLIENT])
    )
    place = opened(room, sandbox, rng)
    found = room.signed(place, request, who)
    did = "Asked by a device's request that wishes to be the host bank.example, and to serve;"
    leaf = certificate(found, did)
    value, _critical = extension(leaf, x509.SubjectAlternativeName, did)
    expect(value.get_values_for_type(x509.DNSName), [], f"{did} its hosts:")
    value, _critical = extension(leaf, x509.ExtendedKeyUsage, did)
    expect([one.dotted_string for one in value], [CLIENT.dotted_string], f"{did} its purpose:")


@task("6.2")
def test_a_handshake_takes_its_leaves(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A real handshake takes a device's and a server's leaf, each where it belongs."""
    host = f"host-{rng.randrange(1000)}.example"
    serving, root, _i = signed(room, sandbox, party(rng, "api"), hosts=(host, "127.0.0.1"))
    device, _root, _i = signed(room, sandbox, party(rng))
    trust = root.public_bytes(forge.PEM)
    for names, wanted in (((host, "127.0.0.1"), True), (("other.example", "127.0.0.2"), False)):
        for name in names:
            why = shaken(serving, device, trust, name)
            did = f"Shook hands with the server's leaf for the host {name}."
            expect_that((why == "") is wanted, did, "let in" if wanted else "refused", why)
    why = shaken(device, serving, trust, host)
    expect_that(why != "", "Let the device's leaf serve, and the server's connect.", "refused", why)


def shaken(
    serving: Papers, connecting: Papers, trust: bytes, host: str, revoked: bytes = b""
) -> str:
    """Return "" if two parties shake hands, each checking the other strictly; else why not."""
    try:
        server = endpoints.context(ssl.PROTOCOL_TLS_SERVER, serving, trust + revoked)
        client = endpoints.context(ssl.PROTOCOL_TLS_CLIENT, connecting, trust)
    except ssl.SSLError as error:
        return str(error)
    client.check_hostname = True
    if revoked:
        server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    for one in (server, client):
        one.verify_mode = ssl.CERT_REQUIRED
        one.verify_flags |= ssl.VERIFY_X509_STRICT
    return endpoints.shaken(server, client, host)


# --- 6.3


def files(sandbox: Sandbox, name: str, papers: Papers, house: House) -> tuple[str, str, str]:
    """Return the paths of chain, key and trusted root, as the room sees them."""
    return (
        sandbox.put(f"{name}.pem", papers.chain),
        sandbox.put(f"{name}.key", forge.key_pem(papers.key)),
        sandbox.put(f"{name}-root.pem", house.root_pem),
    )


def serving(
    room: Any, sandbox: Sandbox, house: House, *, require: bool, revoked: bytes | None
) -> tuple[Any, int]:
    """Let the room serve; return its endpoint, and the port that leads there."""
    own = house.papers(forge.subject("api", "api"), purpose=SERVER, hosts=("localhost",))
    papers = files(sandbox, "api", own, house)
    path = None if revoked is None else sandbox.put("revoked.pem", revoked)
    port = sandbox.expose()
    return room.serve(port, papers, path, require=require), port


OVER, LATER = (-9 * DAY, -DAY), (DAY, 9 * DAY)


def intruders(house: House, name: str) -> tuple[dict[str, tuple[str, Papers | None]], bytes]:
    """Return who must not get in, and as what; and the list in which one of them stands."""
    who = forge.subject(name)
    stolen = house.papers(who)
    alone = forge.key_on()
    return {
        "no certificate": ("no-certificate", None),
        "one of a foreign authority": ("wrong-authority", House("theirs").papers(who)),
        "one signed by a key that isn't ours": ("wrong-authority", house.papers(who, by=alone)),
        "one that is over": ("expired", house.papers(who, life=OVER)),
        "one that hasn't begun": ("not-yet-valid", house.papers(who, life=LATER)),
        "a server's": ("wrong-purpose", house.papers(who, purpose=SERVER)),
        "a revoked one": ("revoked", stolen),
    }, house.revocations([stolen.certificate.serial_number])


def noted(endpoint: Any, before: int, did: str) -> object:
    """Return what the endpoint's log says of the newest visitor."""
    found = expect_soon(
        endpoint.log,
        lambda log: isinstance(log, list) and len(log) > before,
        did,
        "a line in the log",
        within_s=10,
    )
    return found[before]


def welcome(port: int, house: House) -> None:
    """Go on if somebody with a certificate of ours is let in: a wall is no door."""
    heard = endpoints.knock(port, house.papers(forge.subject("box-0")))
    expect(heard[:7], b"welcome", "Knocked with a certificate of ours, and read.")


@task("6.3")
def test_a_server_lets_its_own_in(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A server lets in who shows a certificate of ours, by TLS 1.3 and 1.2, and sees whose."""
    house = House()
    endpoint, port = serving(room, sandbox, house, require=True, revoked=house.revocations([7]))
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        papers = house.papers(forge.subject(party(rng)[0]))
        heard = endpoints.knock(port, papers, version)
        did = f"Knocked with a certificate of ours, by {version.name}; let in, and known?"
        expect(heard == b"welcome " + papers.der, True, did)
    del endpoint


@task("6.3")
def test_a_server_turns_intruders_away(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Whoever shows the wrong certificate, or none, reads nothing."""
    house = House()
    visitors, revoked = intruders(house, party(rng)[0])
    _endpoint, port = serving(room, sandbox, house, require=True, revoked=revoked)
    order = [*visitors.items()]
    rng.shuffle(order)
    for what, (_code, papers) in order:
        heard = endpoints.knock(port, papers)
        expect(heard[:7], b"", f"Knocked with {what}, and read what the server says.")
    welcome(port, house)


@task("6.3")
def test_the_log_tells_intruders_apart(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """The log of one's own server tells why each was refused."""
    house = House()
    visitors, revoked = intruders(house, party(rng)[0])
    endpoint, port = serving(room, sandbox, house, require=True, revoked=revoked)
    order = [*visitors.items()]
    rng.shuffle(order)
    for before, (what, (code, papers)) in enumerate(order):
        endpoints.knock(port, papers)
        did = f"Knocked with {what}, and read the server's log."
        expect(noted(endpoint, before, did), code, did)


@task("6.3")
def test_a_server_speaks_no_old_protocol(room: Any, sandbox: Sandbox) -> None:
    """TLS 1.1, plain text and who hangs up are refused, and told apart."""
    house = House()
    endpoint, port = serving(room, sandbox, house, require=True, revoked=None)
    papers = house.papers(forge.subject("box-1"))
    endpoints.shout(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    did = "Spoke plain HTTP to the server."
    expect(noted(endpoint, 0, did), "no-tls", f"{did} The log:")
    endpoints.shout(port, b"")
    did = "Connected, and hung up without a word."
    expect(noted(endpoint, 1, did), "hung-up", f"{did} The log:")
    if endpoints.speaks_old(house):
        did = "Knocked by TLS 1.1 with a certificate of ours."
        expect(endpoints.knock(port, papers, ssl.TLSVersion.TLSv1_1)[:7], b"", did)
        expect(noted(endpoint, 2, did), "old-protocol", f"{did} The log:")
    welcome(port, house)


@task("6.3")
def test_a_server_that_only_asks(room: Any, sandbox: Sandbox) -> None:
    """A server that doesn't require a certificate still refuses a wrong one."""
    house = House()
    visitors, revoked = intruders(house, "box-1")
    _endpoint, port = serving(room, sandbox, house, require=False, revoked=revoked)
    heard = endpoints.knock(port, None)
    expect(heard, b"welcome nobody", "Knocked without a certificate where none is required.")
    papers = house.papers(forge.subject("box-2"))
    known = endpoints.knock(port, papers) == b"welcome " + papers.der
    did = "Knocked with a certificate of ours where none is required; is it known whose?"
    expect(known, True, did)
    for what, (_code, shown_papers) in visitors.items():
        if shown_papers is not None:
            heard = endpoints.knock(port, shown_papers)
            expect(heard[:7], b"", f"Knocked with {what} where none is required.")


@task("6.3")
def test_a_list_that_says_nothing_lets_nobody_in(room: Any, sandbox: Sandbox) -> None:
    """Where the list of revocations is over, of another issuer or missing, nobody gets in."""
    house = House()
    papers = house.papers(forge.subject("box-1"))
    other = House("theirs").revocations([])
    for what, revoked in (("over", house.revocations([], -HOUR)), ("of another issuer", other)):
        endpoint, port = serving(room, sandbox, house, require=True, revoked=revoked)
        did = f"Knocked with a certificate of ours while the list of revocations is {what}."
        expect(endpoints.knock(port, papers)[:7], b"", did)
        expect(noted(endpoint, 0, did), "revocations-unknown", f"{did} The log:")
    own = house.papers(forge.subject("api", "api"), purpose=SERVER, hosts=("localhost",))
    about = files(sandbox, "api", own, house)
    turned_away(
        lambda: room.serve(sandbox.expose(), about, sandbox.place("no-list.pem"), require=True),
        "Asked for a server's context with a list that isn't there.",
        kind="OSError",
    )


def knocked(
    room: Any, sandbox: Sandbox, house: House, context: ssl.SSLContext, host: str = "localhost"
) -> tuple[object, bytes, bytes]:
    """Let the room connect; return what it tells, and what the server heard and was shown."""
    papers = house.papers(forge.subject("box-1"))
    with endpoints.Server(context) as server:
        sandbox.reach(server.port)
        told, _heard = room.knock(
            server.port, host, files(sandbox, "box", papers, house), b"a secret word"
        )
        expect_soon(lambda: len(server.heard), bool, "Let the room connect.", "a caller")
        said, seen = server.heard[0]
        return told, said, seen[: len(papers.der)] if seen == papers.der else b""


def reached(room: Any, sandbox: Sandbox, house: House) -> None:
    """Go on if a server of ours is believed: who believes nobody is no use."""
    own = house.papers(forge.subject("api", "api"), purpose=SERVER, hosts=("localhost",))
    _told, said, _seen = knocked(room, sandbox, house, endpoints.server_of(house, own))
    expect(said, b"a secret word", "Connected to a server of ours; what it heard:")


@task("6.3")
def test_a_client_reaches_its_server(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A client reaches a server of ours by its host's name or address, and shows who it is."""
    house = House()
    name = f"host-{rng.randrange(1000)}.example"
    own = house.papers(forge.subject("api", "api"), purpose=SERVER, hosts=(name, "127.0.0.1"))
    for host in (name, "127.0.0.1"):
        told, said, seen = knocked(room, sandbox, house, endpoints.server_of(house, own), host)
        did = f"Connected to a server of ours as {host};"
        expect(told, "let in", f"{did} what came of it:")
        expect(said, b"a secret word", f"{did} what the server heard:")
        expect(seen != b"", True, f"{did} was the client's certificate shown?")


def false_servers(house: House) -> dict[str, tuple[str, ssl.SSLContext]]:
    """Return servers that a client must not believe, and what each is."""
    api, hosts = forge.subject("api", "api"), ("localhost",)
    theirs = House("theirs")
    made = {
        "of a foreign authority": (
            "wrong-authority",
            theirs.papers(api, purpose=SERVER, hosts=hosts),
        ),
        "signed by a key that isn't ours": (
            "wrong-authority",
            house.papers(api, purpose=SERVER, hosts=hosts, by=forge.key_on()),
        ),
        "that is over": ("expired", house.papers(api, purpose=SERVER, hosts=hosts, life=OVER)),
        "that hasn't begun": (
            "not-yet-valid",
            house.papers(api, purpose=SERVER, hosts=hosts, life=LATER),
        ),
        "of a device": ("wrong-purpose", house.papers(forge.subject("box-9"), hosts=hosts)),
        "of another host": ("wrong-host", house.papers(api, purpose=SERVER, hosts=("b.example",))),
    }
    return {
        what: (code, endpoints.context(ssl.PROTOCOL_TLS_SERVER, papers, None))
        for what, (code, papers) in made.items()
    }


@task("6.3")
def test_a_client_tells_a_false_server_nothing(room: Any, sandbox: Sandbox) -> None:
    """A false server hears no word of a client."""
    house = House()
    reached(room, sandbox, house)
    for what, (_code, context) in false_servers(house).items():
        _told, said, _seen = knocked(room, sandbox, house, context)
        expect(said, b"", f"Connected to a server with a certificate {what}; what it heard:")


@task("6.3")
def test_a_client_tells_false_servers_apart(
    room: Any, sandbox: Sandbox, rng: random.Random
) -> None:
    """A client's own log tells why it didn't believe a server."""
    house = House()
    servers = [*false_servers(house).items()]
    rng.shuffle(servers)
    for what, (code, context) in servers:
        told, _said, _seen = knocked(room, sandbox, house, context)
        expect(told, code, f"Connected to a server with a certificate {what}.")


@task("6.3")
def test_a_client_speaks_no_old_protocol(room: Any, sandbox: Sandbox) -> None:
    """A client speaks no TLS 1.1, and says that this was why."""
    house = House()
    reached(room, sandbox, house)
    if not endpoints.speaks_old(house):
        return
    own = house.papers(forge.subject("api", "api"), purpose=SERVER, hosts=("localhost",))
    old = endpoints.server_of(house, own, newest=ssl.TLSVersion.TLSv1_1)
    told, said, _seen = knocked(room, sandbox, house, old)
    did = "Connected to a server of ours that speaks TLS 1.1 only;"
    expect(said, b"", f"{did} what it heard:")
    expect(told, "old-protocol", f"{did} what the client says:")


@task("6.3")
def test_a_client_trusts_our_root_alone(room: Any, sandbox: Sandbox) -> None:
    """A client trusts our root, and none of those that its machine trusts."""
    house, public = House(), House("public")
    reached(room, sandbox, house)
    own = public.papers(forge.subject("api", "api"), purpose=SERVER, hosts=("localhost",))
    system = sandbox.put("system.pem", public.root_pem)
    papers = files(sandbox, "box", house.papers(forge.subject("box-1")), house)
    with endpoints.Server(endpoints.context(ssl.PROTOCOL_TLS_SERVER, own, None)) as server:
        sandbox.reach(server.port)
        about = (server.port, "localhost", papers, b"a secret word", system)
        told, _heard = room.knock_with_system_roots(*about)
        expect_soon(lambda: len(server.heard), bool, "Let the room connect.", "a caller")
        did = "Connected to a server of an authority that the machine trusts, and we don't;"
        expect(server.heard[0][0], b"", f"{did} what it heard:")
        expect(told, "wrong-authority", f"{did} what the client says:")


@task("6.3")
def test_what_the_other_side_says_is_told_apart(room: Any, sandbox: Sandbox) -> None:
    """What a server objects to is told apart by its alert, which comes with the first read."""
    house, theirs = House(), House("theirs")
    own = house.papers(forge.subject("api", "api"), purpose=SERVER, hosts=("localhost",))
    wary = endpoints.server_of(house, own)
    with endpoints.Server(wary) as server:
        sandbox.reach(server.port)
        told, _heard = room.knock_bare(server.port, sandbox.put("r.pem", house.root_pem))
        did = "Connected without a certificate to a server that wants one."
        expect(told, "no-certificate", did)
    for what, code, papers in (
        ("of an authority that the server doesn't know", "wrong-authority", theirs),
        ("that is over", "expired", house),
    ):
        shown_papers = papers.papers(
            forge.subject("box-1"), life=OVER if papers is house else (-DAY, DAY)
        )
        about = (*files(sandbox, "mine", shown_papers, papers)[:2], sandbox.place("r.pem"))
        with endpoints.Server(wary) as server:
            sandbox.reach(server.port)
            told, _heard = room.knock(server.port, "localhost", about, b"hello")
            expect(told, code, f"Connected with a certificate {what}.")


@task("6.3")
def test_what_isnt_known_is_other(room: Any, rng: random.Random) -> None:
    """What ended a handshake for another reason is `other`."""
    words = ["".join(rng.choice("bcdfgjklq") for _ in range(9)), "", "timed out"]
    found = room.why(words)
    expect(found, ["other"] * 3, "Asked why three unrelated errors refused.")


# --- 6.4


class Desk:
    """A room's issuer over keys of this side's, and a clock that a check sets."""

    def __init__(self, room: Any, sandbox: Sandbox, name: str = "desk") -> None:
        self.now = NOW
        self.keys = {"k-1": forge.key_on(), "k-2": forge.key_on()}
        self.path = sandbox.place(f"{name}/keys.json")
        self.room = room
        self.retired = {"k-1": NOW - timedelta(minutes=30)}
        self.write()
        self.tokens = room.tokens(sandbox.place(name), 900.0, lambda: self.now)

    def write(self) -> None:
        """Bring the file of keys up to date with `keys` and `retired`."""
        self.room.written(self.path, forge.key_file(self.keys, self.retired))

    def header(self, **changes: object) -> dict[str, object]:
        """Return a token's header; a change to None leaves a member out."""
        found = {"alg": "ES256", "typ": "at+jwt", "kid": "k-2", **changes}
        return {name: value for name, value in found.items() if value is not None}

    def ours(self, **changes: object) -> str:
        """Return a token of our own key with some claims changed."""
        return forge.token(self.header(), forge.claims_at(self.now, **changes), self.keys["k-2"])

    def taken(self) -> None:
        """Go on if a token of ours is good: whoever refuses all is no use."""
        expect_who(
            lambda: self.tokens.verify(self.ours()), GATEWAY, "Showed a token of our own key."
        )

    def refused(self, text: str, code: str | None, did: str) -> None:
        """Go on if that token is refused, with that code where one is named."""
        found = turned_away(lambda: self.tokens.verify(text), did, kind="AccessRefused")
        if code is not None:
            expect(found.text, code, f"{did} The code:")


GATEWAY = Principal("gateway", "gateway", frozenset({"write"}))


def read_token(text: object, did: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Return header, claims, what was signed, and the signature."""
    try:
        head, body, signature = str(text).split(".")
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        return forge.unpart(head), forge.unpart(body), f"{head}.{body}".encode(), raw
    except ValueError:
        raise NotYet(did, "a signed token (three parts)", shown(text)) from None


def token_of(desk: Desk, subject: str, kind: str) -> Token:
    did = f"Asked for a token for {subject}, a {kind}."
    found = desk.tokens.issue(subject, kind)
    expect_that(isinstance(found, Token), did, "a Token", found)
    made: Token = found
    return made


@task("6.4")
def test_what_a_token_says(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A token says by whom, for whom, from when, until when and for what; anybody can verify it."""
    desk = Desk(room, sandbox)
    desk.now = NOW + timedelta(seconds=rng.randrange(100))
    for kind, scope in (("gateway", "write"), ("operator", "read replay")):
        name = party(rng)[0]
        found = token_of(desk, name, kind)
        did = f"Read a token for {name}, a {kind};"
        head, claims, body, raw = read_token(found.text, did)
        wanted = {"alg": "ES256", "typ": "at+jwt", "kid": "k-2"}
        expect({key: head.get(key) for key in wanted}, wanted, f"{did} its header:")
        whole = forge.claims_at(desk.now, sub=name, kind=kind, jti=None)
        told = {key: claims.get(key) for key in whole if key != "scope"}
        expect(told, {k: v for k, v in whole.items() if k != "scope"}, f"{did} its claims:")
        expect(sorted(str(claims.get("scope")).split()), scope.split(), f"{did} its scope:")
        expect(found.expires_at, desk.now + timedelta(seconds=900), f"{did} when it ends:")
        try:
            numbers = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:]))
            public = desk.keys["k-2"].public_key()
            public.verify(encode_dss_signature(*numbers), body, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            raise NotYet(f"{did} its signature:", "by the key k-2, ES256", shown(raw)) from None


@task("6.4")
def test_each_token_has_an_id(room: Any, elsewhere: Any, sandbox: Sandbox) -> None:
    """No two tokens have one id, whichever process issued them."""
    desk = Desk(room, sandbox)
    found = [token_of(desk, "gateway", "gateway") for _one in range(12)]
    place = sandbox.place("elsewhere")
    elsewhere.written(f"{place}/keys.json", forge.key_file(desk.keys, desk.retired))
    other = elsewhere.tokens(place, 900.0, lambda: desk.now)
    found += [other.issue("gateway", "gateway") for _one in range(12)]
    did = "Issued 12 tokens in each of two processes; how many ids differ:"
    ids = {str(read_token(one.text, did)[1].get("jti")) for one in found}
    expect(len(ids), 24, did)


@task("6.4")
def test_who_gets_no_token(room: Any, sandbox: Sandbox) -> None:
    """Devices, servers and unknown kinds get no token."""
    desk = Desk(room, sandbox)
    token_of(desk, "gateway", "gateway")
    for kind in ("device", "api", "broker", "anonymous", "admin", ""):
        did = f"Asked for a token for x, of the kind {kind!r}."
        turned_away(lambda k=kind: desk.tokens.issue("x", k), did, kind="AccessRefused")  # type: ignore[misc]


@task("6.4")
def test_ones_own_tokens_are_good(room: Any, sandbox: Sandbox) -> None:
    """A token of ours is good, whoever of us issued it, until ten seconds after its end."""
    desk = Desk(room, sandbox)
    expect_who(lambda: desk.tokens.verify(desk.ours()), GATEWAY, "Showed a token of our own key.")
    text = token_of(desk, "olga", "operator").text
    wanted = Principal("olga", "operator", frozenset({"read", "replay"}))
    expect_who(lambda: desk.tokens.verify(text), wanted, "Showed a token that was just issued.")
    for seconds in (-9, 899, 909):
        desk.now = NOW + timedelta(seconds=seconds)
        expect_who(
            lambda: desk.tokens.verify(text), wanted, f"Showed it {seconds} s after it was issued."
        )
    for seconds, code in ((911, "token-expired"), (-11, "token-not-yet-valid")):
        desk.now = NOW + timedelta(seconds=seconds)
        desk.refused(text, code, f"Showed a token {seconds} s after it was issued.")


@task("6.4")
def test_the_header_never_says_how_to_verify(room: Any, sandbox: Sandbox) -> None:
    """The algorithm is ours to say: no token chooses its own."""
    desk = Desk(room, sandbox)
    desk.taken()
    claims = forge.claims_at(NOW)
    for name in ("none", "None", "nOnE", ""):
        text = f"{forge.part(desk.header(alg=name))}.{forge.part(claims)}."
        desk.refused(text, "token-algorithm", f'Showed a token with "alg": "{name}", not signed.')
    public = forge.public_pem(desk.keys["k-2"])
    for secret in (public, public.strip()):
        text = forge.hmac_token(desk.header(alg="HS256"), claims, secret)
        did = "Showed a token signed by HMAC with our public key as the secret."
        desk.refused(text, "token-algorithm", did)
    for other in ("RS256", "ES384", "HS512", None):
        text = forge.token(desk.header(alg=other), claims, desk.keys["k-2"])
        desk.refused(text, "token-algorithm", f'Showed a token with "alg": {json.dumps(other)}.')


@task("6.4")
def test_a_signature_is_ours_or_none(room: Any, sandbox: Sandbox) -> None:
    """A token that another key signed, or that was changed afterwards, is refused."""
    desk, other = Desk(room, sandbox), forge.key_on()
    desk.taken()
    claims = forge.claims_at(NOW)
    text = forge.token(desk.header(), claims, other)
    desk.refused(text, "token-signature", "Showed a token of another key under our key's id.")
    head, _body, signature = desk.ours().split(".")
    text = f"{head}.{forge.part({**claims, 'sub': 'root'})}.{signature}"
    desk.refused(text, "token-signature", "Showed a token whose subject was changed afterwards.")
    desk.refused(f"{head}.{forge.part(claims)}.", None, "Showed a token without its signature.")
    text = forge.token(desk.header(kid="k-1"), claims, desk.keys["k-2"])
    desk.refused(text, "token-signature", "Showed a token of the key k-2 under the id k-1.")


@task("6.4")
def test_no_key_is_taken_from_a_token(room: Any, sandbox: Sandbox) -> None:
    """A key comes from our own set, never from a token nor from where it points."""
    desk, other = Desk(room, sandbox), forge.key_on()
    desk.taken()
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.0)
        port = door.getsockname()[1]
        sandbox.reach(port)
        url = f"http://127.0.0.1:{port}/keys.json"
        for more in ({"jku": url}, {"x5u": url}, {"jwk": forge.jwk(other)}):
            for kid, code in (("k-2", "token-signature"), ("mine", "token-key")):
                key = {"jwk": {**forge.jwk(other), "kid": kid}} if "jwk" in more else more
                text = forge.token(desk.header(kid=kid, **key), forge.claims_at(NOW), other)
                did = f"Showed a token of another key with {next(iter(more))} in its header."
                desk.refused(text, code, did)
        try:
            door.accept()
        except BlockingIOError:
            return
        raise NotYet("Watched the address that a token's header names.", "no caller", "a caller")


@task("6.4")
def test_a_key_that_isnt_ours(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A token under a key id that we don't have is refused, whatever the id looks like."""
    desk = Desk(room, sandbox)
    desk.taken()
    for kid in (f"k-{rng.randrange(3, 99)}", "../keys.json", "' OR 1=1 --", "", "x" * 500):
        text = forge.token(desk.header(kid=kid), forge.claims_at(NOW), forge.key_on())
        desk.refused(text, "token-key", f"Showed a token of the key id {kid[:40]!r}.")
    text = forge.token(desk.header(kid=None), forge.claims_at(NOW), desk.keys["k-2"])
    desk.refused(text, "token-key", "Showed a token without a key id.")
    for odd in (2, ["k-2"], {"k-2": 1}, True):
        text = forge.token(desk.header(kid=odd), forge.claims_at(NOW), desk.keys["k-2"])
        desk.refused(text, None, f"Showed a token whose key id is {odd!r}.")


@task("6.4")
def test_from_whom_and_for_whom(room: Any, sandbox: Sandbox) -> None:
    """A token of another issuer, or for another audience, is refused."""
    desk = Desk(room, sandbox)
    desk.taken()
    for issuer in ("https://evil.example", f"{forge.ISSUER}/x"):
        desk.refused(desk.ours(iss=issuer), "token-issuer", f"Showed one of the issuer {issuer!r}.")
    for audience in ("bank", ["bank"], f"{forge.AUDIENCE}-test"):
        did = f"Showed one for the audience {audience!r}."
        desk.refused(desk.ours(aud=audience), "token-audience", did)


@task("6.4")
def test_times_are_numbers_and_kept(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A token counts from when it says until when it says, and says it in numbers."""
    desk = Desk(room, sandbox)
    desk.taken()
    begin, some = int(NOW.timestamp()), rng.randrange(60, 9000)
    for code, changes in (
        ("token-expired", {"exp": begin - some}),
        ("token-not-yet-valid", {"nbf": begin + some, "exp": begin + 9999}),
        ("token-not-yet-valid", {"iat": begin + some, "exp": begin + 9999}),
        ("token-malformed", {"exp": "never"}),
        ("token-malformed", {"exp": True}),
        ("token-malformed", {"nbf": [0]}),
    ):
        did = f"Showed a token of our key with {json.dumps(changes)} at {begin}."
        desk.refused(desk.ours(**changes), code, did)


@task("6.4")
def test_no_claim_is_missing(room: Any, sandbox: Sandbox) -> None:
    """A token that leaves a claim out is incomplete."""
    desk = Desk(room, sandbox)
    desk.taken()
    for claim in ("iss", "aud", "sub", "kind", "scope", "iat", "nbf", "exp", "jti"):
        did = f"Showed a token of our key without {claim}."
        desk.refused(desk.ours(**{claim: None}), "token-incomplete", did)


@task("6.4")
def test_no_more_scope_than_its_kind(room: Any, sandbox: Sandbox) -> None:
    """A token with more scope than its kind has, or of a kind that gets none, is refused."""
    desk = Desk(room, sandbox)
    for changes in (
        {"scope": "write read"},
        {"kind": "operator", "scope": "read replay write"},
        {"kind": "device"},
        {"kind": "admin"},
    ):
        did = f"Showed a token of our key with {json.dumps(changes)}."
        desk.refused(desk.ours(**changes), "token-scope", did)
    text = desk.ours(kind="operator", scope="read")
    wanted = Principal("gateway", "operator", frozenset({"read"}))
    expect_who(
        lambda: desk.tokens.verify(text),
        wanted,
        "Showed an operator's token with the scope read only.",
    )


@task("6.4")
def test_what_is_no_token(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """What is no token, or another kind of token, is malformed, and raises nothing else."""
    desk = Desk(room, sandbox)
    desk.taken()
    head = forge.part(desk.header())
    noise = forge.part(rng.randbytes(40))
    for text in (
        *("", "..", ".", "a.b", "a.b.c.d", "%%%.%%%.%%%", f"{noise}.{noise}.{noise}", "é.é.é"),
        *(f"{forge.part([1])}.{noise}.{noise}", f"{forge.part(7)}.{noise}.{noise}"),
        *(f"{head}.{noise}.{noise}", "\ud800", forge.part({}) * 4000),
    ):
        did = f"Showed {text[:40]!r}{' …' * (len(text) > 40)}."
        turned_away(lambda t=text: desk.tokens.verify(t), did, kind="AccessRefused")  # type: ignore[misc]
    for kind in ("JWT", "at+jwt;v=2", None):
        text = forge.token(desk.header(typ=kind), forge.claims_at(NOW), desk.keys["k-2"])
        desk.refused(text, "token-malformed", f"Showed a token of our key of the type {kind!r}.")


@task("6.4")
def test_no_claim_stands_twice(room: Any, sandbox: Sandbox) -> None:
    """A token in which a name stands twice is malformed: two readers would read it two ways."""
    desk = Desk(room, sandbox)
    desk.taken()
    head, claims = json.dumps(desk.header()), json.dumps(forge.claims_at(NOW))
    twice = claims.replace("{", '{"sub": "root", ', 1).encode()
    text = forge.token(head.encode(), twice, desk.keys["k-2"])
    desk.refused(text, "token-malformed", "Showed a token of our key with two subjects.")
    text = forge.token(
        head.replace("{", '{"kid": "k-1", ', 1).encode(), claims.encode(), desk.keys["k-2"]
    )
    desk.refused(text, "token-malformed", "Showed a token of our key with two key ids.")


class Audit:
    """Telemetry of this side: what an operator would be told."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def event(self, level: str, name: str, **context: object) -> None:
        self.lines.append((level, name, context))

    def measure(self, fact: object, value: float = 1.0, **labels: str) -> None:
        self.lines.append((fact, value, labels))

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None: ...

    def trace(self, traceparent: str | None = None) -> str:
        return traceparent or ""


def gate(
    room: Any, sandbox: Sandbox, name: str, clients: Mapping[str, tuple[str, str]], house: House
) -> tuple[Any, Audit]:
    """Return the gate over a folder of this side's making, and what it tells."""
    known = {
        client: {"kind": kind, "hash": hashlib.sha256(secret.encode()).hexdigest()}
        for client, (kind, secret) in clients.items()
    }
    for path, content in (
        ("parties/api/clients.json", json.dumps(known).encode()),
        ("parties/api/keys/keys.json", forge.key_file({"k-1": forge.key_on()})),
        ("trust/issuing.pem", house.issuing_pem),
        ("trust/revocations.pem", house.revocations([])),
    ):
        room.written(sandbox.place(f"{name}/{path}"), content)
    audit = Audit()
    telemetry = Served(audit, frozenset({"event", "measure", "span", "trace"}))
    return room.gate(sandbox.place(name), telemetry), audit


@task("6.4")
def test_a_secret_earns_a_token(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A right secret earns a token; a wrong one and an unknown client hear the same."""
    words = {name: rng.randbytes(16).hex() for name in ("gateway", "operator")}
    clients = {name: (name, word) for name, word in words.items()}
    found, _audit = gate(room, sandbox, "gate", clients, House())
    for name, word in words.items():
        did = f"Asked for a token as {name} with the right secret."
        text = read_token(found.issue(name, word).text, did)[1].get("sub")
        expect(text, name, f"{did} Its subject:")
    digest = hashlib.sha256(words["gateway"].encode()).hexdigest()
    for client, word in (
        ("gateway", words["operator"]),
        ("gateway", words["gateway"][:-1]),
        ("gateway", ""),
        ("gateway", digest),
        ("nobody", words["gateway"]),
        ("nobody", ""),
        ("", ""),
        ("gateway", "é\ud800"),
    ):
        did = f"Asked for a token as {client!r} with a secret of {len(word)} letters."
        error = turned_away(
            lambda c=client, w=word: found.issue(c, w),  # type: ignore[misc]
            did,
            kind="AccessRefused",
        )
        expect(error.text, "client-secret", f"{did} The code:")


# --- 6.5


@task("6.5")
def test_a_new_key_signs_at_once(room: Any, sandbox: Sandbox) -> None:
    """After a rotation the new key signs, and the old one still verifies for an hour."""
    desk = Desk(room, sandbox)
    keys = room.open_keys(sandbox.place("desk"), lambda: desk.now)
    kid = keys.rotate()
    expect_that(kid in keys.key_ids() and kid not in desk.keys, "Rotated.", "a new id", kid)
    fresh = room.tokens(sandbox.place("desk"), 900.0, lambda: desk.now)
    head = read_token(token_of_(fresh), "Issued a token.")[0]
    expect(head.get("kid"), kid, "Rotated, and issued a token. Its key id:")
    late = int((NOW + 9 * HOUR).timestamp())
    text = desk.ours(exp=late)
    for minutes in (0, 30, 59):
        desk.now = NOW + timedelta(minutes=minutes)
        did = f"Showed a token of the old key {minutes} min after the rotation."
        expect_who(lambda: fresh.verify(text), GATEWAY, did)
    desk.tokens = fresh
    desk.now = NOW + timedelta(minutes=61)
    desk.refused(text, "token-key", "Showed a token of the old key 61 min after the rotation.")


def token_of_(tokens: Any) -> object:
    return tokens.issue("gateway", "gateway").text


@task("6.5")
def test_each_key_has_its_own_hour(room: Any, sandbox: Sandbox) -> None:
    """A key's hour runs from when its successor began to sign; later rotations don't prolong it."""
    now = [NOW]
    keys = room.open_keys(sandbox.place("hours"), lambda: now[0])
    (first,) = keys.key_ids()
    second = keys.rotate()
    now[0] = NOW + timedelta(minutes=40)
    third = keys.rotate()
    expect(list(keys.key_ids()), [first, second, third], "Rotated twice within 40 min.")
    now[0] = NOW + timedelta(minutes=61)
    did = "Asked for the ids 61 min after the first rotation, 21 min after the second."
    expect(list(keys.key_ids()), [second, third], did)
    fourth = keys.rotate()
    again = room.open_keys(sandbox.place("hours"), lambda: now[0])
    expect(list(again.key_ids()), [second, third, fourth], "Rotated, and opened the set again.")
    now[0] = NOW + timedelta(minutes=200)
    expect(list(keys.key_ids()), [fourth], "Asked for the ids two hours later.")


@task("6.5")
def test_rotations_within_a_second(room: Any, sandbox: Sandbox) -> None:
    """Keys made within one second, by two holders of the set, have ids and secrets of their own."""
    path = sandbox.place("fast")
    one = room.open_keys(path, lambda: NOW)
    other = room.open_keys(path, lambda: NOW)
    made = [keys.rotate() for keys in (one, other, one, other)]
    found = list(room.open_keys(path, lambda: NOW).key_ids())
    did = "Rotated four times in one second, in turn by two who hold the set."
    expect(len(set(made)), 4, f"{did} How many ids differ:")
    expect(found[1:], made, f"{did} The ids after the first one:")
    entries = json.loads(sandbox.take("fast/keys.json") or b"[]")
    secrets = {entry["private"] for entry in entries}
    expect(len(secrets), 5, f"{did} How many private keys differ:")


@task("6.5")
def test_an_unknown_id_asks_once(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """An unknown key id looks at the file again at most once in five seconds."""
    desk = Desk(room, sandbox)
    room.open_keys(sandbox.place("desk"), lambda: desk.now).rotate()  # is that written?
    desk.write()
    desk.now += timedelta(seconds=100)
    expect_who(lambda: desk.tokens.verify(desk.ours()), GATEWAY, "Showed a token of our own key.")
    desk.now += timedelta(seconds=6)
    made_up = forge.token(
        desk.header(kid=f"k-{rng.randrange(9, 99)}"), forge.claims_at(desk.now), forge.key_on()
    )
    desk.refused(made_up, "token-key", "Showed a token of an unknown key id.")
    desk.keys["k-3"] = forge.key_on()
    desk.write()
    theirs = forge.token(desk.header(kid="k-3"), forge.claims_at(desk.now), desk.keys["k-3"])
    desk.now += timedelta(seconds=2)
    did = "Another process added a key; 2 s after an unknown id, showed a token of that key."
    desk.refused(theirs, "token-key", did)
    desk.now += timedelta(seconds=4)
    expect_who(
        lambda: desk.tokens.verify(theirs),
        GATEWAY,
        "Showed the token of the added key again, 6 s after the unknown id.",
    )


@task("6.5")
def test_a_key_that_went_is_gone_soon(room: Any, sandbox: Sandbox) -> None:
    """A key that another process took out counts no more, six seconds later."""
    desk = Desk(room, sandbox)
    room.open_keys(sandbox.place("desk"), lambda: desk.now).rotate()  # is that written?
    desk.write()
    desk.now += timedelta(seconds=100)
    text = desk.ours()
    expect_who(lambda: desk.tokens.verify(text), GATEWAY, "Showed a token of our own key.")
    desk.keys = {"k-9": forge.key_on()}
    desk.retired = {}
    desk.write()
    desk.now += timedelta(seconds=6)
    desk.refused(text, "token-key", "Another process took its key out; showed it 6 s later.")


@task("6.5")
def test_the_list_only_grows(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """The list holds each withdrawn serial once, is signed and dated, and survives a power cut."""
    leaves = [signed(room, sandbox, party(rng))[0].certificate for _one in range(4)]
    texts = [one.public_bytes(forge.PEM) for one in leaves]
    serials = [one.serial_number for one in leaves]
    place = sandbox.place("house")
    room.withdrawn(place, [texts[0], texts[1], texts[0]])
    sandbox.kill()
    room = sandbox.open().open()
    found = room.withdrawn(place, [texts[2]])
    did = "Withdrew two leaves, one of them twice; killed the process; withdrew a third."
    try:
        listed = x509.load_pem_x509_crl(pem(found, did, "a list"))
    except ValueError:
        raise NotYet(did, "a list of revocations (PEM)", shown(found)) from None
    expect(sorted(one.serial_number for one in listed), sorted(serials[:3]), f"{did} The serials:")
    _root, issuing = authority(room, sandbox, "house")
    valid = listed.issuer == issuing.subject and listed.is_signature_valid(
        issuing.public_key()  # type: ignore[arg-type] # it is on P-256
    )
    expect_that(valid, f"{did} Its signature:", "by the issuing authority", Said("another"))
    now = datetime.now(UTC)
    expect_that(listed.last_update_utc <= now, f"{did} Its date:", "not after now", Said("later"))
    end = listed.next_update_utc
    ahead = (end - now) / DAY if end is not None else None
    expect_between(ahead, 1, 370, f"{did} Its next update:", unit="days")


@task("6.5")
def test_the_successor_of_a_revoked_one(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A real handshake refuses a revoked leaf, and takes its successor's."""
    name, kind, generation = party(rng)
    serving_, root, _issuing = signed(room, sandbox, party(rng, "api"), hosts=("localhost",))
    old, _root, _i = signed(room, sandbox, (name, kind, generation))
    trust = root.public_bytes(forge.PEM)
    did = "Asked for the list of revocations."
    before = pem(room.withdrawn(sandbox.place("house"), []), did, "a list")
    why = shaken(serving_, old, trust, "localhost", before)
    expect(why, "", "Shook hands with a leaf while nobody is withdrawn.")
    leaves = [old.certificate.public_bytes(forge.PEM)]
    after = pem(room.withdrawn(sandbox.place("house"), leaves), did, "a list")
    why = shaken(serving_, old, trust, "localhost", after)
    expect_that("revoked" in why, "Shook hands with it once it was withdrawn.", "refused", why)
    new, _root, _i = signed(room, sandbox, (name, kind, generation + 1))
    why = shaken(serving_, new, trust, "localhost", after)
    expect(why, "", "Shook hands with the leaf of its next generation.")


# --- 6.6


def takes(pattern: str, topic: str) -> bool:
    """Return whether an MQTT filter takes a topic (MQTT 3.1.1, 4.7.1)."""
    wish, levels = pattern.split("/"), topic.split("/")
    for place, level in enumerate(wish):
        if level == "#":
            return True
        if place >= len(levels) or level not in {"+", levels[place]}:
            return False
    return len(wish) == len(levels)


def topics(name: str) -> dict[str, str]:
    return {
        "a reading": f"aiot-academy/{name}/S-1/temperature",
        "its presence": f"aiot-academy-presence/{name}",
        "a verdict": f"aiot-academy-verdict/{name}",
    }


STRANGE = (
    "aiot-academy/x",
    "aiot-academy",
    "$SYS/broker/uptime",
    "cmd/x",
    "aiot-academy-presence",
    "aiot-academy-verdict/x/y",
)


def rights(room: Any, name: str, kind: str) -> tuple[Sequence[str], Sequence[str]]:
    found = room.rights_of(name, kind, f"CN={name}")
    did = f"Asked for the rights of {name}, a {kind}."
    expect((found.name, found.subject), (name, f"CN={name}"), did)
    filters = (found.publish, found.subscribe)
    for one in filters:
        fine = isinstance(one, tuple | list) and all(isinstance(text, str) for text in one)
        expect_that(fine, did, "filters: a tuple of texts", one)
    return filters


@task("6.6")
def test_a_device_speaks_as_itself(room: Any, rng: random.Random) -> None:
    """A device publishes its own readings and presence, hears its own verdicts, and that is all."""
    name = party(rng)[0]
    publish, subscribe = rights(room, name, "device")
    others = [party(rng)[0], f"{name}x", name[:-1], "+", "#"]
    for what, topic in topics(name).items():
        says = any(takes(one, topic) for one in publish)
        hears = any(takes(one, topic) for one in subscribe)
        did = f"May the device {name} publish {what}, or hear it?"
        expect((says, hears), (what != "a verdict", what == "a verdict"), did)
    forbidden = [topic for other in others for topic in topics(other).values()]
    for topic in (*forbidden, *STRANGE, f"aiot-academy/{name}", f"aiot-academy/{name}/S-1/t/x"):
        free = any(takes(one, topic) for one in (*publish, *subscribe))
        expect(free, False, f"May the device {name} publish {topic}, or hear it?")


@task("6.6")
def test_the_gateway_hears_all_and_answers(room: Any, rng: random.Random) -> None:
    """The gateway hears all readings and births, publishes verdicts, and that is all."""
    publish, subscribe = rights(room, "gateway", "gateway")
    for name in (party(rng)[0], party(rng)[0], "gateway"):
        for what, topic in topics(name).items():
            says = any(takes(one, topic) for one in publish)
            hears = any(takes(one, topic) for one in subscribe)
            did = f"May the gateway publish {topic}, or hear it?"
            expect((says, hears), (what == "a verdict", what != "a verdict"), did)
    for topic in STRANGE:
        free = any(takes(one, topic) for one in (*publish, *subscribe))
        expect(free, False, f"May the gateway publish {topic}, or hear it?")


@task("6.6")
def test_nobody_else_has_rights(room: Any, rng: random.Random) -> None:
    """Everybody else has no rights at the broker."""
    for kind in ("operator", "broker", "api", "anonymous", "admin", ""):
        publish, subscribe = rights(room, party(rng)[0], kind)
        expect((len(publish), len(subscribe)), (0, 0), f"Counted the rights of the kind {kind!r}.")
    some = sum(map(len, rights(room, party(rng)[0], "device")))
    expect_between(some, 1, 9, "Counted the rights of the kind 'device'.")


@task("6.6")
def test_who_may_do_what_over_http(room: Any, rng: random.Random) -> None:
    """Over HTTP each may do what is named for its kind, and nobody anything else."""
    one, other = party(rng)[0], party(rng)[0]
    everything = frozenset({"write", "read", "replay"})
    wanted = {
        ("device", "write", "itself"),
        *(("gateway", "write", whose) for whose in ("itself", "another")),
        *(
            ("operator", action, whose)
            for action in ("read", "replay")
            for whose in ("itself", "another", "none")
        ),
    }
    asked = [
        (kind, action, whose, scopes)
        for kind in ("device", "gateway", "operator", "anonymous", "api", "broker", "admin", "")
        for action in ("write", "read", "replay", "delete", "", "WRITE")
        for whose in ("itself", "another", "none")
        for scopes in (everything, frozenset())
        if (kind, action, whose) != ("gateway", "write", "none")  # the brief leaves that open
    ]
    rng.shuffle(asked)
    names = {"itself": one, "another": other, "none": None}
    questions = [
        (Principal(one, kind, scopes), action, names[whose])
        for kind, action, whose, scopes in asked
    ]
    for (kind, action, whose, scopes), got in zip(asked, room.allowed(questions), strict=True):
        free = (kind, action, whose) in wanted and (kind == "device" or bool(scopes))
        did = (
            f"May {one}, of the kind {kind!r} with the scopes {sorted(scopes)},"
            f" {action!r} for {names[whose]}?"
        )
        expect(got, free, did)


@task("6.6")
def test_one_scope_isnt_another(room: Any) -> None:
    """A scope permits its own action only."""
    for kind, scope, action in (
        ("operator", "read", "replay"),
        ("operator", "replay", "read"),
        ("gateway", "read", "write"),
    ):
        principal = Principal("x", kind, frozenset({scope}))
        (got,) = room.allowed([(principal, action, "x")])
        expect(got, False, f"May the {kind} x with the scope {scope} only {action}?")
        if kind == "operator":
            (got,) = room.allowed([(principal, scope, "x")])
            expect(got, True, f"May the {kind} x with the scope {scope} only {scope}?")


@task("6.6")
def test_a_certificate_at_the_gate(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """The gate knows a device by its certificate; a gateway's or an operator's is nobody's."""
    house = House()
    found, _audit = gate(room, sandbox, "known", {}, house)
    for _one in range(3):
        name = party(rng)[0]
        papers = house.papers(forge.subject(name, "device", rng.randrange(1, 9)))
        expect_who(
            partial(found.verify, None, papers.der),
            Principal(name, "device"),
            f"Showed the certificate of the device {name}.",
        )
    for kind in ("gateway", "operator"):
        who = found.verify(None, house.papers(forge.subject("x", kind)).der)
        expect(who.kind, "anonymous", f"Showed the certificate of a party of the kind {kind}.")
    expect(found.verify(None, None).kind, "anonymous", "Showed nothing.")


@task("6.6")
def test_a_certificate_that_doesnt_count(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """The gate looks again at what TLS let through, and tells the operator why it refuses."""
    house, name = House(), party(rng)[0]
    found, audit = gate(room, sandbox, "wrong", {}, house)
    who = forge.subject(name)
    papers = house.papers(who)
    expect_who(
        partial(found.verify, None, papers.der),
        Principal(name, "device"),
        f"Showed the certificate of the device {name}.",
    )
    for what, code, papers in (
        ("of a foreign authority", "certificate-authority", House("theirs").papers(who)),
        ("signed by another key", "certificate-authority", house.papers(who, by=forge.key_on())),
        ("that is over", "certificate-expired", house.papers(who, life=OVER)),
        ("that hasn't begun", "certificate-expired", house.papers(who, life=LATER)),
        ("of a server", "certificate-purpose", house.papers(who, purpose=SERVER)),
        (
            "of another organisation",
            "certificate-subject",
            house.papers(forge.named(("theirs", "device-g1", name))),
        ),
    ):
        before = len(audit.lines)
        did = f"Showed the gate a device's certificate {what}."
        error = turned_away(
            lambda p=papers: found.verify(None, p.der),  # type: ignore[misc]
            did,
            kind="AccessRefused",
        )
        expect(error.text, code, f"{did} The code:")
        told = [line for line in audit.lines[before:] if line[1] == "access_refused"]
        reasons = [line[2].get("reason") for line in told]
        expect(reasons, [code], f"{did} What the operator is told:")
    for nothing in (b"", rng.randbytes(300)):
        did = "Showed the gate bytes that are no certificate."
        turned_away(
            lambda n=nothing: found.verify(None, n),  # type: ignore[misc]
            did,
            kind="AccessRefused",
        )


@task("6.6")
def test_a_revocation_counts_at_once(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A withdrawn certificate is out at the gate as soon as the list says so."""
    house, name = House(), party(rng)[0]
    found, _audit = gate(room, sandbox, "revoked", {}, house)
    old, other = house.papers(forge.subject(name)), house.papers(forge.subject("box-0"))
    expect_who(
        lambda: found.verify(None, old.der),
        Principal(name, "device"),
        "Showed a certificate before it was withdrawn.",
    )
    serials = [5, old.certificate.serial_number]
    room.written(sandbox.place("revoked/trust/revocations.pem"), house.revocations(serials))
    did = "Wrote a new list of revocations, and showed the certificate again."
    error = turned_away(lambda: found.verify(None, old.der), did, kind="AccessRefused")
    expect(error.text, "certificate-revoked", f"{did} The code:")
    expect_who(
        lambda: found.verify(None, other.der),
        Principal("box-0", "device"),
        "Showed one that isn't in the list.",
    )


# --- 6.7


def private(sandbox: Sandbox, folder: str, did: str) -> None:
    """Go on if nobody but its owner may do anything with what lies in `folder`."""
    if POSIX:
        for path, mode in sandbox.modes(folder).items():
            got, wish = Said(f"{mode:04o}"), "nothing for group and others"
            expect_that(mode & 0o077 == 0, f"{did} The mode of {path}:", wish, got)


@task("6.7")
def test_a_secret_is_its_owners_alone(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A kept secret has the mode 0600, the folders made for it 0700, whatever the umask."""
    wanted = {umask: rng.randbytes(rng.randrange(1, 5000)) for umask in (0o000, 0o022, 0o077)}
    for umask, content in wanted.items():
        room.kept(sandbox.place(f"u{umask}/deep/er/secret"), content, umask)
    for umask, content in wanted.items():
        did = f"Kept a secret in a new folder with the umask {umask:03o}."
        private(sandbox, f"u{umask}", did)
        expect(sandbox.take(f"u{umask}/deep/er/secret"), content, f"{did} The file:")


@task("6.7")
def test_old_rights_dont_stay(room: Any, sandbox: Sandbox) -> None:
    """A secret that replaces a file that others could read is its owner's alone."""
    room.written(sandbox.place("old/secret"), b"before", 0o644)
    room.kept(sandbox.place("old/secret"), b"after")
    did = "Kept a secret over a file of mode 0644."
    private(sandbox, "old", did)
    expect(sandbox.take("old/secret"), b"after", f"{did} The file:")


@task("6.7")
def test_whole_or_not_at_all(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A secret that can't be written whole isn't written, and leaves nothing behind."""
    if not POSIX:
        return
    before, after = rng.randbytes(300), rng.randbytes(300_000)
    room.written(sandbox.place("full/secret"), before)
    told = room.kept_on_a_full_disk(sandbox.place("full/secret"), after, 4096)
    did = "Kept a secret of 300,000 bytes over one of 300, where 4,096 fit on the disk."
    expect(told, "OSError", f"{did} What was raised:")
    expect(len(sandbox.modes("full")), 1, f"{did} How many files lie in the folder:")
    expect(sandbox.take("full/secret"), before, f"{did} The file:")


@task("6.7")
def test_nothing_lies_beside_a_secret(room: Any, sandbox: Sandbox) -> None:
    """Keeping a secret leaves the one file, and no second copy."""
    for text in (b"one", b"two"):
        room.kept(sandbox.place("single/secret"), text)
    found = sorted(sandbox.modes("single")) if POSIX else ["secret"]
    expect(found, ["secret"], "Kept a secret twice; what lies in the folder:")
    expect(sandbox.take("single/secret"), b"two", "Kept a secret twice; the file:")


@task("6.7")
def test_what_others_can_read_is_no_secret(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A secret that others could read, or change, is refused with the mend, never with itself."""
    if not POSIX:
        return
    word = rng.randbytes(12).hex()
    path = sandbox.place("seen/secret")
    for mode in (0o644, 0o640, 0o604, 0o660, 0o602, 0o620, 0o666, 0o777):
        room.written(path, word.encode(), mode)
        did = f"Read a secret whose file has the mode {mode:04o}."
        error = turned_away(lambda: room.read_secret(path), did, kind="PermissionError")
        expect_that("600" in error.text and path in error.text, did, "the path and 600", error.text)
        expect_that(word not in error.text, did, "no secret in the error", error.text)
    for mode in (0o600, 0o400):
        room.written(path, word.encode(), mode)
        found = room.read_secret(path)
        expect(found, word.encode(), f"Read a secret whose file has the mode {mode:04o}.")


@task("6.7")
def test_a_secret_is_read_anew(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A secret is read anew each time: it changes without a restart."""
    path = sandbox.place("anew/secret")
    for _turn in range(4):
        word = rng.randbytes(40)
        room.written(path, word)
        expect(room.read_secret(path), word, "Changed the secret, and read it.")


@task("6.7")
def test_secrets_are_compared_whole(room: Any, rng: random.Random) -> None:
    """Two secrets are the same if all of them is, whatever letters they have."""
    for _turn in range(20):
        word = rng.randbytes(rng.randrange(1, 40)).hex()
        place = rng.randrange(len(word))
        changed = f"{word[:place]}g{word[place + 1 :]}"
        expect(room.same_secret(word, word), True, "Compared a secret with itself.")
        expect(room.same_secret(changed, word), False, f"Changed letter {place} of {len(word)}.")
    for one, other in (("a", ""), ("", "a"), ("abc", "ab"), ("ab", "abc"), ("A", "a"), ("é", "e")):
        expect(room.same_secret(one, other), False, f"Compared {one!r} with {other!r}.")
    for word in ("", "é", "schlüssel", "鍵"):
        expect(room.same_secret(word, word), True, f"Compared {word!r} with itself.")
    expect(room.same_secret("é\ud800", "é"), False, "Compared 'é\\ud800' with 'é'.")


@task("6.7")
def test_comparing_tells_no_letter(room: Any, rng: random.Random) -> None:
    """Two secrets are compared in constant time: `==` would stop at the first difference."""
    word = rng.randbytes(16).hex()
    for shown_word in (word, f"x{word[1:]}"):
        (same, times) = room.compared(shown_word, word)
        expect(same, shown_word == word, "Compared two secrets.")
        expect(times, 0, "Counted how often the two were compared by `==`.")


@task("6.7")
def test_keys_lie_private(room: Any, sandbox: Sandbox) -> None:
    """The keys of an authority and of a key set are their owner's alone."""
    authority(room, sandbox, "vault/authority")
    room.open_keys(sandbox.place("vault/keys"), lambda: NOW)
    room.kept(sandbox.place("vault/one"), b"one")
    did = "Made an authority and a key set, killed the process, and looked at the files."
    private(sandbox, "vault", did)
    found = sandbox.take("vault/authority/issuing.key") or b""
    expect(b"PRIVATE KEY" in found, True, f"{did} Is the issuing key there?")


@task("6.7")
def test_no_secret_is_told(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A secret stands in no error, no line of the log, and nothing that is printed."""
    word, wrong = rng.randbytes(16).hex(), rng.randbytes(16).hex()
    found, audit = gate(room, sandbox, "quiet", {"gateway": ("gateway", word)}, House())
    text = found.issue("gateway", word).text
    errors = [
        turned_away(
            lambda c=client, w=secret: found.issue(c, w),  # type: ignore[misc]
            "Asked for a token with a wrong secret.",
            kind="AccessRefused",
        ).text
        for client, secret in (("gateway", wrong), ("nobody", word))
    ]
    path = sandbox.place("quiet/word")
    room.kept(path, word.encode())
    room.read_secret(path)
    room.flushed()
    sandbox.kill()
    told = f"{errors} {audit.lines} {sandbox.said()}"
    for what, secret in (("the right secret", word), ("a wrong one", wrong), ("the token", text)):
        place = told.find(str(secret))
        did = f"Looked for {what} in errors, events and output."
        got = told[max(0, place - 60) : place + 20] if place >= 0 else ""
        expect_that(place < 0, did, "nowhere", got)
