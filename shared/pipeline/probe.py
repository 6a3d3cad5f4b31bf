"""The start-up probe: tries the broker's doors as an intruder would, before any reading flows.

It speaks just enough MQTT 3.1.1 (http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html) to
see whether it is let in. In TLS 1.3 a handshake says nothing yet: each attempt reads an answer.
"""

import datetime as dt
import json
import socket
import ssl
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.contracts.messages import TOPIC_ROOT, VERDICT_ROOT, Credentials
from shared.language import _

from .planning import Plan

SPEAKER, HEARER = "probe-a", "probe-b"
LIMIT_S: Final = 3.0
SILENCE_S: Final = 0.4
"""How long nothing must arrive before a forbidden message counts as not delivered."""
ADMITTED: Final = b"\x20\x02\x00\x00"
CONNACK, PUBLISH, SUBACK = 0x20, 0x30, 0x90
REFUSED_SUBSCRIPTION: Final = 0x80


class ProbeFailed(Exception):  # noqa: N818 - a fact, named as one
    """The probe couldn't try anything: nothing is known of the doors."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One attempt: what was tried, whether it got in, and the task of Room 6 that prevents it."""

    tried: str
    let_in: bool
    task: str


def probe_broker(plan: Plan, credentials: Mapping[str, Credentials]) -> list[Finding]:
    """Try the running broker from outside; return a finding an attempt.

    Without a certificate; with one of another authority; on another device's topics; and its other
    ports without any credentials. First the probe sees that it can be let in at all: else a
    broker that nobody reaches would pass. Raises ProbeFailed then.
    """
    bus = plan.settings.bus
    trust = credentials["broker"].authority
    door = (bus.host, bus.port)
    own = _papers_of(credentials[SPEAKER])
    if not _tried(lambda: _admits(door, own)):
        raise ProbeFailed(_("The broker doesn't let in a device of our own: ./academy logs broker"))
    attempts: list[tuple[str, str, Callable[[], bool]]] = [
        (_("a client without a certificate"), "6.3", lambda: _admits(door, _bare(trust))),
        (_("a certificate of a foreign authority"), "6.3", lambda: _admits_foreign(door, trust)),
        (_("a device on another device's topics"), "6.6", lambda: _delivers(door, credentials)),
    ]
    if bus.websocket_port is not None:
        web = (bus.host, bus.websocket_port)
        attempts.append(
            (_("WebSocket without a certificate"), "6.3", lambda: _upgrades(web, _bare(trust)))
        )
    if bus.flavour == "nats":
        inner = (bus.host, plan.inner_port)
        attempts.append((_("the broker's inner port without a name"), "6.6", lambda: _pongs(inner)))
    with ThreadPoolExecutor(len(attempts)) as pool:
        results = list(pool.map(lambda attempt: _tried(attempt[2]), attempts))
    return [
        Finding(tried, let_in, task)
        for (tried, task, _attempt), let_in in zip(attempts, results, strict=True)
    ]


def _tried(attempt: Callable[[], bool]) -> bool:
    try:
        return attempt()
    except (OSError, EOFError):
        return False  # turned away, one way or another


def _bare(trust: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=trust)
    return context


def _with_papers(trust: str, chain: str, key: str) -> ssl.SSLContext:
    context = _bare(trust)
    context.load_cert_chain(chain, key)
    return context


def _opened(door: tuple[str, int], context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(door, timeout=LIMIT_S)
    return context.wrap_socket(plain, server_hostname=door[0])


def _admits(door: tuple[str, int], context: ssl.SSLContext, name: str = "probe-a") -> bool:
    with _opened(door, context) as line:
        return _greeted(line, name)


def _admits_foreign(door: tuple[str, int], trust: str) -> bool:
    """Come with a certificate that says the right name, signed by oneself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "probe-a")])
    now = dt.datetime.now(dt.UTC)
    begin, end = now - dt.timedelta(minutes=5), now + dt.timedelta(hours=1)
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, begin, end)
    text = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    text += key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.TemporaryDirectory(prefix="academy-probe-") as folder:
        papers = Path(folder) / "foreign.pem"
        papers.touch(mode=0o600)
        papers.write_bytes(text)
        context = _with_papers(trust, str(papers), str(papers))
    return _admits(door, context)


def _papers_of(party: Credentials) -> ssl.SSLContext:
    return _with_papers(party.authority, party.certificate, party.key)


def _delivers(door: tuple[str, int], credentials: Mapping[str, Credentials]) -> bool:
    """Publish as one probe what only others may say; return whether the other one hears it.

    A broker may acknowledge what it forbids, or drop the line: only what arrives counts.
    """
    hearing, speaking = _papers_of(credentials[HEARER]), _papers_of(credentials[SPEAKER])
    topics = (f"{TOPIC_ROOT}/{HEARER}/probe/temperature", f"{VERDICT_ROOT}/{HEARER}")
    with _opened(door, hearing) as ear:
        if not _greeted(ear, HEARER):
            raise ProbeFailed(_("The broker doesn't let in a device of our own: 6.3"))
        for topic in topics:
            ear.sendall(_subscribe(topic))
            answer = _read(ear, 5)
            if answer[0] != SUBACK or answer[4] == REFUSED_SUBSCRIPTION:
                raise ProbeFailed(_("The broker refuses a device its own topics: 6.6"))
        for topic in topics:
            # A line each: the first forbidden word may end it.
            with suppress(OSError, EOFError), _opened(door, speaking) as mouth:
                if _greeted(mouth, SPEAKER):
                    mouth.sendall(_publish(topic, b"{}"))
                    mouth.settimeout(SILENCE_S)
                    mouth.recv(4)
        ear.settimeout(SILENCE_S)
        try:
            return _read(ear, 1)[0] & 0xF0 == PUBLISH
        except TimeoutError:
            return False


def _greeted(line: ssl.SSLSocket, name: str) -> bool:
    line.sendall(_connect(name))
    return _read(line, len(ADMITTED)) == ADMITTED


def _upgrades(door: tuple[str, int], context: ssl.SSLContext) -> bool:
    with _opened(door, context) as line:
        line.sendall(
            b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        return b" 101 " in line.recv(64)


def _pongs(door: tuple[str, int]) -> bool:
    """Speak NATS: who may come in gets a PONG for a PING."""
    with socket.create_connection(door, timeout=LIMIT_S) as line:
        line.recv(4096)
        options = json.dumps({"verbose": False, "pedantic": False})
        line.sendall(f"CONNECT {options}\r\nPING\r\n".encode())
        return line.recv(4096).startswith(b"PONG")


def _read(line: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = line.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _connect(name: str) -> bytes:
    """CONNECT, clean session, keep alive 10 s."""
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + _text(name)
    return bytes([0x10, len(body)]) + body


def _subscribe(topic: str) -> bytes:
    body = b"\x00\x01" + _text(topic) + b"\x01"
    return bytes([0x82, len(body)]) + body


def _publish(topic: str, payload: bytes) -> bytes:
    """PUBLISH, QoS 1, packet 2; short enough for a length of one byte."""
    body = _text(topic) + b"\x00\x02" + payload
    return bytes([PUBLISH | 2, len(body)]) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()
