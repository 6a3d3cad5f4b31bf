"""The small server of a process that is no API: three pages, no more, on loopback."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from shared.contracts.messages import Health
from shared.exposition import HOST, IDLE_S, _Handler, serve_monitor

METRICS = b"# HELP up Up.\n# TYPE up gauge\nup 1.0\n"


class Patient:
    """A monitor whose storage a test takes away."""

    def __init__(self) -> None:
        self.ready = True

    def exposition(self) -> bytes:
        """Return one metric."""
        return METRICS

    def health(self) -> Health:
        """Return the health that the test wants."""
        answer = "ok" if self.ready else "no answer in 1 s"
        return Health(live=True, ready=self.ready, dependencies=(("storage", answer),))

    def render(self, folder: str) -> Sequence[str]:
        """Write nothing: no page asks for it."""
        del folder
        return ()


@pytest.fixture
def patient() -> Patient:
    """Return a process that is well."""
    return Patient()


@pytest.fixture
def port(patient: Patient) -> Iterator[int]:
    """Return the port of its server, which ends with the test."""
    stop = threading.Event()
    yield serve_monitor(patient, stop)
    stop.set()


def ask(port: int, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer."""
    link = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        link.request(method, path)
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        link.close()


def test_metrics_come_in_the_text_format(port: int) -> None:
    """A scraper reads the body by its content type."""
    status, headers, body = ask(port, "GET", "/metrics")
    assert (status, body) == (200, METRICS)
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_without_its_storage_a_process_lives_but_is_not_ready(patient: Patient, port: int) -> None:
    """A restart heals no storage: only readiness is lost, and comes back by itself."""
    patient.ready = False
    assert ask(port, "GET", "/health/live")[0] == 200
    status, _headers, body = ask(port, "GET", "/health/ready")
    told = {"ready": False, "dependencies": {"storage": "no answer in 1 s"}}
    assert (status, json.loads(body)) == (503, told)
    patient.ready = True
    assert ask(port, "GET", "/health/ready")[0] == 200


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/health/ready", "/nowhere"])
def test_head_tells_what_get_would_send_without_the_body(port: int, path: str) -> None:
    """RFC 9110, section 9.3.2; read from the wire, as http.client would hide a body."""
    status, headers, _body = ask(port, "GET", path)
    with socket.create_connection((HOST, port), timeout=5) as link:
        link.sendall(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
        with link.makefile("rb") as answer:
            head, _end, body = answer.read().partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.split(b"\r\n")[0]
    assert f"Content-Length: {headers['Content-Length']}".encode() in head
    assert body == b""


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics/../etc/passwd", "/health"])
def test_there_is_no_fourth_page(port: int, path: str) -> None:
    """No path reaches a file."""
    assert ask(port, "GET", path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(port: int, method: str) -> None:
    """A refusal says what is allowed, in JSON."""
    status, headers, body = ask(port, method, "/metrics")
    assert status == 405
    assert headers["Allow"] == "GET, HEAD"
    assert "GET" in json.loads(body)["status"]


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b" 431 "),
    ],
    ids=["a long line", "many headers"],
)
def test_a_request_without_end_is_refused(port: int, request_head: bytes, status: bytes) -> None:
    """What a caller may make the process keep is bounded."""
    with socket.create_connection((HOST, port), timeout=5) as link:
        link.sendall(request_head)
        assert status in link.recv(65_536).split(b"\r\n")[0]


def test_a_silent_caller_is_dropped_and_holds_up_nobody(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request keeps one thread for a while, and no scraper waiting."""
    assert _Handler.timeout == IDLE_S
    monkeypatch.setattr(_Handler, "timeout", IDLE_S / 20)
    with socket.create_connection((HOST, port), timeout=IDLE_S) as link:
        link.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert ask(port, "GET", "/metrics")[0] == 200
        assert link.recv(1) == b""


def test_after_the_stop_the_port_is_free() -> None:
    """A process that ends leaves no open door."""
    stop = threading.Event()
    port = serve_monitor(Patient(), stop)
    assert ask(port, "GET", "/health/live")[0] == 200
    stop.set()
    for thread in threading.enumerate():
        if thread.name == "monitor-stop":
            thread.join(timeout=5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), timeout=1)
