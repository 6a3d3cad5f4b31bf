"""A client that tries to break the door."""

import json
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import httpx

from shared.contracts.identifiers import iso_utc
from shared.language import _

from .list_store import ListStore

DATA: Final = "/api/v1/sensors/data"
MOST_FLOOD: Final = 50_000_000
JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried, and what the door said."""

    request: str
    status: int
    said: str


def reading(**changes: object) -> dict[str, object]:
    """Return the architecture's request, of this moment, changed."""
    return {
        "device_id": "DEVICE-001",
        "sensor_type": "temperature",
        "value": 22.3,
        "timestamp": iso_utc(datetime.now(UTC)),
        "metadata": {"location": "room-101", "calibration_date": "2025-01-01"},
        **changes,
    }


class Intruder:
    """Asks what a good client asks, then everything else."""

    def __init__(self, client: httpx.Client, store: ListStore, port: int) -> None:
        self._client = client
        self._store = store
        self._port = port

    def attempts(self) -> Iterator[Attempt]:
        """Yield one attempt after the other."""
        for request, ask in (
            *self._good(),
            *self._malformed(),
            *self._absurd(),
            *self._forbidden(),
        ):
            answer = ask()
            yield Attempt(request, answer.status_code, _said(answer))
        yield self._flood()
        yield from self._storage_away()

    def _good(self) -> list[tuple[str, Callable[[], httpx.Response]]]:
        once = reading()
        mixed = [reading(device_id="DEVICE-002"), reading(value="warm"), once]
        old = {"device_id": "OLD-1", "type": "humidity", "value": 48, "ts": 1_736_937_045.123}
        return [
            (_("a reading"), lambda: self._post(once)),
            (_("the same again"), lambda: self._post(once)),
            (_("in °F"), lambda: self._post(reading(value=72.1, metadata={"unit": "°F"}))),
            (_("in yesterday's schema"), lambda: self._post(old)),
            (_("a batch: new, wrong, known"), lambda: self._post(mixed, "/batch")),
        ]

    def _malformed(self) -> list[tuple[str, Callable[[], httpx.Response]]]:
        bodies = {
            _("half a document"): b'{"device_id": "DEV',
            _("no UTF-8"): b'{"device_id": "\xff"}',
            _("a key twice"): json.dumps(reading())[:-1].encode() + b', "value": 5}',
            _("100,000 brackets"): b"[" * 100_000,
            _("NaN"): json.dumps(reading(value=float("nan"))).encode(),
            _("10 to the 400th"): json.dumps(reading(value=5)).replace("5,", "1e400,", 1).encode(),
            _("half a letter"): json.dumps(reading(device_id="\ud83d")).encode(),
        }
        return [(name, partial(self._raw, body)) for name, body in bodies.items()]

    def _absurd(self) -> list[tuple[str, Callable[[], httpx.Response]]]:
        tomorrow = iso_utc(datetime.now(UTC) + timedelta(days=1))
        documents = {
            _("a time without a zone"): reading(timestamp="2025-01-15T10:30:45"),
            _("a clock of 1970"): reading(timestamp="1970-01-01T00:00:00Z"),
            _("a reading of tomorrow"): reading(timestamp=tomorrow),
            _("a thousand degrees"): reading(value=1_000),
            _("pressure in pascal, unit unsaid"): reading(sensor_type="pressure", value=101_325),
            _("a spelling mistake"): reading(metadata={"locatoin": "room-101"}),
            _("a device named ../../etc"): reading(device_id="../../etc"),
        }
        return [(name, partial(self._post, document)) for name, document in documents.items()]

    def _forbidden(self) -> list[tuple[str, Callable[[], httpx.Response]]]:
        stolen = {"Authorization": "Bearer stolen", **JSON}
        taken = reading(message_id="mine")
        return [
            (_("a stolen token"), lambda: self._raw(b"{}", stolen)),
            (_("as somebody else"), lambda: self._post(reading(device_id="somebody-else"))),
            (_("an id of one's own"), lambda: self._post(taken)),
            (_("the id again, other content"), lambda: self._post({**taken, "value": 1.0})),
            (_("plain text"), lambda: self._raw(b"hot", {"Content-Type": "text/plain"})),
            (_("another method"), lambda: self._client.delete(DATA)),
            (_("a route that isn't"), lambda: self._client.get("/admin")),
            (_("a batch of 1,001"), lambda: self._post([reading()] * 1_001, "/batch")),
            (_("a page by number"), lambda: self._client.get("/api/v1/sensors/last?page=2")),
        ]

    def _post(self, document: object, where: str = "") -> httpx.Response:
        return self._client.post(DATA + where, content=json.dumps(document).encode(), headers=JSON)

    def _raw(self, body: bytes, headers: dict[str, str] = JSON) -> httpx.Response:
        return self._client.post(DATA, content=body, headers=headers)

    def _flood(self) -> Attempt:
        """Send chunks for as long as the door lets us: no length was declared."""
        head = f"POST {DATA} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer alone\r\n"
        head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        sent, answer = 0, b""
        with socket.create_connection(("127.0.0.1", self._port), timeout=5) as line:
            try:
                line.sendall(head.encode())
                while sent < MOST_FLOOD and not answer:
                    line.sendall(chunk)
                    sent += len(chunk)
                    if select.select([line], [], [], 0)[0]:
                        answer = line.recv(65_536)
            except OSError:
                pass  # cut before its answer could be read
        status = int(answer.split()[1]) if answer else 0
        return Attempt(_("an endless chunked body"), status, _("after {n:,} bytes").format(n=sent))

    def _storage_away(self) -> Iterator[Attempt]:
        for away in (True, False):
            self._store.away = away
            state = _("storage away") if away else _("storage back")
            for name, ask in (
                (_("ready?"), partial(self._client.get, "/health/ready")),
                (_("a reading"), partial(self._post, reading(device_id="DEVICE-003"))),
            ):
                answer = ask()
                yield Attempt(f"{state}: {name}", answer.status_code, _said(answer))


def _said(answer: httpx.Response) -> str:
    """Return the door's words in a line."""
    document: Any = answer.json()
    if isinstance(document, list):
        return ", ".join(str(one["status"]) for one in document)
    if not answer.is_success:
        faults = [
            f"{one['field']}: {one['got']} → {one['expected']}"
            for one in document.get("errors", ())
        ]
        return " · ".join([str(document.get("detail", "")), *faults])
    return " ".join(str(value) for value in document.values())
