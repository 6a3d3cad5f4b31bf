"""Drives Room 2 inside the worker: opens devices and gateways, and passes calls on."""

import http.client
import json
import ssl
import sys
import threading
import urllib.parse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.contracts.messages import Answer, Birth, ItemAnswer
from shared.contracts.ports import BusParts, DoorUnreachable
from shared.contracts.settings import Settings

_OPENED: list[Any] = []


class Wall:
    """The wall's clock for everything."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    wall = now

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        return wall_s


class Quiet:
    """Telemetry that keeps nothing, and follows each reading by one given trace."""

    def __init__(self, trace: str) -> None:
        self._trace = trace

    def event(self, level: str, name: str, **context: object) -> None: ...
    def measure(self, fact: object, value: float = 1.0, **labels: str) -> None: ...
    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None: ...
    def trace(self, traceparent: str | None = None) -> str:
        return traceparent or self._trace


class Keys:
    """A keyring: for `name` the PEM file that holds key, certificate and authority."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def client(self, name: str) -> ssl.SSLContext | None:
        if name not in self._files:
            return None
        context = ssl.create_default_context(cafile=self._files[name])
        context.load_cert_chain(self._files[name])
        return context

    def server(self, name: str, *, require_client: bool) -> ssl.SSLContext | None:
        del name, require_client
        return None


class Door:
    """The API over one HTTP connection, with a token."""

    def __init__(self, url: str, timeout_s: float) -> None:
        host = urllib.parse.urlsplit(url).netloc
        self._http = http.client.HTTPConnection(host, timeout=timeout_s)
        self._token = ""

    def send(self, items: Sequence[Mapping[str, object]]) -> Answer:
        status, after, found = self._post("/api/v1/sensors/data/batch", list(items))
        wait_s = float(after) if after else None
        if status != http.HTTPStatus.OK:
            return Answer(status, retry_after_s=wait_s, detail=found.get("detail"))
        told = [ItemAnswer(one["status"], one["message_id"], one["detail"]) for one in found]
        return Answer(status, tuple(told), wait_s)

    def renew(self) -> None:
        self._token = self._post("/api/v1/token", {})[2]["access_token"]

    def _post(self, route: str, body: object) -> tuple[int, str | None, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        try:
            self._http.request("POST", route, json.dumps(body), headers)
            answer = self._http.getresponse()
            return answer.status, answer.headers.get("Retry-After"), json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._http.close()
            raise DoorUnreachable(str(error)) from None


class Run:
    """A gateway that runs in a thread of its own until it is closed."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="gateway")
        self._thread.start()

    def _work(self) -> None:
        try:
            self._gateway.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - raised again where it is asked for
            self._error = error

    def trouble(self) -> None:
        """Raise what ended it."""
        if self._error is not None:
            raise self._error

    def close(self, drain_s: float) -> bool:
        """Stop it; return True, or raise TimeoutError if it doesn't end."""
        del drain_s
        self._stop.set()
        self._thread.join(3.0)
        if self._thread.is_alive():
            raise TimeoutError
        return True


def device(room: Any, settings: Settings, birth: Birth, trace: str, keys: Mapping[str, str]) -> Any:
    """Open a device."""
    parts = BusParts(Wall(), Quiet(trace), Keys(keys))
    link = room.build(settings, parts).device(birth)
    _OPENED.append(link)
    return link


def gateway(room: Any, settings: Settings, url: str, dead_letters: Any) -> Run:
    """Run a gateway."""
    door = Door(url, settings.bus.call_timeout_s)
    parts = BusParts(Wall(), Quiet(""), Keys({}), door, dead_letters)
    run = Run(room.build(settings, parts).gateway())
    _OPENED.append(run)
    return run


def finish(room: Any) -> None:
    """Close what is open."""
    del room
    while _OPENED:
        _OPENED.pop().close(0.0)


def pauses(room: Any, attempt: int, base_s: float, cap_s: float, count: int) -> list[float]:
    """Return `count` pauses."""
    return [room.full_jitter(attempt, base_s, cap_s) for _one in range(count)]


def matched(room: Any, pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Return what `matches` says of each (filter, topic)."""
    return [room.matches(*pair) for pair in pairs]


def budgets(room: Any, cases: Sequence[tuple[int, str]]) -> list[int]:
    """Return the budget of each (bytes of payload, topic)."""
    return [room.payload_budget(bytes(size), topic) for size, topic in cases]


def crowded(room: Any, path: str, count: int, size: int, spare: int) -> object:
    """Add letters with `spare` bytes left for each file; return the count, or the error."""
    if sys.platform == "win32":
        raise NotImplementedError("Windows limits no process's files")
    import resource

    outbox = room.open_outbox(path, 10 * count, "crowd")
    largest = max(one.stat().st_size for one in Path(path).parent.iterdir())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + spare, before[1]))
    letters = [(f"msg-{n}", "topic", bytes(size)) for n in range(count)]
    try:
        return outbox.add(letters, 0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        outbox.close()


def fates(room: Any, statuses: Sequence[int]) -> list[str]:
    """Return the fate of each status."""
    return [room.fate_of(status) for status in statuses]


def breaker(
    room: Any, failures: int, pause_s: float, steps: Sequence[tuple[str, float]]
) -> list[object]:
    """Return what a breaker says at each step: `wait` seconds, `state`, `allows`, an outcome."""
    now = 1000.0
    made = room.make_breaker(failures, pause_s, lambda: now)
    found: list[object] = []
    for word, seconds in steps:
        now += seconds
        match word:
            case "state":
                found.append(made.state)
            case "allows":
                found.append(made.allows())
            case "succeeded":
                made.succeeded()
            case "failed":
                made.failed()
    return found
