"""Drives Room 3 inside the worker: opens doors on ports, passes calls on, hands back what came."""

import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.facts import Fact
from shared.contracts.messages import Event, Health, Principal, Token
from shared.contracts.ports import AccessRefused, IngestionParts
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
NO_TRACE = f"00-{'a' * 32}-{'b' * 16}-00"


class StillClock:
    """An event clock that stands, in a world `speed` times as fast."""

    def __init__(self, now: datetime, speed: float) -> None:
        self._now = now
        self._speed = speed

    def now(self) -> datetime:
        """Return the event clock's time."""
        return self._now

    def wall(self) -> datetime:
        """Return the wall clock's time."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the wall seconds until `moment`."""
        return (moment - self._now).total_seconds() / self._speed

    def tolerance(self, wall_s: float) -> float:
        """Return event seconds."""
        return wall_s * self._speed


class Silence:
    """Telemetry that tells nobody."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Say nothing."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Count nothing."""

    def trace(self, traceparent: str | None = None) -> str:
        """Return a trace that nobody samples."""
        return traceparent or NO_TRACE

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""


class Monitor:
    """A monitor of fixed words."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def exposition(self) -> bytes:
        """Return one line."""
        return b"academy_up 1\n"

    def health(self) -> Health:
        """Return what it was told."""
        return self._health

    def render(self, folder: str) -> Sequence[str]:
        """Render nothing."""
        del folder
        return []


class Gate:
    """Knows the tokens `gateway`, which may not write for `foreign`, `reader` and `revoked`."""

    def issue(self, client_id: str, secret: str) -> Token:
        """Give nobody a token."""
        del client_id, secret
        raise AccessRefused("wrong_secret")

    def verify(self, authorization: str | None, certificate: bytes | None) -> Principal:
        """Return who that is by the token's own word."""
        del certificate
        if authorization is None:
            return Principal("nobody", "anonymous")
        name = authorization.removeprefix("Bearer ")
        if name not in {"gateway", "reader", "revoked"}:
            raise AccessRefused("unknown_token")
        return Principal(name, "operator" if name == "reader" else "gateway")

    def permits(self, principal: Principal, action: str, device_id: str | None) -> bool:
        """Return whether it may; whoever was revoked meanwhile is refused."""
        if principal.subject == "revoked":
            raise AccessRefused("revoked_meanwhile")
        if principal.kind == "anonymous":
            return False
        return action == "read" or (principal.kind == "gateway" and device_id != "foreign")


_servers: list[uvicorn.Server] = []


def _serve(app: Any, port: int) -> None:
    """Serve `app` in a thread, instead of what was served before."""
    while _servers:
        _servers.pop().should_exit = True
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server ended before it had begun")
        thread.join(0.001)
    _servers.append(server)


def serve(
    room: Any,
    port: int,
    settings: Settings,
    clock: tuple[datetime, float],
    health: Health,
    log: Any,
    series: Any,
) -> None:
    """Open the door on `port`, with a log and a series that stand elsewhere."""
    parts = IngestionParts(StillClock(*clock), Silence(), Monitor(health), Gate(), log, series)
    _serve(room.build(settings, parts).app(), port)


def receive(room: Any, port: int, max_bytes: int, within_s: float) -> None:
    """Serve on `port` what answers with the body that `body_of` returns, or its refusal."""

    async def app(scope: Message, get: Receive, send: Send) -> None:
        try:
            body = await room.body_of(Request(scope, get), max_bytes, within_s)
        except Refused as refused:
            answer = PlainTextResponse(refused.detail, refused.status, {"connection": "close"})
        except Todo as todo:
            answer = PlainTextResponse(str(todo), 501)
        else:
            answer = PlainTextResponse(bytes(body))
        await answer(scope, get, send)

    _serve(app, port)


def _told(call: Callable[[], object]) -> object:
    """Return what `call` returns, or what was refused."""
    try:
        return call()
    except Refused as refused:
        faults = [[fault.field, fault.got, fault.expected] for fault in refused.faults]
        return {"refused": refused.status, "detail": refused.detail, "faults": faults}


def tried(room: Any, name: str, values: Sequence[object]) -> list[object]:
    """Return what a function of the room makes of each value; `ValueError` where it raises one."""
    found: list[object] = []
    for value in values:
        try:
            found.append(getattr(room, name)(value))
        except ValueError:
            found.append("ValueError")
    return found


def examined(room: Any, documents: Sequence[object]) -> list[object]:
    """Return what the model reads in each document, or the refusal."""

    def fields(document: object) -> dict[str, object]:
        read = room.examine(document)
        names = ("device_id", "sensor_type", "value", "timestamp", "message_id")
        inner = ("sensor_id", "unit", "location", "calibration_date", "traceparent")
        about = read.metadata
        told = None if about is None else {name: getattr(about, name) for name in inner}
        return {**{name: getattr(read, name) for name in names}, "metadata": told}

    return [_told(lambda document=document: fields(document)) for document in documents]  # type: ignore[misc]


def absurd(room: Any, event: Event, latest: datetime) -> object:
    """Return None, or the refusal."""
    return _told(lambda: room.refuse_absurd(event, latest))


def normalised(
    room: Any, document: object, received_at: datetime, original: str, **more: object
) -> object:
    """Return the event that a document becomes, or the refusal."""
    return _told(lambda: room.normalise(room.examine(document), received_at, original, **more))


def modernised(room: Any, document: dict[str, object]) -> tuple[object, dict[str, object]]:
    """Return the document in today's schema or the refusal, and what was given in, afterwards."""
    return _told(lambda: room.modernise(document)), document


def problem_of(
    room: Any,
    status: int,
    detail: str,
    faults: Sequence[Sequence[str]],
    extra: Mapping[str, object],
    instance: str,
) -> object:
    """Return the problem document of a refusal."""
    told = tuple(Fault(*fault) for fault in faults)
    return dict(room.problem(Refused(status, detail, told, extra=extra), instance))


def grants(
    room: Any, rate: float, burst: float, asked: Sequence[tuple[str, int, float]]
) -> list[tuple[int, float]]:
    """Return what a budget says to each (device, wanted, seconds)."""
    budget = room.DeviceBudget(rate, burst)
    return [tuple(budget.grant(*one)) for one in asked]
