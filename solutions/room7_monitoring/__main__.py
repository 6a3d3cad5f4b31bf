"""Traffic, a dashboard, and a part that gets slower: find it before the budget is gone."""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from shared.contracts.facts import Fact
from shared.contracts.ports import Observability, TelemetryParts
from shared.contracts.settings import Settings, TelemetrySettings
from shared.contracts.todo import Todo
from shared.language import _

from . import build
from .given.board import Board
from .given.tour import stops

_PLAIN_S = 6.0
_TICK_S = 0.1
_PARTS = ("device", "gateway", "api")
_USUAL_S = 0.02
_SLOWER = 1.06
"""How much slower the faulty part gets in each tenth of a second."""


class WallClock:
    """A clock for a room alone: the event clock is the wall's."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        """Return the seconds until `moment`."""
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s`."""
        return wall_s


class Traffic:
    """Readings that pass three parts, one of which gets slower; reported through the port."""

    def __init__(self, seen: Observability, seed: int) -> None:
        self._telemetry = seen.telemetry
        self._chance = random.Random(seed)
        self.guilty = self._chance.choice(_PARTS)
        self._slowness = 1.0

    def tick(self, count: int) -> dict[str, float]:
        """Let `count` readings pass; return the seconds that the last one spent in each part."""
        self._slowness = min(60.0, self._slowness * _SLOWER)
        spent: dict[str, float] = {}
        for _reading in range(count):
            trace = self._telemetry.trace()
            began = time.time()
            for part in _PARTS:
                factor = self._slowness if part == self.guilty else 1.0
                spent[part] = self._chance.expovariate(1 / _USUAL_S) * factor
                self._telemetry.span(part, trace, began, began + spent[part])
                began += spent[part]
            self._telemetry.measure(Fact.READING_AGE_S, sum(spent.values()))
            route = {"route": "/api/v1/sensors/data", "method": "POST", "status": "201"}
            self._telemetry.measure(Fact.API_REQUEST_S, spent["api"], **route)
        self._telemetry.measure(Fact.MQTT_MESSAGES, count, direction="in")
        self._telemetry.event("info", "batch", readings=count, age_s=sum(spent.values()))
        return spent


def options() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="run 7", description=__doc__)
    add = parser.add_argument
    add("--for", dest="seconds", type=float, help=_("end by itself after so many seconds"))
    add("--rate", type=int, default=200, help=_("readings a second"))
    add("--seed", type=int, default=None, help=_("which part gets slower, and when"))
    return parser.parse_args()


def take_the_tour() -> bool:
    """Print what each task makes, or where it waits; return whether all are done."""
    done = True
    for task, show in stops():
        try:
            print(f"{task}  {show()}", flush=True)
        except Todo as todo:
            done = False
            frame = traceback.extract_tb(todo.__traceback__)[-1]
            place = f"{Path(os.path.relpath(frame.filename))}:{frame.lineno}"
            print(f"{task}  {todo}: {place}", flush=True)
    print(flush=True)
    return done


def main() -> int:
    """Take the tour; then, if all tasks are done, watch the traffic. Return the exit code."""
    asked = options()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    if not take_the_tour():
        return 0
    seconds = asked.seconds if asked.seconds is not None else _PLAIN_S
    if asked.seconds is not None or not sys.stdout.isatty():
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    with tempfile.TemporaryDirectory(prefix="academy-room7-") as folder:
        telemetry = TelemetrySettings(folder=folder, trace_share=0.05)
        settings = replace(Settings(), role="alone", telemetry=telemetry)
        seen = build(settings, TelemetryParts(WallClock(), {}))
        watch(seen, asked, stop, Path(folder))
    return 0


def watch(
    seen: Observability, asked: argparse.Namespace, stop: threading.Event, folder: Path
) -> None:
    """Serve /metrics, draw the board, and tell at the end which part it was."""
    from shared.exposition import serve_monitor

    port = serve_monitor(seen.monitor, stop)
    print(f"http://127.0.0.1:{port}/metrics   {folder}/alone.log", flush=True)
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1 << 30)
    traffic = Traffic(seen, seed)
    with Board(seen.monitor) as board:
        while not stop.wait(_TICK_S):
            spent = traffic.tick(max(1, int(asked.rate * _TICK_S)))
            board.draw(spent)
    print(_("It was the {part}: its spans grew, and nobody else's.").format(part=traffic.guilty))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
