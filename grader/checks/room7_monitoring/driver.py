"""Drives Room 7 inside the worker: opens journals and metrics, and passes on what came."""

import http.server
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.benches.telemetry import TraceContext
from shared.contracts.facts import Fact
from shared.contracts.ports import TelemetryParts
from shared.contracts.settings import Settings

Told = Sequence[tuple[Fact, float, Mapping[str, str]]]


class Unspeakable:
    """An object that can't be written as text."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError("no words")

    __repr__ = __str__


class Counted:
    """An object that counts how often it was made text of."""

    def __init__(self) -> None:
        self.times = 0

    def __str__(self) -> str:
        """Count."""
        self.times += 1
        return "counted"

    __repr__ = __str__


def written(
    room: Any, path: str, level: str, lines: Sequence[tuple[str, str, Mapping[str, object]]]
) -> None:
    """Write lines (level, name, context) into a journal and close it."""
    journal = room.open_journal(path, level)
    for grade, name, context in lines:
        journal.event(grade, name, **context)
    journal.close()


def unspeakable(room: Any, path: str) -> None:
    """Write a line with an object that can't be written, then another line."""
    journal = room.open_journal(path, "info")
    journal.event("info", "before")
    journal.event("info", "strange", thing=Unspeakable())
    journal.event("info", "after")
    journal.close()


def formatted(room: Any, path: str) -> int:
    """Return how often the context of a line below the level was made text of."""
    journal, thing = room.open_journal(path, "error"), Counted()
    journal.event("debug", "quiet", thing=thing)
    journal.close()
    return thing.times


def children(room: Any, parent: str | None, share: float, count: int) -> list[str]:
    """Return `count` next traceparents of one parent."""
    return [room.next_traceparent(parent, share) for _one in range(count)]


def parsed(room: Any, texts: Sequence[str]) -> list[TraceContext | None]:
    """Return what each text says."""
    return [room.parse_traceparent(text) for text in texts]


def spans(room: Any, settings: Settings, told: Sequence[tuple[str, str, float, float]]) -> None:
    """Keep spans by the telemetry of a process of `settings.role`."""
    telemetry = room.build(settings, TelemetryParts(None, {})).telemetry  # type: ignore[arg-type]
    for one in told:
        telemetry.span(*one)


def exposed(room: Any, told: Told) -> bytes:
    """Return the exposition after facts were measured."""
    metrics = room.make_metrics()
    for fact, value, labels in told:
        metrics.measure(fact, value, labels)
    return bytes(metrics.exposition())


def twice(room: Any, told: Told) -> tuple[bytes, bytes]:
    """Return the expositions of two metrics objects in one process; facts go to the first."""
    one, other = room.make_metrics(), room.make_metrics()
    for fact, value, labels in told:
        one.measure(fact, value, labels)
    return bytes(one.exposition()), bytes(other.exposition())


def serve(room: Any, port: int, told: Told) -> None:
    """Serve the metrics of some facts over HTTP, as Prometheus scrapes them."""
    metrics = room.make_metrics()
    for fact, value, labels in told:
        metrics.measure(fact, value, labels)

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(metrics.exposition())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def present(room: Any, told: Sequence[tuple[str, bool]]) -> list[int]:
    """Return how many are connected after each (device, online)."""
    presence = room.make_presence()
    found = []
    for device, online in told:
        presence.seen(device, online=online)
        found.append(presence.connected)
    return found
